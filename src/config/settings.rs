//! The checked meaning of a set of options.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use super::{Concurrency, CookieExpires, KeyOptions, Keys, OldId, PicklePolicy, SerializerName, SessionKind};
use crate::codec::{RecordFormat, Records, Sealer};
use crate::cookie::{Attributes, CookieSealer, Format, FormatOne, IdKeyring, Signer};
use crate::crypto::Keyring;
use crate::error::{Error, Result};
use crate::session::Limits;
use crate::store::{Durability, IdStorage, Timestamp};

/// Seconds that a store keeps a record beyond the idle timeout, so that it does not vanish between a load that finds it
/// alive and the save.
pub const STORE_GRACE_SECONDS: u32 = 120;

/// The year 2100. Expiry dates that count from now must exist until then.
const DISTANT_NOW: Timestamp = 4_102_444_800.0;

/// The keys of a session that its cookie keeps.
#[derive(Clone, Debug)]
pub struct CookieKeys {
    /// Signs the text of format 1.
    pub signers: Keyring<Signer>,
    /// Seals the payload of format 2.
    pub sealer: CookieSealer,
}

/// The checked meaning of all options of a session.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether the defaults are those of `profile = hardened`.
    pub is_hardened: bool,
    /// The kind of the sessions.
    pub kind: SessionKind,
    /// The cookie's name.
    pub key: String,
    /// Earlier names of the cookie, which are still read.
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
    /// Whether the browser keeps one cookie for each site that embeds this one.
    pub partitioned: bool,
    /// The time at which the browser forgets the cookie.
    pub cookie_expires: CookieExpires,
    /// Whether each request that uses the session renews an expiry that counts from now.
    pub rolling: bool,
    /// The idle timeout, the absolute timeout and the epoch.
    pub limits: Limits,
    /// The time between two sweeps of a store whose records do not expire by themselves, if it is swept.
    pub sweep_interval: Option<Duration>,
    /// The most sessions that memory keeps.
    pub max_sessions: Option<NonZeroUsize>,
    /// The key of new sessions in a store: the id or its hash.
    pub id_storage: IdStorage,
    /// The failures that a save survives.
    pub durability: Durability,
    /// The fate of a session that several requests change at once.
    pub concurrency: Concurrency,
    /// The fate of the old id after a rotation.
    pub old_id: OldId,
    /// The longest wait for a session that another request has locked or is writing.
    pub lock_timeout: Duration,
    /// Whether a request that only reads renews the session.
    pub save_accessed_time: bool,
    /// Whether cookies are read and set.
    pub use_cookies: bool,
    /// Whether a corrupt session becomes a new one, with a warning.
    pub invalidate_corrupt: bool,
    /// Whether every session that was used is saved.
    pub auto: bool,
    /// Whether a response that used its session says `Vary: Cookie`.
    pub vary: bool,
    /// Whether a response that sets the cookie is kept out of every cache.
    pub no_store: bool,
    /// The serializer that is read beside the one that writes.
    pub read_also: Option<SerializerName>,
    /// The pickles that are read.
    pub pickle: PicklePolicy,
    /// The application's classes on the allow-list, as `module.Class`.
    pub pickle_allow: Vec<String>,
    /// The format of new cookies. Both formats are read.
    pub format: Format,
    /// The end of cookies of format 1, where format 2 is written.
    pub format_one: FormatOne,
    /// The format of new records. Both formats are read, and a record of format 2 keeps it.
    pub record_format: RecordFormat,
    /// Writes and reads records of format 2.
    pub records: Records,
    /// Signs the id in the cookie, if there is a secret.
    pub signer: Option<Arc<IdKeyring>>,
    /// Encrypts the text of a session, if there is a key for it.
    pub sealer: Option<Arc<Sealer>>,
    /// Signs and encrypts a cookie that keeps the session.
    pub cookie: Option<Arc<CookieKeys>>,
    /// All keys.
    pub keys: Arc<KeyOptions>,
    /// The options whose keys are too short, with the length of the shortest in bytes.
    pub weak: Vec<(&'static str, usize)>,
}

impl Settings {
    /// The time that a store must keep a record that is written now. `own` is the session's own idle timeout.
    pub fn store_ttl(&self, own: Option<i64>) -> Option<Duration> {
        let limits = self.limits.with_idle(own);
        let seconds = limits.idle? + limits.slack() + f64::from(STORE_GRACE_SECONDS);
        Duration::try_from_secs_f64(seconds).ok()
    }

    /// Checks that there is a key if the cookie keeps the session. A class of the program's may do without.
    ///
    /// # Errors
    /// `Invalid` if there is none.
    pub fn need_cookie_keys(&self) -> Result<()> {
        if self.kind == SessionKind::Cookie && self.cookie.is_none() {
            return Err(Error::invalid("No validate_key specified for Cookie only Session."));
        }
        Ok(())
    }

