//! The text of a session in an item, as any of Python's clients may have stored it.

use crate::codec::{deflate, pickled_text};
use crate::error::{Error, Result};

use super::protocol::TEXT;

/// The flags of python-memcached, which pylibmc and bmemcached use too: a pickle, and zlib around the value.
const PICKLE: u32 = 1;
const COMPRESSED: u32 = 1 << 3;

/// The most bytes of a compressed text.
const LONGEST: usize = 64 << 20;

const OPERATION: &str = "read the session in memcached";

/// The text of an item. Without flags, and with bmemcached's flag for bytes, which is [`TEXT`], it is as it is.
pub(super) fn text_of(flags: u32, value: Vec<u8>) -> Result<Vec<u8>> {
    let value = if flags & COMPRESSED == 0 { value } else { deflate::decompress(&value, LONGEST)? };
    match flags & !COMPRESSED {
        0 | TEXT => Ok(value),
        PICKLE => Ok(value.get(pickled_text::read(&value)?).unwrap_or_default().to_vec()),
        _ => Err(Error::corrupt(OPERATION).with_detail(format!("an item with the flags {flags} is no text"))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

    use super::*;
    use crate::error::ErrorKind;

    fn text(flags: u32, value: &[u8]) -> Vec<u8> {
        text_of(flags, value.to_vec()).unwrap()
    }

    #[test]
    fn a_text_is_read_however_a_client_of_python_stored_it() {
        let pickle = b"\x80\x04\x95\x08\0\0\0\0\0\0\0\x8c\x04gAJ9\x94.";
        for (flags, value) in [(0, &b"gAJ9"[..]), (16, b"gAJ9"), (1, pickle)] {
            assert_eq!(text(flags, value), b"gAJ9");
            assert_eq!(text(flags | 8, &deflate::compress(value).unwrap()), b"gAJ9");
        }
    }

    #[test]
    fn what_is_no_text_is_corrupt() {
        let inflated = deflate::compress(&vec![0; LONGEST + 1]).unwrap();
        for (flags, value) in
            [(2, &b"7"[..]), (4, b"7"), (32, b"x"), (1, b"gAJ9"), (8, b"gAJ9"), (8, &inflated)]
        {
            assert_eq!(text_of(flags, value.to_vec()).unwrap_err().kind(), ErrorKind::Corrupt, "{flags}");
        }
    }
}
