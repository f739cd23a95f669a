//! Keys that are derived by HKDF-SHA-256 (RFC 5869), one for each purpose and cookie name.
//!
//! What was made for one purpose or under one name is thereby worthless for any other, even where an application
//! sets the same secret twice.

use hkdf::Hkdf;
use sha2::Sha256;

use crate::error::{Error, Result};

/// The bytes of a derived key.
pub const KEY_LENGTH: usize = 32;

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Signing the id of a session in its cookie.
    Sign,
    /// Encrypting a whole session in its cookie.
    Seal,
    /// Encrypting the record of a session in a store.
    Record,
    /// Encrypting what leads from the id that a session had before to its new one.
    Pointer,
}

impl Purpose {
    /// The word in what is derived and authenticated.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Sign => "sign",
            Self::Seal => "seal",
            Self::Record => "record",
            Self::Pointer => "pointer",
        }
    }
}

/// The key that `secret`, and `salt` if there is one, give for `purpose` and the cookie `name`, which is empty where
/// no cookie is meant.
///
/// # Errors
/// `Invalid` if `secret` is empty, since anybody could derive that key, or if `name` holds a NUL, which ends
/// the purpose.
pub fn derive(secret: &[u8], salt: Option<&[u8]>, purpose: Purpose, name: &str) -> Result<[u8; KEY_LENGTH]> {
    if secret.is_empty() {
        return Err(Error::invalid("a secret that protects sessions must not be empty"));
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

    use super::*;
    use crate::error::ErrorKind;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn the_sha_256_vectors_of_rfc_5869_hold() {
        let range = |first: u8, last: u8| (first..=last).collect::<Vec<_>>();
        for (secret, salt, info, key) in [
            (
                vec![0x0b; 22],
                Some(range(0x00, 0x0c)),
                range(0xf0, 0xf9),
                "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
            ),
            (
                range(0x00, 0x4f),
                Some(range(0x60, 0xaf)),
                range(0xb0, 0xff),
                "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c6\
                 5e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87",
            ),
            (
                vec![0x0b; 22],
                None,
                vec![],
                "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
            ),
        ] {
            let mut okm = vec![0; key.len() / 2];
            Hkdf::<Sha256>::new(salt.as_deref(), &secret).expand(&info, &mut okm).unwrap();
            assert_eq!(hex(&okm), key);
        }
    }

    #[test]
    fn each_purpose_name_secret_and_salt_gives_another_key() {
        let keys = [
            derive(b"secret", None, Purpose::Sign, "name"),
            derive(b"secret", None, Purpose::Seal, "name"),
            derive(b"secret", None, Purpose::Record, "name"),
            derive(b"secret", None, Purpose::Record, ""),
            derive(b"secret", None, Purpose::Pointer, ""),
            derive(b"secret", None, Purpose::Sign, "name2"),
            derive(b"Secret", None, Purpose::Sign, "name"),
            derive(b"secret", Some(b"salt"), Purpose::Seal, "name"),
            derive(b"salt", Some(b"secret"), Purpose::Seal, "name"),
        ]
        .map(Result::unwrap);
        for (at, key) in keys.iter().enumerate() {
            assert!(!keys[..at].contains(key), "{at}");
        }
    }

    #[test]
    fn an_empty_secret_and_a_name_with_a_nul_are_invalid() {
        for (secret, name) in [(&b""[..], "name"), (b"secret", "na\0me")] {
            let error = derive(secret, None, Purpose::Sign, name).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid);
        }
    }
}
