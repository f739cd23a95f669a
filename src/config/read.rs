//! From the values of the options to what they mean together.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use super::read_also::{pickle_policy, read_also};
use super::{
    Concurrency, CookieExpires, CookieKeys, Keeping, KeyOptions, OldId, Profile, Settings, Value, Values,
};
use crate::codec::cipher::check_nonce_bits;
use crate::codec::{Cipher, Reading, RecordFormat, Records, Sealer};
use crate::cookie::{CookieSealer, End, Format, FormatOne, IdRing, SameSite};
use crate::error::{Error, Result};
use crate::ring::Ring;
use crate::session::Limits;
use crate::store::{Durability, KeptUnder, Timestamp};

/// The cookie's name where no option gives one.
const DEFAULT_KEY: &str = "beaker.session.id";
const DEFAULT_SWEEP_INTERVAL: Duration = Duration::from_secs(3600);
/// How long a session that somebody else holds is waited for where no option says it.
const LOCK_TIMEOUT: Duration = Duration::from_secs(30);
/// In seconds: how long format 1 is accepted after a hardened switch where sessions have no end.
const LONGEST_SWITCH: f64 = 30.0 * 86_400.0;
/// The random bits of an encryption nonce where no option gives a number.
const DEFAULT_NONCE_BITS: usize = 128;

/// What the error for a `crypto_type` that there is not says.
pub const UNKNOWN_CIPHER: &str = "crypto_type is one of default, cryptography, pycryptodome, pycrypto";

/// What the option `cookie_expires` means.
#[must_use]
pub fn cookie_expires(value: Option<&Value>) -> CookieExpires {
    match value {
        Some(Value::Bool(false)) => CookieExpires::Never,
        Some(Value::Span(seconds)) => CookieExpires::After(*seconds),
        Some(Value::Date(date)) => CookieExpires::At(*date),
        _ => CookieExpires::WithBrowser,
    }
}

impl Settings {
    /// What the options mean for sessions whose data is where `keeping` says. `known` are their keys where these have
    /// been gathered before, so that no file of keys is read twice; `now` is when they are gathered otherwise.
    ///
    /// # Errors
    /// `Invalid` for what an option, or several together, cannot mean.
    pub fn read(
        values: &Values,
        keeping: Keeping,
        known: Option<&Arc<KeyOptions>>,
        now: Timestamp,
    ) -> Result<Self> {
        let profile = values.text("profile").map(Profile::parse).transpose()?.unwrap_or(Profile::Compatible);
        let hardened = profile.is_hardened();
        let read_also = read_also(values)?;
        let pickle = pickle_policy(values, read_also, hardened)?;
        let secure = values.flag("secure", hardened);
        let use_cookies = keeping == Keeping::Cookie || values.flag("use_cookies", true);
        let keys = match known {
            Some(keys) => Arc::clone(keys),
            None => Arc::new(KeyOptions::of(values, now)?),
        };
        if keeping == Keeping::Cookie && keys.validate.is_empty() {
            return Err(Error::invalid("No validate_key specified for Cookie only Session."));
        }
        let mut settings = Self {
            keeping,
            key: values.text("key").unwrap_or(DEFAULT_KEY).to_owned(),
            older_names: older_names(values),
            domain: values.text("cookie_domain").map(str::to_owned),
            path: values.text("cookie_path").unwrap_or("/").to_owned(),
            same_site: same_site(values)?,
            secure,
            http_only: values.flag("httponly", hardened),
            partitioned: values.flag("partitioned", false),
            cookie_expires: cookie_expires(values.get("cookie_expires")),
            rolling: values.flag("rolling", false),
            limits: limits(values, profile),
            sweep_interval: sweep_interval(values)?,
            max_sessions: max_sessions(values)?,
            kept_under: if values.flag("hash_ids", hardened) { KeptUnder::Hash } else { KeptUnder::Id },
            durability: values.text("durability").map(Durability::parse).transpose()?.unwrap_or_default(),
            concurrency: values.text("concurrency").map_or(Ok(Concurrency::Merge), Concurrency::parse)?,
            old_id: OldId::read(values.get("destroy_old"))?,
            lock_timeout: values.seconds("lock_timeout").map_or(Ok(LOCK_TIMEOUT), duration)?,
            save_accessed_time: values.flag("save_accessed_time", true),
            use_cookies,
            invalidate_corrupt: values.flag("invalidate_corrupt", false),
            auto: values.flag("auto", false),
            vary: values.flag("vary", true),
            no_store: values.flag("no_store", hardened),
            read_also,
            pickle,
            pickle_allow: values.names("pickle_allow").unwrap_or_default(),
            format: format(values, profile)?,
            format_one: FormatOne::new(end_of_format_1(values, profile), Arc::clone(&keys.switch)),
            record_format: record_format(values, profile, keeping)?,
            records: Records::new(&keys.pairs())?,
            signer: None,
            sealer: sealer(values, &keys)?.map(Arc::new),
            cookie: None,
            weak: keys.weak(keeping),
            keys: Arc::clone(&keys),
        };
        if hardened && secure && use_cookies {
            settings.prefix_name(values.get("key_fallbacks").is_none());
        }
        settings.forget_repeated_names();
        settings.add_cookie_keys(&keys)?;
        if values.get("accept_format_1_until").is_some_and(|value| *value != Value::Null)
            && settings.format == Format::One
        {
            return Err(Error::invalid(
                "accept_format_1_until needs cookie_format = 2: what is written has to be accepted",
            ));
        }
        settings.validate()?;
        Ok(settings)
    }

