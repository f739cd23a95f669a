//! Fixed values of format 2, so that it cannot drift, and what a sealer refuses.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::error::ErrorKind;

const NAME: &str = "beaker.session.id";
const PAYLOAD: &[u8] = b"\x80\x02}q\0X\x07\0\0\0user_idq\x01K\ns.";
const BOTH: SealingKeys<'_> = SealingKeys { encrypt_key: Some(b"encrypt"), validate_key: b"validate" };
const ONE: SealingKeys<'_> = SealingKeys { encrypt_key: None, validate_key: b"validate" };

// Made with Python: HKDF written out as in RFC 5869 with `hmac` and `hashlib`, HChaCha20 as in
// draft-irtf-cfrg-xchacha-03 in plain integers, and `ChaCha20Poly1305` of the package `cryptography` under the
// subkey that it gives. The nonce is the bytes 0, 1, 2, …
const GOLDEN: [(SealingKeys<'_>, &[u8], Option<u64>, &str); 3] = [
    (
        BOTH,
        PAYLOAD,
        Some(1_700_000_000),
        "v2.AAECAwQFBgcICQoLDA0ODxAREhMUFRYX96W2IIyTccm1OgtDM7-mMHpHSgAWa5jDUu4tG-B8B4kVBC1TGDzIg72zLwDljIxa",
    ),
    (
        ONE,
        PAYLOAD,
        None,
        "v2.AAECAwQFBgcICQoLDA0ODxAREhMUFRYXysa6CuH0906pXGm2QDMAM6omla5rK-_OtCrNbrb-woiP7TWKYPzYu4hG2BdvgPqM",
    ),
    (ONE, b"", Some(1), "v2.AAECAwQFBgcICQoLDA0ODxAREhMUFRYXysa6CuH0906oGSUuoWzriSNCYvNjVdIOBw"),
];
/// A hundred times `a`, compressed by Python, over in the seventh second.
const COMPRESSED: &str =
    "v2.AAECAwQFBgcICQoLDA0ODxAREhMUFRYXy8a6CuH0906upPeAfZdlNKpc0v79irUhxSGy8C167aWJ-YfAjQ";
/// Compressed in a way that there is not.
const UNKNOWN: &str = "v2.AAECAwQFBgcICQoLDA0ODxAREhMUFRYXyMa6CuH0906pvQmoEcEN7FiVlCU4tiHJeIo3QQ";

fn nonce() -> [u8; 24] {
    std::array::from_fn(|at| at as u8)
}

fn sealer(keys: &[SealingKeys<'_>]) -> CookieSealer {
    CookieSealer::new(keys, &[NAME]).unwrap()
}

fn current(payload: &[u8], expires: Option<u64>) -> Option<Opened> {
    Some(Opened { payload: payload.to_vec(), expires, is_current: true })
}

/// `plain`, head included, under the keys of [`ONE`].
fn sealed_plain(plain: &[u8]) -> String {
    let sealer = sealer(&[ONE]);
    let name = sealer.names.newest();
    let sealed = name.aead.seal_with(&[plain], &[&name.associated], nonce()).unwrap();
    format!("{PREFIX}{}", BASE64.encode(sealed))
}

#[test]
fn the_format_is_what_it_was() {
    for (keys, payload, expires, value) in GOLDEN {
        let sealer = sealer(&[keys]);
        let name = sealer.names.newest();
        let seal = |plain: &[&[u8]]| name.aead.seal_with(plain, &[&name.associated], nonce());
        assert_eq!(encode(payload, expires, seal).unwrap(), value);
        assert_eq!(sealer.open(NAME, value).unwrap(), current(payload, expires));
    }
    assert_eq!(sealer(&[ONE]).open(NAME, COMPRESSED).unwrap(), current(&[b'a'; 100], Some(7)));
}

#[test]
fn what_was_sealed_comes_back_at_every_length() {
    let sealer = sealer(&[BOTH]);
    for len in (0..200).chain([4096, PAYLOAD_LIMIT]) {
        let payload: Vec<u8> = (0..len as u32).map(|at| (at.wrapping_mul(at) / 7) as u8).collect();
        let value = sealer.seal(&payload, Some(u64::MAX)).unwrap();
        assert_eq!(sealer.open(NAME, &value).unwrap(), current(&payload, Some(u64::MAX)));
    }
}

#[test]
fn a_long_payload_that_gets_shorter_is_compressed_and_no_other() {
    let sealer = sealer(&[BOTH]);
    let compression = |payload: &[u8]| {
        let value = sealer.seal(payload, None).unwrap();
        assert_eq!(sealer.open(NAME, &value).unwrap(), current(payload, None));
        let name = sealer.names.newest();
        let mut sealed = coded(&value).unwrap();
        name.aead.open(&mut sealed, &[&name.associated]).unwrap().0[0]
    };
    let mut state = 1_u32;
    let random: Vec<u8> = (0..COMPRESSED_FROM)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect();
    assert_eq!(compression(&[b'a'; COMPRESSED_FROM]), ZLIB);
    assert_eq!(compression(&[b'a'; COMPRESSED_FROM - 1]), PLAIN);
    assert_eq!(compression(&random), PLAIN);
    let compressed = deflate::compress(&[b'a'; PAYLOAD_LIMIT]).unwrap();
    assert!(compressed.len() >= COMPRESSED_FROM);
    assert_eq!(compression(&compressed), PLAIN);
}

#[test]
fn two_values_of_one_payload_differ() {
    let sealer = sealer(&[BOTH]);
    let (one, two) = (sealer.seal(PAYLOAD, None).unwrap(), sealer.seal(PAYLOAD, None).unwrap());
    assert_ne!(one[..35], two[..35]);
    assert_ne!(one[35..], two[35..]);
}

#[test]
fn an_expiry_in_the_first_second_is_not_taken_for_none() {
    let sealer = sealer(&[BOTH]);
    let value = sealer.seal(PAYLOAD, Some(0)).unwrap();
    assert_eq!(sealer.open(NAME, &value).unwrap().unwrap().expires, Some(1));
}

#[test]
fn more_than_a_mebibyte_is_refused_on_writing_and_on_reading() {
    let sealer = sealer(&[ONE]);
    let bomb = vec![0; PAYLOAD_LIMIT + 1];
    assert_eq!(sealer.seal(&bomb, None).unwrap_err().kind(), ErrorKind::Invalid);

    let compressed = deflate::compress(&bomb).unwrap();
    assert!(compressed.len() < 2000);
    let value = sealed_plain(&[&[ZLIB, 0, 0, 0, 0, 0, 0, 0, 0][..], &compressed].concat());
    assert_eq!(sealer.open(NAME, &value).unwrap_err().kind(), ErrorKind::Corrupt);
    let plain = sealed_plain(&[&[PLAIN, 0, 0, 0, 0, 0, 0, 0, 0][..], &bomb].concat());
    let error = sealer.open(NAME, &plain).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("it is larger than 1 MiB"), "{error}");

    let largest = deflate::compress(&bomb[1..]).unwrap();
    let value = sealed_plain(&[&[ZLIB, 0, 0, 0, 0, 0, 0, 0, 0][..], &largest].concat());
    assert_eq!(sealer.open(NAME, &value).unwrap(), current(&bomb[1..], None));
}

#[test]
fn what_is_ours_and_makes_no_sense_is_corrupt() {
    let sealer = sealer(&[ONE]);
    for value in [
        UNKNOWN.to_owned(),
        sealed_plain(b""),
        sealed_plain(&[PLAIN; 8]),
        sealed_plain(&[&[ZLIB, 0, 0, 0, 0, 0, 0, 0, 0][..], b"no zlib"].concat()),
    ] {
        assert_eq!(sealer.open(NAME, &value).unwrap_err().kind(), ErrorKind::Corrupt);
    }
}

#[test]
fn every_flipped_bit_and_every_truncation_is_refused() {
    let sealer = sealer(&[BOTH]);
    let (_, _, _, value) = GOLDEN[0];
    for at in 0..value.len() {
        assert_eq!(sealer.open(NAME, &value[..at]).unwrap(), None);
        assert_eq!(sealer.open(NAME, &value[at + 1..]).unwrap(), None);
        for bit in 0..8 {
            let mut bytes = value.as_bytes().to_vec();
            bytes[at] ^= 1 << bit;
            let forged: String = bytes.into_iter().map(char::from).collect();
            assert_eq!(sealer.open(NAME, &forged).unwrap(), None);
        }
    }
    for longer in [format!("{value}A"), format!("{value}="), format!("{value}AAAA"), format!("{value}.")] {
        assert_eq!(sealer.open(NAME, &longer).unwrap(), None);
    }
}

#[test]
fn every_flipped_bit_of_what_is_coded_is_refused() {
    let sealer = sealer(&[BOTH]);
    let bytes = BASE64.decode(GOLDEN[0].3.strip_prefix(PREFIX).unwrap()).unwrap();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            let forged = format!("{PREFIX}{}", BASE64.encode(&changed));
            assert_eq!(sealer.open(NAME, &forged).unwrap(), None);
        }
        assert_eq!(sealer.open(NAME, &format!("{PREFIX}{}", BASE64.encode(&bytes[..at]))).unwrap(), None);
    }
}

