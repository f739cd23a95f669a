//! The encryption of session data, format 1: the one of Beaker.
//!
//! A text is `nonce + base64(output)`. The nonce is text itself, the base64 of random bytes, and goes into the
//! key only: PBKDF2-HMAC-SHA1 (RFC 8018) of `encrypt_key` with the salt `validate_key + nonce`, one iteration,
//! 32 bytes. A single iteration stretches nothing, so `encrypt_key` has to be random, not a pass phrase.
//!
//! The output is that of AES-256-GCM (NIST SP 800-38D), `iv(12) + tag(16) + ciphertext`, or of AES-256-CTR (NIST
//! SP 800-38A) with a counter of 128 bits from zero, according to what was installed beside the original. The
//! text does not say which. Nor does it say with which keys it was made: where there are several pairs, each is
//! tried.
//!
//! # What CTR does not give
//! GCM proves that the text was made with the key. CTR proves nothing: whoever can write to the store, or knows
//! what one text decrypts to, can make a text that decrypts to bytes of his choice, and with pickle such bytes
//! are a program. So a plaintext of CTR is told apart, by [`Decrypted::is_authentic`], and is given only if
//! it is sound in form, which keeps out what was made with other keys and is no defence against malice.

use std::fmt;

use aes::Aes256;
use aes_gcm::{AeadInOut as _, Aes256Gcm, KeyInit as _};
use ctr::cipher::{KeyIvInit as _, StreamCipher as _};
use sha1::Sha1;

use super::text;
use crate::crypto::{Keyring, opaque_debug};
use crate::error::{Error, Result};

const ENCRYPT: &str = "encrypt a session";
const DECRYPT: &str = "decrypt a stored session";
const OTHER_KEY: &str = "it was not made with this key";

const IV: usize = 12;
const TAG: usize = 16;

/// With fewer random bits, two texts of one key would soon share a nonce.
const MIN_NONCE_BITS: usize = 48;
/// More adds nothing; the nonce is stored with every session.
const MAX_NONCE_BITS: usize = 8192;

type Ctr = ctr::Ctr128BE<Aes256>;

/// The cipher that new texts are made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cipher {
    /// AES-256-GCM, authenticated. What the original does with `cryptography` installed.
    AesGcm,
    /// AES-256-CTR, unauthenticated. What the original does with pycryptodome only.
    AesCtr,
}

/// The keys that one text is encrypted with.
#[derive(Clone, Copy)]
pub struct KeyPair<'k> {
    /// The secret. It may not be empty.
    pub encrypt_key: &'k [u8],
    /// Goes into every key beside the nonce. It must be ASCII, and may not be empty.
    pub validate_key: &'k [u8],
}

opaque_debug!(KeyPair<'_>);

/// The plaintext of a text.
#[derive(Clone, PartialEq, Eq)]
pub struct Decrypted {
    /// The plaintext.
    pub bytes: Vec<u8>,
    /// Whether the newest keys gave it.
    pub is_current: bool,
    /// Whether it was made with one of the keys, and is as it was made. Otherwise it is sound in form and nothing else is
    /// known: it may be forged.
    pub is_authentic: bool,
}

impl fmt::Debug for Decrypted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decrypted")
            .field("bytes", &format_args!("{} bytes", self.bytes.len()))
            .field("is_current", &self.is_current)
            .field("is_authentic", &self.is_authentic)
            .finish()
    }
}

/// Encrypts and decrypts session data. Its `Debug` shows no key.
#[derive(Clone)]
pub struct Sealer {
    keys: Keyring<Keys>,
    nonce_bytes: usize,
    nonce_chars: usize,
    writes: Cipher,
}

/// A pair of keys of the sealer's own.
#[derive(Clone)]
struct Keys {
    encrypt_key: Box<[u8]>,
    validate_key: Box<[u8]>,
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer")
            .field("nonce_bytes", &self.nonce_bytes)
            .field("writes", &self.writes)
            .finish_non_exhaustive()
    }
}

/// Checks the size of a nonce.
///
/// # Errors
/// `Invalid` if it is not a multiple of 8 between 48 and 8192.
pub fn check_nonce_bits(nonce_bits: usize) -> Result<()> {
    if nonce_bits.is_multiple_of(8) && (MIN_NONCE_BITS..=MAX_NONCE_BITS).contains(&nonce_bits) {
        return Ok(());
    }
    let detail = format!("{nonce_bits} is not a multiple of 8 from {MIN_NONCE_BITS} to {MAX_NONCE_BITS}");
    Err(Error::invalid("encrypt_nonce_bits").with_detail(detail))
}

