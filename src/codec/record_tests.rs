//! Fixed texts of format 2, so that it cannot drift, and what is refused.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::codec::{Cipher, Sealer};
use crate::error::ErrorKind;

/// Made by `python -m tests.compat.golden.records`: HKDF, XChaCha20-Poly1305 and the rest written out in plain Python.
const GOLDEN: &str = include_str!("../../tests/compat/golden/records.txt");

const ID: &str = "f9b61ddc49ba4d9ea0a1b4f4a4b3a5c0";
const PAYLOAD: &[u8] = b"\x80\x02}q\0X\x07\0\0\0user_idq\x01K\ns.";
const ACCESSED: f64 = 1_700_000_000.25;
const KEYS: KeyPair<'_> = KeyPair { encrypt_key: b"encrypt", validate_key: b"validate" };
const OLDER: KeyPair<'_> = KeyPair { encrypt_key: b"encrypted", validate_key: b"validated" };

fn records(pairs: &[KeyPair<'_>]) -> Records {
    Records::new(pairs).unwrap()
}

/// Both kinds, and a text of each.
fn kinds() -> [(Records, String); 2] {
    [records(&[]), records(&[KEYS])].map(|records| {
        let text = records.write(ID, PAYLOAD, ACCESSED).unwrap();
        (records, text)
    })
}

fn said(records: &Records, id: &str, text: &str) -> Option<(Vec<u8>, f64, bool)> {
    match records.read(id, text.as_bytes()) {
        Ok(opened) => Some((opened.payload().to_vec(), opened.accessed, opened.is_current)),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Corrupt);
            None
        }
    }
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn the_format_is_what_it_was() {
    let mut kinds = [0, 0];
    for line in GOLDEN.lines() {
        let [id, encrypt_key, validate_key, accessed, payload, text] =
            line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        let (id, payload) = (String::from_utf8(unhex(id)).unwrap(), unhex(payload));
        let (encrypt_key, validate_key) = (unhex(encrypt_key), unhex(validate_key));
        let accessed: f64 = accessed.parse().unwrap();
        let pair = KeyPair { encrypt_key: &encrypt_key, validate_key: &validate_key };
        let pairs = if encrypt_key.is_empty() { &[][..] } else { &[pair] };
        let records = records(pairs);
        assert_eq!(said(&records, &id, text).unwrap(), (payload.clone(), accessed, true));
        assert_eq!(RecordFormat::of(text.as_bytes()), RecordFormat::Two);
        let written = match &records.aead {
            None => records.write(&id, &payload, accessed).unwrap(),
            Some(aead) => {
                let parts = [&accessed.to_be_bytes()[..], &payload];
                let nonce = std::array::from_fn(|at| at as u8);
                sealed(&aead.seal_with(&parts, &[SEALED.as_bytes(), id.as_bytes()], nonce).unwrap())
            }
        };
        assert_eq!(written, text);
        kinds[usize::from(records.encrypts())] += 1;
    }
    assert_eq!(kinds, [8, 16]);
}

#[test]
fn every_flipped_bit_and_every_truncation_is_refused() {
    for (records, text) in kinds() {
        for at in 0..text.len() {
            assert_eq!(said(&records, ID, &text[..at]), None);
            assert_eq!(said(&records, ID, &text[at + 1..]), None);
            for bit in 0..8 {
                let mut changed = text.clone().into_bytes();
                changed[at] ^= 1 << bit;
                assert!(records.read(ID, &changed).is_err_and(|error| error.kind() == ErrorKind::Corrupt));
            }
        }
        for longer in ["A", "=", "AAAA", ".", "\n", " ", "\0"] {
            assert_eq!(said(&records, ID, &format!("{text}{longer}")), None);
            assert_eq!(said(&records, ID, &format!("{longer}{text}")), None);
        }
    }
}

#[test]
fn every_flipped_bit_of_what_is_coded_is_refused() {
    for (records, text) in kinds() {
        let (prefix, coded) = text.split_at(PREFIX);
        // The head of a plain text ends where its base64 has no padding, so that both parts are one text.
        let bytes = text::decode_exact(coded.as_bytes()).unwrap();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << bit;
                let forged = format!("{prefix}{}", text::encode_plain(&changed));
                assert_eq!(said(&records, ID, &forged), None);
            }
        }
    }
}

