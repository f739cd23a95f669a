//! Cookies that carry a whole session, format 2: `v2.` and the base64url of
//! `nonce(24) + ciphertext + tag(16)`.
//!
//! The cipher is XChaCha20-Poly1305 ([`Aead`]). The key belongs to the cookie's name and to this use
//! ([`derive`](crate::crypto::derive())), and both are authenticated once more beside the ciphertext.
//!
//! What is encrypted is `compression(1) + expiry(8) + payload`: compression 0 for none and 1 for zlib; the
//! expiry in seconds since the epoch, big-endian, 0 for none. So neither can be changed by whoever holds the
//! cookie, and a value is over when it was meant to be, whatever the browser does.

use std::fmt;

use base64::Engine as _;

use super::format::{BASE64, PREFIX};
use crate::codec::deflate;
use crate::crypto::Keyring;
use crate::crypto::{Aead, Purpose, derive, opaque_debug};
use crate::error::{Error, Result};

const WRITE: &str = "seal a session into a cookie";
const READ: &str = "read the session in a cookie";

/// The most bytes that a payload has before it is compressed. A cookie has 4096, but a hostile one, from
/// somebody who came to know an old key, could unfold to a thousand times that.
const PAYLOAD_LIMIT: usize = 1 << 20;

/// From how many bytes on compression is tried. Below, it would cost more than all the rest: clearing its tables
/// takes several microseconds however short the payload is, sealing takes three. And there it saves little or
/// nothing, since a short session hardly repeats itself.
const COMPRESSED_FROM: usize = 256;

const PLAIN: u8 = 0;
const ZLIB: u8 = 1;

/// The keys that one value is sealed with.
#[derive(Clone, Copy)]
pub struct SealingKeys<'k> {
    /// The secret, if there is one apart from `validate_key`.
    pub encrypt_key: Option<&'k [u8]>,
    /// Goes into the key beside `encrypt_key`, or is the secret itself where there is no other.
    pub validate_key: &'k [u8],
}

opaque_debug!(SealingKeys<'_>);

/// What a sealed value says.
#[derive(Clone, PartialEq, Eq)]
pub struct Opened {
    /// The session's payload.
    pub payload: Vec<u8>,
    /// When the value expires, in seconds since the epoch. Whether it has is for the caller to see.
    pub expires: Option<u64>,
    /// Whether it is as it would be written today: under the newest keys, in the cookie that is written.
    pub is_current: bool,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened")
            .field("payload", &format_args!("{} bytes", self.payload.len()))
            .field("expires", &self.expires)
            .field("is_current", &self.is_current)
            .finish()
    }
}

/// Seals payloads with the newest of several pairs of keys, and opens what any of them sealed.
#[derive(Clone)]
pub struct CookieSealer {
    names: Keyring<Name>,
}

/// What opens the cookie of one name.
#[derive(Clone)]
struct Name {
    name: Box<str>,
    associated: Box<[u8]>,
    aead: Aead,
}