    /// Gives the cookie the strictest of the names that browsers protect (RFC 6265bis, section 4.1.3); the one that
    /// it had is still read if `keeps_old`.
    fn prefix_name(&mut self, keeps_old: bool) {
        if self.key.starts_with("__") {
            return;
        }
        let host_only = self.domain.is_none() && self.path == "/";
        let prefixed = format!("{}{}", if host_only { "__Host-" } else { "__Secure-" }, self.key);
        let old = std::mem::replace(&mut self.key, prefixed);
        if keeps_old {
            self.older_names.push(old);
        }
    }

    /// Keeps of the older names those that are others than the cookie's own, each once: a cookie under an older
    /// name is taken out of the browser when the session's is sent, and that must never be the same one.
    fn forget_repeated_names(&mut self) {
        let mut seen = vec![self.key.clone()];
        self.older_names.retain(|name| {
            let is_other = !seen.contains(name);
            if is_other {
                seen.push(name.clone());
            }
            is_other
        });
    }

    fn add_cookie_keys(&mut self, keys: &KeyOptions) -> Result<()> {
        let names: Vec<String> = self.names().map(str::to_owned).collect();
        match self.keeping {
            Keeping::Store if keys.secret.is_empty() => {}
            Keeping::Store => {
                let secrets: Vec<_> = keys.secret.iter().collect();
                self.signer = Some(Arc::new(IdRing::new(&secrets, &names, self.format)?));
            }
            Keeping::Cookie => {
                let validate: Vec<_> = keys.validate.iter().collect();
                let signers = Ring::signers(&validate)?;
                let sealer = CookieSealer::new(&keys.sealing_keys(), &names)?;
                self.cookie = Some(Arc::new(CookieKeys { signers, sealer }));
            }
        }
        Ok(())
    }
}

fn duration(seconds: f64) -> Result<Duration> {
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| Error::invalid("a number of seconds is negative or more than there can be"))
}

fn limits(values: &Values, profile: Profile) -> Limits {
    Limits {
        idle: values.seconds("timeout"),
        absolute: match values.get("absolute_timeout") {
            None => profile.absolute_timeout(),
            // An ini file has no other word for none.
            Some(_) => values.seconds("absolute_timeout").filter(|seconds| *seconds != 0.0),
        },
        epoch: match values.get("session_epoch") {
            Some(Value::Moment(seconds)) => Some(*seconds),
            _ => None,
        },
    }
}