impl Sealer {
    /// A sealer with `pairs` of keys, the newest first, whose texts begin with a nonce of `nonce_bits`. Texts
    /// with a nonce of another size are not readable.
    ///
    /// # Errors
    /// `Invalid` if there is no pair, if a key is empty, if a `validate_key` is not ASCII, or if `nonce_bits` is
    /// not a multiple of 8 between 48 and 8192.
    pub fn new(pairs: &[KeyPair<'_>], nonce_bits: usize, writes: Cipher) -> Result<Self> {
        check_nonce_bits(nonce_bits)?;
        let nonce_bytes = nonce_bits / 8;
        Ok(Self {
            keys: Keyring::new(pairs.iter().map(Keys::new), "encryption needs a key")?,
            nonce_bytes,
            // As the original counts. It comes to the length of the padded base64, so that nothing is cut.
            nonce_chars: (4 * nonce_bytes / 3 + 3) & !3,
            writes,
        })
    }

    /// Whether there is only one pair of keys.
    pub fn has_one_key(&self) -> bool {
        self.keys.iter().nth(1).is_none()
    }

    /// The text of `plain`, with the newest keys. No two are alike.
    ///
    /// # Errors
    /// `Unavailable` if the system gives no random bytes; `Invalid` if `plain` is beyond 64 GiB.
    pub fn encrypt(&self, plain: &[u8]) -> Result<String> {
        let mut random = vec![0; self.nonce_bytes + IV];
        getrandom::fill(&mut random).map_err(|error| Error::unavailable(ENCRYPT).with_source(error))?;
        self.encrypt_with(plain, &random)
    }

    /// The text of `plain` with the given randomness, of the nonce and then of the IV.
    fn encrypt_with(&self, plain: &[u8], random: &[u8]) -> Result<String> {
        let (nonce, iv) = random.split_last_chunk::<IV>().ok_or_else(|| Error::invalid(ENCRYPT))?;
        let mut out = String::with_capacity(self.nonce_chars + (IV + TAG + plain.len()).div_ceil(3) * 4);
        text::append_plain(nonce, &mut out);
        out.truncate(self.nonce_chars);

        let key = self.keys.newest().derive(out.as_bytes())?;
        let output = match self.writes {
            Cipher::AesGcm => seal_gcm(&key, *iv, plain)?,
            Cipher::AesCtr => aes_ctr(plain, &key)?,
        };
        text::append_plain(&output, &mut out);
        Ok(out)
    }

    /// The plaintext of `text`, and whether it is proven to be ours.
    ///
    /// What authenticates under one of the pairs is given as it is. Where nothing does, it is
    /// the plaintext of the first pair whose `is_sound` holds, the newest pair first.
    ///
    /// # Errors
    /// `Corrupt` if the text has not the form, or was not made with any of the pairs, as far as that can be
    /// told.
    pub fn decrypt(&self, text: &[u8], is_sound: impl Fn(&[u8]) -> bool) -> Result<Decrypted> {
        let (nonce, coded) = text
            .split_at_checked(self.nonce_chars)
            .ok_or_else(|| Error::corrupt(DECRYPT).with_detail("its text is shorter than a nonce"))?;
        let mut output = text::decode_plain(coded)?;
        // Without room for anything at first: as a rule the first key is right and none has to be kept.
        let mut tried = Vec::new();
        for keys in self.keys.iter() {
            let key = keys.derive(nonce)?;
            if open_gcm(&key, &mut output) {
                output.drain(..IV + TAG);
                return Ok(Decrypted { bytes: output, is_current: tried.is_empty(), is_authentic: true });
            }
            tried.push(key);
        }
        for (age, key) in tried.iter().enumerate() {
            apply_ctr(key, &mut output)?;
            if is_sound(&output) {
                return Ok(Decrypted { bytes: output, is_current: age == 0, is_authentic: false });
            }
            // The same once more gives the text back, for the next key.
            apply_ctr(key, &mut output)?;
        }
        Err(Error::corrupt(DECRYPT).with_detail(OTHER_KEY))
    }
}

impl Keys {
    fn new(pair: &KeyPair<'_>) -> Result<Self> {
        if pair.encrypt_key.is_empty() {
            return Err(Error::invalid("encrypt_key may not be empty"));
        }
        if pair.validate_key.is_empty() {
            return Err(Error::invalid("encryption needs a validate_key"));
        }
        if !pair.validate_key.is_ascii() {
            return Err(Error::invalid("validate_key must be ASCII"));
        }
        Ok(Self { encrypt_key: pair.encrypt_key.into(), validate_key: pair.validate_key.into() })
    }