#[test]
fn a_changed_character_of_the_prefix_does_not_make_a_text_of_format_1() {
    for (_, text) in kinds() {
        assert!(names_its_format(text.as_bytes()));
        for at in 0..PREFIX {
            for byte in 0..=255 {
                let mut changed = text.clone().into_bytes();
                changed[at] = byte;
                assert!(names_its_format(&changed), "{at} {byte}");
            }
        }
        // What is cut before that cannot be read as either.
        for length in 0..2 {
            assert!(!names_its_format(&text.as_bytes()[..length]));
            assert!(length == 0 || text::decode_plain(&text.as_bytes()[..length]).is_err());
        }
        assert!(names_its_format(b"r2."));
    }
}

#[test]
fn no_text_of_format_1_passes_for_one_of_format_2() {
    let sealer = Sealer::new(&[KEYS], 128, Cipher::AesGcm).unwrap();
    for text in [text::encode_plain(PAYLOAD), sealer.encrypt(PAYLOAD).unwrap(), String::new()] {
        assert!(!names_its_format(text.as_bytes()));
        assert_eq!(RecordFormat::of(text.as_bytes()), RecordFormat::One);
        for (records, _) in kinds() {
            assert_eq!(said(&records, ID, &text), None);
        }
    }
}

#[test]
fn a_record_under_another_id_is_refused() {
    for (records, text) in kinds() {
        for id in ["", "f9b61ddc49ba4d9ea0a1b4f4a4b3a5c", "F9b61ddc49ba4d9ea0a1b4f4a4b3a5c0", "other"] {
            assert_eq!(said(&records, id, &text), None);
        }
        assert!(said(&records, ID, &text).is_some());
    }
}

#[test]
fn the_boundary_between_the_id_and_the_payload_cannot_be_moved() {
    let plain = records(&[]);
    let whole = plain.write("ab", b"cd", ACCESSED).unwrap();
    let (head, _) = whole.split_at(PREFIX + HEAD_CHARS);
    assert!(said(&plain, "ab", &format!("{head}{}", text::encode_plain(b"cd"))).is_some());
    assert_eq!(said(&plain, "abc", &format!("{head}{}", text::encode_plain(b"d"))), None);
    assert_eq!(said(&plain, "a", &format!("{head}{}", text::encode_plain(b"bcd"))), None);
}

#[test]
fn parts_of_two_records_make_no_third() {
    for (records, one) in kinds() {
        let two = records.write(ID, b"another payload, of another length", ACCESSED + 1.0).unwrap();
        for at in 0..=one.len().min(two.len()) {
            for (made, of) in [
                (format!("{}{}", &one[..at], &two[at..]), &two),
                (format!("{}{}", &two[..at], &one[at..]), &one),
            ] {
                // Up to there the two are alike.
                assert!(said(&records, ID, &made).is_none() || made == *of, "{at}");
            }
        }
    }
}

#[test]
fn a_touch_gives_the_text_that_would_be_written_at_that_time() {
    let plain = records(&[]);
    for payload in [PAYLOAD, b"", &[7; 100_000]] {
        let text = plain.write(ID, payload, ACCESSED).unwrap();
        let checksum = plain.read(ID, text.as_bytes()).unwrap().checksum.unwrap();
        for accessed in [0.0, ACCESSED, 2e9, f64::MAX, -1.0] {
            let splice = checksum.touch(accessed).unwrap();
            let mut touched = text.clone().into_bytes();
            touched[splice.offset..splice.offset + splice.bytes().len()].copy_from_slice(splice.bytes());
            assert_eq!(touched, plain.write(ID, payload, accessed).unwrap().into_bytes());
        }
    }
    assert!(kinds()[1].0.read(ID, kinds()[1].1.as_bytes()).unwrap().checksum.is_none());
}

#[test]
fn a_time_is_kept_to_the_last_bit() {
    for (records, _) in kinds() {
        for accessed in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, f64::MIN_POSITIVE] {
            let text = records.write(ID, PAYLOAD, accessed).unwrap();
            let read = records.read(ID, text.as_bytes()).unwrap().accessed;
            assert_eq!(read.to_bits(), accessed.to_bits());
        }
    }
}

