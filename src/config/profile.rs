//! The option `profile`: what the other options are where they are not given.

use crate::error::{Error, Result};

/// Twelve hours, after which a person has to prove again who they are (NIST SP 800-63B, revision 3, section
/// 4.2.3).
const HARDENED_ABSOLUTE_TIMEOUT: f64 = 12.0 * 60.0 * 60.0;

/// Whom the defaults are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Applications that were written for Beaker: its defaults.
    Compatible,
    /// New applications, and those that have moved: what is safest.
    Hardened,
}

impl Profile {
    /// Reads the option.
    ///
    /// # Errors
    /// `Invalid` for a word that is neither of the two.
    pub fn parse(text: &str) -> Result<Self> {
        match text.trim().to_ascii_lowercase().as_str() {
            "compatible" => Ok(Self::Compatible),
            "hardened" => Ok(Self::Hardened),
            _ => Err(Error::invalid("the option 'profile' is one of compatible, hardened")),
        }
    }

    /// Whether it is the hardened one: what `secure`, `httponly`, `no_store` and so on are by default.
    #[must_use]
    pub fn is_hardened(self) -> bool {
        self == Self::Hardened
    }

    /// The seconds after which a session is over however much it is used, by default.
    #[must_use]
    pub fn absolute_timeout(self) -> Option<f64> {
        self.is_hardened().then_some(HARDENED_ABSOLUTE_TIMEOUT)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn a_profile_is_named_in_any_case() {
        assert_eq!(Profile::parse(" Hardened ").unwrap(), Profile::Hardened);
        assert_eq!(Profile::parse("compatible").unwrap(), Profile::Compatible);
        assert!(Profile::parse("paranoid").is_err());
    }
}
