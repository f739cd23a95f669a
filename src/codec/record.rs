//! The text of a stored session, format 2: it says what it is, whose it is and when it was used last, and shows
//! whether it is as it was written.
//!
//! ```text
//! plain       r2.p. + base64(accessed(8) + checksum(16)) + base64(payload)
//! encrypted   r2.e. + base64(nonce(24) + ciphertext + tag(16)), of accessed(8) + payload
//! ```
//!
//! The base64 is that of format 1, and each of the three is spelt in one way alone. `accessed` is the time of the last
//! access, in seconds since the epoch, a big-endian float (IEEE 754); it counts in place of the one in the payload,
//! whatever that was serialized by. The payload is the same as in format 1.
//!
//! The checksum is the first half of SHA-256 over `r2.p.`, the length of the id in eight bytes, the id, the payload and
//! `accessed`. So a text under another id than its own is as corrupt as one with a changed byte. It is no defence
//! against whoever can write to the store and knows the id: that takes a key. With one, the text is encrypted by
//! XChaCha20-Poly1305, with `r2.e.` and the id authenticated beside it, and a plain text is refused.
//!
//! A text of format 1 has no full stop; one of format 2 has two at its beginning, so that none becomes the other by
//! the change of one character.
//!
//! The head of a plain text has 32 characters at one place. A touch replaces them, and nothing else.

use std::fmt;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::access_time::Splice;
use super::cipher::KeyPair;
use super::text;
use crate::crypto::{Aead, Purpose, derive, opaque_debug};
use crate::error::{Error, Result};

const READ: &str = "read a stored session";
const WRITE: &str = "encrypt a session";

/// How a plain text begins …
const PLAIN: &str = "r2.p.";
/// … and an encrypted one.
const SEALED: &str = "r2.e.";
const PREFIX: usize = PLAIN.len();

const ACCESSED: usize = 8;
const CHECKSUM: usize = 16;
const HEAD: usize = ACCESSED + CHECKSUM;
/// The characters of the head.
const HEAD_CHARS: usize = HEAD / 3 * 4;

/// In which format a record is written. Both are read, always.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordFormat {
    /// That of Beaker: the payload's base64, or with a key [`Sealer`](super::Sealer)'s text.
    One,
    /// That of this module.
    Two,
}

impl RecordFormat {
    /// The format of a text. What was damaged beyond recognition passes for format 1, and is not readable as that.
    pub fn of(text: &[u8]) -> Self {
        let begins = |prefix: &str| text.starts_with(prefix.as_bytes());
        if begins(PLAIN) || begins(SEALED) { Self::Two } else { Self::One }
    }
}

/// Whether `text` says in which format it is, be it one that there is not. What does not is of format 1.
#[must_use]
pub fn names_its_format(text: &[u8]) -> bool {
    text.iter().take(PREFIX).any(|byte| *byte == b'.')
}

/// Writes and reads the texts of format 2: encrypted if there are keys for it, and plain otherwise.
#[derive(Clone, Debug)]
pub struct Records {
    aead: Option<Aead>,
}

