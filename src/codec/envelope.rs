//! The envelope of a stored session: a pickle of `{'session': text}`, read and written without Python.
//!
//! Reading executes nothing. The few shapes in which CPython writes such a dict are recognized byte by byte;
//! anything else goes through [`envelope_walk`](super::envelope_walk), which follows the pickle's instructions
//! but imports and calls nothing.
//!
//! What is written is protocol 2, byte for byte as `pickle.dumps(…, 2)` writes it. Every CPython since 2.3 reads
//! it, so every process of a mixed fleet does; its text type is exactly `str`; and having no frames, it puts the
//! text at the same place always, which a touch in place relies on.

use std::ops::Range;

use super::envelope_fields::{Envelope, Expiry};
use super::envelope_walk;
use crate::error::Result;

/// The bytes from the moment of expiry to the length of the text.
const AFTER_EXPIRY: &[u8] = b"X\x07\0\0\0sessionq\x02X";

/// An upper bound of what an envelope adds to its text and its owner.
const OVERHEAD: usize = 80;

/// How the dict begins in protocols 4 and 5, after the header of the frame.
const FRAMED_KEY: &[u8] = b"}\x94\x8c\x07session\x94";

/// Reads an envelope of any pickle protocol. `None` if it is a dict that holds no session: an empty dict, one
/// without the key `session`, or with `None` under it.
///
/// # Errors
/// `Corrupt` if the bytes are not a pickle, or not of a dict with a text under `session`.
pub fn read(bytes: &[u8]) -> Result<Option<Envelope>> {
    if let Some(envelope) = read_usual(bytes) { Ok(Some(envelope)) } else { envelope_walk::read(bytes) }
}

/// An envelope in one of the shapes that CPython writes for this very dict, memo instructions included.
fn read_usual(bytes: &[u8]) -> Option<Envelope> {
    match bytes {
        [0x80, 2 | 3, b'}', b'q', 0, b'X', 7, 0, 0, 0, rest @ ..] => {
            let rest = rest.strip_prefix(b"session\x71\x01X")?;
            let (text, rest) = long_text(bytes, rest)?;
            (rest == b"q\x02s.").then_some(Envelope { text, owner: None, expiry: None })
        }
        [0x80, 2, b'}', b'q', 0, b'(', ..] => {
            let expiry = Expiry::at_head_of(bytes);
            let rest = bytes.get(Expiry::HEAD..)?.strip_prefix(AFTER_EXPIRY)?;
            let (text, rest) = long_text(bytes, rest)?;
            if rest == b"q\x03u." {
                return expiry.map(|expiry| Envelope { text, owner: None, expiry: Some(expiry) });
            }
            let rest = rest.strip_prefix(b"q\x03X\x02\0\0\0idq\x04X")?;
            let (owner, rest) = long_text(bytes, rest)?;
            let owner = std::str::from_utf8(bytes.get(owner)?).ok()?;
            let is_whole = rest == b"q\x05u.";
            expiry.filter(|_| is_whole).map(|expiry| Envelope {
                text,
                owner: Some(owner.to_owned()),
                expiry: Some(expiry),
            })
        }
        // The frame holds everything, or, where the text is long, ends before it.
        [0x80, 4 | 5, 0x95, frame @ ..] => {
            let (frame, rest) = frame.split_first_chunk()?;
            let frame = u64::from_le_bytes(*frame);
            if frame != rest.len() as u64 && frame != FRAMED_KEY.len() as u64 {
                return None;
            }
            let (text, rest) = match rest.strip_prefix(FRAMED_KEY)? {
                [b'X', rest @ ..] => long_text(bytes, rest)?,
                [0x8c, len, rest @ ..] => counted(bytes, rest, usize::from(*len))?,
                _ => return None,
            };
            (rest == b"\x94s.").then_some(Envelope { text, owner: None, expiry: None })
        }
        _ => None,
    }
}

/// The text that starts `rest`, which is the end of `bytes`, with its length in four bytes; and what follows.
fn long_text<'a>(bytes: &[u8], rest: &'a [u8]) -> Option<(Range<usize>, &'a [u8])> {
    let (len, rest) = rest.split_first_chunk()?;
    counted(bytes, rest, usize::try_from(u32::from_le_bytes(*len)).ok()?)
}

fn counted<'a>(bytes: &[u8], rest: &'a [u8], len: usize) -> Option<(Range<usize>, &'a [u8])> {
    let start = bytes.len() - rest.len();
    Some((start..start + len, rest.get(len..)?))
}

/// Writes `{'session': text}`, with `beaker expiry` before it and the owner's `id` behind it where they are given.
/// Beaker ignores these keys, and leaves them out when it saves the session.
///
/// # Errors
/// `Invalid` if the text or the owner exceeds 4 GiB, which the format cannot count.
pub fn write(text: &str, owner: Option<&str>, expires_at: Option<f64>) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(OVERHEAD + text.len() + owner.map_or(0, str::len));
    bytes.extend_from_slice(b"\x80\x02}q\x00");
    // As `pickle` does it: one item is set alone, several are set together; each text gets the next number.
    let is_alone = owner.is_none() && expires_at.is_none();
    if !is_alone {
        bytes.push(b'(');
    }
    let mut number = 0;
    if let Some(expires_at) = expires_at {
        push_text(&mut bytes, "beaker expiry", &mut number)?;
        bytes.push(b'G');
        bytes.extend_from_slice(&expires_at.to_be_bytes());
    }
    push_text(&mut bytes, "session", &mut number)?;
    push_text(&mut bytes, text, &mut number)?;
    if let Some(owner) = owner {
        push_text(&mut bytes, "id", &mut number)?;
        push_text(&mut bytes, owner, &mut number)?;
    }
    bytes.extend_from_slice(if is_alone { b"s." } else { b"u." });
    Ok(bytes)
}

fn push_text(bytes: &mut Vec<u8>, text: &str, number: &mut u8) -> Result<()> {
    *number += 1;
    bytes.push(b'X');
    bytes.extend_from_slice(&length(text)?);
    bytes.extend_from_slice(text.as_bytes());
    bytes.extend_from_slice(&[b'q', *number]);
    Ok(())
}

fn length(text: &str) -> Result<[u8; 4]> {
    match u32::try_from(text.len()) {
        Ok(len) => Ok(len.to_le_bytes()),
        Err(_) => Err(crate::error::Error::invalid("a stored session may not exceed 4 GiB")),
    }
}

#[cfg(test)]
#[path = "envelope_tests.rs"]
mod tests;
