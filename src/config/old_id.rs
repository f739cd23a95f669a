//! The option `destroy_old`: what remains under the old id of a session after a rotation.

use std::time::Duration;

use super::coerce::{invalid, word_as_bool};
use super::value::Value;
use crate::error::Result;

/// The longest grace period, in seconds. Requests that were under way at the rotation are over by then.
const LONGEST_GRACE: u64 = 300;

/// The fate of the old id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OldId {
    /// Nothing remains under it.
    #[default]
    Destroyed,
    /// It leads to the new id for this long.
    Grace(Duration),
}

impl OldId {
    /// Reads the option.
    ///
    /// # Errors
    /// `Invalid` for anything but true, or `grace:` with a number of seconds from 1 to 300.
    pub fn read(value: Option<&Value>) -> Result<Self> {
        let seconds = match value {
            None | Some(Value::Null | Value::Bool(true) | Value::Int(1)) => return Ok(Self::Destroyed),
            Some(Value::Text(text)) => {
                if word_as_bool(text) == Some(true) {
                    return Ok(Self::Destroyed);
                }
                let word = text.trim().to_ascii_lowercase();
                let digits = word.strip_prefix("grace:").map(str::trim).unwrap_or_default();
                let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
                digits.parse::<u64>().ok().filter(|_| is_number)
            }
            Some(_) => None,
        };
        match seconds {
            Some(seconds @ 1..=LONGEST_GRACE) => Ok(Self::Grace(Duration::from_secs(seconds))),
            _ => Err(invalid(format!(
                "destroy_old must be true, or grace: with a number of seconds from 1 to {LONGEST_GRACE}, such as \
                 grace:30"
            ))),
        }
    }

    /// The grace period, if there is one.
    pub fn grace(self) -> Option<Duration> {
        match self {
            Self::Destroyed => None,
            Self::Grace(grace) => Some(grace),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn read(value: Value) -> Option<OldId> {
        OldId::read(Some(&value)).ok()
    }
    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn the_old_id_is_destroyed_unless_there_is_a_grace() {
        assert_eq!(OldId::read(None).unwrap(), OldId::Destroyed);
        for value in [Value::Null, Value::Bool(true), Value::Int(1), text(" True "), text("1"), text("yes")] {
            assert_eq!(read(value.clone()), Some(OldId::Destroyed), "{value:?}");
        }
        for (value, seconds) in [("grace:30", 30), (" Grace: 1 ", 1), ("grace:300", 300)] {
            assert_eq!(read(text(value)).unwrap().grace(), Some(Duration::from_secs(seconds)), "{value}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused_by_name() {
        for value in [
            Value::Bool(false),
            Value::Int(0),
            Value::Int(30),
            text("false"),
            text("grace"),
            text("grace:"),
            text("grace:0"),
            text("grace:301"),
            text("grace:-1"),
            text("grace:+30"),
            text("grace:1.5"),
            text("grace:99999999999999999999"),
            text("30"),
            Value::Object(String::from("dict")),
        ] {
            let error = OldId::read(Some(&value)).unwrap_err().to_string();
            assert!(error.contains("destroy_old"), "{value:?} {error}");
        }
    }
}
