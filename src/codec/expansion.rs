//! How much work the values of a pickle are, for whoever makes them.
//!
//! A pickle may refer to one value many times, and a value made of two references to another, made of two
//! references to a third, is a short pickle. To hash such a tuple, as a dictionary does with its keys, is to walk
//! through all that it expands to, which doubles with each step; and through its depth by recursion, for which
//! the interpreter's stack may not do. So a pickle from a stranger is measured before it is read. Nothing is made here.

use std::collections::HashMap;

use super::opcode::{Step, Steps};

/// How deep values lie within each other at most. Python's own pickler gives up before that.
const DEEPEST: u32 = 1000;
/// How many values there are at most, each counted as often as it is referred to and in everything that holds it …
const MOST_VALUES: u64 = 10_000_000;
/// … or how many for each byte of the pickle, where that is more.
const MOST_VALUES_A_BYTE: u64 = 100;

/// Whether the values of `pickle` are no more work than those of a session of its length. `false` also for what
/// cannot be followed to its end, so that nobody makes an unpickler read what was not measured.
#[must_use]
pub fn is_modest(pickle: &[u8]) -> bool {
    let most = MOST_VALUES_A_BYTE.saturating_mul(pickle.len() as u64).max(MOST_VALUES);
    let mut machine = Machine::default();
    let mut steps = Steps::new(pickle);
    loop {
        match steps.next() {
            Some(Step::Stop) => return true,
            Some(step) if machine.take(step).is_some() && machine.work <= most => {}
            _ => return false,
        }
    }
}

/// A value, as far as it matters.
#[derive(Clone, Copy)]
struct Shape {
    /// The values in it, itself included.
    values: u64,
    depth: u32,
    /// The number under which it is remembered; what is put into it later is in what is remembered too.
    memo: Option<u32>,
}

const ATOM: Shape = Shape { values: 1, depth: 1, memo: None };

impl Shape {
    fn hold(&mut self, part: Self) -> Option<()> {
        self.values = self.values.saturating_add(part.values);
        self.depth = self.depth.max(part.depth.saturating_add(1));
        (self.depth <= DEEPEST).then_some(())
    }
}

/// The unpickler's stack, marks and memo.
#[derive(Default)]
struct Machine {
    stack: Vec<Shape>,
    marks: Vec<usize>,
    memo: HashMap<u32, Shape>,
    memoized: u32,
    work: u64,
}

impl Machine {
    fn take(&mut self, step: Step) -> Option<()> {
        match step {
            Step::Header | Step::Stop => {}
            Step::Mark => self.marks.push(self.stack.len()),
            Step::Pop => {
                if self.marks.last() == Some(&self.stack.len()) {
                    self.marks.pop();
                } else {
                    self.stack.pop()?;
                }
            }
            Step::PopMark => drop(self.above_mark()?),
            Step::Dup => self.stack.push(*self.stack.last()?),
            Step::Text { .. }
            | Step::Bytes { .. }
            | Step::Float { .. }
            | Step::None
            | Step::Opaque
            | Step::EmptyDict => self.stack.push(ATOM),
            Step::Combine(count) => {
                let parts = self.stack.split_off(self.stack.len().checked_sub(count)?);
                self.combine(&parts)?;
            }
            Step::CombineMarked | Step::DictMarked => {
                let parts = self.above_mark()?;
                self.combine(&parts)?;
            }
            Step::Merge => self.merge(1)?,
            Step::SetItem => self.merge(2)?,
            Step::MergeMarked | Step::SetItems => {
                let parts = self.above_mark()?;
                self.put_into_top(&parts)?;
            }
            Step::Put(id) => self.remember(id)?,
            Step::Memoize => {
                self.remember(self.memoized)?;
                self.memoized = self.memoized.checked_add(1)?;
            }
            Step::Get(id) => self.stack.push(*self.memo.get(&id)?),
        }
        Some(())
    }

    fn above_mark(&mut self) -> Option<Vec<Shape>> {
        let mark = self.marks.pop()?;
        (mark <= self.stack.len()).then(|| self.stack.split_off(mark))
    }

    fn combine(&mut self, parts: &[Shape]) -> Option<()> {
        self.stack.push(ATOM);
        self.put_into_top(parts)
    }

    fn merge(&mut self, count: usize) -> Option<()> {
        let parts = self.stack.split_off(self.stack.len().checked_sub(count)?);
        self.put_into_top(&parts)
    }

    fn put_into_top(&mut self, parts: &[Shape]) -> Option<()> {
        let top = self.stack.last_mut()?;
        for part in parts {
            top.hold(*part)?;
            self.work = self.work.saturating_add(part.values);
        }
        if let Some(id) = top.memo {
            self.memo.insert(id, *top);
        }
        Some(())
    }

    fn remember(&mut self, id: u32) -> Option<()> {
        let top = self.stack.last_mut()?;
        top.memo = Some(id);
        self.memo.insert(id, *top);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// `()`, then a tuple of the value before twice, and so on; each remembered, none written twice.
    fn doubled(times: u8) -> Vec<u8> {
        let mut pickle = b"\x80\x02)".to_vec();
        for id in 0..times {
            pickle.extend([b'q', id, b'h', id, 0x86]);
        }
        pickle.push(b'.');
        pickle
    }

    fn nested(times: usize) -> Vec<u8> {
        [&b"\x80\x02)"[..], &vec![0x85; times], b"."].concat()
    }

    #[test]
    fn a_session_is_modest() {
        // pickle.dumps({"a": [1, (2, "x")], "_accessed_time": 1.5}, 2)
        let session =
            b"\x80\x02}q\x00(X\x01\x00\x00\x00aq\x01]q\x02(K\x01K\x02X\x01\x00\x00\x00xq\x03\x86q\x04eX\
            \x0e\x00\x00\x00_accessed_timeq\x05G?\xf8\x00\x00\x00\x00\x00\x00u.";
        assert!(is_modest(session));
    }

    #[test]
    fn what_doubles_at_each_step_is_not_modest_for_long() {
        assert!(is_modest(&doubled(10)));
        assert!(!is_modest(&doubled(40)));
        assert!(!is_modest(&doubled(200)));
    }

    #[test]
    fn what_doubles_through_a_list_that_grows_later_is_not_modest() {
        // Each list is remembered while it is empty.
        let mut pickle = b"\x80\x02".to_vec();
        for id in 0..60_u8 {
            pickle.extend([b']', b'q', id]);
            if id > 0 {
                pickle.extend([b'h', id - 1, b'a', b'h', id - 1, b'a']);
            }
        }
        pickle.push(b'.');
        assert!(!is_modest(&pickle));
    }

    #[test]
    fn what_is_nested_deeper_than_python_pickles_is_not_modest() {
        assert!(is_modest(&nested(500)));
        assert!(!is_modest(&nested(1000)));
        assert!(!is_modest(&nested(200_000)));
    }

    #[test]
    fn what_cannot_be_followed_is_not_modest() {
        for pickle in [&b""[..], b".", b"\x80\x02", b"a.", b"h\x00.", b"t.", b"\x80\x02\xff."] {
            assert_eq!(is_modest(pickle), pickle == b".", "{pickle:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(pickle in vec(any::<u8>(), 0..300)) {
            let _answer = is_modest(&pickle);
        }
    }
}