#[test]
fn other_keys_or_another_name_open_nothing() {
    let (_, _, _, value) = GOLDEN[0];
    for keys in [
        SealingKeys { encrypt_key: Some(b"Encrypt"), ..BOTH },
        SealingKeys { validate_key: b"Validate", ..BOTH },
        SealingKeys { encrypt_key: Some(b"validate"), validate_key: b"encrypt" },
        SealingKeys { encrypt_key: None, validate_key: b"encrypt" },
        ONE,
    ] {
        assert_eq!(sealer(&[keys]).open(NAME, value).unwrap(), None);
    }
    let two = CookieSealer::new(&[BOTH], &["other", NAME]).unwrap();
    assert_eq!(two.open("other", value).unwrap(), None);
    assert_eq!(two.open("unknown", value).unwrap(), None);
    assert!(!two.open(NAME, value).unwrap().unwrap().is_current);
    assert_eq!(two.open(NAME, &two.seal(PAYLOAD, None).unwrap()).unwrap(), None);
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let new = |keys: &[SealingKeys<'_>], names: &[&str]| {
        CookieSealer::new(keys, names).map_err(|error| error.kind()).err()
    };
    assert_eq!(new(&[ONE, BOTH], &[NAME, "other"]), None);
    assert_eq!(new(&[], &[NAME]), Some(ErrorKind::Invalid));
    assert_eq!(new(&[ONE], &[]), Some(ErrorKind::Invalid));
    assert_eq!(new(&[ONE], &[NAME, "a\0b"]), Some(ErrorKind::Invalid));
    for bad in [
        SealingKeys { encrypt_key: Some(b""), ..BOTH },
        SealingKeys { validate_key: b"", ..BOTH },
        SealingKeys { validate_key: b"", ..ONE },
    ] {
        assert_eq!(new(&[ONE, bad], &[NAME]), Some(ErrorKind::Invalid));
    }
}

