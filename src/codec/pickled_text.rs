//! A pickle of one text, read and written without Python: what Beaker keeps of a session in Redis and in MongoDB.
//!
//! Every protocol is read, by the pickle's instructions and without executing them. Protocol 2 is written, which every
//! CPython reads.

use std::ops::Range;

use super::opcode::{Step, Steps};
use crate::error::{Error, Result};

/// The bytes before the text and its length.
const HEAD: &[u8] = b"\x80\x02X";

/// The bytes behind the text.
const TAIL: &[u8] = b"q\x00.";

/// The place of the text in a pickle of it.
///
/// # Errors
/// `Corrupt` if the bytes are not the pickle of one text.
pub fn read(bytes: &[u8]) -> Result<Range<usize>> {
    let mut steps = Steps::new(bytes);
    let mut text = None;
    while let Some(step) = steps.next() {
        match step {
            Step::Header => {}
            Step::Text { start, len } | Step::Bytes { start, len } if text.is_none() => {
                text = Some(start..start + len);
            }
            Step::Put(_) | Step::Memoize if text.is_some() => {}
            Step::Stop => {
                if let Some(text) = text {
                    return Ok(text);
                }
                break;
            }
            _ => break,
        }
    }
    Err(Error::corrupt("read a stored session").with_detail("it is not the pickle of a text"))
}

/// The pickle of a text, and the place of the text in it.
///
/// # Errors
/// `Invalid` if the bytes are no text, or exceed 4 GiB, which the format cannot count.
pub fn write(text: &[u8]) -> Result<(Vec<u8>, Range<usize>)> {
    let invalid = |what| Error::invalid("a stored session cannot be written").with_detail(what);
    std::str::from_utf8(text).map_err(|_| invalid("it is no text"))?;
    let length = u32::try_from(text.len()).map_err(|_| invalid("it exceeds 4 GiB"))?;
    let mut bytes = Vec::with_capacity(HEAD.len() + 4 + text.len() + TAIL.len());
    bytes.extend_from_slice(HEAD);
    bytes.extend_from_slice(&length.to_le_bytes());
    let start = bytes.len();
    bytes.extend_from_slice(text);
    bytes.extend_from_slice(TAIL);
    Ok((bytes, start..start + text.len()))
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        reason = "a test says what it expects by failing"
    )]

    use proptest::prelude::*;

    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn the_pickles_of_each_protocol_are_read() {
        // `pickle.dumps('gAJ9', protocol)` for 0 to 5, and that of Python 2.
        for pickle in [
            &b"VgAJ9\np0\n."[..],
            b"X\x04\0\0\0gAJ9q\x00.",
            b"\x80\x02X\x04\0\0\0gAJ9q\x00.",
            b"\x80\x03X\x04\0\0\0gAJ9q\x00.",
            b"\x80\x04\x95\x08\0\0\0\0\0\0\0\x8c\x04gAJ9\x94.",
            b"\x80\x05\x95\x08\0\0\0\0\0\0\0\x8c\x04gAJ9\x94.",
            b"S'gAJ9'\np0\n.",
            b"\x80\x02U\x04gAJ9q\x00.",
        ] {
            assert_eq!(&pickle[read(pickle).unwrap()], b"gAJ9", "{pickle:?}");
        }
    }

    #[test]
    fn what_is_no_pickle_of_a_text_is_corrupt() {
        for bytes in [
            &b""[..],
            b".",
            b"gAJ9",
            b"N.",
            b"K\x01.",
            b"}.",
            b"\x80\x02X\xff\0\0\0gAJ9q\x00.",
            b"X\x01\0\0\0aX\x01\0\0\0b.",
            b"q\x00X\x01\0\0\0a.",
            b"X\x01\0\0\0a",
            b"cos\nsystem\nX\x01\0\0\0a\x85R.",
        ] {
            assert_eq!(read(bytes).unwrap_err().kind(), ErrorKind::Corrupt, "{bytes:?}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_refused() {
        assert_eq!(write(b"\xff").unwrap_err().kind(), ErrorKind::Invalid);
    }

    proptest! {
        #[test]
        fn a_text_is_read_as_it_was_written(text in "[ -~]{0,300}") {
            let (pickle, place) = write(text.as_bytes()).unwrap();
            prop_assert_eq!(read(&pickle).unwrap(), place.clone());
            prop_assert_eq!(&pickle[place], text.as_bytes());
        }
    }
}
