//! Where a pickled session carries the time of its last access, so that a touch can change it in place.
//!
//! Reading a session renews the `_accessed_time` that lies inside its own pickle. Decoding and encoding the
//! whole session for the sake of eight bytes is what [`locate`] and [`splice`] save: the first finds the eight
//! bytes in the pickle, the second says which characters of its base64 text they are and what to put there.
//!
//! Bytes that look the same may stand anywhere in a session, so they are not searched for: the instructions
//! are walked through, with the depth of the stack and the marks, until the value of that key of the outermost
//! dict is known. Whatever a pickler would not have written ends the walk, and the session has to be written
//! anew. One pass, no recursion, memory in proportion to the depth of the data.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::opcode::{Step, Steps};

/// The key under which a session keeps the time of its last access.
const KEY: &[u8] = b"_accessed_time";

/// The offset of the eight big-endian bytes (IEEE 754) that are the value of `_accessed_time` in the outermost
/// dict of `pickle`; `None` if they are not there exactly once, or if anything about the pickle is unusual.
///
/// Protocols 2 to 5, as a pickler writes them. A session that contains itself is unusual.
#[must_use]
pub fn locate(pickle: &[u8]) -> Option<usize> {
    if !matches!(pickle, [0x80, 2..=5, ..]) {
        return None;
    }
    let mut steps = Steps::new(pickle);
    loop {
        match steps.next()? {
            Step::Header => {}
            Step::EmptyDict => break,
            _ => return None,
        }
    }
    let mut walk = Walk { depth: 1, ..Walk::default() };
    loop {
        match steps.next()? {
            Step::Header => {}
            Step::Mark => walk.marks.push(walk.depth),
            Step::Stop => {
                return if steps.position() == pickle.len() { walk.finish() } else { None };
            }
            Step::Pop => {
                walk.pop(1)?;
                walk.top = Top::Revealed;
            }
            Step::PopMark => {
                walk.pop_mark()?;
                walk.top = Top::Revealed;
            }
            Step::Text { start, len } => {
                let is_key = len == KEY.len() && pickle.get(start..start + len) == Some(KEY);
                if is_key { walk.push_key() } else { walk.push() }
            }
            Step::Float { start } => walk.push_float(start),
            Step::Bytes { .. }
            | Step::None
            | Step::Opaque
            | Step::Blob { .. }
            | Step::Decimal { .. }
            | Step::EmptyDict => walk.push(),
            Step::Combine(count) | Step::Call(count) => {
                walk.pop(count)?;
                walk.push();
            }
            Step::CombineMarked | Step::SetMarked | Step::CallMarked => {
                walk.pop_mark()?;
                walk.push();
            }
            Step::Merge | Step::Build => {
                walk.pop(1)?;
                walk.expect_target()?;
            }
            Step::MergeMarked | Step::AddItems => {
                walk.pop_mark()?;
                walk.expect_target()?;
            }
            Step::SetItem => walk.set_item()?,
            Step::SetItems => walk.set_items()?,
            Step::Put(id) => walk.put(id)?,
            Step::Memoize => walk.memoize()?,
            Step::Get(id) => walk.get(id)?,
            Step::Dup | Step::DictMarked => return None,
        }
    }
}

/// `pickle` with another access time; `None` where [`locate`] finds none.
#[must_use]
pub fn with_access_time(pickle: &[u8], accessed: f64) -> Option<Vec<u8>> {
    let offset = locate(pickle)?;
    let mut changed = pickle.to_vec();
    changed.get_mut(offset..offset.checked_add(8)?)?.copy_from_slice(&accessed.to_be_bytes());
    Some(changed)
}

/// What is known of the value on top of the stack.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Top {
    /// It is the text of the key.
    Key,
    /// It is something else.
    #[default]
    Other,
    /// It lay beneath something that was dropped, and nobody kept account of it.
    Revealed,
}

/// The text of the key, where the outermost dict expects a key, and the float that follows it.
struct Hold {
    depth: usize,
    float: Option<usize>,
}

/// The unpickler's stack, as far as it matters: how deep it is, where the marks are, and which places of it
/// hold the key. Place 0 is the outermost dict and never given up.
#[derive(Default)]
struct Walk {
    depth: usize,
    marks: Vec<usize>,
    top: Top,
    holds: Vec<Hold>,
    /// Values found for the key in the outermost dict so far.
    found: Option<Option<usize>>,
    root_memo: Option<u32>,
    /// Under which numbers the text of the key is remembered, ascending, as picklers count. It is one number,
    /// unless the session was put together from several that were loaded apart.
    key_memos: Vec<u32>,
    /// How many times `Memoize` was seen, which numbers by counting; mixed with `Put` it cannot be followed.
    memoized: u32,
    numbered: bool,
}

