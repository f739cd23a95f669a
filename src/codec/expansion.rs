//! How much work the values of a pickle are, for whoever makes them.
//!
//! A pickle may refer to one value many times, and a value made of two references to another, made of two
//! references to a third, is a short pickle. To hash such a tuple, as a dictionary does with its keys, is to walk
//! through all that it expands to, which doubles with each step; and through its depth by recursion, for which
//! the interpreter's stack may not do. A call that copies its argument costs as much as the argument, however short
//! the reference to it. And an unpickler sets aside room for as many remembered values as the highest number names.
//! So a pickle from a stranger is measured before it is read. Nothing is made here.

use std::collections::HashMap;

use super::opcode::{Step, Steps};

/// How deep values lie within each other at most. Python's own pickler gives up before that.
const DEEPEST: u32 = 1000;
/// How much work there is at most, in values and in bytes: each counted as often as it is referred to and in
/// everything that holds it …
const MOST_WORK: u64 = 1_000_000;
/// … and as much again for each byte of the pickle.
const MOST_WORK_A_BYTE: u64 = 100;
/// The longest number in decimal digits. To read one takes time by the square of its length; Python reads no longer
/// ones either unless it is told to.
pub(super) const MOST_DIGITS: usize = 4300;
/// The longest binary number that is its own hash, in bytes, and the longest decimal one, in characters.
const SHORT_BINARY: usize = 7;
const SHORT_DECIMAL: usize = 17;

/// The most work, in values or in bytes, that is worth what takes so many bytes in a store or in a cookie.
#[must_use]
pub(super) fn most_work(stored: usize) -> u64 {
    MOST_WORK_A_BYTE.saturating_mul(stored as u64).saturating_add(MOST_WORK)
}

/// How many keys of dictionaries and elements of sets in `pickle` have a hash that its author can choose: all but text,
/// bytes and short numbers. Where all of them have one hash, to insert them takes time by the square of this.
///
/// `None` if its values are more work than for a session of its length, and also for what cannot be followed to its end,
/// so that nobody makes an unpickler read what was not measured.
#[must_use]
pub fn weigh(pickle: &[u8]) -> Option<u64> {
    let mut machine = Machine::new(pickle.len());
    let mut steps = Steps::new(pickle);
    loop {
        match steps.next()? {
            Step::Stop => break,
            step => machine.take(step)?,
        }
        if machine.work > machine.most || machine.bytes > machine.most {
            return None;
        }
    }
    if machine.grew_late {
        machine.graph.expand(machine.top()?, machine.most)?;
    }
    Some(machine.keys)
}

/// Whether an unpickler sets aside no more memory for `pickle` than in proportion to its length: neither for a value
/// that is not there nor for remembered values with high numbers. What cannot be followed otherwise is the
/// unpickler's to judge.
#[must_use]
pub fn is_bounded(pickle: &[u8]) -> bool {
    let mut steps = Steps::new(pickle);
    loop {
        match steps.next() {
            Some(Step::Stop) => return true,
            Some(Step::Put(id)) if !is_index(id, pickle.len()) => return false,
            Some(_) => {}
            // A length or a number that does not do.
            None => {
                return !matches!(
                    steps.refused(),
                    Some(b'p' | b'T' | b'U' | b'X' | b'B' | b'C' | 0x8a..=0x8e | 0x96)
                );
            }
        }
    }
}

/// Whether as many values may have been remembered before in a pickle of this length.
fn is_index(id: u32, length: usize) -> bool {
    usize::try_from(id).is_ok_and(|id| id < length)
}

/// A value, as far as it matters.
#[derive(Clone, Copy)]
struct Node {
    /// The values in it, itself included.
    values: u64,
    /// The bytes of the pickle that it and they are made of.
    bytes: u64,
    depth: u32,
    /// Whether the author of the pickle can choose its hash.
    chosen_hash: bool,
    /// Whether something else holds it, which grows with it.
    is_held: bool,
}

impl Node {
    fn atom(bytes: usize, chosen_hash: bool) -> Self {
        Self { values: 1, bytes: bytes as u64, depth: 1, chosen_hash, is_held: false }
    }
}

/// All values of a pickle, with what each of them holds.
#[derive(Default)]
struct Graph {
    nodes: Vec<Node>,
    /// Who holds whom.
    edges: Vec<(usize, usize)>,
}

