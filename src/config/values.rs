//! The coerced values of options, by name.

use super::Value;

/// What was given for each option. Of an option given twice, the last counts.
#[derive(Clone, Debug, Default)]
pub struct Values {
    given: Vec<(&'static str, Value)>,
}

impl Values {
    /// Adds the value of an option.
    pub fn push(&mut self, name: &'static str, value: Value) {
        self.given.push((name, value));
    }

    /// What was given for an option.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.given.iter().rev().find(|(given, _)| *given == name).map(|(_, value)| value)
    }

    /// Its text, if it is text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Its boolean. An option that was not given is `default`.
    #[must_use]
    pub fn flag(&self, name: &str, default: bool) -> bool {
        match self.get(name) {
            Some(Value::Bool(flag)) => *flag,
            _ => default,
        }
    }

    /// Its number, if it is one.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<i64> {
        match self.get(name) {
            Some(Value::Int(number)) => Some(*number),
            _ => None,
        }
    }

    /// Its number of seconds, if it is one.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "a span over 2^53 seconds is not told from its neighbour")]
    pub fn seconds(&self, name: &str) -> Option<f64> {
        match self.get(name) {
            Some(Value::Int(seconds)) => Some(*seconds as f64),
            Some(Value::Float(seconds)) => Some(*seconds),
            _ => None,
        }
    }

    /// Its texts, if it is a list of them; what is no Unicode is replaced.
    #[must_use]
    pub fn names(&self, name: &str) -> Option<Vec<String>> {
        match self.get(name) {
            Some(Value::List(parts)) => {
                Some(parts.iter().map(|part| String::from_utf8_lossy(part).into_owned()).collect())
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_of_an_option_counts() {
        let mut values = Values::default();
        values.push("timeout", Value::Int(1));
        values.push("timeout", Value::Int(2));
        assert_eq!(values.number("timeout"), Some(2));
    }

    #[test]
    fn a_flag_that_was_not_given_or_is_nothing_is_its_default() {
        let mut values = Values::default();
        assert!(values.flag("secure", true));
        values.push("secure", Value::Null);
        assert!(values.flag("secure", true));
    }
}
