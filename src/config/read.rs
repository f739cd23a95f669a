//! Reads the values of the options into settings.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use super::choices::{CONCURRENCY, CRYPTO, DURABILITY, PICKLE, PROFILE, SERIALIZER};
use super::coerce::invalid;
use super::lookup::known;
use super::{
    Concurrency, CookieExpires, CookieKeys, KeyOptions, OldId, OptionSpec, PicklePolicy, SerializerName,
    SessionKind, Settings, Value, Values,
};
use crate::codec::cipher::check_nonce_bits;
use crate::codec::{Cipher, RecordFormat, Records, Sealer};
use crate::cookie::{CookieSealer, End, Format, FormatOne, IdKeyring, SameSite};
use crate::crypto::Keyring;
use crate::error::{Error, Result};
use crate::session::Limits;
use crate::store::{IdStorage, Timestamp};

/// Seconds for which format 1 is accepted after a hardened switch where sessions have no end.
const LONGEST_SWITCH: f64 = 30.0 * 86_400.0;

/// The error for an unknown `crypto_type`, which has a class of its own in Python.
pub const UNKNOWN_CIPHER: &str = "unknown crypto_type";

impl Settings {
    /// Reads the options of sessions of a kind. `known_keys` are their keys if they were gathered before, so that no
    /// file of keys is read twice; otherwise they are gathered `now`.
    ///
    /// # Errors
    /// `Invalid` for a value that an option cannot take, and for options that contradict each other.
    pub fn read(
        values: &Values,
        kind: SessionKind,
        known_keys: Option<&Arc<KeyOptions>>,
        now: Timestamp,
    ) -> Result<Self> {
        values.choice(known!("profile"), &PROFILE)?;
        let read_also = read_also(values)?;
        let pickle = pickle_policy(values, read_also)?;
        let secure = values.flag(known!("secure"));
        let use_cookies = kind == SessionKind::Cookie || values.flag(known!("use_cookies"));
        let keys = match known_keys {
            Some(keys) => Arc::clone(keys),
            None => Arc::new(KeyOptions::of(values, now)?),
        };
        let mut settings = Self {
            is_hardened: values.is_hardened(),
            kind,
            key: text(values, known!("key")),
            older_names: older_names(values),
            domain: values.text(known!("cookie_domain")).map(str::to_owned),
            path: text(values, known!("cookie_path")),
            same_site: same_site(values)?,
            secure,
            http_only: values.flag(known!("httponly")),
            partitioned: values.flag(known!("partitioned")),
            cookie_expires: CookieExpires::of(values.get(known!("cookie_expires"))),
            rolling: values.flag(known!("rolling")),
            limits: limits(values, kind),
            sweep_interval: sweep_interval(values)?,
            max_sessions: max_sessions(values)?,
            id_storage: if values.flag(known!("hash_ids")) { IdStorage::Hashed } else { IdStorage::Plain },
            durability: values.choice(known!("durability"), &DURABILITY)?.unwrap_or_default(),
            concurrency: values.choice(known!("concurrency"), &CONCURRENCY)?.unwrap_or(Concurrency::Merge),
            old_id: OldId::read(values.get(known!("destroy_old")))?,
            lock_timeout: duration(values.seconds(known!("lock_timeout")).unwrap_or_default())?,
            save_accessed_time: values.flag(known!("save_accessed_time")),
            use_cookies,
            invalidate_corrupt: values.flag(known!("invalidate_corrupt")),
            auto: values.flag(known!("auto")),
            vary: values.flag(known!("vary")),
            no_store: values.flag(known!("no_store")),
            read_also,
            pickle,
            pickle_allow: values.names(known!("pickle_allow")).unwrap_or_default(),
            format: format(values)?,
            format_one: FormatOne::new(end_of_format_1(values), Arc::clone(&keys.switch)),
            record_format: record_format(values, kind)?,
            records: Records::new(&keys.pairs())?,
            signer: None,
            sealer: sealer(values, &keys)?.map(Arc::new),
            cookie: None,
            weak: keys.weak(kind),
            keys: Arc::clone(&keys),
        };
        if settings.is_hardened && secure && use_cookies {
            settings.prefix_name(values.get(known!("key_fallbacks")).is_none());
        }
        settings.forget_repeated_names();
        settings.add_cookie_keys(&keys)?;
        if values.moment(known!("accept_format_1_until")).is_some() && settings.format == Format::One {
            return Err(Error::invalid(
                "accept_format_1_until needs cookie_format = 2: the format that is written must be accepted",
            ));
        }
        settings.validate()?;
        Ok(settings)
    }

