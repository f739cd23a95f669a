//! The keys of format 2: HKDF-SHA-256 (RFC 5869), one for each purpose and cookie name.
//!
//! A value that was made for one purpose or under one name is thereby worthless for any other, even where an
//! application sets the same secret twice.

use hkdf::Hkdf;
use sha2::Sha256;

use crate::error::{Error, Result};

/// The bytes of a derived key.
pub(super) const KEY_LENGTH: usize = 32;

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Signing the id of a session.
    Sign,
    /// Encrypting a whole session.
    Seal,
}

impl Purpose {
    /// The word in what is derived and authenticated.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Sign => "sign",
            Self::Seal => "seal",
        }
    }
}

/// The key that `secret`, and `salt` if there is one, give for `purpose` and the cookie `name`.
///
/// # Errors
/// `Invalid` if `secret` is empty, since anybody could derive that key, or if `name` holds a NUL, which ends
/// the purpose.
pub(super) fn derive(
    secret: &[u8],
    salt: Option<&[u8]>,
    purpose: Purpose,
    name: &str,
) -> Result<[u8; KEY_LENGTH]> {
    if secret.is_empty() {
        return Err(Error::invalid("a secret that protects cookies must not be empty"));
    }
    if name.contains('\0') {
        return Err(Error::invalid("the name of a cookie holds a NUL"));
    }
    let info = ["beaker-rs v2 ", purpose.word(), "\0", name].map(str::as_bytes);
    let mut key = [0; KEY_LENGTH];
    Hkdf::<Sha256>::new(salt, secret)
        .expand_multi_info(&info, &mut key)
        .map_err(|_| Error::invalid("the secret cannot be used to derive a key"))?;
    Ok(key)
}
