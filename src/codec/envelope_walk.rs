//! Finding the session's text in an envelope that is not in one of the usual shapes: written by Python 2 or by
//! another implementation, or with more keys than ours.
//!
//! The pickle's instructions are followed on a stack that knows texts, floats, dicts and `None`, and takes everything
//! else for opaque. What an instruction would import, call or build is never made, so a value under some other
//! key, whatever its class, does no harm and need not be importable.

use std::collections::HashMap;

use super::envelope_fields::{Envelope, Expiry};
use super::opcode::{Step, Steps};
use crate::error::{Error, Result};

const OPERATION: &str = "read the envelope of a stored session";

/// How many values the stack, and how many texts and dicts the memo may hold. A real envelope needs a handful;
/// the values under other keys, which a program may have put there, seldom more than a few thousand.
const LIMIT: usize = 1 << 16;

/// Reads an envelope; see [`envelope::read`](super::envelope::read).
pub(super) fn read(bytes: &[u8]) -> Result<Option<Envelope>> {
    let Some(dict) = walk(bytes) else {
        return Err(Error::corrupt(OPERATION).with_detail("it is not the pickle of a dict"));
    };
    let text = match dict.session {
        None | Some(Slot::None) => return Ok(None),
        Some(Slot::Text { start, len }) => start..start + len,
        Some(_) => return Err(Error::corrupt(OPERATION).with_detail("the session in it is not a text")),
    };
    let owner = match dict.owner {
        Some(Slot::Text { start, len }) => bytes.get(start..start + len),
        _ => None,
    };
    let owner = owner.and_then(|owner| String::from_utf8(owner.to_vec()).ok());
    let expiry = match dict.expiry {
        Some(Slot::Float { start }) => Expiry::read(bytes, start),
        _ => None,
    };
    Ok(Some(Envelope { text, owner, expiry }))
}

/// What is known of a value.
#[derive(Clone, Copy)]
enum Slot {
    /// A text or a byte string that stands in the pickle as it is.
    Text { start: usize, len: usize },
    /// A dict, by its number, of those that were made with nothing beneath them on the stack.
    Dict(usize),
    /// A float of eight bytes.
    Float { start: usize },
    /// `None`.
    None,
    /// Anything else.
    Opaque,
}

/// What the outermost dict holds under the keys that matter.
#[derive(Clone, Copy, Default)]
struct Dict {
    number: usize,
    session: Option<Slot>,
    owner: Option<Slot>,
    expiry: Option<Slot>,
}

#[derive(Default)]
struct Walk {
    stack: Vec<Slot>,
    marks: Vec<usize>,
    memo: HashMap<u32, Slot>,
    /// How many memo entries there are, the opaque ones, which are not kept, included.
    memoized: u32,
    dict: Dict,
}

/// The dict that the pickle stands for; `None` if it stands for something else or for nothing.
fn walk(bytes: &[u8]) -> Option<Dict> {
    let mut steps = Steps::new(bytes);
    let mut walk = Walk::default();
    loop {
        if walk.stack.len() > LIMIT || walk.marks.len() > LIMIT || walk.memo.len() > LIMIT {
            return None;
        }
        match steps.next()? {
            Step::Header => {}
            Step::Mark => walk.marks.push(walk.stack.len()),
            Step::Stop => {
                return match walk.pop()? {
                    Slot::Dict(number) if number == walk.dict.number => Some(walk.dict),
                    _ => None,
                };
            }
            Step::Pop if walk.marks.last() == Some(&walk.stack.len()) => {
                walk.marks.pop();
            }
            Step::Pop => {
                walk.pop()?;
            }
            Step::PopMark => {
                walk.pop_mark()?;
            }
            Step::Dup => walk.stack.push(walk.top()?),
            Step::Text { start, len } | Step::Bytes { start, len } => {
                walk.stack.push(Slot::Text { start, len })
            }
            Step::None => walk.stack.push(Slot::None),
            Step::Float { start } => walk.stack.push(Slot::Float { start }),
            Step::Opaque | Step::Blob { .. } | Step::Decimal { .. } => walk.stack.push(Slot::Opaque),
            Step::EmptyDict => walk.push_dict(),
            Step::Combine(count) | Step::Call(count) => {
                for _ in 0..count {
                    walk.pop()?;
                }
                walk.stack.push(Slot::Opaque);
            }
            Step::CombineMarked | Step::SetMarked | Step::CallMarked => {
                walk.pop_mark()?;
                walk.stack.push(Slot::Opaque);
            }
            Step::DictMarked => {
                let items = walk.pop_mark()?;
                walk.push_dict();
                walk.fill(bytes, &items)?;
            }
            Step::Merge | Step::Build => {
                walk.pop()?;
                walk.merge()?;
            }
            Step::MergeMarked | Step::AddItems => {
                walk.pop_mark()?;
                walk.merge()?;
            }
            Step::SetItem => {
                let value = walk.pop()?;
                let key = walk.pop()?;
                walk.fill(bytes, &[key, value])?;
            }
            Step::SetItems => {
                let items = walk.pop_mark()?;
                walk.fill(bytes, &items)?;
            }
            Step::Put(id) => walk.remember(id)?,
            Step::Memoize => walk.remember(walk.memoized)?,
            Step::Get(id) => walk.stack.push(walk.memo.get(&id).copied().unwrap_or(Slot::Opaque)),
        }
    }
}

impl Walk {
    /// The top of the stack, which lies above the last mark.
    fn top(&self) -> Option<Slot> {
        if self.stack.len() <= self.marks.last().copied().unwrap_or(0) {
            return None;
        }
        self.stack.last().copied()
    }

    fn pop(&mut self) -> Option<Slot> {
        self.top()?;
        self.stack.pop()
    }

    fn pop_mark(&mut self) -> Option<Vec<Slot>> {
        let mark = self.marks.pop()?;
        (mark <= self.stack.len()).then(|| self.stack.split_off(mark))
    }

    fn push_dict(&mut self) {
        if !self.stack.is_empty() {
            self.stack.push(Slot::Opaque);
            return;
        }
        let number = self.dict.number + 1;
        self.dict = Dict { number, ..Dict::default() };
        self.stack.push(Slot::Dict(number));
    }

    /// Something was put into the top of the stack that a dict does not take.
    fn merge(&self) -> Option<()> {
        match self.top()? {
            Slot::Opaque | Slot::Float { .. } => Some(()),
            _ => None,
        }
    }

    /// Puts keys and values, in turn, into the dict on top of the stack.
    fn fill(&mut self, bytes: &[u8], items: &[Slot]) -> Option<()> {
        let (pairs, rest) = items.as_chunks::<2>();
        if !rest.is_empty() {
            return None;
        }
        match self.top()? {
            Slot::Opaque | Slot::Float { .. } => return Some(()),
            Slot::Dict(number) if number == self.dict.number => {}
            _ => return None,
        }
        for [key, value] in pairs {
            let Slot::Text { start, len } = *key else { continue };
            match bytes.get(start..start + len)? {
                b"session" => self.dict.session = Some(*value),
                b"id" => self.dict.owner = Some(*value),
                b"beaker expiry" => self.dict.expiry = Some(*value),
                _ => {}
            }
        }
        Some(())
    }

    fn remember(&mut self, id: u32) -> Option<()> {
        match self.top()? {
            Slot::Opaque => self.memo.remove(&id),
            slot => self.memo.insert(id, slot),
        };
        self.memoized = self.memoized.checked_add(1)?;
        Some(())
    }
}