impl Walk {
    /// How many values must stay: those beneath the last mark, and the outermost dict.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(1)
    }

    fn push(&mut self) {
        self.depth += 1;
        self.top = Top::Other;
    }

    fn push_float(&mut self, start: usize) {
        if let Some(hold) = self.holds.last_mut()
            && hold.depth + 1 == self.depth
        {
            hold.float = Some(start);
        }
        self.push();
    }

    fn push_key(&mut self) {
        // Directly above the outermost dict the places alternate between key and value, with a mark in
        // between or without. What is pushed at a key's place need not stay there to become a key: it may be
        // the part of a tuple, and is forgotten when it is taken off.
        if matches!(self.marks[..], [] | [1]) && self.depth % 2 == 1 {
            self.holds.push(Hold { depth: self.depth, float: None });
        }
        self.push();
        self.top = Top::Key;
    }

    fn shrink(&mut self, depth: usize) {
        self.depth = depth;
        self.top = Top::Other;
        while self.holds.pop_if(|hold| hold.depth >= depth).is_some() {}
        if let Some(hold) = self.holds.last_mut()
            && hold.depth + 1 >= depth
        {
            hold.float = None;
        }
    }

    fn pop(&mut self, count: usize) -> Option<()> {
        let depth = self.depth.checked_sub(count)?;
        if depth < self.floor() {
            return None;
        }
        self.shrink(depth);
        Some(())
    }

    fn pop_mark(&mut self) -> Option<()> {
        let depth = self.marks.pop()?;
        self.shrink(depth);
        Some(())
    }

    /// There must be a value to put something into, and it must not be the outermost dict.
    fn expect_target(&self) -> Option<()> {
        (self.depth > self.floor()).then_some(())
    }

    fn set_item(&mut self) -> Option<()> {
        if self.depth == 3 && self.marks.is_empty() {
            return self.fill_root();
        }
        self.pop(2)?;
        self.expect_target()
    }

    fn set_items(&mut self) -> Option<()> {
        let mark = *self.marks.last()?;
        if !(self.depth - mark).is_multiple_of(2) {
            return None;
        }
        if self.marks[..] == [1] {
            self.marks.clear();
            return self.fill_root();
        }
        self.pop_mark()?;
        self.expect_target()
    }

    /// Everything above the outermost dict becomes keys and values of it.
    fn fill_root(&mut self) -> Option<()> {
        for hold in self.holds.drain(..) {
            if self.found.replace(hold.float).is_some() {
                return None;
            }
        }
        self.shrink(1);
        Some(())
    }

    fn put(&mut self, id: u32) -> Option<()> {
        self.numbered = true;
        if self.memoized > 0 {
            return None;
        }
        self.remember(id)
    }

    fn memoize(&mut self) -> Option<()> {
        if self.numbered {
            return None;
        }
        let id = self.memoized;
        self.memoized = id.checked_add(1)?;
        self.remember(id)
    }

    fn remember(&mut self, id: u32) -> Option<()> {
        if self.depth == self.floor() {
            // Only the outermost dict can be meant, right after it was made.
            if self.root_memo.is_some() || !self.marks.is_empty() {
                return None;
            }
            self.root_memo = Some(id);
            return Some(());
        }
        if self.root_memo == Some(id) {
            return None;
        }
        match self.top {
            Top::Key if self.key_memos.last().is_none_or(|last| *last < id) => self.key_memos.push(id),
            Top::Other if !self.is_key(id) => {}
            _ => return None,
        }
        Some(())
    }

    fn is_key(&self, id: u32) -> bool {
        self.key_memos.binary_search(&id).is_ok()
    }

    fn get(&mut self, id: u32) -> Option<()> {
        if self.root_memo == Some(id) {
            return None;
        }
        if self.is_key(id) {
            self.push_key()
        } else {
            self.push()
        }
        Some(())
    }

    fn finish(&self) -> Option<usize> {
        if self.depth == 1 && self.marks.is_empty() { self.found.flatten() } else { None }
    }
}

/// The most characters of a [`Splice`]: those of the head of a record in format 2.
const SPLICED: usize = 32;

/// New characters for a stored text that change the access time in what it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Splice {
    /// Where in the text they go.
    pub offset: usize,
    bytes: [u8; SPLICED],
    len: usize,
}

impl Splice {
    /// `None` if they are more than there ever are.
    pub(super) fn new(offset: usize, new: &[u8]) -> Option<Self> {
        let mut bytes = [0; SPLICED];
        bytes.get_mut(..new.len())?.copy_from_slice(new);
        Some(Self { offset, bytes, len: new.len() })
    }

    /// The new characters, as many as they replace.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// What to put into `text`, the base64 text of a pickle, so that the float at `payload_offset` of the pickle
/// (as [`locate`] gives it) becomes `new`. `None` if those bytes are not in the text, or the text is not
/// canonical base64 there.
///
/// The text must be the encoding of the pickle from its first character on.
#[must_use]
pub fn splice(text: &[u8], payload_offset: usize, new: f64) -> Option<Splice> {
    let within = payload_offset % 3;
    let offset = (payload_offset / 3).checked_mul(4)?;
    let end = offset.checked_add((within + 8).div_ceil(3) * 4)?;
    let old = text.get(offset..end)?;

    let mut decoded = [0; 12];
    let len = STANDARD.decode_slice(old, &mut decoded).ok()?;
    decoded.get_mut(..len)?.get_mut(within..within + 8)?.copy_from_slice(&new.to_be_bytes());

    let mut bytes = [0; 16];
    let len = STANDARD.encode_slice(decoded.get(..len)?, &mut bytes).ok()?;
    if len == old.len() { Splice::new(offset, bytes.get(..len)?) } else { None }
}

#[cfg(test)]
#[path = "access_time_tests.rs"]
mod tests;
