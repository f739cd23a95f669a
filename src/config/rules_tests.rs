//! What a person writes becomes what was meant, or is refused.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;

fn coerced(name: &str, value: Value) -> Option<Value> {
    coerce(rule(name).unwrap(), value).ok()
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
    assert_eq!(coerced("timeout", Value::Null), Some(Value::Null));
    for bad in [ini("-1"), ini("3.5"), ini(""), ini("9999999999999999999999"), Value::Int(-1)] {
        assert_eq!(coerced("timeout", bad), None);
    }
}

#[test]
fn one_and_zero_in_an_ini_file_are_booleans_for_cookie_expires_and_other_digits_are_seconds() {
    assert_eq!(coerced("cookie_expires", ini("1")), Some(Value::Bool(true)));
    assert_eq!(coerced("cookie_expires", ini("0")), Some(Value::Bool(false)));
    assert_eq!(coerced("cookie_expires", ini("300")), Some(Value::Span(300.0)));
    assert_eq!(coerced("cookie_expires", Value::Int(1)), Some(Value::Span(1.0)));
    for bad in [Value::Int(0), Value::Int(-5), ini("00"), ini("soon")] {
        assert_eq!(coerced("cookie_expires", bad), None);
    }
}

#[test]
fn empty_text_means_nothing_and_is_refused() {
    assert_eq!(coerced("secret", ini("  ")), None);
    assert_eq!(coerced("key", Value::Null), None);
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
fn a_refusal_does_not_show_the_value() {
    let error = coerce(rule("timeout").unwrap(), ini("hunter2")).unwrap_err();
    assert!(!error.to_string().contains("hunter2"), "{error}");
    assert!(error.to_string().contains("timeout"), "{error}");
}

#[test]
fn a_misspelt_name_finds_the_one_that_was_meant() {
    assert_eq!(nearest_name("timout"), Some("timeout"));
    assert_eq!(nearest_name("http_only"), Some("httponly"));
    assert_eq!(nearest_name("colour_of_the_sky"), None);
}