    /// Gives the cookie the strictest of the names that browsers protect (RFC 6265bis, section 4.1.3). The old name
    /// is still read if `keeps_old`.
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

    /// Drops older names that are repeated or that are the cookie's own: cookies under older names are expired when
    /// the session's cookie is sent, and that must never be the same cookie.
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
        match self.kind {
            // A class of the program's may have keys of its own.
            SessionKind::Cookie if keys.validate.is_empty() => {}
            SessionKind::Store if keys.secret.is_empty() => {}
            SessionKind::Store => {
                let secrets: Vec<_> = keys.secret.iter().collect();
                self.signer = Some(Arc::new(IdKeyring::new(&secrets, &names, self.format)?));
            }
            SessionKind::Cookie => {
                let validate: Vec<_> = keys.validate.iter().collect();
                let signers = Keyring::signers(&validate)?;
                let sealer = CookieSealer::new(&keys.sealing_keys(), &names)?;
                self.cookie = Some(Arc::new(CookieKeys { signers, sealer }));
            }
        }
        Ok(())
    }
}

fn duration(seconds: f64) -> Result<Duration> {
    Duration::try_from_secs_f64(seconds).map_err(|_| invalid("a number of seconds is negative or too large"))
}

/// The text of an option that has a default.
fn text(values: &Values, option: &OptionSpec) -> String {
    values.text(option).unwrap_or_default().to_owned()
}

fn absolute_timeout(values: &Values) -> Option<f64> {
    // An ini file has no other word for none.
    values.seconds(known!("absolute_timeout")).filter(|seconds| *seconds != 0.0)
}

fn limits(values: &Values, kind: SessionKind) -> Limits {
    Limits {
        idle: values.seconds(known!("timeout")),
        absolute: absolute_timeout(values),
        epoch: values.moment(known!("session_epoch")),
        // The cookie of a session in a cookie has the access time.
        touch_interval: match kind {
            SessionKind::Store => values.seconds(known!("touch_interval")).unwrap_or_default(),
            SessionKind::Cookie => 0.0,
        },
    }
}

/// Without a `timeout` a store is swept only if the option is given.
fn sweep_interval(values: &Values) -> Result<Option<Duration>> {
    let option = known!("sweep_interval");
    if values.get(option).is_none() && values.seconds(known!("timeout")).is_none() {
        return Ok(None);
    }
    let interval = duration(values.seconds(option).unwrap_or_default())?;
    Ok(Some(interval).filter(|interval| !interval.is_zero()))
}

fn max_sessions(values: &Values) -> Result<Option<NonZeroUsize>> {
    let most = usize::try_from(values.number(known!("max_sessions")).unwrap_or_default());
    Ok(NonZeroUsize::new(most.map_err(|_| invalid("max_sessions is too large"))?))
}

fn same_site(values: &Values) -> Result<Option<String>> {
    let text = values.text(known!("samesite"));
    text.map(|text| SameSite::parse(text).map(|_| text.to_owned())).transpose()
}

fn format(values: &Values) -> Result<Format> {
    match values.number(known!("cookie_format")) {
        Some(1) => Ok(Format::One),
        Some(2) => Ok(Format::Two),
        _ => Err(invalid("cookie_format must be 1 or 2")),
    }
}

