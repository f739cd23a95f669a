//! The given values of the options, and their defaults.

use super::choices::{PROFILE, Profile, chosen};
use super::coerce::invalid;
use super::lookup::known;
use super::option::{DefaultValue, OptionSpec};
use super::value::Value;
use crate::error::Result;

/// The given values, coerced. If an option is given twice, the last value counts.
#[derive(Clone, Debug, Default)]
pub struct Values {
    given: Vec<(&'static OptionSpec, Value)>,
}

impl Values {
    /// Adds the value of an option.
    pub fn push(&mut self, option: &'static OptionSpec, value: Value) {
        self.given.push((option, value));
    }

    /// The given value of an option, `None` included.
    pub fn raw(&self, option: &OptionSpec) -> Option<&Value> {
        self.given.iter().rev().find(|(given, _)| given.name == option.name).map(|(_, value)| value)
    }

    /// The given value of an option. Python's `None` is an option that was not given, unless the table says that it is
    /// a value.
    pub fn get(&self, option: &OptionSpec) -> Option<&Value> {
        self.raw(option).filter(|value| option.none_is_a_value || **value != Value::Null)
    }

    /// Whether the defaults are the hardened ones.
    pub fn is_hardened(&self) -> bool {
        matches!(self.raw(known!("profile")), Some(Value::Text(word)) if chosen(word, &PROFILE) == Some(Profile::Hardened))
    }

    fn default_of(&self, option: &OptionSpec) -> DefaultValue {
        option.default_for(self.is_hardened())
    }

    /// The option's boolean.
    pub fn flag(&self, option: &OptionSpec) -> bool {
        match self.get(option) {
            Some(Value::Bool(flag)) => *flag,
            _ => self.default_of(option) == DefaultValue::Bool(true),
        }
    }

    /// The option's text, if there is one.
    pub fn text(&self, option: &OptionSpec) -> Option<&str> {
        match (self.get(option), self.default_of(option)) {
            (Some(Value::Text(text)), _) => Some(text),
            (None, DefaultValue::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The option's whole number, if there is one.
    pub fn number(&self, option: &OptionSpec) -> Option<i64> {
        match (self.get(option), self.default_of(option)) {
            (Some(Value::Int(number)), _) => Some(*number),
            (None, DefaultValue::Int(number)) => Some(number),
            _ => None,
        }
    }

    /// The option's number of seconds, if there is one.
    #[must_use]
    pub fn seconds(&self, option: &OptionSpec) -> Option<f64> {
        match self.get(option) {
            Some(Value::Float(seconds)) => Some(*seconds),
            // A span over 2^53 seconds does not differ from its neighbour.
            _ => self.number(option).map(|seconds| seconds as f64),
        }
    }

    /// The option's moment, if there is one.
    pub fn moment(&self, option: &OptionSpec) -> Option<f64> {
        if let Some(Value::Moment(seconds)) = self.get(option) { Some(*seconds) } else { None }
    }

    /// The option's names, if there are any. Invalid Unicode is replaced.
    pub fn names(&self, option: &OptionSpec) -> Option<Vec<String>> {
        match self.get(option) {
            Some(Value::List(parts)) => {
                Some(parts.iter().map(|part| String::from_utf8_lossy(part).into_owned()).collect())
            }
            _ => None,
        }
    }

    /// The meaning of the option's word, in any case; `None` if there is no word.
    ///
    /// # Errors
    /// `Invalid` for a word that is not among the choices.
    pub fn choice<T: Copy>(&self, option: &OptionSpec, choices: &[(&str, T)]) -> Result<Option<T>> {
        let Some(word) = self.text(option) else { return Ok(None) };
        match chosen(word, choices) {
            Some(choice) => Ok(Some(choice)),
            None => {
                let words = option.kind.choices().join(", ");
                Err(invalid(format!("{} must be one of {words}", option.name)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::config::option;

    fn values(given: &[(&str, Value)]) -> Values {
        let mut values = Values::default();
        for (name, value) in given {
            values.push(option(name).unwrap(), value.clone());
        }
        values
    }
    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn the_last_value_of_an_option_counts() {
        let values = values(&[("timeout", Value::Int(1)), ("timeout", Value::Int(2))]);
        assert_eq!(values.number(known!("timeout")), Some(2));
    }

    #[test]
    fn an_option_without_a_value_has_the_default_of_its_profile() {
        for (profile, hardened) in [("compatible", false), (" Hardened ", true)] {
            for given in [&[][..], &[("secure", Value::Null), ("cookie_format", Value::Null)]] {
                let values = values(&[given, &[("profile", text(profile))]].concat());
                assert_eq!(values.flag(known!("secure")), hardened);
                assert_eq!(values.number(known!("cookie_format")), Some(1 + i64::from(hardened)));
                assert_eq!(values.seconds(known!("absolute_timeout")), hardened.then_some(43_200.0));
                assert_eq!(values.text(known!("key")), Some("beaker.session.id"));
            }
        }
    }

    #[test]
    fn none_switches_off_what_the_table_says() {
        let values = values(&[("profile", text("hardened")), ("absolute_timeout", Value::Null)]);
        assert_eq!(values.seconds(known!("absolute_timeout")), None);
        assert_eq!(values.get(known!("absolute_timeout")), Some(&Value::Null));
    }

    #[test]
    fn a_word_is_read_in_any_case_and_an_unknown_one_is_refused_by_name() {
        assert_eq!(values(&[]).choice(known!("profile"), &PROFILE).unwrap(), Some(Profile::Compatible));
        let of = |word| values(&[("profile", text(word))]).choice(known!("profile"), &PROFILE);
        assert_eq!(of(" HARDENED").unwrap(), Some(Profile::Hardened));
        let error = of("paranoid").unwrap_err().to_string();
        assert!(error.contains("profile must be one of compatible, hardened"), "{error}");
    }
}
