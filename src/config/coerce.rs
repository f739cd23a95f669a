//! From what was given for an option to what the option takes.

use super::rules::{Kind, Rule, Value};
use crate::error::{Error, Result};

/// Turns what was given into what the option takes. Python's `None` is an option that was not given.
///
/// # Errors
/// `Invalid`, with the option's name and what it takes. The value is not shown: it may be a secret.
pub fn coerce(rule: &Rule, value: Value) -> Result<Value> {
    if value == Value::Null {
        return Ok(Value::Null);
    }
    match rule.kind {
        Kind::Any => Ok(value),
        Kind::Text | Kind::Folder | Kind::File | Kind::CookiePath => text(rule, value),
        Kind::Word => text(rule, bool_as_text(value)),
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
        Kind::Int => integer(rule, &value),
        Kind::Seconds => seconds(rule, &value),
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

/// The text that Python, and hence Beaker, makes of a boolean where a name or a key is needed.
fn bool_as_text(value: Value) -> Value {
    match value {
        Value::Bool(true) => Value::Text(String::from("True")),
        Value::Bool(false) => Value::Text(String::from("False")),
        other => other,
    }
}

fn keys(rule: &Rule, value: Value) -> Result<Value> {
    match value {
        Value::List(keys) if keys.is_empty() || keys.iter().any(|key| key.trim_ascii().is_empty()) => {
            Err(refuse(rule, "a key or a list of keys, none of them empty"))
        }
        Value::List(_) => Ok(value),
        other => text(rule, bool_as_text(other)),
    }
}

/// A list, or the parts of a text; parts that are empty are passed over.
fn list(rule: &Rule, value: Value, split: fn(&str) -> Vec<&str>) -> Result<Value> {
    let mut parts = match value {
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

fn integer(rule: &Rule, value: &Value) -> Result<Value> {
    let number = natural(value).ok_or_else(|| refuse(rule, "a whole number that is not negative"))?;
    Ok(Value::Int(number))
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

fn seconds(rule: &Rule, value: &Value) -> Result<Value> {
    let number = match with_fraction(value) {
        Some(seconds) => (0.0..MOST_SECONDS).contains(&seconds).then_some(Value::Float(seconds)),
        None => natural(value).map(Value::Int),
    };
    number.ok_or_else(|| refuse(rule, "a number of seconds that is not negative"))
}

fn expires(rule: &Rule, value: Value) -> Result<Value> {
    let takes = "true, false, a positive number of seconds, a timedelta or a datetime";
    match value {
        Value::Bool(_) | Value::Date(_) => Ok(value),
        Value::Span(seconds) if seconds.is_finite() => Ok(value),
        Value::Float(seconds) if seconds.is_finite() && seconds > 0.0 => Ok(Value::Span(seconds)),
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
#[path = "coerce_tests.rs"]
mod tests;