/// Hardened, format 1 ends when no session from before the switch can be alive.
fn end_of_format_1(values: &Values) -> End {
    let option = known!("accept_format_1_until");
    if let Some(end) = values.moment(option) {
        return End::At(end);
    }
    let writes_2 = format(values).is_ok_and(|format| format == Format::Two);
    if values.is_hardened() && writes_2 && values.get(option).is_none() {
        return End::AfterSwitch(absolute_timeout(values).unwrap_or(LONGEST_SWITCH));
    }
    End::Never
}

fn record_format(values: &Values, kind: SessionKind) -> Result<RecordFormat> {
    match values.number(known!("record_format")) {
        // The cookie has a format of its own.
        Some(1 | 2) if kind == SessionKind::Cookie => Ok(RecordFormat::One),
        Some(1) => Ok(RecordFormat::One),
        Some(2) => Ok(RecordFormat::Two),
        _ => Err(invalid("record_format must be 1 or 2")),
    }
}

/// Earlier names of the cookie. Beaker makes the name `None` of a `None` in a config.
fn older_names(values: &Values) -> Vec<String> {
    match (values.names(known!("key_fallbacks")), values.raw(known!("key"))) {
        (None, Some(Value::Null)) => vec![String::from("None")],
        (names, _) => names.unwrap_or_default(),
    }
}

fn cipher(values: &Values) -> Result<Cipher> {
    let option = known!("crypto_type");
    let word = values.text(option);
    let known = CRYPTO.iter().find(|(known, _)| Some(*known) == word).map(|(_, cipher)| *cipher);
    known.ok_or_else(|| {
        let words = option.kind.choices().join(", ");
        Error::invalid(UNKNOWN_CIPHER).with_detail(format!("crypto_type must be one of {words}"))
    })
}

/// The sealer for stored text, if there is a key. Its options are checked without a key too, so that a mistake shows
/// before there is one.
fn sealer(values: &Values, keys: &KeyOptions) -> Result<Option<Sealer>> {
    let cipher = cipher(values)?;
    let nonce_bits = usize::try_from(values.number(known!("encrypt_nonce_bits")).unwrap_or_default());
    let nonce_bits = nonce_bits.map_err(|_| invalid("encrypt_nonce_bits is too large"))?;
    check_nonce_bits(nonce_bits)?;
    if keys.encrypt.is_empty() {
        return Ok(None);
    }
    if keys.validate.is_empty() {
        return Err(Error::invalid("encrypt_key needs a validate_key beside it"));
    }
    Sealer::new(&keys.pairs(), nonce_bits, cipher).map(Some)
}

/// The serializer that is read beside the one that writes, if it is another.
///
/// # Errors
/// `Invalid` for an unknown word, and beside a serializer of the application's own, which cannot be told from the
/// other.
fn read_also(values: &Values) -> Result<Option<SerializerName>> {
    let Some(also) = values.choice(known!("read_also_serializer"), &SERIALIZER)? else { return Ok(None) };
    let written = known!("data_serializer");
    if matches!(values.get(written), Some(Value::Object(_))) {
        return Err(Error::invalid("read_also_serializer needs data_serializer = json or pickle"));
    }
    let writes_json = values.text(written) == Some("json");
    Ok(Some(also).filter(|also| (*also == SerializerName::Json) != writes_json))
}

/// The pickles that are read.
///
/// # Errors
/// `Invalid` for an unknown word, and for one that contradicts what is read `also`.
fn pickle_policy(values: &Values, also: Option<SerializerName>) -> Result<PicklePolicy> {
    let policy = values.choice(known!("pickle"), &PICKLE)?.unwrap_or(PicklePolicy::Any);
    if also != Some(SerializerName::Pickle) {
        return Ok(policy);
    }
    let is_given = values.get(known!("pickle")).is_some();
    if is_given && policy != PicklePolicy::Allowlist {
        return Err(Error::invalid(
            "read_also_serializer = pickle reads what pickle = allowlist takes: leave pickle out, and name classes \
             of your own in pickle_allow",
        ));
    }
    Ok(PicklePolicy::Allowlist)
}