impl CookieSealer {
    /// A sealer with `keys`, the newest first, for the cookies of `names`, of which the first is written and
    /// the others are only read.
    ///
    /// # Errors
    /// `Invalid` if there are no keys or no names, if a key is empty, or if a name holds a NUL.
    pub fn new(keys: &[SealingKeys<'_>], names: &[impl AsRef<str>]) -> Result<Self> {
        let names = names.iter().map(|name| Name::new(keys, name.as_ref()));
        Ok(Self { names: Keyring::new(names, "a cookie needs a name")? })
    }

    /// Whether `value` begins as sealed values do. What does not is of format 1 or none of ours.
    #[must_use]
    pub fn is_sealed(value: &str) -> bool {
        value.starts_with(PREFIX)
    }

    /// The value of the cookie for `payload`, which is over `expires` seconds after the epoch. No two are alike.
    ///
    /// # Errors
    /// `Invalid` if `payload` is longer than 1 MiB; `Unavailable` if the system gives no random bytes.
    pub fn seal(&self, payload: &[u8], expires: Option<u64>) -> Result<String> {
        let name = self.names.newest();
        encode(payload, expires, |plain| name.aead.seal(plain, &[&name.associated], WRITE))
    }

    /// What `value`, which stood in the cookie `name`, says; `None` if it was not made with our keys for that
    /// cookie, or is not as it was made.
    ///
    /// # Errors
    /// `Corrupt` if it is ours, but its payload cannot be unfolded into 1 MiB, or is folded in a way that this
    /// version does not know.
    pub fn open(&self, name: &str, value: &str) -> Result<Option<Opened>> {
        let Some((known, is_written_name)) =
            self.names.find_map(|known| (*known.name == *name).then_some(known))
        else {
            return Ok(None);
        };
        let Some(mut sealed) = coded(value) else { return Ok(None) };
        let Some((plain, is_newest)) = known.aead.open(&mut sealed, &[&known.associated]) else {
            return Ok(None);
        };
        let (compression, expiry, body) = parts(plain)
            .ok_or_else(|| Error::corrupt(READ).with_detail("it is shorter than its own head"))?;
        let payload = match compression {
            PLAIN if body.len() <= PAYLOAD_LIMIT => body.to_vec(),
            PLAIN => return Err(Error::corrupt(READ).with_detail("it is larger than 1 MiB")),
            ZLIB => deflate::decompress(body, PAYLOAD_LIMIT)?,
            _ => return Err(Error::corrupt(READ).with_detail("it is compressed in an unknown way")),
        };
        let expires = (expiry != 0).then_some(expiry);
        Ok(Some(Opened { payload, expires, is_current: is_newest && is_written_name }))
    }
}

opaque_debug!(CookieSealer);

impl Name {
    fn new(keys: &[SealingKeys<'_>], name: &str) -> Result<Self> {
        let derived = keys.iter().map(|keys| match keys.encrypt_key {
            None => derive(keys.validate_key, None, Purpose::Seal, name),
            Some(_) if keys.validate_key.is_empty() => Err(Error::invalid("encryption needs a validate_key")),
            Some(encrypt_key) => derive(encrypt_key, Some(keys.validate_key), Purpose::Seal, name),
        });
        Ok(Self {
            name: name.into(),
            associated: ["v2\0", Purpose::Seal.word(), "\0", name].concat().into_bytes().into(),
            aead: Aead::new(derived, "encrypted cookies need a key")?,
        })
    }
}

/// The value for `payload`, whose parts `seal` encrypts.
fn encode(
    payload: &[u8],
    expires: Option<u64>,
    seal: impl FnOnce(&[&[u8]]) -> Result<Vec<u8>>,
) -> Result<String> {
    if payload.len() > PAYLOAD_LIMIT {
        return Err(Error::invalid("a session is too large for a cookie")
            .with_detail(format!("{} bytes", payload.len())));
    }
    let compressed = compress(payload)?;
    let (compression, body) = match &compressed {
        Some(compressed) => (ZLIB, compressed.as_slice()),
        None => (PLAIN, payload),
    };
    // Zero says that there is no expiry; what ended in the first second of the epoch is as long over in the
    // next.
    let expiry = expires.map_or(0, |at| at.max(1));
    let sealed = seal(&[&[compression], &expiry.to_be_bytes(), body])?;

    let mut value = String::with_capacity(PREFIX.len() + (sealed.len() * 4).div_ceil(3));
    value.push_str(PREFIX);
    BASE64.encode_string(&sealed, &mut value);
    Ok(value)
}

/// The bytes that a value codes.
fn coded(value: &str) -> Option<Vec<u8>> {
    BASE64.decode(value.strip_prefix(PREFIX)?).ok()
}

/// The parts of what is encrypted: the kind of compression, the expiry, the payload.
fn parts(plain: &[u8]) -> Option<(u8, u64, &[u8])> {
    let (compression, rest) = plain.split_first()?;
    let (expiry, body) = rest.split_first_chunk()?;
    Some((*compression, u64::from_be_bytes(*expiry), body))
}

/// `payload` compressed, if that is worth trying and makes it shorter. What is compressed already, as JSON
/// sessions are, is not.
fn compress(payload: &[u8]) -> Result<Option<Vec<u8>>> {
    if payload.len() < COMPRESSED_FROM || deflate::has_header(payload) {
        return Ok(None);
    }
    let compressed = deflate::compress(payload)?;
    Ok((compressed.len() < payload.len()).then_some(compressed))
}

#[cfg(test)]
#[path = "sealed_tests.rs"]
mod tests;
