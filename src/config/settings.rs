//! The checked meaning of a set of options.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use super::{Concurrency, CookieExpires, KeyOptions, Keys, OldId, PicklePolicy, SerializerName};
use crate::codec::{RecordFormat, Records, Sealer};
use crate::cookie::{Attributes, CookieSealer, Format, FormatOne, IdRing, Signer};
use crate::error::{Error, Result};
use crate::ring::Ring;
use crate::session::Limits;
use crate::store::{Durability, KeptUnder, Timestamp};

/// How much longer a store keeps a session than its idle timeout, so that a record does not vanish between
/// being found alive and being written back.
pub const STORE_GRACE_SECONDS: u32 = 120;

/// The year 2100: for as long as this runs, expiry dates that count from now have to exist.
const DISTANT_NOW: Timestamp = 4_102_444_800.0;

/// Where a session's data is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// In a store; the cookie has the id.
    Store,
    /// In the cookie.
    Cookie,
}

/// What protects a session that its cookie keeps.
#[derive(Clone, Debug)]
pub struct CookieKeys {
    /// Signs the text of format 1.
    pub signers: Ring<Signer>,
    /// Seals the payload of format 2.
    pub sealer: CookieSealer,
}

/// Everything about a session that its options decide, checked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether the defaults are those of `profile = hardened`.
    pub is_hardened: bool,
    /// Where the data is.
    pub keeping: Keeping,
    /// The cookie's name.
    pub key: String,
    /// Names that the cookie had before, which are still read.
    pub older_names: Vec<String>,
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
    /// Whether the browser keeps the cookie apart for each site that embeds this one.
    pub partitioned: bool,
    /// When the browser forgets the cookie.
    pub cookie_expires: CookieExpires,
    /// Whether a cookie that is forgotten some time from now is sent with every request that uses the session, so
    /// that this time begins anew.
    pub rolling: bool,
    /// When a session is over.
    pub limits: Limits,
    /// How often a store is swept whose records do not go by themselves; if not at all, nothing.
    pub sweep_interval: Option<Duration>,
    /// How many sessions memory keeps at the most.
    pub max_sessions: Option<NonZeroUsize>,
    /// What a store keeps new sessions under.
    pub kept_under: KeptUnder,
    /// What a save to a file survives.
    pub durability: Durability,
    /// What becomes of a session that several requests change at once.
    pub concurrency: Concurrency,
    /// What becomes of the id that a session had before it was given a new one.
    pub old_id: OldId,
    /// How long a session that somebody else holds is waited for.
    pub lock_timeout: Duration,
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
    /// Whether a response that sets the cookie is kept out of every cache.
    pub no_store: bool,
    /// What is read besides what the sessions are written in.
    pub read_also: Option<SerializerName>,
    /// Which pickles are read.
    pub pickle: PicklePolicy,
    /// Classes of the application that an allow-list has beside the standard library's, as `module.Class`.
    pub pickle_allow: Vec<String>,
    /// In which format cookies are written. Both are read.
    pub format: Format,
    /// For how long format 1 is read where format 2 is written.
    pub format_one: FormatOne,
    /// In which format records are written that have no newer one. Both are read.
    pub record_format: RecordFormat,
    /// Writes and reads records of format 2.
    pub records: Records,
    /// Signs the id in the cookie, if there is a secret.
    pub signer: Option<Arc<IdRing>>,
    /// Encrypts the text of a session, if there is a key for it.
    pub sealer: Option<Arc<Sealer>>,
    /// Protects the cookie that has the session itself.
    pub cookie: Option<Arc<CookieKeys>>,
    /// All keys.
    pub keys: Arc<KeyOptions>,
    /// The options whose keys are too short, with the length of the shortest in bytes.
    pub weak: Vec<(&'static str, usize)>,
}

impl Settings {
    /// How long a store has to keep a record that is written now, of a session whose idle timeout may be its own.
    #[must_use]
    pub fn store_ttl(&self, own: Option<i64>) -> Option<Duration> {
        let seconds = self.limits.with_idle(own).idle? + f64::from(STORE_GRACE_SECONDS);
        Duration::try_from_secs_f64(seconds).ok()
    }

    /// The keys that sign cookies: those of `secret`, or where the cookie keeps the session, of `validate_key`.
    #[must_use]
    pub fn signing_keys(&self) -> &Keys {
        match self.keeping {
            Keeping::Store => &self.keys.secret,
            Keeping::Cookie => &self.keys.validate,
        }
    }

    /// Whether a cookie that came is sent again for its expiry's sake.
    #[must_use]
    pub fn rolls(&self) -> bool {
        self.rolling && matches!(self.cookie_expires, CookieExpires::After(_))
    }

    /// Whether the value of a cookie is read at `now`, by its format.
    #[must_use]
    pub fn reads_format_of(&self, value: &str, now: Timestamp) -> bool {
        self.format == Format::One || CookieSealer::is_sealed(value) || self.format_one.is_accepted(now)
    }

    /// The names under which the cookie is looked for, the one that it has now first.
    pub fn names(&self) -> impl Iterator<Item = &str> + Clone {
        std::iter::once(self.key.as_str()).chain(self.older_names.iter().map(String::as_str))
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
            partitioned: self.partitioned,
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
        if self.limits.idle.is_some_and(|timeout| timeout != 0.0) && !self.save_accessed_time {
            return Err(Error::invalid("timeout requires save_accessed_time"));
        }
        if self.concurrency == Concurrency::Lock && self.keeping == Keeping::Cookie {
            return Err(Error::invalid(
                "concurrency = lock is for sessions in a store; a cookie cannot be locked",
            ));
        }
        if self.old_id.grace().is_some() && self.keeping == Keeping::Cookie {
            return Err(Error::invalid(
                "destroy_old = grace is for sessions in a store; nobody comes with the id of a session in a cookie",
            ));
        }
        if !self.pickle_allow.is_empty() && self.pickle != PicklePolicy::Allowlist {
            return Err(Error::invalid("pickle_allow needs pickle = allowlist"));
        }
        if let Some(name) = self.pickle_allow.iter().find(|name| !is_dotted_name(name)) {
            return Err(Error::invalid("pickle_allow names classes as module.Class")
                .with_detail(format!("got {name:?}")));
        }
        if self.limits.epoch.is_some() && self.keeping == Keeping::Store {
            return Err(Error::invalid(
                "session_epoch is for sessions that their cookie keeps; a store can be emptied",
            ));
        }
        if self.format == Format::Two
            && self.use_cookies
            && self.keeping == Keeping::Store
            && self.signer.is_none()
        {
            return Err(Error::invalid("cookie_format = 2 needs a secret"));
        }
        // A span that ends beyond the last date there is would be found by the first visitor.
        for now in [0.0, DISTANT_NOW] {
            self.cookie_expires.attribute(now)?;
        }
        if self.use_cookies {
            crate::cookie::validate(&self.key, &self.attributes(self.domain.as_deref(), &self.path, None))?;
            self.older_names.iter().try_for_each(|name| crate::cookie::validate_name(name))?;
        }
        Ok(())
    }
}

/// Whether `name` is that of something in a module.
fn is_dotted_name(name: &str) -> bool {
    let is_identifier = |part: &str| {
        let mut characters = part.chars();
        characters.next().is_some_and(|first| first == '_' || first.is_alphabetic())
            && characters.all(|character| character == '_' || character.is_alphanumeric())
    };
    name.contains('.') && name.split('.').all(is_identifier)
}
