//! Signed cookie values, format 2: `v2.`, the signature, `.`, when it was made, `.`, the value.
//!
//! The signature is 43 characters of base64url: HMAC-SHA-256 (RFC 2104) over the time, the full stop and the
//! value. The time is in whole seconds since the epoch, in decimal digits. The key belongs to the cookie's name
//! and to this use ([`derive`](crate::crypto::derive())).

use std::fmt;

use base64::Engine as _;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::format::{BASE64, PREFIX};
use crate::crypto::{Purpose, derive, opaque_debug};
use crate::error::{Error, Result};

/// The bytes of an HMAC-SHA-256.
const MAC_LENGTH: usize = 32;
/// The characters of a signature.
const SIGNATURE_LENGTH: usize = 43;
/// The most digits that a time has.
const MAX_DIGITS: usize = 20;

/// A value whose signature is right.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Stamped<'v> {
    /// The value.
    pub value: &'v str,
    /// When it was signed, in seconds since the epoch.
    pub at: u64,
}

impl fmt::Debug for Stamped<'_> {
    /// The value is a session's id as a rule, and whoever knows that has the session.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stamped").field("at", &self.at).finish_non_exhaustive()
    }
}

/// Signs and verifies the values of one cookie with one secret.
#[derive(Clone)]
pub struct Stamper {
    keyed: Hmac<Sha256>,
}

impl Stamper {
    /// A stamper for `secret`, any number of bytes, and the cookie `name`.
    ///
    /// # Errors
    /// `Invalid` if the secret is empty or the name holds a NUL.
    pub fn new(secret: &[u8], name: &str) -> Result<Self> {
        let key = derive(secret, None, Purpose::Sign, name)?;
        Hmac::new_from_slice(&key)
            .map(|keyed| Self { keyed })
            .map_err(|error| Error::invalid("the secret cannot be used to sign cookies").with_source(error))
    }

    /// The signed `value`, which says that it was signed `at` seconds after the epoch.
    #[must_use]
    pub fn sign(&self, value: &str, at: u64) -> String {
        let time = at.to_string();
        let mac = self.keyed.clone().chain_update(&time).chain_update(".").chain_update(value).finalize();
        let mut signed =
            String::with_capacity(PREFIX.len() + SIGNATURE_LENGTH + 2 + time.len() + value.len());
        signed.push_str(PREFIX);
        BASE64.encode_string(mac.into_bytes(), &mut signed);
        signed.push('.');
        signed.push_str(&time);
        signed.push('.');
        signed.push_str(value);
        signed
    }

    /// The value in `text` and its time, if `text` is exactly what [`sign`](Self::sign) makes of them.
    ///
    /// How long it takes to refuse a forged one does not depend on how much of its signature is right.
    #[must_use]
    pub fn verify<'v>(&self, text: &'v str) -> Option<Stamped<'v>> {
        let (signature, rest) = text.strip_prefix(PREFIX)?.split_at_checked(SIGNATURE_LENGTH)?;
        let message = rest.strip_prefix('.')?;
        let (time, value) = message.split_once('.')?;
        let at = canonical_decimal(time)?;
        // What is decoded is the signature that was sent. The right one is never encoded here, since that looks
        // its bits up in a table, and how long that takes might tell them.
        let mut mac = [0; MAC_LENGTH];
        let length = BASE64.decode_slice(signature, &mut mac).ok()?;
        self.keyed.clone().chain_update(message).verify_slice(mac.get(..length)?).ok()?;
        Some(Stamped { value, at })
    }
}

opaque_debug!(Stamper);

/// The number that `text` spells, if it is spelt as numbers are printed.
fn canonical_decimal(text: &str) -> Option<u64> {
    let leads_with_zero = text.len() > 1 && text.starts_with('0');
    if text.len() > MAX_DIGITS || leads_with_zero || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
#[path = "stamped_tests.rs"]
mod tests;
