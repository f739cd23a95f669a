//! Coercing turns what a person writes into a value, or refuses it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::config::{option, options};

fn coerced(name: &str, value: Value) -> Option<Value> {
    coerce(option(name).unwrap(), value).ok()
}

fn ini(text: &str) -> Value {
    Value::Text(text.to_owned())
}

#[test]
fn every_word_for_a_boolean_is_one() {
    for word in ["true", "Yes", " on ", "y", "T", "1"] {
        assert_eq!(coerced("secure", ini(word)), Some(Value::Bool(true)), "{word}");
    }
    for word in ["false", "No", "off", "N", "f", "0"] {
        assert_eq!(coerced("secure", ini(word)), Some(Value::Bool(false)), "{word}");
    }
    assert_eq!(coerced("secure", ini("perhaps")), None);
}

#[test]
fn a_number_may_be_written_as_digits_and_is_never_negative() {
    assert_eq!(coerced("timeout", ini(" 300 ")), Some(Value::Int(300)));
    for bad in [ini("-1"), ini(""), ini("9999999999999999999999"), Value::Int(-1)] {
        assert_eq!(coerced("timeout", bad), None);
    }
    assert_eq!(coerced("max_sessions", ini("3.5")), None);
}

#[test]
fn seconds_may_have_a_fraction_as_text_too() {
    assert_eq!(coerced("timeout", ini(" 3.5 ")), Some(Value::Float(3.5)));
    assert_eq!(coerced("timeout", Value::Float(3.5)), Some(Value::Float(3.5)));
    for bad in ["-3.5", "3.", ".5", ".", "3.5.1", "3.5e1", "inf", "nan", "9999999999999999.5"] {
        assert_eq!(coerced("timeout", ini(bad)), None, "{bad}");
    }
}

#[test]
fn cookie_expires_takes_the_texts_1_and_0_as_booleans_and_other_digits_as_seconds() {
    assert_eq!(coerced("cookie_expires", ini("1")), Some(Value::Bool(true)));
    assert_eq!(coerced("cookie_expires", ini("0")), Some(Value::Bool(false)));
    assert_eq!(coerced("cookie_expires", ini("300")), Some(Value::Span(300.0)));
    assert_eq!(coerced("cookie_expires", Value::Int(1)), Some(Value::Span(1.0)));
    for bad in [Value::Int(0), Value::Int(-5), ini("00"), ini("soon")] {
        assert_eq!(coerced("cookie_expires", bad), None);
    }
}

#[test]
fn empty_text_is_refused() {
    assert_eq!(coerced("secret", ini("  ")), None);
    assert_eq!(coerced("cookie_path", ini("")), None);
}

#[test]
fn a_key_is_one_text_as_it_stands_or_a_list() {
    assert_eq!(coerced("secret", ini("a, b\nc ")), Some(ini("a, b\nc ")));
    let list = Value::List(vec![b"new".to_vec(), b"old".to_vec()]);
    assert_eq!(coerced("secret", list.clone()), Some(list));
    for bad in [Value::List(vec![]), Value::List(vec![b"new".to_vec(), b" ".to_vec()]), ini(" ")] {
        assert_eq!(coerced("secret", bad), None);
    }
}

#[test]
fn older_keys_stand_on_lines_and_older_names_between_commas_or_spaces() {
    let list = |parts: [&str; 2]| Some(Value::List(parts.map(|part| part.into()).to_vec()));
    assert_eq!(coerced("secret_fallbacks", ini("\n a, b \n\n c d\n")), list(["a, b", "c d"]));
    assert_eq!(coerced("key_fallbacks", ini(" sid,\n old.id ")), list(["sid", "old.id"]));
    assert_eq!(coerced("key_fallbacks", ini("")), Some(Value::List(vec![])));
}

#[test]
fn a_refusal_names_the_option_and_what_it_takes_and_does_not_show_the_value() {
    let error = coerce(option("timeout").unwrap(), ini("hunter2")).unwrap_err().to_string();
    assert_eq!(error, "invalid option: timeout must be a number of seconds that is not negative, got text");
}

#[test]
fn every_option_takes_none() {
    for option in options() {
        assert_eq!(coerce(option, Value::Null).ok(), Some(Value::Null), "{}", option.name);
    }
}

#[test]
fn a_float_is_seconds_and_a_whole_one_a_whole_number() {
    assert_eq!(coerced("timeout", Value::Float(1.5)), Some(Value::Float(1.5)));
    assert_eq!(coerced("cookie_expires", Value::Float(1800.5)), Some(Value::Span(1800.5)));
    assert_eq!(coerced("max_sessions", Value::Float(30.0)), Some(Value::Int(30)));
    for bad in [f64::NAN, f64::INFINITY, -1.0] {
        for name in ["timeout", "cookie_expires", "max_sessions"] {
            assert_eq!(coerced(name, Value::Float(bad)), None, "{name} {bad}");
        }
    }
    assert_eq!(coerced("max_sessions", Value::Float(1.5)), None);
    assert_eq!(coerced("cookie_expires", Value::Float(0.0)), None);
}

#[test]
fn a_boolean_is_its_text_where_a_key_or_a_name_is_needed() {
    for name in ["key", "secret", "validate_key", "encrypt_key"] {
        assert_eq!(coerced(name, Value::Bool(true)), Some(ini("True")), "{name}");
    }
    for name in ["cookie_domain", "cookie_path", "samesite", "data_dir"] {
        assert_eq!(coerced(name, Value::Bool(true)), None, "{name}");
    }
}
