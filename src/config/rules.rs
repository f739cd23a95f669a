//! The options by name: what kind of value each takes, and how an ini string becomes one.

use crate::cookie::CookieDate;
use crate::error::{Error, Result};

/// An option's value, as far as its meaning does not need the interpreter.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Python's `None`.
    Null,
    /// A boolean.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Text.
    Text(String),
    /// A `timedelta`, in seconds.
    Span(f64),
    /// A `datetime`, as it stands.
    Date(CookieDate),
    /// A moment, in seconds since the epoch.
    Moment(f64),
    /// Several texts or byte strings.
    List(Vec<Vec<u8>>),
    /// Any other object, by the name of its type.
    Object(String),
}

/// What an option takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text, or nothing.
    Text,
    /// Text.
    RequiredText,
    /// A boolean or a word for one.
    Bool,
    /// A whole number that is not negative, or its digits.
    Int,
    /// `cookie_expires`: a boolean, a span, a date or a number of seconds.
    Expires,
    /// A key, or several with the newest first. Text is one key as it stands, unless it is a JSON list.
    Keys,
    /// Keys that are no longer written with: a list, or text with a key a line.
    OlderKeys,
    /// Names: a list, or text with spaces, commas or line ends between them.
    Names,
    /// A moment: seconds since the epoch, a `datetime`, or text for one (ISO 8601).
    Moment,
    /// Text, or an object with `loads` and `dumps`.
    Serializer,
    /// Whatever it is, it is passed on.
    Any,
}

/// Who an option is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The session itself.
    Session,
    /// The middleware; a session takes it and does nothing with it.
    Middleware,
    /// The backend, which gets it as an argument.
    Backend,
}

/// An option: its name, its kind and who it is for.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The name, without `session.`.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// Who it is for.
    pub scope: Scope,
}

const fn session(name: &'static str, kind: Kind) -> Rule {
    Rule { name, kind, scope: Scope::Session }
}
const fn middleware(name: &'static str, kind: Kind) -> Rule {
    Rule { name, kind, scope: Scope::Middleware }
}
const fn backend(name: &'static str, kind: Kind) -> Rule {
    Rule { name, kind, scope: Scope::Backend }
}

const RULES: &[Rule] = &[
    session("type", Kind::Text),
    session("key", Kind::RequiredText),
    session("id", Kind::RequiredText),
    session("data_dir", Kind::Text),
    session("key_fallbacks", Kind::Names),
    session("secret", Kind::Keys),
    session("secret_fallbacks", Kind::OlderKeys),
    session("secret_file", Kind::Text),
    session("cookie_format", Kind::Int),
    session("record_format", Kind::Int),
    session("profile", Kind::RequiredText),
    session("timeout", Kind::Int),
    session("absolute_timeout", Kind::Int),
    session("session_epoch", Kind::Moment),
    session("sweep_interval", Kind::Int),
    session("max_sessions", Kind::Int),
    session("hash_ids", Kind::Bool),
    session("save_accessed_time", Kind::Bool),
    session("concurrency", Kind::RequiredText),
    session("destroy_old", Kind::Any),
    session("lock_timeout", Kind::Int),
    session("cookie_expires", Kind::Expires),
    session("rolling", Kind::Bool),
    session("cookie_domain", Kind::Text),
    session("cookie_path", Kind::Text),
    session("secure", Kind::Bool),
    session("httponly", Kind::Bool),
    session("samesite", Kind::Text),
    session("partitioned", Kind::Bool),
    session("use_cookies", Kind::Bool),
    session("invalidate_corrupt", Kind::Bool),
    session("data_serializer", Kind::Serializer),
    session("pickle", Kind::RequiredText),
    session("pickle_allow", Kind::Names),
    session("encrypt_key", Kind::Keys),
    session("encrypt_key_fallbacks", Kind::OlderKeys),
    session("encrypt_key_file", Kind::Text),
    session("validate_key", Kind::Keys),
    session("validate_key_fallbacks", Kind::OlderKeys),
    session("validate_key_file", Kind::Text),
    session("encrypt_nonce_bits", Kind::Int),
    session("crypto_type", Kind::RequiredText),
    session("namespace_class", Kind::Any),
    middleware("auto", Kind::Bool),
    middleware("vary", Kind::Bool),
    middleware("no_store", Kind::Bool),
    middleware("session_class", Kind::Any),
    middleware("webtest_varname", Kind::Text),
    middleware("log_file", Kind::Any),
    backend("durability", Kind::RequiredText),
    backend("lock_dir", Kind::Text),
    backend("file_dir", Kind::Text),
    backend("dbm_dir", Kind::Text),
    backend("dbmmodule", Kind::Any),
    backend("url", Kind::Any),
    backend("memcache_module", Kind::Any),
    backend("table_name", Kind::Any),
    backend("table", Kind::Any),
    backend("bind", Kind::Any),
    backend("optimistic", Kind::Any),
    backend("sa_opts", Kind::Any),
];

/// The rule of an option, if there is an option of that name.
#[must_use]
pub fn rule(name: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.name == name)
}

/// Every option's name.
pub fn option_names() -> impl Iterator<Item = &'static str> {
    RULES.iter().map(|rule| rule.name)
}

/// The known name that an unknown one was probably meant to be.
#[must_use]
pub fn nearest_name(unknown: &str) -> Option<&'static str> {
    const ALIKE: f64 = 0.75;
    option_names()
        .map(|name| (strsim::normalized_damerau_levenshtein(unknown, name), name))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