impl Graph {
    fn add(&mut self, node: Node) -> usize {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    /// Measures `root` as it has become by the end: a value that something held may have grown after that. `None` if it
    /// expands to more than `most` values or is too deep. What holds itself is counted once.
    fn expand(&mut self, root: usize, most: u64) -> Option<()> {
        self.edges.sort_unstable();
        let mut sizes = vec![(0_u64, 0_u32); self.nodes.len()];
        let mut path = vec![self.visit(root)];
        while let Some(visit) = path.last_mut() {
            if let Some(&(_, part)) = self.edges.get(visit.next..visit.end)?.first() {
                visit.next += 1;
                match *sizes.get(part)? {
                    (0, _) => {
                        *sizes.get_mut(part)? = (1, 1);
                        path.push(self.visit(part));
                    }
                    known => visit.hold(known),
                }
            } else {
                let done = (visit.values, visit.depth);
                *sizes.get_mut(visit.node)? = done;
                path.pop();
                if done.0 > most || done.1 > DEEPEST {
                    return None;
                }
                if let Some(above) = path.last_mut() {
                    above.hold(done);
                }
            }
        }
        Some(())
    }

    fn visit(&self, node: usize) -> Visit {
        let next = self.edges.partition_point(|edge| edge.0 < node);
        let end = self.edges.partition_point(|edge| edge.0 <= node);
        Visit { node, next, end, values: 1, depth: 1 }
    }
}

/// A value whose parts are being measured.
struct Visit {
    node: usize,
    /// Where among the edges those of the parts are that are yet to be measured.
    next: usize,
    end: usize,
    values: u64,
    depth: u32,
}

impl Visit {
    fn hold(&mut self, (values, depth): (u64, u32)) {
        self.values = self.values.saturating_add(values);
        self.depth = self.depth.max(depth.saturating_add(1));
    }
}

/// The unpickler's stack, marks and memo.
#[derive(Default)]
struct Machine {
    graph: Graph,
    stack: Vec<usize>,
    marks: Vec<usize>,
    memo: HashMap<u32, usize>,
    memoized: u32,
    length: usize,
    most: u64,
    /// The values that were put into others so far, with all that they hold.
    work: u64,
    /// The bytes that were hashed or given to calls so far.
    bytes: u64,
    keys: u64,
    /// Whether something was put into a value that was held already.
    grew_late: bool,
}

impl Machine {
    fn new(length: usize) -> Self {
        Self { length, most: most_work(length), ..Self::default() }
    }

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
            Step::Dup => self.stack.push(self.top()?),
            Step::Text { len, .. } | Step::Bytes { len, .. } => self.push(Node::atom(len, false)),
            Step::Float { .. } | Step::None | Step::Opaque | Step::EmptyDict => {
                self.push(Node::atom(0, false));
            }
            Step::Blob { len } => self.push(Node::atom(len, len > SHORT_BINARY)),
            Step::Decimal { len } if len > MOST_DIGITS => return None,
            Step::Decimal { len } => self.push(Node::atom(len, len > SHORT_DECIMAL)),
            Step::Combine(count) => {
                let parts = self.off(count)?;
                self.combine(&parts)?;
            }
            Step::CombineMarked => {
                let parts = self.above_mark()?;
                self.combine(&parts)?;
            }
            Step::SetMarked => {
                let elements = self.above_mark()?;
                self.hash(elements.iter())?;
                self.combine(&elements)?;
            }
            Step::DictMarked => {
                let items = self.above_mark()?;
                self.hash(items.iter().step_by(2))?;
                self.combine(&items)?;
            }
            Step::Call(count) => {
                let parts = self.off(count)?;
                self.call(&parts)?;
            }
            Step::CallMarked => {
                let parts = self.above_mark()?;
                self.call(&parts)?;
            }
            Step::Merge => {
                let parts = self.off(1)?;
                self.put_into_top(&parts)?;
            }
            Step::Build => {
                let parts = self.off(1)?;
                self.copy(&parts)?;
                self.put_into_top(&parts)?;
            }
            Step::MergeMarked => {
                let parts = self.above_mark()?;
                self.put_into_top(&parts)?;
            }
            Step::AddItems => {
                let elements = self.above_mark()?;
                self.hash(elements.iter())?;
                self.put_into_top(&elements)?;
            }
            Step::SetItem => {
                let items = self.off(2)?;
                self.hash(items.iter().step_by(2))?;
                self.put_into_top(&items)?;
            }
            Step::SetItems => {
                let items = self.above_mark()?;
                self.hash(items.iter().step_by(2))?;
                self.put_into_top(&items)?;
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

    fn push(&mut self, node: Node) {
        let node = self.graph.add(node);
        self.stack.push(node);
    }

    fn top(&self) -> Option<usize> {
        self.stack.last().copied()
    }

    fn off(&mut self, count: usize) -> Option<Vec<usize>> {
        Some(self.stack.split_off(self.stack.len().checked_sub(count)?))
    }

    fn above_mark(&mut self) -> Option<Vec<usize>> {
        let mark = self.marks.pop()?;
        (mark <= self.stack.len()).then(|| self.stack.split_off(mark))
    }

    fn combine(&mut self, parts: &[usize]) -> Option<()> {
        self.push(Node::atom(0, true));
        self.put_into_top(parts)
    }

    fn call(&mut self, parts: &[usize]) -> Option<()> {
        self.copy(parts)?;
        self.combine(parts)
    }

    /// Somebody may go through all bytes of `parts`.
    fn copy(&mut self, parts: &[usize]) -> Option<()> {
        for part in parts {
            self.bytes = self.bytes.saturating_add(self.graph.nodes.get(*part)?.bytes);
        }
        Some(())
    }

    /// `keys` are hashed, and compared with what has the same hash.
    fn hash<'a>(&mut self, keys: impl Iterator<Item = &'a usize>) -> Option<()> {
        for key in keys {
            let key = self.graph.nodes.get(*key)?;
            self.bytes = self.bytes.saturating_add(key.bytes);
            self.keys += u64::from(key.chosen_hash);
        }
        Some(())
    }

    fn put_into_top(&mut self, parts: &[usize]) -> Option<()> {
        let top = self.top()?;
        let mut whole = *self.graph.nodes.get(top)?;
        self.grew_late |= whole.is_held && !parts.is_empty();
        for &part in parts {
            let node = self.graph.nodes.get_mut(part)?;
            node.is_held = true;
            whole.values = whole.values.saturating_add(node.values);
            whole.bytes = whole.bytes.saturating_add(node.bytes);
            whole.depth = whole.depth.max(node.depth.saturating_add(1));
            self.work = self.work.saturating_add(node.values);
            self.graph.edges.push((top, part));
        }
        if whole.depth > DEEPEST {
            return None;
        }
        *self.graph.nodes.get_mut(top)? = whole;
        Some(())
    }

    fn remember(&mut self, id: u32) -> Option<()> {
        let top = self.top()?;
        self.memo.insert(id, top);
        is_index(id, self.length).then_some(())
    }
}

#[cfg(test)]
#[path = "expansion_tests.rs"]
mod tests;
