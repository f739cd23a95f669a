//! Fixed values of format 2, so that it cannot drift, and what a stamper refuses.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::error::ErrorKind;

const SECRET: &[u8] = b"hunter2";
const NAME: &str = "beaker.session.id";

/// Name, time, value and text. Made with Python's `hmac` and `hashlib` alone, HKDF written out as in RFC 5869:
/// `prk = HMAC(32 zero bytes, secret)`, `key = HMAC(prk, b"beaker-rs v2 sign\0" + name + b"\x01")`.
const GOLDEN: [(&str, u64, &str, &str); 4] = [
    (
        NAME,
        1_700_000_000,
        "ffffffffffffffffffffffffffffffff",
        "v2.1zwFp_vZm8mznt8Ncd4My-Yuh_S12mIuHkHOcqxytGw.1700000000.ffffffffffffffffffffffffffffffff",
    ),
    (NAME, 0, "", "v2.M5YMeNDB7WZsfOkZo49hbNfJtqy82aqk1BpDNX-1Sxs.0."),
    (
        NAME,
        u64::MAX,
        "\u{e9}.\u{20ac}",
        "v2.btka7Wnj0yD4s6JJrwHX6L1ikaik5hVvI6pbZVcTDZA.18446744073709551615.\u{e9}.\u{20ac}",
    ),
    ("__Host-session", 1, "abc", "v2.uJLlymcxH20E03llIvkNm3gInpqFriri3LSYkZv3FVY.1.abc"),
];

fn stamper(secret: impl AsRef<[u8]>) -> Stamper {
    Stamper::new(secret.as_ref(), NAME).unwrap()
}

/// A text that is genuine but for how its time is spelt.
fn signed_with_time(time: &str) -> String {
    let message = format!("{time}.abc");
    let mac = stamper(SECRET).keyed.chain_update(&message).finalize().into_bytes();
    format!("{PREFIX}{}.{message}", BASE64.encode(mac))
}

#[test]
fn the_format_is_what_it_was() {
    for (name, at, value, text) in GOLDEN {
        let stamper = Stamper::new(SECRET, name).unwrap();
        assert_eq!(stamper.sign(value, at), text);
        assert_eq!(stamper.verify(text), Some(Stamped { value, at }));
    }
}

#[test]
fn the_vectors_of_rfc_4231_hold_for_the_keyed_state() {
    let long = b"This is a test using a larger than block-size key and a larger than block-size data. \
                 The key needs to be hashed before being used by the HMAC algorithm.";
    let counted: Vec<u8> = (1..=25).collect();
    // Case 5 is a test of truncation, and nothing is truncated here.
    for (key, data, digest) in [
        (
            vec![0x0b; 20],
            &b"Hi There"[..],
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        ),
        (
            b"Jefe".to_vec(),
            b"what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (vec![0xaa; 20], &[0xdd; 50], "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
        (counted, &[0xcd; 50], "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
        (
            vec![0xaa; 131],
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
        (vec![0xaa; 131], long, "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"),
    ] {
        let keyed: Hmac<Sha256> = Hmac::new_from_slice(&key).unwrap();
        let mac = keyed.chain_update(data).finalize().into_bytes();
        assert_eq!(mac.iter().map(|byte| format!("{byte:02x}")).collect::<String>(), digest);
    }
}

#[test]
fn a_time_has_one_spelling() {
    for time in ["0", "1", "10", "18446744073709551615"] {
        assert!(stamper(SECRET).verify(&signed_with_time(time)).is_some(), "{time}");
    }
    for time in [
        "",
        "00",
        "01",
        "+1",
        "-1",
        " 1",
        "1 ",
        "1e3",
        "1_0",
        "0x1",
        "18446744073709551616",
        "99999999999999999999",
        "000000000000000000001",
        "\u{661}",
    ] {
        assert_eq!(stamper(SECRET).verify(&signed_with_time(time)), None, "{time}");
    }
}

#[test]
fn a_signature_has_one_spelling() {
    let (_, _, _, text) = GOLDEN[0];
    let stamper = stamper(SECRET);
    // The last of the 43 characters carries two bits that are always 0: 'w' is followed by three that differ
    // in them alone.
    for other in ["x", "y", "z"] {
        assert_eq!(stamper.verify(&text.replacen("tGw.", &format!("tG{other}."), 1)), None);
    }
    assert_eq!(stamper.verify(&text.replacen("tGw.", "tGw=.", 1)), None);
    assert_eq!(stamper.verify(&text.replacen('_', "/", 1)), None);
    assert_eq!(stamper.verify(&text.replacen("v2.", "V2.", 1)), None);
    assert_eq!(stamper.verify(&format!(" {text}")), None);
}

#[test]
fn the_same_secret_signs_for_each_cookie_apart() {
    let other = Stamper::new(SECRET, "beaker.session.ie").unwrap();
    assert_eq!(other.verify(&stamper(SECRET).sign("abc", 1)), None);
    assert_eq!(stamper(SECRET).verify(&other.sign("abc", 1)), None);
}

#[test]
fn an_empty_secret_and_a_name_with_a_nul_are_invalid() {
    assert_eq!(Stamper::new(b"", NAME).unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(Stamper::new(SECRET, "a\0b").unwrap_err().kind(), ErrorKind::Invalid);
}

#[test]
fn debug_shows_neither_secret_nor_value() {
    let stamper = stamper(SECRET);
    assert_eq!(format!("{stamper:?}"), "Stamper { .. }");
    assert_eq!(format!("{:?}", stamper.verify(GOLDEN[0].3)), "Some(Stamped { at: 1700000000, .. })");
}

proptest! {
    #[test]
    fn what_was_signed_verifies(
        secret in vec(any::<u8>(), 1..100), value in any::<String>(), at in any::<u64>()
    ) {
        let stamper = stamper(secret);
        let signed = stamper.sign(&value, at);
        prop_assert_eq!(stamper.verify(&signed), Some(Stamped { value: &value, at }));
    }

    #[test]
    fn a_different_secret_refuses(secret in "[a-z]{1,80}", value in any::<String>(), at in any::<u64>()) {
        let signed = stamper(&secret).sign(&value, at);
        prop_assert_eq!(stamper(secret + "x").verify(&signed), None);
    }

    #[test]
    fn every_flipped_bit_and_every_truncation_is_refused(value in "[ -~]{0,40}", at in any::<u64>()) {
        let stamper = stamper(SECRET);
        let signed = stamper.sign(&value, at);
        for at in 0..signed.len() {
            prop_assert_eq!(stamper.verify(&signed[..at]), None);
            prop_assert_eq!(stamper.verify(&signed[at + 1..]), None);
            for bit in 0..8 {
                let mut bytes = signed.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                // As a server reads a header: each byte a character.
                let forged: String = bytes.into_iter().map(char::from).collect();
                prop_assert_eq!(stamper.verify(&forged), None);
            }
        }
    }

    #[test]
    fn no_text_panics(text in any::<String>(), tail in "[.0-9A-Za-z_=-]{0,80}") {
        let stamper = stamper(SECRET);
        for text in [text.clone(), format!("{PREFIX}{text}"), format!("{PREFIX}{tail}")] {
            prop_assert_eq!(stamper.verify(&text), None);
        }
    }
}
