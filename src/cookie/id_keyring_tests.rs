//! The newest signs, all verify, and nothing passes in the wrong place.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use proptest::prelude::*;

use super::*;
use crate::error::ErrorKind;

const ID: &str = "0123456789abcdef0123456789abcdef";
const FORMATS: [Format; 2] = [Format::One, Format::Two];

fn keyring(secrets: &[&str], names: &[&str], writes: Format) -> IdKeyring {
    IdKeyring::new(secrets, names, writes).unwrap()
}

#[test]
fn format_1_is_that_of_a_signer_and_format_2_that_of_a_stamper() {
    let (one, two) = (keyring(&["s"], &["n"], Format::One), keyring(&["s"], &["n"], Format::Two));
    assert_eq!(one.sign(ID, 7.9), Signer::new(b"s").unwrap().sign(ID));
    assert_eq!(two.sign(ID, 7.9), Stamper::new(b"s", "n").unwrap().sign(ID, 7));
}

#[test]
fn each_format_is_read_whichever_is_written_and_only_that_one_is_current() {
    for writes in FORMATS {
        let reader = keyring(&["s"], &["n"], writes);
        for (written, signed_at) in [(Format::One, None), (Format::Two, Some(7))] {
            let value = keyring(&["s"], &["n"], written).sign(ID, 7.0);
            let expected = Accepted { value: ID, signed_at, is_current: writes == written };
            assert_eq!(reader.verify("n", &value), Some(expected));
        }
    }
}

#[test]
fn an_older_name_is_read_and_is_not_current() {
    for format in FORMATS {
        let keyring = keyring(&["s"], &["new", "old", "older"], format);
        for name in ["new", "old", "older"] {
            let value = self::keyring(&["s"], &[name], format).sign(ID, 7.0);
            assert_eq!(keyring.verify(name, &value).unwrap().is_current, name == "new");
        }
        assert_eq!(keyring.verify("unknown", &keyring.sign(ID, 7.0)), None);
        assert_eq!(keyring.verify("", &keyring.sign(ID, 7.0)), None);
    }
}

#[test]
fn format_2_passes_under_no_name_but_its_own() {
    let keyring = keyring(&["s"], &["new", "old"], Format::Two);
    assert_eq!(keyring.verify("old", &keyring.sign(ID, 7.0)), None);
    let old = self::keyring(&["s"], &["old"], Format::Two).sign(ID, 7.0);
    assert_eq!(keyring.verify("new", &old), None);
}

#[test]
fn a_value_is_tried_as_one_format_only() {
    let keyring = keyring(&["s"], &["n"], Format::Two);
    let two = keyring.sign(ID, 7.0);
    assert_eq!(keyring.verify("n", two.strip_prefix("v2.").unwrap()), None);
    let one = Signer::new(b"s").unwrap().sign(ID);
    assert_eq!(keyring.verify("n", &format!("v2.{one}")), None);
}

#[test]
fn a_time_that_cannot_be_written_is_the_nearest_that_can() {
    let keyring = keyring(&["s"], &["n"], Format::Two);
    for (now, at) in [
        (0.0, 0),
        (0.999, 0),
        (-1.0, 0),
        (f64::NAN, 0),
        (f64::NEG_INFINITY, 0),
        (1.7e9, 1_700_000_000),
        (f64::INFINITY, u64::MAX),
    ] {
        let value = keyring.sign(ID, now);
        assert_eq!(keyring.verify("n", &value).unwrap().signed_at, Some(at), "{now}");
    }
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let new = |secrets: &[&str], names: &[&str]| {
        IdKeyring::new(secrets, names, Format::One).map_err(|error| error.kind()).err()
    };
    assert_eq!(new(&["s"], &["n"]), None);
    for (secrets, names) in [
        (&[][..], &["n"][..]),
        (&["s"], &[]),
        (&[""], &["n"]),
        (&["s", ""], &["n"]),
        (&["s"], &["n", "a\0b"]),
    ] {
        assert_eq!(new(secrets, names), Some(ErrorKind::Invalid));
    }
}

#[test]
fn debug_shows_neither_secret_nor_id() {
    let keyring = keyring(&["hunter2"], &["n"], Format::One);
    assert_eq!(format!("{keyring:?}"), "IdKeyring { writes: One, .. }");
    let accepted = keyring.verify("n", &keyring.sign(ID, 7.0)).map(|accepted| format!("{accepted:?}"));
    assert_eq!(accepted.as_deref(), Some("Accepted { signed_at: None, is_current: true, .. }"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_newest_secret_signs_and_all_verify(count in 1..=5_usize, id in "[ -~]{0,40}", now in 0.0..4e9_f64) {
        let secrets: Vec<String> = (0..count).map(|n| format!("secret {n}")).collect();
        let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
        for format in FORMATS {
            for oldest in 0..count {
                // Those that were in use before the newer ones came.
                let value = keyring(&secrets[oldest..], &["n"], format).sign(&id, now);
                for newest in 0..count {
                    let keyring = keyring(&secrets[newest..], &["n"], format);
                    let accepted = keyring.verify("n", &value).map(|found| (found.value, found.is_current));
                    let expected = (newest <= oldest).then_some((id.as_str(), newest == oldest));
                    prop_assert_eq!(accepted, expected);
                }
            }
        }
    }

    #[test]
    fn a_ring_of_signers_signs_with_the_newest_and_verifies_with_all(count in 1..=5_usize, text in any::<String>()) {
        let secrets: Vec<String> = (0..count).map(|n| format!("secret {n}")).collect();
        let newest = Keyring::signers(&secrets).unwrap();
        prop_assert_eq!(newest.sign(&text), Signer::new(secrets[0].as_bytes()).unwrap().sign(&text));
        for (at, secret) in secrets.iter().enumerate() {
            let signed = Signer::new(secret.as_bytes()).unwrap().sign(&text);
            prop_assert_eq!(newest.verify(&signed), Some((text.as_str(), at == 0)));
        }
        let stranger = Signer::new(b"secret").unwrap().sign(&text);
        prop_assert_eq!(newest.verify(&stranger), None);
    }

    #[test]
    fn no_text_panics(name in any::<String>(), text in any::<String>()) {
        let keyring = keyring(&["s", "t"], &["n", "m"], Format::Two);
        for value in [text.clone(), format!("v2.{text}")] {
            prop_assert_eq!(keyring.verify(&name, &value), None);
            prop_assert_eq!(keyring.verify("n", &value), None);
        }
    }
}