    /// The keys that sign cookies: `secret`, or `validate_key` where the cookie keeps the session.
    pub fn signing_keys(&self) -> &Keys {
        match self.kind {
            SessionKind::Store => &self.keys.secret,
            SessionKind::Cookie => &self.keys.validate,
        }
    }

    /// Whether the response renews the expiry of a cookie that the request brought.
    pub fn rolls(&self) -> bool {
        self.rolling && matches!(self.cookie_expires, CookieExpires::After(_))
    }

    /// Whether a cookie's value has a format that is accepted at `now`.
    #[must_use]
    pub fn reads_format_of(&self, value: &str, now: Timestamp) -> bool {
        self.format == Format::One || CookieSealer::is_sealed(value) || self.format_one.is_accepted(now)
    }

    /// The names under which the cookie is read, the one that is written first.
    pub fn names(&self) -> impl Iterator<Item = &str> + Clone {
        std::iter::once(self.key.as_str()).chain(self.older_names.iter().map(String::as_str))
    }

    /// The attributes of the cookie, with the domain, path and expiry of one session.
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

    /// Checks the options against each other.
    ///
    /// # Errors
    /// `Invalid` if options contradict each other, or if a cookie cannot carry one; the error names them.
    pub fn validate(&self) -> Result<()> {
        if self.limits.idle.is_some_and(|timeout| timeout != 0.0) && !self.save_accessed_time {
            return Err(Error::invalid("timeout requires save_accessed_time"));
        }
        if self.limits.idle.is_some_and(|timeout| timeout > 0.0 && timeout <= self.limits.touch_interval) {
            return Err(Error::invalid("touch_interval must be less than timeout"));
        }
        if self.concurrency == Concurrency::Lock && self.kind == SessionKind::Cookie {
            return Err(Error::invalid(
                "concurrency = lock needs a session in a store: a cookie cannot be locked",
            ));
        }
        if self.old_id.grace().is_some() && self.kind == SessionKind::Cookie {
            return Err(Error::invalid(
                "destroy_old = grace needs a session in a store: no request brings the id of a session in a cookie",
            ));
        }
        if !self.pickle_allow.is_empty() && self.pickle != PicklePolicy::Allowlist {
            return Err(Error::invalid("pickle_allow needs pickle = allowlist"));
        }
        if let Some(name) = self.pickle_allow.iter().find(|name| !is_dotted_name(name)) {
            return Err(Error::invalid("pickle_allow must name classes as module.Class")
                .with_detail(format!("got {name:?}")));
        }
        if self.limits.epoch.is_some() && self.kind == SessionKind::Store {
            return Err(Error::invalid("session_epoch needs type = cookie: a store can be emptied instead"));
        }
        if self.format == Format::Two
            && self.use_cookies
            && self.kind == SessionKind::Store
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

    /// Warnings for the programmer. No key is in them.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.use_cookies {
            let names = self.names().filter(|name| name.contains(':'));
            warnings.extend(names.map(|name| {
                format!(
                    "the cookie's name {name:?} has a colon, which RFC 6265 forbids and some proxies drop. Give a \
                     new name as 'key' and this one as 'key_fallbacks', and nobody is logged out"
                )
            }));
            if !self.path.starts_with('/') {
                warnings.push(format!(
                    "cookie_path {:?} does not begin with '/': browsers use the folder of the page instead",
                    self.path
                ));
            }
        }
        warnings.extend(self.keys.texts_of_bytes(self.kind).map(|name| {
            format!(
                "{name} is Python's text of bytes, with the b and the quotes, as Beaker uses it. Once no process of \
                 Beaker reads these sessions, give a new key of plain text (`python -m beaker key`) as {name}, and \
                 these bytes as {name}_fallbacks until all visitors have come back. Nobody is logged out"
            )
        }));
        if self.format_one.is_far_ahead() {
            warnings.push(String::from(
                "accept_format_1_until is more than a year ahead: until then another cookie that the same key signed, \
                 or one planted under an older name, is accepted as this one",
            ));
        }
        if self.limits.idle == Some(0.0) {
            warnings.push(String::from(
                "timeout = 0 ends every session at its next request; for no timeout leave it out or give None",
            ));
        }
        warnings
    }
}

/// Whether `name` has the form `module.name`.
fn is_dotted_name(name: &str) -> bool {
    let is_identifier = |part: &str| {
        let mut characters = part.chars();
        characters.next().is_some_and(|first| first == '_' || first.is_alphabetic())
            && characters.all(|character| character == '_' || character.is_alphanumeric())
    };
    name.contains('.') && name.split('.').all(is_identifier)
}
