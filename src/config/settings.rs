//! The checked meaning of a set of options.

use std::sync::Arc;
use std::time::Duration;

use super::CookieExpires;
use crate::codec::Sealer;
use crate::cookie::{Attributes, Signer};
use crate::error::{Error, Result};

/// How much longer a store keeps a session than its idle timeout, so that a record does not vanish between
/// being found alive and being written back.
pub const STORE_GRACE_SECONDS: i64 = 120;

/// Which pickles are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PicklePolicy {
    /// All, as Beaker does. Whoever can write to the store can run code in the application.
    Any,
    /// Those made of the standard library's value types.
    Allowlist,
    /// None.
    Deny,
}

impl PicklePolicy {
    /// Reads the option `pickle`.
    ///
    /// # Errors
    /// `Invalid` for a word that is none of the three.
    pub fn parse(text: &str) -> Result<Self> {
        match text.trim().to_ascii_lowercase().as_str() {
            "any" => Ok(Self::Any),
            "allowlist" => Ok(Self::Allowlist),
            "deny" => Ok(Self::Deny),
            _ => Err(Error::invalid("the option 'pickle' is one of any, allowlist, deny")),
        }
    }
}

/// Everything about a session that its options decide, checked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The cookie's name.
    pub key: String,
    /// The cookie's `Domain`, if it has one.
    pub domain: Option<String>,
    /// The cookie's `Path`.
    pub path: String,
    /// The cookie's `SameSite`, as the option spells it.
    pub same_site: Option<String>,
    /// Whether the cookie is `Secure`.
    pub secure: bool,
    /// Whether the cookie is `HttpOnly`.
    pub http_only: bool,
    /// When the browser forgets the cookie.
    pub cookie_expires: CookieExpires,
    /// Seconds without a request after which a session is over.
    pub timeout: Option<i64>,
    /// Whether a request that only reads renews the session.
    pub save_accessed_time: bool,
    /// Whether the session is found by, and announced in, a cookie.
    pub use_cookies: bool,
    /// Whether a session that cannot be decoded is replaced by a new one, with a warning.
    pub invalidate_corrupt: bool,
    /// Whether every session that was used is saved.
    pub auto: bool,
    /// Whether a response that used its session says `Vary: Cookie`.
    pub vary: bool,
    /// Which pickles are read.
    pub pickle: PicklePolicy,
    /// Signs the id in the cookie, if there is a secret.
    pub signer: Option<Arc<Signer>>,
    /// Encrypts what is stored, if there is a key for it.
    pub sealer: Option<Arc<Sealer>>,
}

impl Settings {
    /// How long a store has to keep a record that is written now.
    #[must_use]
    pub fn store_ttl(&self) -> Option<Duration> {
        let seconds = self.timeout?.saturating_add(STORE_GRACE_SECONDS);
        u64::try_from(seconds).ok().map(Duration::from_secs)
    }

    /// The attributes of the cookie, for a session whose domain, path and expiry may be its own.
    #[must_use]
    pub fn attributes<'a>(
        &'a self,
        domain: Option<&'a str>,
        path: &'a str,
        expires: Option<&'a str>,
    ) -> Attributes<'a> {
        Attributes {
            domain,
            expires,
            http_only: self.http_only,
            path,
            same_site: self.same_site.as_deref(),
            secure: self.secure,
        }
    }

    /// Checks what only the options together can show to be wrong.
    ///
    /// # Errors
    /// `Invalid`, naming the options that contradict each other or the one that no cookie can carry.
    pub fn validate(&self) -> Result<()> {
        if self.timeout.is_some_and(|timeout| timeout != 0) && !self.save_accessed_time {
            return Err(Error::invalid("timeout requires save_accessed_time"));
        }
        if self.timeout.is_some_and(|timeout| timeout < 0) {
            return Err(Error::invalid("timeout is a number of seconds and cannot be negative"));
        }
        self.cookie_expires.attribute(0.0)?;
        if self.use_cookies {
            crate::cookie::validate(&self.key, &self.attributes(self.domain.as_deref(), &self.path, None))?;
        }
        Ok(())
    }
}
