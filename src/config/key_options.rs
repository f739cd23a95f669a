//! All the keys that a set of options gives.

use std::sync::Arc;

use super::keys::Keys;
use super::lookup::known;
use super::{OptionSpec, SessionKind, Values};
use crate::codec::KeyPair;
use crate::cookie::{SealingKeys, Switch};
use crate::error::Result;
use crate::store::Timestamp;

/// The keys that the options give, by purpose.
#[derive(Debug)]
pub struct KeyOptions {
    pub(super) secret: Keys,
    pub(super) encrypt: Keys,
    pub(super) validate: Keys,
    /// When they were gathered, or earlier.
    pub(super) switch: Arc<Switch>,
}

impl KeyOptions {
    /// Gathers them at `now`, out of files too.
    ///
    /// # Errors
    /// `Invalid`, see [`Keys::gather`].
    pub fn of(values: &Values, now: Timestamp) -> Result<Self> {
        let gather = |key: &OptionSpec, file, fallbacks| {
            Keys::gather(key.name, values.get(key), values.text(file), values.get(fallbacks))
        };
        let secret = gather(known!("secret"), known!("secret_file"), known!("secret_fallbacks"));
        let encrypt =
            gather(known!("encrypt_key"), known!("encrypt_key_file"), known!("encrypt_key_fallbacks"))?;
        let mut validate =
            gather(known!("validate_key"), known!("validate_key_file"), known!("validate_key_fallbacks"))?;
        if !encrypt.is_empty() {
            validate = validate.for_encryption();
        }
        Ok(Self { secret: secret?, encrypt, validate, switch: Arc::new(Switch::new(now)) })
    }

    /// Every encryption key with every validation key, the newest of both first.
    pub(super) fn pairs(&self) -> Vec<KeyPair<'_>> {
        let pair =
            |encrypt_key| self.validate.iter().map(move |validate_key| KeyPair { encrypt_key, validate_key });
        self.encrypt.iter().flat_map(pair).collect()
    }

    /// The same for cookies that keep sessions, which are sealed even without an encryption key.
    pub(super) fn sealing_keys(&self) -> Vec<SealingKeys<'_>> {
        if self.encrypt.is_empty() {
            let alone = |validate_key| SealingKeys { encrypt_key: None, validate_key };
            return self.validate.iter().map(alone).collect();
        }
        let pairs = self.pairs().into_iter();
        pairs
            .map(|KeyPair { encrypt_key, validate_key }| SealingKeys {
                encrypt_key: Some(encrypt_key),
                validate_key,
            })
            .collect()
    }

    /// The options with a key that is used and too short, with the length of the shortest.
    pub(super) fn weak(&self, kind: SessionKind) -> Vec<(&'static str, usize)> {
        self.used(kind).filter_map(|(name, keys)| Some((name, keys.weakness()?))).collect()
    }

    /// The options whose newest key is Python's text of bytes.
    pub(super) fn texts_of_bytes(&self, kind: SessionKind) -> impl Iterator<Item = &'static str> {
        self.used(kind).filter_map(|(name, keys)| keys.is_text_of_bytes().then_some(name))
    }

    fn used(&self, kind: SessionKind) -> impl Iterator<Item = (&'static str, &Keys)> {
        let validates = kind == SessionKind::Cookie || !self.encrypt.is_empty();
        let keys = [
            ("secret", &self.secret, kind == SessionKind::Store),
            ("validate_key", &self.validate, validates),
            ("encrypt_key", &self.encrypt, true),
        ];
        keys.into_iter().filter_map(|(name, keys, is_used)| is_used.then_some((name, keys)))
    }
}
