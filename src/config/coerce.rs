//! Turns what was given for an option into what the option takes.

use super::option::{Kind, OptionSpec};
use super::value::Value;
use crate::error::{Error, Result};

/// Turns what was given into what the option takes. Python's `None` stays what it is.
///
/// # Errors
/// `Invalid`, with the option's name and what it takes. The value is not shown: it may be a secret.
pub fn coerce(option: &OptionSpec, value: Value) -> Result<Value> {
    if value == Value::Null {
        return Ok(Value::Null);
    }
    match option.kind {
        Kind::Any => Ok(value),
        Kind::Text | Kind::Folder | Kind::KeyFile | Kind::CookiePath => text(option, value),
        Kind::Word | Kind::Choice(_) => text(option, bool_as_text(value)),
        Kind::Keys => keys(option, value),
        Kind::OlderKeys => list(option, value, |text| text.lines().map(str::trim).collect()),
        Kind::Names => {
            list(option, value, |text| text.split(|c: char| c == ',' || c.is_ascii_whitespace()).collect())
        }
        Kind::Moment => moment(option, value),
        Kind::Serializer => match value {
            Value::Object(type_name) => Ok(Value::Object(type_name)),
            other => text(option, other),
        },
        Kind::Bool => boolean(option, &value),
        Kind::Int => integer(option, &value),
        Kind::Seconds => seconds(option, &value),
        Kind::Expires => expires(option, &value),
    }
}

fn refuse(option: &OptionSpec, takes: &str, given: &Value) -> Error {
    invalid(format!("{} must be {takes}, got {}", option.name, given.described()))
}

/// The error for an option that cannot mean what was given.
pub(super) fn invalid(detail: impl Into<String>) -> Error {
    Error::invalid("invalid option").with_detail(detail)
}

fn text(option: &OptionSpec, value: Value) -> Result<Value> {
    match value {
        Value::Text(text) if !text.trim().is_empty() => Ok(Value::Text(text)),
        Value::Int(number) => Ok(Value::Text(number.to_string())),
        other => Err(refuse(option, "text", &other)),
    }
}

/// The text that Python, and hence Beaker, makes of a boolean where a name or a key is needed.
fn bool_as_text(value: Value) -> Value {
    match value {
        Value::Bool(true) => Value::Text(String::from("True")),
        Value::Bool(false) => Value::Text(String::from("False")),
        other => other,
    }
}

fn keys(option: &OptionSpec, value: Value) -> Result<Value> {
    match value {
        Value::List(ref keys) if keys.is_empty() || keys.iter().any(|key| key.trim_ascii().is_empty()) => {
            Err(refuse(option, "a key or a list of keys, none of them empty", &value))
        }
        Value::List(_) => Ok(value),
        other => text(option, bool_as_text(other)),
    }
}

/// A list, or the parts of a text; parts that are empty are passed over.
fn list(option: &OptionSpec, value: Value, split: fn(&str) -> Vec<&str>) -> Result<Value> {
    let mut parts = match value {
        Value::List(parts) => parts,
        Value::Text(text) => split(&text).into_iter().map(|part| part.as_bytes().to_vec()).collect(),
        other => return Err(refuse(option, "a list of texts", &other)),
    };
    parts.retain(|part| !part.trim_ascii().is_empty());
    Ok(Value::List(parts))
}

fn moment(option: &OptionSpec, value: Value) -> Result<Value> {
    match value {
        Value::Moment(seconds) if seconds.is_finite() => Ok(value),
        // One beyond 2^53 seconds does not differ from its neighbour.
        Value::Int(seconds) => Ok(Value::Moment(seconds as f64)),
        other => Err(refuse(
            option,
            "a moment (seconds since the epoch, a datetime, or text such as 2026-01-31T12:00:00Z)",
            &other,
        )),
    }
}

/// The boolean that a word stands for; `None` for any other word.
#[must_use]
pub fn word_as_bool(word: &str) -> Option<bool> {
    match word.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "y" | "t" | "1" => Some(true),
        "false" | "no" | "off" | "n" | "f" | "0" => Some(false),
        _ => None,
    }
}

fn boolean(option: &OptionSpec, value: &Value) -> Result<Value> {
    let flag = match value {
        Value::Bool(flag) => Some(*flag),
        Value::Int(number) => Some(*number != 0),
        Value::Text(word) => word_as_bool(word),
        _ => None,
    };
    flag.map(Value::Bool).ok_or_else(|| refuse(option, "true or false", value))
}

fn digits(text: &str) -> Option<i64> {
    let text = text.trim();
    (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

/// A whole number that is not negative.
fn natural(value: &Value) -> Option<i64> {
    let number = match value {
        Value::Bool(flag) => Some(i64::from(*flag)),
        Value::Int(number) => Some(*number),
        Value::Float(number) => whole(*number),
        Value::Text(text) => digits(text),
        _ => None,
    };
    number.filter(|number| *number >= 0)
}

fn integer(option: &OptionSpec, value: &Value) -> Result<Value> {
    natural(value).map(Value::Int).ok_or_else(|| refuse(option, "a whole number that is not negative", value))
}

/// The whole number that a float is, if it is one.
#[allow(clippy::cast_possible_truncation, reason = "what a cast changes is not in the range")]
fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() < 1e15).then_some(number as i64)
}

/// More than any clock counts.
const MOST_SECONDS: f64 = 1e15;

/// A number with a fraction, which text has behind a point.
fn with_fraction(value: &Value) -> Option<f64> {
    match value {
        Value::Float(number) => Some(*number),
        Value::Text(text) => {
            let (whole, fraction) = text.trim().split_once('.')?;
            digits(whole).and(digits(fraction))?;
            text.trim().parse().ok()
        }
        _ => None,
    }
}

fn seconds(option: &OptionSpec, value: &Value) -> Result<Value> {
    let number = match with_fraction(value) {
        Some(seconds) => (0.0..MOST_SECONDS).contains(&seconds).then_some(Value::Float(seconds)),
        None => natural(value).map(Value::Int),
    };
    number.ok_or_else(|| refuse(option, "a number of seconds that is not negative", value))
}

fn expires(option: &OptionSpec, value: &Value) -> Result<Value> {
    let meant = match value {
        Value::Bool(_) | Value::Date(_) => Some(value.clone()),
        Value::Span(seconds) if seconds.is_finite() => Some(value.clone()),
        Value::Float(seconds) if seconds.is_finite() && *seconds > 0.0 => Some(Value::Span(*seconds)),
        Value::Int(seconds) if *seconds > 0 => Some(whole_span(*seconds)),
        Value::Text(text) => word_as_bool(text)
            .map(Value::Bool)
            .or_else(|| digits(text).filter(|seconds| *seconds > 0).map(whole_span)),
        _ => None,
    };
    let takes = "true, false, a positive number of seconds, a timedelta or a datetime";
    meant.ok_or_else(|| refuse(option, takes, value))
}

fn whole_span(seconds: i64) -> Value {
    // One over 2^53 seconds is refused when the date is computed.
    Value::Span(seconds as f64)
}

#[cfg(test)]
#[path = "coerce_tests.rs"]
mod tests;
