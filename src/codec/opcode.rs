//! Reading a pickle one instruction at a time without executing it.
//!
//! The instructions are reduced to what they do to the unpickler's stack, marks and memo, which is all that
//! finding a value in a pickle takes. Nothing is imported, called or built, so a hostile pickle can at worst
//! be refused. The instruction set is that of CPython's `pickletools`, protocols 0 to 5.

/// What one instruction does. Positions are offsets into the pickle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing to the stack: a protocol or frame header.
    Header,
    /// Opens a group.
    Mark,
    /// Ends the pickle; the top of the stack is its value.
    Stop,
    /// Drops the top of the stack, be it a value or a mark.
    Pop,
    /// Drops everything down to the mark, and the mark.
    PopMark,
    /// Pushes the top of the stack once more.
    Dup,
    /// Pushes a string whose bytes stand in the pickle as they are: text, or a byte string of Python 2.
    Text { start: usize, len: usize },
    /// Pushes a Python 3 bytes object, likewise.
    Bytes { start: usize, len: usize },
    /// Pushes a float of eight big-endian bytes.
    Float { start: usize },
    /// Pushes `None`.
    None,
    /// Pushes some other value of a few bytes.
    Opaque,
    /// Pushes some other value that is made of this many bytes of the pickle.
    Blob { len: usize },
    /// Pushes a number whose decimal digits stand on a line of this length.
    Decimal { len: usize },
    /// Pushes an empty dict.
    EmptyDict,
    /// Replaces this many values by one that holds them.
    Combine(usize),
    /// Replaces everything above the mark, and the mark, by one value that holds it.
    CombineMarked,
    /// The same, the value being a set.
    SetMarked,
    /// Replaces this many values, the first of which is called with the others, by the result.
    Call(usize),
    /// Replaces everything above the mark, and the mark, by the result of a call.
    CallMarked,
    /// The same, the value being a dict of the keys and values above the mark.
    DictMarked,
    /// Takes one value off and puts it into the list beneath.
    Merge,
    /// Takes one value off, which becomes the state of the object beneath.
    Build,
    /// Puts everything above the mark into the list beneath it.
    MergeMarked,
    /// Puts everything above the mark into the set beneath it.
    AddItems,
    /// Takes a value and its key off and puts them into the dict beneath.
    SetItem,
    /// Puts the keys and values above the mark into the dict beneath it.
    SetItems,
    /// Remembers the top of the stack under a number.
    Put(u32),
    /// Remembers the top of the stack under the number of things remembered so far.
    Memoize,
    /// Pushes what is remembered under a number.
    Get(u32),
}

/// Walks through the instructions of a pickle.
///
/// Its methods are inlined by force: the position then stays in a register of the loop that calls them, which
/// halves the cost of an instruction.
pub(super) struct Steps<'a> {
    bytes: &'a [u8],
    at: usize,
    frame_end: usize,
    refused: Option<u8>,
}

