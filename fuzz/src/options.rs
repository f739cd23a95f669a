//! From what a person writes to checked settings: [`coerce`] and [`Settings::read`].

use std::collections::BTreeSet;

use beaker_core::config::{
    CookieExpires, Kind, OptionSpec, SHORTEST_GOOD_KEY, SessionKind, Settings, Value, Values, coerce,
    nearest_name, option as known, options,
};
use beaker_core::cookie::{CookieDate, Format, cookies, validate_name, write};
use beaker_core::error::ErrorKind;

use crate::input::texts;

/// Where the files of keys are that an input can name: the seeds themselves.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/seeds/options/");

/// What is in the keys of the seeds, and in nothing that we say.
const SECRET: &str = "hunter2";

/// A text this long stands in an error by no accident.
const LONG: usize = 16;

/// Seconds since the epoch between which cookies are written: 1970 and 2100.
const TIMES: [f64; 3] = [0.0, 1_800_000_000.0, 4_102_444_800.0];

const ID: &str = "0123456789abcdef0123456789abcdef";

/// Tries the laws on options, one a line: a name, `=`, a letter for the kind of the value, and the value.
pub fn hold(data: &[u8]) {
    for text in texts(data) {
        let given: Vec<_> = text.split('\n').filter_map(option).collect();
        let mut values = Values::default();
        let mut reversed = Values::default();
        let mut seen = BTreeSet::new();
        for (name, value) in given {
            let Some(option) = known(name) else {
                a_name_that_is_none_leads_to_one_or_to_nothing(name);
                continue;
            };
            assert_eq!(nearest_name(name), Some(option.name));
            let Ok(coerced) = coerced_again_is_the_same(option, value) else { continue };
            what_is_printed_reads_the_same(option, &coerced);
            if seen.insert(option.name) {
                values.push(option, coerced);
            }
        }
        for option in seen.iter().rev().filter_map(|name| known(name)) {
            if let Some(value) = values.raw(option) {
                reversed.push(option, value.clone());
            }
        }
        for kind in [SessionKind::Store, SessionKind::Cookie] {
            settings_are_sound_or_refused(&values, &reversed, kind);
        }
    }
}

/// A line as an option. `\` before `n` stands for the end of a line.
fn option(line: &str) -> Option<(&str, Value)> {
    let (name, written) = line.split_once('=')?;
    let kind = written.chars().next()?;
    let text = written.get(kind.len_utf8()..)?.replace("\\n", "\n");
    let value = match kind {
        'n' => Value::Null,
        'b' => Value::Bool(text == "1"),
        'i' => Value::Int(text.parse().ok()?),
        't' if name.ends_with("_file") => Value::Text(format!("{FOLDER}{}", text.replace(['/', '.'], ""))),
        't' => Value::Text(text),
        'f' => Value::Float(text.parse().ok()?),
        's' => Value::Span(text.parse().ok()?),
        'm' => Value::Moment(text.parse().ok()?),
        'd' => Value::Date(CookieDate::from_timestamp(text.parse().ok()?)?),
        'l' => Value::List(text.split(',').map(|part| part.as_bytes().to_vec()).collect()),
        'o' => Value::Object(text),
        _ => return None,
    };
    Some((name, value))
}

fn a_name_that_is_none_leads_to_one_or_to_nothing(name: &str) {
    // Its cost is that of comparing two texts, which is why it is for a person's mistakes alone.
    if name.len() < 100 {
        assert!(nearest_name(name).is_none_or(|nearest| nearest != name && known(nearest).is_some()));
    }
}

fn coerced_again_is_the_same(option: &OptionSpec, value: Value) -> Result<Value, ()> {
    match coerce(option, value.clone()) {
        Ok(coerced) => {
            assert_eq!(coerce(option, coerced.clone()).ok().as_ref(), Some(&coerced), "{}", option.name);
            Ok(coerced)
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Invalid);
            let shown = error.to_string();
            assert!(shown.contains(option.name));
            match value {
                Value::Text(text) if text.len() >= LONG => {
                    // As refused as a word that nobody could have meant: in the same words.
                    let nonsense = coerce(option, Value::Text("?".repeat(LONG)));
                    assert!(
                        !shown.contains(&text) || nonsense.is_err_and(|error| error.to_string() == shown)
                    );
                }
                _ => {}
            }
            Err(())
        }
    }
}

