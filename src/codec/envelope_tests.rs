//! The envelopes that Pythons write, and what is no envelope.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

use proptest::prelude::*;

use super::*;
use crate::error::ErrorKind;

/// What stands before and after the text in `pickle.dumps({'session': text})`, by protocol and length, and
/// whether it is to be recognized without a walk. By CPython 3.6 to 3.13, and 2.7 where it says so.
type Shape = (&'static str, usize, &'static [u8], &'static [u8], bool);
const SHAPES: &[Shape] = &[
    ("0", 4, b"(dp0\nVsession\np1\nV", b"\np2\ns.", false),
    ("1", 300, b"}q\0X\x07\0\0\0sessionq\x01X\x2c\x01\0\0", b"q\x02s.", false),
    ("2", 4, b"\x80\x02}q\0X\x07\0\0\0sessionq\x01X\x04\0\0\0", b"q\x02s.", true),
    ("2", 70_000, b"\x80\x02}q\0X\x07\0\0\0sessionq\x01X\x70\x11\x01\0", b"q\x02s.", true),
    ("3", 300, b"\x80\x03}q\0X\x07\0\0\0sessionq\x01X\x2c\x01\0\0", b"q\x02s.", true),
    ("4", 4, b"\x80\x04\x95\x15\0\0\0\0\0\0\0}\x94\x8c\x07session\x94\x8c\x04", b"\x94s.", true),
    ("4", 255, b"\x80\x04\x95\x10\x01\0\0\0\0\0\0}\x94\x8c\x07session\x94\x8c\xff", b"\x94s.", true),
    ("4", 256, b"\x80\x04\x95\x14\x01\0\0\0\0\0\0}\x94\x8c\x07session\x94X\0\x01\0\0", b"\x94s.", true),
    ("4", 65_535, b"\x80\x04\x95\x13\0\x01\0\0\0\0\0}\x94\x8c\x07session\x94X\xff\xff\0\0", b"\x94s.", true),
    ("4", 65_536, b"\x80\x04\x95\x0c\0\0\0\0\0\0\0}\x94\x8c\x07session\x94X\0\0\x01\0", b"\x94s.", true),
    (
        "4 of 3.6",
        65_536,
        b"\x80\x04\x95\x14\0\x01\0\0\0\0\0}\x94\x8c\x07session\x94X\0\0\x01\0",
        b"\x94s.",
        true,
    ),
    ("5", 300, b"\x80\x05\x95\x40\x01\0\0\0\0\0\0}\x94\x8c\x07session\x94X\x2c\x01\0\0", b"\x94s.", true),
    ("5", 70_000, b"\x80\x05\x95\x0c\0\0\0\0\0\0\0}\x94\x8c\x07session\x94X\x70\x11\x01\0", b"\x94s.", true),
    ("0 of 2.7", 4, b"(dp0\nS'session'\np1\nS'", b"'\np2\ns.", false),
    ("0 of cPickle", 4, b"(dp1\nS'session'\np2\nS'", b"'\np3\ns.", false),
    ("1 of 2.7", 4, b"}q\0U\x07sessionq\x01U\x04", b"q\x02s.", false),
    ("2 of 2.7", 256, b"\x80\x02}q\0U\x07sessionq\x01T\0\x01\0\0", b"q\x02s.", false),
    ("2 of cPickle", 256, b"\x80\x02}q\x01U\x07sessionq\x02T\0\x01\0\0", b"s.", false),
    ("bytes", 4, b"\x80\x03}q\0X\x07\0\0\0sessionq\x01C\x04", b"q\x02s.", false),
    ("no memo", 4, b"\x80\x04}\x8c\x07session\x8c\x04", b"s.", false),
    ("bytes after the end", 4, b"\x80\x02}q\0X\x07\0\0\0sessionq\x01X\x04\0\0\0", b"q\x02s.more", false),
    ("0, the key known from a value", 4, b"(dp0\nVlast\np1\nVsession\np2\nsg2\nV", b"\np3\ns.", false),
    (
        "0, a tuple that contains itself before it",
        4,
        b"(dp0\nVx\np1\n((lp2\n(g2\ntp3\na00g3\nsVsession\np4\nV",
        b"\np5\ns.",
        false,
    ),
    (
        "more keys",
        4,
        b"\x80\x02}(X\x02\0\0\0id]X\x07\0\0\0sessionX\x04\0\0\0",
        b"X\x01\0\0\0xcos\nsystem\n)Ru.",
        false,
    ),
];

#[test]
fn the_text_is_found_in_the_envelopes_of_every_python() {
    for (name, len, before, after, usual) in SHAPES {
        let text = b"Ab+/".repeat(len / 4 + 1)[..*len].to_vec();
        let bytes = [before, &text[..], after].concat();
        let envelope = read(&bytes).unwrap().unwrap();
        assert_eq!(envelope.text, before.len()..before.len() + len, "{name}");
        assert_eq!(envelope.owner, None, "{name}");
        assert_eq!(read_usual(&bytes).is_some(), *usual, "{name}");
    }
}

#[test]
fn what_was_written_is_read_back() {
    for text in ["", "A", "Ab+/=", &"x".repeat(70_000)] {
        for owner in [None, Some(""), Some("0123456789abcdef"), Some("schlüssel.progress.1")] {
            for expires_at in [None, Some(0.0), Some(1.7e9), Some(f64::INFINITY), Some(-1e300)] {
                let written = write(text, owner, expires_at).unwrap();
                let envelope = read(&written).unwrap().unwrap();
                assert_eq!(read_usual(&written).is_some(), owner.is_none() || expires_at.is_some());
                assert_eq!(envelope_walk::read(&written).unwrap().as_ref(), Some(&envelope));
                assert_eq!(envelope.owner.as_deref(), owner);
                assert_eq!(envelope.expiry.map(|expiry| expiry.at), expires_at);
                assert_eq!(Expiry::at_head_of(&written[..Expiry::HEAD.min(written.len())]), envelope.expiry);
                assert_eq!(&written[envelope.text], text.as_bytes());
            }
        }
    }
}

#[test]
fn the_bytes_are_those_of_python() {
    assert_eq!(
        write("Zm9v", None, None).unwrap(),
        b"\x80\x02}q\0X\x07\0\0\0sessionq\x01X\x04\0\0\0Zm9vq\x02s."
    );
    assert_eq!(
        write("Zm9v", Some("abc"), None).unwrap(),
        b"\x80\x02}q\0(X\x07\0\0\0sessionq\x01X\x04\0\0\0Zm9vq\x02X\x02\0\0\0idq\x03X\x03\0\0\0abcq\x04u."
    );
    assert_eq!(
        write("Zm9v", None, Some(2.5)).unwrap(),
        b"\x80\x02}q\0(X\x0d\0\0\0beaker expiryq\x01G\x40\x04\0\0\0\0\0\0X\x07\0\0\0sessionq\x02X\x04\0\0\0Zm9vq\x03u."
    );
    assert_eq!(
        write("Zm9v", Some("abc"), Some(2.5)).unwrap(),
        b"\x80\x02}q\0(X\x0d\0\0\0beaker expiryq\x01G\x40\x04\0\0\0\0\0\0X\x07\0\0\0sessionq\x02X\x04\0\0\0Zm9vq\x03X\x02\0\0\0idq\x04X\x03\0\0\0abcq\x05u."
    );
}

#[test]
fn the_owner_is_read_after_python_has_written_the_dict_anew() {
    let protocol_4 = b"\x80\x04\x95\x21\0\0\0\0\0\0\0}\x94(\x8c\x07session\x94\x8c\x04Zm9v\x94\x8c\x02id\x94\x8c\x03abc\x94u.";
    let envelope = read(protocol_4).unwrap().unwrap();
    assert_eq!(envelope.owner.as_deref(), Some("abc"));
    assert_eq!(&protocol_4[envelope.text], b"Zm9v");
}

#[test]
fn the_expiry_is_found_whatever_pickle_says_it_and_can_be_replaced_in_place() {
    let ours = write("Zm9v", Some("abc"), Some(2.5)).unwrap();
    let walked = [&ours[..ours.len() - 1], b"N0."].concat();
    let by_python = b"\x80\x04\x95\x2f\0\0\0\0\0\0\0}\x94(\x8c\x07session\x94\x8c\x04Zm9v\x94\x8c\x0dbeaker expiry\x94G\x40\x04\0\0\0\0\0\0u.";
    for bytes in [&ours[..], &walked, by_python] {
        let expiry = read(bytes).unwrap().unwrap().expiry.unwrap();
        assert_eq!(expiry.at, 2.5);
        let mut changed = bytes.to_vec();
        changed[expiry.offset..][..Expiry::LENGTH].copy_from_slice(&7.5_f64.to_be_bytes());
        assert_eq!(read(&changed).unwrap().unwrap().expiry.unwrap().at, 7.5);
    }
}

#[test]
fn an_expiry_that_is_no_moment_is_none() {
    for bytes in [
        write("Zm9v", None, Some(f64::NAN)).unwrap(),
        b"\x80\x02}(X\x0d\0\0\0beaker expiryK\x01X\x07\0\0\0sessionX\x04\0\0\0Zm9vu.".to_vec(),
        b"\x80\x02}(X\x0d\0\0\0beaker expiryX\0\0\0\0X\x07\0\0\0sessionX\x04\0\0\0Zm9vu.".to_vec(),
    ] {
        let envelope = read(&bytes).unwrap().unwrap();
        assert_eq!(envelope.expiry, None);
        assert_eq!(&bytes[envelope.text], b"Zm9v");
    }
}

#[test]
fn a_dict_without_a_session_is_absent() {
    for bytes in [
        &b"\x80\x02}q\0."[..],
        b"(dp0\n.",
        b"}.",
        b"\x80\x04}\x94.",
        b"\x80\x02}X\x07\0\0\0sessionNs.",
        b"\x80\x02}X\x01\0\0\0xK\x01s.",
        b"\x80\x02}(X\x01\0\0\0x}X\x07\0\0\0sessionX\x01\0\0\0ysK\x01cmod\nClass\n)\x81Nbu.",
    ] {
        assert_eq!(read(bytes).unwrap(), None, "{bytes:?}");
    }
}

#[test]
fn anything_else_is_corrupt() {
    for bytes in [
        &b""[..],
        b".",
        b"N.",
        b"garbage",
        b"\x80\x02]q\0.",
        b"\x80\x02X\x01\0\0\0a.",
        b"\x80\x02}X\x07\0\0\0sessionK\x05s.",
        b"\x80\x02}X\x07\0\0\0session}s.",
        b"\x80\x02}X\x07\0\0\0sessionX\xff\xff\xff\xffabcs.",
        b"\x80\x02}X\x07\0\0\0sessions.",
        b"\x80\x02cos\nsystem\nX\x04\0\0\0true\x85R.",
        b"\x80\x02ccollections\nOrderedDict\n)R.",
        b"\x80\x02}K\x01a.",
        b"\x80\x02}(K\x01u.",
        b"\x80\x02}(.",
        b"\x80\x7f}.",
        // Two dicts, and the first one is filled, or is the value.
        b"\x80\x02}q\x010}q\x020h\x01X\x07\0\0\0sessionX\x04\0\0\0Zm9vs0h\x02.",
        b"\x80\x02}q\x010}X\x07\0\0\0sessionX\x04\0\0\0Zm9vs0h\x01.",
    ] {
        assert_eq!(read(bytes).unwrap_err().kind(), ErrorKind::Corrupt, "{bytes:?}");
    }
}

#[test]
fn an_envelope_cut_short_anywhere_is_corrupt() {
    for (name, len, before, after, _) in SHAPES.iter().filter(|shape| shape.1 < 1000) {
        let whole = [before, &b"A".repeat(*len)[..], after].concat();
        let end = whole.iter().rposition(|&byte| byte == b'.').unwrap();
        for len in 0..end {
            assert_eq!(read(&whole[..len]).unwrap_err().kind(), ErrorKind::Corrupt, "{name} at {len}");
        }
    }
}

#[test]
fn a_hostile_pickle_is_refused_before_it_grows() {
    let many = 10 << 20;
    for hostile in [&b"("[..], b"]", b"2", b"}X\0\0\0\0q\0"] {
        let bytes = [b"\x80\x02N", &hostile.repeat(many / hostile.len())[..]].concat();
        assert_eq!(read(&bytes).unwrap_err().kind(), ErrorKind::Corrupt);
    }
}

#[test]
fn as_many_values_marks_and_numbers_are_followed_as_an_envelope_may_need_and_no_more() {
    let values = |count: usize| [&b"("[..], &b"N".repeat(count), b"1"].concat();
    let marks = |count: usize| [b"(".repeat(count), b"0".repeat(count)].concat();
    let numbers = |count: u32| {
        let mut pickle = b"N".to_vec();
        for number in 0..count {
            pickle.push(b'r');
            pickle.extend(number.to_le_bytes());
        }
        pickle.push(b'0');
        pickle
    };
    let envelope = b"}X\x07\0\0\0sessionX\x04\0\0\0Zm9vs.";
    for before in [values(65_536), marks(65_536), numbers(65_536)] {
        let bytes = [&before[..], envelope].concat();
        assert_eq!(&bytes[read(&bytes).unwrap().unwrap().text], b"Zm9v");
    }
    for before in [values(65_537), marks(65_537), numbers(65_537)] {
        let bytes = [&before[..], envelope].concat();
        assert_eq!(read(&bytes).unwrap_err().kind(), ErrorKind::Corrupt);
    }
}

#[test]
fn debug_shows_neither_the_owner_nor_the_text() {
    let written = write("c2VjcmV0", Some("0123456789abcdef"), None).unwrap();
    let shown = format!("{:?}", read(&written).unwrap());
    assert_eq!(shown, "Some(Envelope { text: 25..33, owner: Some(\"012345…\"), expiry: None })");
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes);
        let _ = read(&[b"\x80\x02}", &bytes[..]].concat());
    }

    #[test]
    fn a_changed_envelope_gives_a_text_within_it_or_none(
        shape in prop::sample::select(SHAPES), at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let mut bytes = [shape.2, &b"A".repeat(shape.1)[..], shape.3].concat();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(Some(envelope)) = read(&bytes) {
            prop_assert!(bytes.get(envelope.text).is_some());
        }
    }
}
