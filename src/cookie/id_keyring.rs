//! Signs and verifies the value of the cookie that carries a session's id.

use std::fmt;

use super::format::{Format, PREFIX};
use super::signed::Signer;
use super::stamped::Stamper;
use crate::crypto::Keyring;
use crate::error::Result;

const NO_SECRET: &str = "signed cookies need a secret";
const NO_NAME: &str = "a cookie needs a name";

/// An id whose signature is right.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Accepted<'v> {
    /// The id.
    pub value: &'v str,
    /// When it was signed, in seconds since the epoch, where the format says so.
    pub signed_at: Option<u64>,
    /// Whether it is as it would be written today: under the newest secret, in the format that is written, and
    /// in the cookie that is written.
    pub is_current: bool,
}

impl fmt::Debug for Accepted<'_> {
    /// Whoever knows the id has the session.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accepted")
            .field("signed_at", &self.signed_at)
            .field("is_current", &self.is_current)
            .finish_non_exhaustive()
    }
}

/// Signs ids with the newest of several secrets, and verifies those that any of them signed.
#[derive(Clone)]
pub struct IdKeyring {
    signers: Keyring<Signer>,
    names: Keyring<Name>,
    writes: Format,
}

/// What verifies format 2 in the cookie of one name.
#[derive(Clone)]
struct Name {
    name: Box<str>,
    stampers: Keyring<Stamper>,
}

impl IdKeyring {
    /// Makes a keyring of `secrets`, the newest first, for the cookies of `names`. The first name is written, the others
    /// are only read.
    ///
    /// # Errors
    /// `Invalid` if there is no secret or no name, if a secret is empty, or if a name holds a NUL.
    pub fn new(secrets: &[impl AsRef<[u8]>], names: &[impl AsRef<str>], writes: Format) -> Result<Self> {
        let signers = Keyring::signers(secrets)?;
        let names = names.iter().map(AsRef::as_ref).map(|name| {
            let stampers = secrets.iter().map(|secret| Stamper::new(secret.as_ref(), name));
            Ok(Name { name: name.into(), stampers: Keyring::new(stampers, NO_SECRET)? })
        });
        Ok(Self { signers, names: Keyring::new(names, NO_NAME)?, writes })
    }

    /// The value of the cookie for `id`, signed `now` seconds after the epoch. Format 2 keeps the whole seconds
    /// of it, and 0 for what is before the epoch or no number.
    #[must_use]
    pub fn sign(&self, id: &str, now: f64) -> String {
        match self.writes {
            Format::One => self.signers.newest().sign(id),
            // The conversion saturates.
            Format::Two => self.names.newest().stampers.newest().sign(id, now as u64),
        }
    }

    /// The id in `value`, which stood in the cookie `name`, if one of the secrets signed it for that cookie.
    ///
    /// Format 1 does not say for which cookie it was signed, and is accepted in each. What begins as format 2
    /// does is never tried as format 1, nor the reverse.
    #[must_use]
    pub fn verify<'v>(&self, name: &str, value: &'v str) -> Option<Accepted<'v>> {
        let (known, is_written_name) =
            self.names.find_map(|known| (*known.name == *name).then_some(known))?;
        let (value, signed_at, is_newest, format) = if value.starts_with(PREFIX) {
            let (stamped, is_newest) = known.stampers.find_map(|stamper| stamper.verify(value))?;
            (stamped.value, Some(stamped.at), is_newest, Format::Two)
        } else {
            let (value, is_newest) = self.signers.verify(value)?;
            (value, None, is_newest, Format::One)
        };
        let is_current = is_newest && is_written_name && format == self.writes;
        Some(Accepted { value, signed_at, is_current })
    }
}

impl fmt::Debug for IdKeyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdKeyring").field("writes", &self.writes).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "id_keyring_tests.rs"]
mod tests;
