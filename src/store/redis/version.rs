//! The stored value of a session, and the version that it is.

use std::ops::Range;

use sha1::{Digest, Sha1};

use crate::codec::pickled_text;
use crate::error::{Error, Result};
use crate::id::push_hex;
use crate::store::Version;

const DIGEST: usize = 20;

/// A value as it is stored: the pickle of a text.
pub(super) struct Stored {
    pub(super) value: Vec<u8>,
    /// The SHA-1 of the value, and in two bytes each how much of the value is before the text and how much behind it.
    pub(super) version: Version,
    text: Range<usize>,
}

impl Stored {
    /// The value that stores `text`.
    pub(super) fn of_text(text: &[u8]) -> Result<Self> {
        let (value, text) = pickled_text::write(text)?;
        Self::new(value, text)
    }

    /// A value that was read. `Corrupt` if it is not the pickle of a text.
    pub(super) fn of_value(value: Vec<u8>) -> Result<Self> {
        let text = pickled_text::read(&value)?;
        Self::new(value, text)
    }

    fn new(value: Vec<u8>, text: Range<usize>) -> Result<Self> {
        let digest: [u8; DIGEST] = Sha1::digest(&value).into();
        let around = |length: usize| {
            u16::try_from(length).map(u16::to_be_bytes).map_err(|_| {
                Error::corrupt("read a stored session").with_detail("it is not the pickle of a text")
            })
        };
        let [before, after] = [around(text.start)?, around(value.len() - text.end)?];
        let version = Version::from_bytes(&[&digest[..], &before, &after].concat())?;
        Ok(Self { value, version, text })
    }

    pub(super) fn text(&self) -> &[u8] {
        self.value.get(self.text.clone()).unwrap_or_default()
    }

    /// The SHA-1 in a version, in hexadecimal digits. No value has that of a version of another store.
    pub(super) fn digest_of(version: Version) -> String {
        let mut digits = String::new();
        push_hex(&mut digits, version.as_bytes().get(..DIGEST).unwrap_or_default());
        if digits.is_empty() {
            digits.push('-');
        }
        digits
    }

    /// How many bytes of the value are before the text, and how many behind it.
    pub(super) fn place_in(version: Version) -> (usize, usize) {
        let around = |at| {
            let bytes = version.as_bytes().get(at..).and_then(<[u8]>::first_chunk::<2>);
            bytes.map_or(0, |bytes| usize::from(u16::from_be_bytes(*bytes)))
        };
        (around(DIGEST), around(DIGEST + 2))
    }
}