impl Records {
    /// With `pairs` of keys, the newest first; without any, plain.
    ///
    /// # Errors
    /// `Invalid` if a key is empty.
    pub fn new(pairs: &[KeyPair<'_>]) -> Result<Self> {
        if pairs.is_empty() {
            return Ok(Self { aead: None });
        }
        let keys = pairs.iter().map(|pair| {
            if pair.validate_key.is_empty() {
                return Err(Error::invalid("encryption needs a validate_key"));
            }
            derive(pair.encrypt_key, Some(pair.validate_key), Purpose::Record, "")
        });
        Ok(Self { aead: Some(Aead::new(keys, "encryption needs a key")?) })
    }

    /// Whether what it writes is encrypted.
    pub fn encrypts(&self) -> bool {
        self.aead.is_some()
    }

    /// The text of `payload` for the record of `id`, which was used last `accessed` seconds after the epoch.
    ///
    /// # Errors
    /// `Unavailable` if it is to be encrypted and the system gives no random bytes; `Invalid` beyond 256 GiB.
    pub fn write(&self, id: &str, payload: &[u8], accessed: f64) -> Result<String> {
        match &self.aead {
            None => Ok(plain(id, payload, accessed)),
            Some(aead) => {
                let parts = [&accessed.to_be_bytes()[..], payload];
                Ok(sealed(&aead.seal(&parts, &[SEALED.as_bytes(), id.as_bytes()], WRITE)?))
            }
        }
    }

    /// What `text`, the record of `id`, says.
    ///
    /// # Errors
    /// `Corrupt` if it is not as it was written, or was written for another id, with other keys, without a key where
    /// there is one now, or with one where there is none.
    pub fn read(&self, id: &str, text: &[u8]) -> Result<Opened> {
        let corrupt = |detail: &'static str| Error::corrupt(READ).with_detail(detail);
        let (prefix, body) = text.split_at_checked(PREFIX).unwrap_or((text, b""));
        match &self.aead {
            None if prefix == PLAIN.as_bytes() => {
                open_plain(id, body).ok_or_else(|| corrupt("it is not as it was written, or is another's"))
            }
            Some(aead) if prefix == SEALED.as_bytes() => open_sealed(aead, id, body).ok_or_else(|| {
                corrupt("it is not as it was encrypted, or not with this key, or is another's")
            }),
            None if prefix == SEALED.as_bytes() => {
                Err(corrupt("it is encrypted, and there is no encrypt_key"))
            }
            Some(_) if prefix == PLAIN.as_bytes() => {
                Err(corrupt("it is not encrypted, and there is an encrypt_key"))
            }
            _ => Err(corrupt("it is in a format that this version does not know")),
        }
    }
}

/// What a text says.
#[derive(Clone)]
pub struct Opened {
    bytes: Vec<u8>,
    payload: Range<usize>,
    /// When the session was used last, in seconds since the epoch.
    pub accessed: f64,
    /// Whether it is as it would be written today: under the newest keys, if it is encrypted.
    pub is_current: bool,
    /// With which a plain text can be touched.
    pub checksum: Option<Checksum>,
}

impl Opened {
    /// The serialized session.
    pub fn payload(&self) -> &[u8] {
        self.bytes.get(self.payload.clone()).unwrap_or_default()
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened")
            .field("payload", &format_args!("{} bytes", self.payload.len()))
            .field("accessed", &self.accessed)
            .field("is_current", &self.is_current)
            .finish_non_exhaustive()
    }
}

/// The checksum of a plain text but for the access time, which comes last: so that a touch need not go through a
/// large session again.
#[derive(Clone)]
pub struct Checksum {
    hash: Sha256,
}

impl Checksum {
    fn of(id: &str, payload: &[u8]) -> Self {
        let hash = Sha256::new()
            .chain_update(PLAIN)
            .chain_update((id.len() as u64).to_be_bytes())
            .chain_update(id)
            .chain_update(payload);
        Self { hash }
    }

    fn head(&self, accessed: [u8; ACCESSED]) -> [u8; HEAD] {
        let hash = self.hash.clone().chain_update(accessed).finalize();
        let mut head = [0; HEAD];
        for (byte, from) in head.iter_mut().zip(accessed.iter().chain(&hash)) {
            *byte = *from;
        }
        head
    }

    /// What to put into the text so that it says that the session was used at `accessed`.
    #[must_use]
    pub fn touch(&self, accessed: f64) -> Option<Splice> {
        let mut chars = [0; HEAD_CHARS];
        STANDARD.encode_slice(self.head(accessed.to_be_bytes()), &mut chars).ok()?;
        Splice::new(PREFIX, &chars)
    }
}

opaque_debug!(Checksum);

fn plain(id: &str, payload: &[u8], accessed: f64) -> String {
    let head = Checksum::of(id, payload).head(accessed.to_be_bytes());
    let mut out = String::with_capacity(PREFIX + HEAD_CHARS + payload.len().div_ceil(3) * 4);
    out.push_str(PLAIN);
    text::append_plain(&head, &mut out);
    text::append_plain(payload, &mut out);
    out
}

fn sealed(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(PREFIX + bytes.len().div_ceil(3) * 4);
    out.push_str(SEALED);
    text::append_plain(bytes, &mut out);
    out
}

fn open_plain(id: &str, body: &[u8]) -> Option<Opened> {
    let (head, coded) = body.split_at_checked(HEAD_CHARS)?;
    let head = text::decode_exact(head)?;
    let bytes = text::decode_exact(coded)?;
    let accessed = *head.first_chunk()?;
    let checksum = Checksum::of(id, &bytes);
    (checksum.head(accessed)[..] == head[..]).then(|| Opened {
        payload: 0..bytes.len(),
        bytes,
        accessed: f64::from_be_bytes(accessed),
        is_current: true,
        checksum: Some(checksum),
    })
}

fn open_sealed(aead: &Aead, id: &str, body: &[u8]) -> Option<Opened> {
    let mut bytes = text::decode_exact(body)?;
    let length = bytes.len();
    let (plain, is_current) = aead.open(&mut bytes, &[SEALED.as_bytes(), id.as_bytes()])?;
    let (accessed, payload) = plain.split_first_chunk()?;
    let accessed = f64::from_be_bytes(*accessed);
    let end = length - Aead::TAG;
    let payload = end - payload.len()..end;
    Some(Opened { bytes, payload, accessed, is_current, checksum: None })
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