/// An ini file has nothing but text.
fn what_is_printed_reads_the_same(option: &OptionSpec, value: &Value) {
    let is_plain = |part: &Vec<u8>, is_separator: fn(char) -> bool| {
        std::str::from_utf8(part).is_ok_and(|part| part.trim() == part && !part.contains(is_separator))
    };
    let joined = |parts: &[Vec<u8>], separator: &str| {
        let parts: Vec<_> = parts.iter().map(|part| String::from_utf8_lossy(part)).collect();
        parts.join(separator)
    };
    let printed = match (option.kind, value) {
        (Kind::Bool | Kind::Expires, Value::Bool(flag)) => flag.to_string(),
        (Kind::Int | Kind::Seconds, Value::Int(number)) => number.to_string(),
        (
            Kind::Text
            | Kind::Word
            | Kind::Choice(_)
            | Kind::Folder
            | Kind::CookiePath
            | Kind::Serializer
            | Kind::Keys,
            Value::Text(text),
        ) => text.clone(),
        (Kind::Expires, Value::Span(seconds))
            if (2.0..1e15).contains(seconds) && seconds.fract().abs() < f64::EPSILON =>
        {
            format!(" {seconds:.0} ")
        }
        (Kind::Names, Value::List(parts))
            if parts.iter().all(|part| is_plain(part, |c| c == ',' || c.is_ascii_whitespace())) =>
        {
            joined(parts, ", ")
        }
        (Kind::OlderKeys, Value::List(parts))
            if parts.iter().all(|part| is_plain(part, |c| c == '\n' || c == '\r')) =>
        {
            joined(parts, "\n  ")
        }
        _ => return,
    };
    assert_eq!(coerce(option, Value::Text(printed)).ok().as_ref(), Some(value), "{}", option.name);
}

fn settings_are_sound_or_refused(values: &Values, reversed: &Values, kind: SessionKind) {
    let read = Settings::read(values, kind, None, 1_800_000_000.0);
    let again = Settings::read(reversed, kind, None, 1_800_000_000.0);
    assert_eq!(read.is_ok(), again.is_ok());
    let settings = match read {
        Ok(settings) => settings,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Invalid);
            return no_key_is_shown(&error.to_string(), values);
        }
    };
    assert!(again.is_ok_and(|again| format!("{again:?}") == format!("{settings:?}")));
    no_key_is_shown(&format!("{settings:?}"), values);
    assert!(settings.validate().is_ok());
    times_are_sound(&settings);
    keys_are_used(&settings);
    if settings.use_cookies {
        the_cookie_is_one_that_browsers_accept(&settings);
    }
}

fn no_key_is_shown(shown: &str, values: &Values) {
    let texts = |option: &OptionSpec| match values.raw(option) {
        Some(Value::Text(text)) => vec![text.clone()],
        Some(Value::List(parts)) => {
            parts.iter().map(|part| String::from_utf8_lossy(part).into_owned()).collect()
        }
        _ => Vec::new(),
    };
    let is_secret = |option: &&OptionSpec| matches!(option.kind, Kind::Keys | Kind::OlderKeys);
    let open: Vec<String> = options().filter(|option| !is_secret(option)).flat_map(texts).collect();
    for key in options().filter(is_secret).flat_map(texts).filter(|key| key.len() >= LONG) {
        // Unless it stands in an option that is none; and a key of our own words is found in any message.
        let is_no_secret = open.iter().any(|text| text.contains(&key)) || !key.contains(SECRET);
        assert!(is_no_secret || !shown.contains(&key));
    }
}

fn times_are_sound(settings: &Settings) {
    assert!(settings.limits.idle.is_none_or(|idle| idle >= 0.0));
    assert!(settings.limits.idle.is_none_or(|idle| idle == 0.0 || settings.save_accessed_time));
    assert_ne!(settings.limits.absolute, Some(0.0));
    assert!(settings.limits.epoch.is_none_or(f64::is_finite));
    assert!(settings.sweep_interval.is_none_or(|interval| !interval.is_zero()));
    assert_eq!(settings.store_ttl(None).is_some(), settings.limits.idle.is_some());
    if let (Some(kept), Some(idle)) = (settings.store_ttl(None), settings.limits.idle) {
        assert!(kept.as_secs_f64() >= idle);
    }
    for now in TIMES {
        let expires = settings.cookie_expires.attribute(now).expect("a date that can be written");
        assert_eq!(expires.is_none(), settings.cookie_expires == CookieExpires::WithBrowser);
    }
    if settings.rolls() {
        assert!(settings.rolling && matches!(settings.cookie_expires, CookieExpires::After(_)));
    }
}