impl<'a> Steps<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, frame_end: 0, refused: None }
    }

    /// The opcode of the instruction for which [`next`](Self::next) answered `None`; `None` at the end of the bytes too.
    pub(super) fn refused(&self) -> Option<u8> {
        self.refused
    }

    /// Where the next instruction begins.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// The next instruction; `None` if it is unknown, cut short, or lies across the end of a frame, where the
    /// unpicklers of CPython do not agree on what it is. Any length is checked against what is there before it
    /// is believed.
    #[inline(always)]
    pub(super) fn next(&mut self) -> Option<Step> {
        let begin = self.at;
        match self.decode() {
            Some(step) if begin >= self.frame_end || self.at <= self.frame_end => Some(step),
            _ => {
                self.refused = self.bytes.get(begin).copied();
                None
            }
        }
    }

    #[inline(always)]
    fn decode(&mut self) -> Option<Step> {
        let [opcode] = self.array::<1>()?;
        Some(match opcode {
            0x80 => {
                let [version] = self.array::<1>()?;
                if version > 5 {
                    return None;
                }
                Step::Header
            }
            0x95 => {
                let in_frame = self.at <= self.frame_end;
                let len = u64::from_le_bytes(self.array()?);
                if in_frame || len > (self.bytes.len() - self.at) as u64 {
                    return None;
                }
                self.frame_end = self.at + usize::try_from(len).ok()?;
                Step::Header
            }
            b'(' => Step::Mark,
            b'.' => Step::Stop,
            b'0' => Step::Pop,
            b'1' => Step::PopMark,
            b'2' => Step::Dup,

            b'X' => self.counted::<4>(text)?,
            0x8c | b'U' => self.counted::<1>(text)?,
            0x8d => self.counted::<8>(text)?,
            b'T' => self.counted_signed(text)?,
            b'B' => self.counted::<4>(bytes)?,
            b'C' => self.counted::<1>(bytes)?,
            0x8e => self.counted::<8>(bytes)?,
            0x96 => self.counted::<8>(blob)?,
            b'G' => {
                let start = self.at;
                self.array::<8>()?;
                Step::Float { start }
            }
            b'N' => Step::None,
            0x88 | 0x89 | b')' | b']' | 0x8f => Step::Opaque,
            b'K' | 0x82 => self.skip::<1>()?,
            b'M' | 0x83 => self.skip::<2>()?,
            b'J' | 0x84 => self.skip::<4>()?,
            0x8a => self.counted::<1>(blob)?,
            0x8b => self.counted_signed(blob)?,
            b'}' => Step::EmptyDict,
            b'd' => Step::DictMarked,
            b's' => Step::SetItem,
            b'u' => Step::SetItems,

            b'Q' | 0x85 => Step::Combine(1),
            0x86 | 0x93 => Step::Combine(2),
            0x87 => Step::Combine(3),
            b'R' | 0x81 => Step::Call(2),
            0x92 => Step::Call(3),
            b't' | b'l' => Step::CombineMarked,
            0x91 => Step::SetMarked,
            b'o' => Step::CallMarked,
            b'a' => Step::Merge,
            b'b' => Step::Build,
            b'e' => Step::MergeMarked,
            0x90 => Step::AddItems,

            b'q' => Step::Put(self.array::<1>().map(|[id]| id.into())?),
            b'r' => Step::Put(u32::from_le_bytes(self.array()?)),
            0x94 => Step::Memoize,
            b'h' => Step::Get(self.array::<1>().map(|[id]| id.into())?),
            b'j' => Step::Get(u32::from_le_bytes(self.array()?)),

            b'V' | b'S' | b'I' | b'L' | b'F' | b'P' | b'c' | b'i' | b'p' | b'g' => {
                let (step, at) = by_lines(self.bytes, self.at, opcode)?;
                self.at = at;
                step
            }
            _ => return None,
        })
    }

    /// The next `N` bytes.
    #[inline(always)]
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let array = *self.bytes.get(self.at..)?.first_chunk::<N>()?;
        self.at += N;
        Some(array)
    }

    #[inline(always)]
    fn skip<const N: usize>(&mut self) -> Option<Step> {
        self.array::<N>()?;
        Some(Step::Opaque)
    }

    /// A length of `N` little-endian bytes, and as many bytes.
    #[inline(always)]
    fn counted<const N: usize>(&mut self, step: impl FnOnce(usize, usize) -> Step) -> Option<Step> {
        let short = self.array::<N>()?;
        let mut long = [0; 8];
        long.first_chunk_mut::<N>()?.copy_from_slice(&short);
        self.counted_by(usize::try_from(u64::from_le_bytes(long)).ok()?, step)
    }

    /// The same with a signed length of four bytes, which must not be negative.
    fn counted_signed(&mut self, step: impl FnOnce(usize, usize) -> Step) -> Option<Step> {
        let len = usize::try_from(i32::from_le_bytes(self.array()?)).ok()?;
        self.counted_by(len, step)
    }

    #[inline(always)]
    fn counted_by(&mut self, len: usize, step: impl FnOnce(usize, usize) -> Step) -> Option<Step> {
        let start = self.at;
        if len > self.bytes.len() - start {
            return None;
        }
        self.at = start + len;
        Some(step(start, len))
    }
}

/// The instructions whose operands are lines: what `opcode` does with those at `at`, and where they end.
///
/// Apart from the others, which are read more often, and without the reader, which so stays in registers.
fn by_lines(bytes: &[u8], at: usize, opcode: u8) -> Option<(Step, usize)> {
    let (line, end) = line(bytes, at)?;
    Some(match opcode {
        b'V' => (plain_text(line, at), end),
        b'S' => {
            let (b'\'' | b'"', inner) = line.trim_ascii_end().split_first()? else { return None };
            let (last, inner) = inner.split_last()?;
            if line.first() != Some(last) {
                return None;
            }
            (plain_text(inner, at + 1), end)
        }
        b'p' => (Step::Put(std::str::from_utf8(line).ok()?.parse().ok()?), end),
        b'g' => (Step::Get(std::str::from_utf8(line).ok()?.parse().ok()?), end),
        b'c' => (Step::Opaque, self::line(bytes, end)?.1),
        b'i' => (Step::CallMarked, self::line(bytes, end)?.1),
        b'I' | b'L' => (Step::Decimal { len: line.len() }, end),
        _ => (Step::Blob { len: line.len() }, end),
    })
}

/// The line at `at`, without its end, and where the next one begins.
fn line(bytes: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let rest = bytes.get(at..)?;
    let len = memchr::memchr(b'\n', rest)?;
    Some((rest.get(..len)?, at + len + 1))
}

/// A string on a line, if it says what it means: without an escape and in ASCII.
fn plain_text(line: &[u8], start: usize) -> Step {
    let len = line.len();
    if line.is_ascii() && !line.contains(&b'\\') { text(start, len) } else { Step::Blob { len } }
}

fn text(start: usize, len: usize) -> Step {
    Step::Text { start, len }
}

fn bytes(start: usize, len: usize) -> Step {
    Step::Bytes { start, len }
}

fn blob(_start: usize, len: usize) -> Step {
    Step::Blob { len }
}

#[cfg(test)]
#[path = "opcode_tests.rs"]
mod tests;