/// Where sessions have an end, a store is swept unless the option says that it is not.
fn sweep_interval(values: &Values) -> Result<Option<Duration>> {
    match (values.seconds("sweep_interval"), values.seconds("timeout")) {
        (None, None) => Ok(None),
        (None, Some(_)) => Ok(Some(DEFAULT_SWEEP_INTERVAL)),
        (Some(seconds), _) => Ok(Some(duration(seconds)?).filter(|interval| !interval.is_zero())),
    }
}

/// An ini file has no other word for none than 0.
fn max_sessions(values: &Values) -> Result<Option<NonZeroUsize>> {
    let most = values.number("max_sessions").unwrap_or(0);
    let most = usize::try_from(most).map_err(|_| Error::invalid("max_sessions is more than there can be"))?;
    Ok(NonZeroUsize::new(most))
}

/// Python's `None` is an attribute that is left out.
fn same_site(values: &Values) -> Result<Option<String>> {
    match values.get("samesite") {
        None => Ok(Some(String::from("Lax"))),
        Some(Value::Text(text)) => SameSite::parse(text).map(|_| Some(text.clone())),
        Some(_) => Ok(None),
    }
}

fn format(values: &Values, profile: Profile) -> Result<Format> {
    match values.number("cookie_format") {
        None if profile.is_hardened() => Ok(Format::Two),
        None | Some(1) => Ok(Format::One),
        Some(2) => Ok(Format::Two),
        Some(_) => Err(Error::invalid("cookie_format is 1 or 2")),
    }
}

/// Hardened, format 1 ends when no session from before the switch can be alive.
fn end_of_format_1(values: &Values, profile: Profile) -> End {
    match values.get("accept_format_1_until") {
        Some(Value::Moment(end)) => End::At(*end),
        None if profile.is_hardened()
            && format(values, profile).is_ok_and(|format| format == Format::Two) =>
        {
            End::AfterSwitch(limits(values, profile).absolute.unwrap_or(LONGEST_SWITCH))
        }
        _ => End::Never,
    }
}

fn record_format(values: &Values, profile: Profile, keeping: Keeping) -> Result<RecordFormat> {
    match values.number("record_format") {
        // The text of a session in a cookie is the cookie's affair.
        None | Some(1 | 2) if keeping == Keeping::Cookie => Ok(RecordFormat::One),
        None if profile.is_hardened() => Ok(RecordFormat::Two),
        None | Some(1) => Ok(RecordFormat::One),
        Some(2) => Ok(RecordFormat::Two),
        Some(_) => Err(Error::invalid("record_format is 1 or 2")),
    }
}

/// Names that the cookie had before. Beaker makes the name `None` of a `None` in a config.
fn older_names(values: &Values) -> Vec<String> {
    match (values.names("key_fallbacks"), values.get("key")) {
        (None, Some(Value::Null)) => vec![String::from("None")],
        (names, _) => names.unwrap_or_default(),
    }
}

/// The cipher that the option `crypto_type` writes with.
fn cipher(values: &Values) -> Result<Cipher> {
    match values.text("crypto_type").unwrap_or("default") {
        "default" | "cryptography" => Ok(Cipher::AesGcm),
        "pycryptodome" | "pycrypto" => Ok(Cipher::AesCtr),
        _ => Err(Error::invalid(UNKNOWN_CIPHER)),
    }
}

fn sealer(values: &Values, keys: &KeyOptions) -> Result<Option<Sealer>> {
    // Without a key too: what cannot be meant is a mistake that is best found before there is one.
    let cipher = cipher(values)?;
    let nonce_bits = values.number("encrypt_nonce_bits").map_or(Ok(DEFAULT_NONCE_BITS), usize::try_from);
    let nonce_bits = nonce_bits.map_err(|_| Error::invalid("encrypt_nonce_bits is too large"))?;
    check_nonce_bits(nonce_bits)?;
    if keys.encrypt.is_empty() {
        return Ok(None);
    }
    if keys.validate.is_empty() {
        return Err(Error::invalid("encrypt_key needs a validate_key beside it"));
    }
    Sealer::new(&keys.pairs(), nonce_bits, cipher, Reading::Both).map(Some)
}