fn keys_are_used(settings: &Settings) {
    let [encrypts, cookie, signer] =
        [settings.sealer.is_some(), settings.cookie.is_some(), settings.signer.is_some()];
    let (is_cookie, has_keys) = (settings.kind == SessionKind::Cookie, !settings.signing_keys().is_empty());
    assert_eq!((signer, cookie), (has_keys && !is_cookie, has_keys && is_cookie));
    // A session that its cookie keeps needs a key, unless a class of the program's brings its own.
    assert_eq!(settings.need_cookie_keys().is_err(), is_cookie && !has_keys);
    if settings.format == Format::Two && settings.use_cookies {
        assert!(has_keys || is_cookie);
    }
    assert!(settings.weak.iter().all(|(name, length)| {
        known(name).is_some_and(|option| option.kind == Kind::Keys) && *length < SHORTEST_GOOD_KEY
    }));
    if let Some(sealer) = settings.sealer.as_ref().filter(|_| encrypts) {
        let sealed = sealer.encrypt(b"payload").expect("there is a nonce");
        assert!(!sealed.contains("payload"));
    }
}

fn the_cookie_is_one_that_browsers_accept(settings: &Settings) {
    let names: Vec<&str> = settings.names().collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    assert!(names.iter().all(|name| validate_name(name).is_ok()));
    let lower = settings.key.to_ascii_lowercase();
    let (host, secure) = (lower.starts_with("__host-"), lower.starts_with("__secure-"));
    let is_none = |site: &String| site.eq_ignore_ascii_case("none");
    let demands = host || secure || settings.partitioned || settings.same_site.as_ref().is_some_and(is_none);
    assert!(settings.secure || !demands);
    let domain = settings.domain.as_deref();
    assert!(!host || domain.unwrap_or_default().is_empty() && settings.path == "/");

    for now in TIMES {
        let expires = settings.cookie_expires.attribute(now).ok().flatten();
        let value = settings.signer.as_ref().map_or_else(|| ID.to_owned(), |keyring| keyring.sign(ID, now));
        let mut header = String::new();
        let attributes = settings.attributes(domain, &settings.path, expires.as_deref());
        write(&mut header, &settings.key, &value, &attributes);
        assert!(header.is_ascii() && !header.contains(|c: char| c.is_ascii_control()));
        // As many parts as attributes: none of them has brought another.
        let parts = [
            !domain.unwrap_or_default().is_empty(),
            expires.is_some(),
            settings.http_only,
            settings.partitioned,
            !settings.path.is_empty(),
            settings.same_site.as_ref().is_some_and(|site| !site.is_empty()),
            settings.secure,
        ];
        assert_eq!(header.matches(';').count(), parts.into_iter().filter(|part| *part).count());
        let sent = header.split(';').next().unwrap_or_default();
        assert_eq!(cookies(sent).collect::<Vec<_>>(), [(settings.key.as_str(), value.as_str())]);
        let Some(keyring) = &settings.signer else { continue };
        assert_eq!(keyring.verify(&settings.key, &value).map(|accepted| accepted.value), Some(ID));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(seed: &[u8], kind: SessionKind) -> Option<Settings> {
        let mut values = Values::default();
        for (name, value) in texts(seed).next()?.split('\n').filter_map(option) {
            let option = known(name)?;
            values.push(option, coerce(option, value).ok()?);
        }
        Settings::read(&values, kind, None, 1_800_000_000.0).ok()
    }

    #[test]
    fn the_seeds_have_options_that_are_accepted_for_stores_and_for_cookies() {
        for (seed, kind) in [
            (&include_bytes!("../seeds/options/hardened")[..], SessionKind::Store),
            (include_bytes!("../seeds/options/everything"), SessionKind::Store),
            (include_bytes!("../seeds/options/cookie"), SessionKind::Cookie),
        ] {
            assert!(settings(seed, kind).is_some(), "{:?}", String::from_utf8_lossy(seed));
        }
    }
}