#[test]
fn what_is_encrypted_and_what_is_not_do_not_pass_for_each_other() {
    let [(plain, of_plain), (sealing, of_sealing)] = kinds();
    let refused = |records: &Records, text: &str| records.read(ID, text.as_bytes()).unwrap_err().to_string();
    assert!(refused(&sealing, &of_plain).contains("it is not encrypted, and there is an encrypt_key"));
    assert!(refused(&plain, &of_sealing).contains("it is encrypted, and there is no encrypt_key"));
    for records in [&plain, &sealing] {
        for unknown in ["r3.p.AAAA", "r2.x.AAAA", "r2.p", ""] {
            assert!(refused(records, unknown).contains("does not know"));
        }
    }
    for (records, text) in [(&plain, &of_sealing), (&sealing, &of_plain)] {
        let (_, rest) = text.split_at(PREFIX);
        for prefix in [PLAIN, SEALED] {
            assert_eq!(said(records, ID, &format!("{prefix}{rest}")), None);
        }
    }
}

#[test]
fn two_encrypted_texts_of_one_session_differ_and_show_no_time() {
    let sealing = records(&[KEYS]);
    let (one, two) = (sealing.write(ID, PAYLOAD, 0.0).unwrap(), sealing.write(ID, PAYLOAD, 0.0).unwrap());
    assert_ne!(one[PREFIX..PREFIX + 32], two[PREFIX..PREFIX + 32]);
    assert_ne!(one[PREFIX + 32..], two[PREFIX + 32..]);
}

#[test]
fn the_newest_keys_write_and_all_read() {
    let (new, both, old) = (records(&[KEYS]), records(&[KEYS, OLDER]), records(&[OLDER]));
    let of_old = old.write(ID, PAYLOAD, ACCESSED).unwrap();
    let of_both = both.write(ID, PAYLOAD, ACCESSED).unwrap();
    assert_eq!(said(&both, ID, &of_old), Some((PAYLOAD.to_vec(), ACCESSED, false)));
    assert_eq!(said(&new, ID, &of_both), Some((PAYLOAD.to_vec(), ACCESSED, true)));
    assert_eq!((said(&new, ID, &of_old), said(&old, ID, &of_both)), (None, None));
    // Both keys count.
    for keys in
        [KeyPair { encrypt_key: b"encrypted", ..KEYS }, KeyPair { validate_key: b"validated", ..KEYS }]
    {
        assert_eq!(said(&records(&[keys]), ID, &of_both), None);
    }
}

#[test]
fn an_empty_key_is_invalid_and_debug_shows_neither_key_nor_payload() {
    for bad in [KeyPair { encrypt_key: b"", ..KEYS }, KeyPair { validate_key: b"", ..KEYS }] {
        assert_eq!(Records::new(&[KEYS, bad]).unwrap_err().kind(), ErrorKind::Invalid);
    }
    let [(plain, text), (sealing, _)] = kinds();
    let opened = plain.read(ID, text.as_bytes()).unwrap();
    let shown = format!("{sealing:?} {opened:?} {:?}", opened.checksum);
    assert_eq!(
        shown,
        "Records { aead: Some(Aead { .. }) } \
         Opened { payload: 23 bytes, accessed: 1700000000.25, is_current: true, .. } Some(Checksum { .. })"
    );
}

proptest! {
    #[test]
    fn what_was_written_comes_back(
        id in any::<String>(), payload in vec(any::<u8>(), 0..400), accessed in any::<f64>(), other in any::<String>(),
    ) {
        for records in [records(&[]), records(&[KEYS, OLDER])] {
            let text = records.write(&id, &payload, accessed).unwrap();
            let opened = records.read(&id, text.as_bytes()).unwrap();
            prop_assert_eq!(opened.payload(), &payload[..]);
            prop_assert_eq!(opened.accessed.to_bits(), accessed.to_bits());
            prop_assert!(opened.is_current);
            prop_assert_eq!(said(&records, &other, &text).is_some(), other == id);
        }
    }

    #[test]
    fn a_changed_text_is_refused(
        payload in vec(any::<u8>(), 0..100), changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        for records in [records(&[]), records(&[KEYS])] {
            let text = records.write(ID, &payload, ACCESSED).unwrap().into_bytes();
            let mut changed = text.clone();
            for (at, byte) in &changes {
                changed[at.index(text.len())] = *byte;
            }
            prop_assert_eq!(records.read(ID, &changed).is_ok(), changed == text);
        }
    }

    #[test]
    fn no_text_panics(text in vec(any::<u8>(), 0..200), tail in "[A-Za-z0-9+/]{0,200}={0,2}") {
        for records in [records(&[]), records(&[KEYS])] {
            prop_assert!(records.read(ID, &text).is_err());
            for prefix in [PLAIN, SEALED, "r2.x."] {
                let text = format!("{prefix}{tail}");
                prop_assert!(records.read(ID, text.as_bytes()).is_err());
            }
        }
    }
}