#[test]
fn debug_shows_neither_key_nor_payload() {
    let sealer = sealer(&[BOTH]);
    let opened = sealer.open(NAME, GOLDEN[0].3).unwrap().unwrap();
    assert_eq!(
        format!("{sealer:?} {BOTH:?} {opened:?}"),
        "CookieSealer { .. } SealingKeys { .. } \
         Opened { payload: 23 bytes, expires: Some(1700000000), is_current: true }"
    );
}

proptest! {
    #[test]
    fn the_newest_keys_seal_and_all_open(count in 1..=5_usize, payload in vec(any::<u8>(), 0..300)) {
        let secrets: Vec<String> = (0..count).map(|n| format!("secret {n}")).collect();
        let keys: Vec<_> = secrets
            .iter()
            .map(|secret| SealingKeys { encrypt_key: None, validate_key: secret.as_bytes() })
            .collect();
        for oldest in 0..count {
            // Those that were in use before the newer ones came.
            let value = sealer(&keys[oldest..]).seal(&payload, None).unwrap();
            for newest in 0..count {
                let opened = sealer(&keys[newest..]).open(NAME, &value).unwrap();
                let expected = (newest <= oldest).then(|| Opened {
                    payload: payload.clone(),
                    expires: None,
                    is_current: newest == oldest,
                });
                prop_assert_eq!(opened, expected);
            }
        }
    }

    #[test]
    fn no_text_panics(name in any::<String>(), text in any::<String>(), tail in "[A-Za-z0-9_-]{0,200}") {
        let sealer = sealer(&[BOTH, ONE]);
        prop_assert_eq!(sealer.open(&name, &text).unwrap(), None);
        for text in [text.clone(), format!("{PREFIX}{text}"), format!("{PREFIX}{tail}")] {
            prop_assert_eq!(sealer.open(NAME, &text).unwrap(), None);
        }
    }
}
