//! Authenticated encryption: XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03), as `nonce(24) + ciphertext + tag(16)`.
//!
//! The nonce is long enough to be random for every text without ever meeting another, which the 12 bytes of AES-GCM
//! are not for a key that lives for years.

use chacha20poly1305::{AeadInOut as _, KeyInit as _, XChaCha20Poly1305};

use super::KEY_LENGTH;
use super::keyring::Keyring;
use super::opaque_debug;
use crate::error::{Error, Result};

const NONCE: usize = Aead::NONCE;
const TAG: usize = Aead::TAG;

/// Encrypts under the newest of several keys, and decrypts what any of them encrypted. Its `Debug` shows no key.
#[derive(Clone)]
pub struct Aead {
    ciphers: Keyring<XChaCha20Poly1305>,
}

impl Aead {
    /// The bytes before what is encrypted.
    pub const NONCE: usize = 24;
    /// The bytes after what is encrypted.
    pub const TAG: usize = 16;

    /// Under `keys`, the newest first.
    ///
    /// # Errors
    /// `Invalid`, with `empty` as its text, if there is none; otherwise the first error among the keys.
    pub fn new(
        keys: impl IntoIterator<Item = Result<[u8; KEY_LENGTH]>>,
        empty: &'static str,
    ) -> Result<Self> {
        let ciphers = keys.into_iter().map(|key| Ok(XChaCha20Poly1305::new(&key?.into())));
        Ok(Self { ciphers: Keyring::new(ciphers, empty)? })
    }

    /// The parts of `plain`, one after the other, encrypted under the newest key. `associated` has to be the same when
    /// it is opened. No two are alike.
    ///
    /// # Errors
    /// `Unavailable`, doing `operation`, if the system gives no random bytes; `Invalid` if `plain` is beyond 256 GiB.
    pub fn seal(&self, plain: &[&[u8]], associated: &[&[u8]], operation: &'static str) -> Result<Vec<u8>> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).map_err(|error| Error::unavailable(operation).with_source(error))?;
        self.seal_with(plain, associated, nonce)
    }

    /// The same with a nonce that must never have been given before.
    pub(crate) fn seal_with(
        &self,
        plain: &[&[u8]],
        associated: &[&[u8]],
        nonce: [u8; NONCE],
    ) -> Result<Vec<u8>> {
        let length: usize = plain.iter().map(|part| part.len()).sum();
        let mut sealed = Vec::with_capacity(NONCE + length + TAG);
        sealed.extend_from_slice(&nonce);
        for part in plain {
            sealed.extend_from_slice(part);
        }
        let (_, secret) = sealed.split_at_mut(NONCE);
        let tag = self
            .ciphers
            .newest()
            .encrypt_inout_detached(&nonce.into(), &associated.concat(), secret.into())
            .map_err(|_| Error::invalid("a session is too large to encrypt"))?;
        sealed.extend_from_slice(&tag);
        Ok(sealed)
    }

    /// What was encrypted, decrypted where it is, and whether that was under the newest key. `None` if it was not
    /// encrypted under one of the keys and with `associated`, or is not as it was; then it is left alone.
    pub fn open<'s>(&self, sealed: &'s mut [u8], associated: &[&[u8]]) -> Option<(&'s [u8], bool)> {
        let associated = associated.concat();
        let (nonce, rest) = sealed.split_first_chunk_mut::<NONCE>()?;
        let (secret, tag) = rest.split_last_chunk_mut::<TAG>()?;
        // What does not authenticate is left as it was, for the next key.
        let ((), is_newest) = self.ciphers.find_map(|cipher| {
            let (nonce, tag) = ((*nonce).into(), (*tag).into());
            cipher.decrypt_inout_detached(&nonce, &associated, (&mut *secret).into(), &tag).ok()
        })?;
        Some((secret, is_newest))
    }
}

opaque_debug!(Aead);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

    use super::*;
    use crate::error::ErrorKind;

    fn aead(keys: &[u8]) -> Aead {
        Aead::new(keys.iter().map(|byte| Ok([*byte; KEY_LENGTH])), "no keys").unwrap()
    }

    #[test]
    fn xchacha20_poly1305_gives_the_vector_of_its_draft() {
        // Appendix A.3.1 of draft-irtf-cfrg-xchacha-03.
        let hex = |text: &str| -> Vec<u8> {
            (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
        };
        let text: &[u8] =
            b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the \
                            future, sunscreen would be it.";
        let key: [u8; KEY_LENGTH] = std::array::from_fn(|at| 0x80 + at as u8);
        let nonce: [u8; NONCE] = std::array::from_fn(|at| 0x40 + at as u8);
        let associated = hex("50515253c0c1c2c3c4c5c6c7");
        let aead = Aead::new([Ok(key)], "no keys").unwrap();
        let sealed = aead.seal_with(&[&text[..10], &text[10..]], &[&associated], nonce).unwrap();
        assert_eq!(sealed[..NONCE], nonce);
        assert_eq!(
            sealed[NONCE..],
            hex("bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb\
                 731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452\
                 2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9\
                 21f9664c97637da9768812f615c68b13b52e\
                 c0875924c1c7987947deafd8780acf49")
        );
    }

    #[test]
    fn what_any_key_sealed_is_opened_and_the_newest_is_told_from_the_others() {
        for (writer, reader, opened) in [
            (&[1][..], &[1][..], Some(true)),
            (&[1], &[2, 1], Some(false)),
            (&[2, 1], &[2], Some(true)),
            (&[2, 1], &[1], None),
        ] {
            let mut sealed = aead(writer).seal(&[b"pay", b"load"], &[b"of ", b"one"], "test").unwrap();
            let found = aead(reader).open(&mut sealed, &[b"of one"]).map(|(plain, newest)| {
                assert_eq!(plain, b"payload");
                newest
            });
            assert_eq!(found, opened);
        }
    }

    #[test]
    fn what_is_changed_cut_or_of_something_else_is_left_alone() {
        let aead = aead(&[1]);
        let sealed = aead.seal(&[b"payload"], &[b"one"], "test").unwrap();
        let mut other = sealed.clone();
        assert_eq!(aead.open(&mut other, &[b"other"]), None);
        assert_eq!(other, sealed);
        for at in 0..sealed.len() {
            assert_eq!(aead.open(&mut sealed[..at].to_vec(), &[b"one"]), None);
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(aead.open(&mut changed, &[b"one"]), None);
        }
    }

    #[test]
    fn no_key_is_invalid_and_debug_shows_none() {
        let error = Aead::new([], "no keys").unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Invalid, "no keys"));
        assert_eq!(format!("{:?}", aead(&[77])), "Aead { .. }");
    }
}