    /// The key of the texts that begin with `nonce`.
    fn derive(&self, nonce: &[u8]) -> Result<[u8; 32]> {
        let salt = [&self.validate_key, nonce].concat();
        let mut key = [0; 32];
        pbkdf2::pbkdf2::<hmac::Hmac<Sha1>>(&self.encrypt_key, &salt, 1, &mut key)
            .map_err(|_| Error::invalid("encrypt_key has a length that HMAC does not take"))?;
        Ok(key)
    }
}

/// `iv + tag + ciphertext` of `plain`.
fn seal_gcm(key: &[u8; 32], iv: [u8; IV], plain: &[u8]) -> Result<Vec<u8>> {
    let mut output = Vec::with_capacity(IV + TAG + plain.len());
    output.extend_from_slice(&iv);
    output.extend_from_slice(&[0; TAG]);
    output.extend_from_slice(plain);
    let (head, body) = output.split_at_mut(IV + TAG);
    let tag = Aes256Gcm::new(&(*key).into())
        .encrypt_inout_detached(&iv.into(), b"", body.into())
        .map_err(|_| Error::invalid("a session is too long to encrypt"))?;
    if let Some(place) = head.last_chunk_mut::<TAG>() {
        *place = tag.into();
    }
    Ok(output)
}

/// Decrypts `iv + tag + ciphertext` where it is if the tag is right; otherwise leaves it alone.
fn open_gcm(key: &[u8; 32], output: &mut [u8]) -> bool {
    let Some((iv, rest)) = output.split_first_chunk_mut::<IV>() else { return false };
    let Some((tag, body)) = rest.split_first_chunk_mut::<TAG>() else { return false };
    Aes256Gcm::new(&(*key).into())
        .decrypt_inout_detached(&(*iv).into(), b"", body.into(), &(*tag).into())
        .is_ok()
}

/// Encrypts or decrypts, which is the same.
fn apply_ctr(key: &[u8; 32], bytes: &mut [u8]) -> Result<()> {
    Ctr::new(&(*key).into(), &[0; 16].into())
        .try_apply_keystream(bytes)
        .map_err(|_| Error::invalid("a session is too long to encrypt"))
}

fn key_of(key: &[u8]) -> Result<[u8; 32]> {
    key.try_into().map_err(|_| Error::invalid("a key of AES-256 has 32 bytes"))
}

/// `plain` under AES-256-GCM: a random IV, the tag, the ciphertext.
///
/// # Errors
/// `Invalid` if the key has not 32 bytes; `Unavailable` if the system gives no random bytes.
pub fn aes_gcm_encrypt(plain: &[u8], key: &[u8]) -> Result<Vec<u8>> {
    let mut iv = [0; IV];
    getrandom::fill(&mut iv).map_err(|error| Error::unavailable(ENCRYPT).with_source(error))?;
    seal_gcm(&key_of(key)?, iv, plain)
}

/// What [`aes_gcm_encrypt`] encrypted.
///
/// # Errors
/// `Invalid` if the key has not 32 bytes; `Corrupt` if `sealed` was not made with it.
pub fn aes_gcm_decrypt(sealed: &[u8], key: &[u8]) -> Result<Vec<u8>> {
    let mut output = sealed.to_vec();
    if !open_gcm(&key_of(key)?, &mut output) {
        return Err(Error::corrupt(DECRYPT).with_detail(OTHER_KEY));
    }
    output.drain(..IV + TAG);
    Ok(output)
}

/// `bytes` under AES-256-CTR with a counter from 0, which is its own inverse and authenticates nothing.
///
/// # Errors
/// `Invalid` if the key has not 32 bytes.
pub fn aes_ctr(bytes: &[u8], key: &[u8]) -> Result<Vec<u8>> {
    let mut bytes = bytes.to_vec();
    apply_ctr(&key_of(key)?, &mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
#[path = "cipher_tests.rs"]
mod tests;