/// Turns what was given into what the option takes.
///
/// # Errors
/// `Invalid`, with the option's name and what it takes. The value is not shown: it may be a secret.
pub fn coerce(rule: &Rule, value: Value) -> Result<Value> {
    match rule.kind {
        Kind::Any => Ok(value),
        Kind::Text => match value {
            Value::Null => Ok(Value::Null),
            other => text(rule, other),
        },
        Kind::RequiredText => match value {
            Value::Null => Err(refuse(rule, "text")),
            other => text(rule, other),
        },
        Kind::Keys => keys(rule, value),
        Kind::OlderKeys => list(rule, value, |text| text.lines().map(str::trim).collect()),
        Kind::Names => {
            list(rule, value, |text| text.split(|c: char| c == ',' || c.is_ascii_whitespace()).collect())
        }
        Kind::Moment => moment(rule, value),
        Kind::Serializer => match value {
            Value::Object(type_name) => Ok(Value::Object(type_name)),
            other => text(rule, other),
        },
        Kind::Bool => boolean(rule, value),
        Kind::Int => integer(rule, value),
        Kind::Expires => expires(rule, value),
    }
}

fn refuse(rule: &Rule, takes: &str) -> Error {
    Error::invalid("an option has a value that it cannot take")
        .with_detail(format!("{} is {takes}", rule.name))
}

fn text(rule: &Rule, value: Value) -> Result<Value> {
    match value {
        Value::Text(text) if text.trim().is_empty() => Err(refuse(rule, "text that is not empty")),
        Value::Text(text) => Ok(Value::Text(text)),
        Value::Int(number) => Ok(Value::Text(number.to_string())),
        _ => Err(refuse(rule, "text")),
    }
}

fn keys(rule: &Rule, value: Value) -> Result<Value> {
    match value {
        Value::Null => Ok(Value::Null),
        Value::List(keys) if keys.is_empty() || keys.iter().any(|key| key.trim_ascii().is_empty()) => {
            Err(refuse(rule, "a key or a list of keys, none of them empty"))
        }
        Value::List(_) => Ok(value),
        other => text(rule, other),
    }
}

/// A list, or the parts of a text; parts that are empty are passed over.
fn list(rule: &Rule, value: Value, split: fn(&str) -> Vec<&str>) -> Result<Value> {
    let mut parts = match value {
        Value::Null => return Ok(Value::Null),
        Value::List(parts) => parts,
        Value::Text(text) => split(&text).into_iter().map(|part| part.as_bytes().to_vec()).collect(),
        _ => return Err(refuse(rule, "a list of texts")),
    };
    parts.retain(|part| !part.trim_ascii().is_empty());
    Ok(Value::List(parts))
}

#[allow(clippy::cast_precision_loss, reason = "a moment beyond 2^53 seconds is not told from its neighbour")]
fn moment(rule: &Rule, value: Value) -> Result<Value> {
    match value {
        Value::Null => Ok(Value::Null),
        Value::Moment(seconds) if seconds.is_finite() => Ok(value),
        Value::Int(seconds) => Ok(Value::Moment(seconds as f64)),
        _ => Err(refuse(
            rule,
            "a moment: seconds since the epoch, a datetime, or text such as 2026-01-31T12:00:00Z",
        )),
    }
}

/// What a word for a boolean says; `None` for any other word.
pub(super) fn word_as_bool(word: &str) -> Option<bool> {
    match word.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "y" | "t" | "1" => Some(true),
        "false" | "no" | "off" | "n" | "f" | "0" => Some(false),
        _ => None,
    }
}

fn boolean(rule: &Rule, value: Value) -> Result<Value> {
    match value {
        Value::Null => Ok(Value::Null),
        Value::Bool(flag) => Ok(Value::Bool(flag)),
        Value::Int(number) => Ok(Value::Bool(number != 0)),
        Value::Text(word) => {
            word_as_bool(&word).map(Value::Bool).ok_or_else(|| refuse(rule, "true or false"))
        }
        _ => Err(refuse(rule, "true or false")),
    }
}

fn digits(text: &str) -> Option<i64> {
    let text = text.trim();
    (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

fn integer(rule: &Rule, value: Value) -> Result<Value> {
    let number = match value {
        Value::Null => return Ok(Value::Null),
        Value::Bool(flag) => Some(i64::from(flag)),
        Value::Int(number) => Some(number),
        Value::Text(text) => digits(&text),
        _ => None,
    };
    match number {
        Some(number) if number >= 0 => Ok(Value::Int(number)),
        _ => Err(refuse(rule, "a whole number that is not negative")),
    }
}

fn expires(rule: &Rule, value: Value) -> Result<Value> {
    let takes = "true, false, a positive number of seconds, a timedelta or a datetime";
    match value {
        Value::Bool(_) | Value::Date(_) => Ok(value),
        Value::Null => Ok(Value::Bool(false)),
        Value::Span(seconds) if seconds.is_finite() => Ok(value),
        Value::Int(seconds) if seconds > 0 => Ok(whole_span(seconds)),
        Value::Text(text) => match word_as_bool(&text) {
            Some(flag) => Ok(Value::Bool(flag)),
            None => match digits(&text) {
                Some(seconds) if seconds > 0 => Ok(whole_span(seconds)),
                _ => Err(refuse(rule, takes)),
            },
        },
        _ => Err(refuse(rule, takes)),
    }
}

#[allow(
    clippy::cast_precision_loss,
    reason = "a span over 2^53 seconds is refused when the date is computed"
)]
fn whole_span(seconds: i64) -> Value {
    Value::Span(seconds as f64)
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
