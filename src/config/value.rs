//! The value of an option, without the interpreter.

use crate::cookie::CookieDate;

/// An option's value, as far as its meaning does not need the interpreter.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Python's `None`.
    Null,
    /// A boolean.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// Text.
    Text(String),
    /// A `timedelta`, in seconds.
    Span(f64),
    /// A `datetime`: in UTC, or unchanged if it has no time zone.
    Date(CookieDate),
    /// A moment, in seconds since the epoch.
    Moment(f64),
    /// Several texts or byte strings.
    List(Vec<Vec<u8>>),
    /// Any other object, by the name of its type.
    Object(String),
}

impl Value {
    /// A description for errors. The value itself stays out of errors, since it may be a secret.
    pub fn described(&self) -> String {
        match self {
            Self::Null => String::from("None"),
            Self::Bool(_) => String::from("a boolean"),
            Self::Int(_) => String::from("a whole number"),
            Self::Float(_) => String::from("a float"),
            Self::Text(text) if text.trim().is_empty() => String::from("empty text"),
            Self::Text(_) => String::from("text"),
            Self::Span(_) => String::from("a timedelta"),
            Self::Date(_) => String::from("a datetime"),
            Self::Moment(_) => String::from("a moment"),
            Self::List(parts) if parts.is_empty() => String::from("an empty list"),
            Self::List(_) => String::from("a list"),
            Self::Object(type_name) => type_name.clone(),
        }
    }
}
