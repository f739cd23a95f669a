//! How much work the values of a JSON text are, for whoever makes them.
//!
//! A text that was compressed can be a thousand times as long as what is stored of it, each value of two characters
//! becomes an object of fifty bytes or more, nesting is read by recursion, and a number of many digits takes time by
//! the square of their count. So the text is measured before it is read. Nothing is made here.

use super::expansion::{MOST_DIGITS, most_work};

/// How deep arrays and objects lie within each other at most.
const DEEPEST: usize = 1000;

/// Whether the values of `text`, which takes `stored` bytes in a store or in a cookie, are no more work than those of
/// a session of its length. What is no JSON is the decoder's to judge, but for what it would take for UTF-16 or UTF-32.
#[must_use]
pub fn is_modest_json(text: &[u8], stored: usize) -> bool {
    let most = most_work(stored);
    let (mut values, mut depth, mut digits) = (1_u64, 0_usize, 0_usize);
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        digits = if byte.is_ascii_digit() { digits + 1 } else { 0 };
        match byte {
            b'"' => skip_text(&mut bytes),
            b'[' | b'{' => {
                depth += 1;
                values += 1;
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b',' => values += 1,
            // No UTF-8 but UTF-16 and UTF-32, where quotes and brackets are elsewhere.
            0 | 0xfe | 0xff => return false,
            _ => {}
        }
        if depth > DEEPEST || values > most || digits > MOST_DIGITS {
            return false;
        }
    }
    true
}

/// Goes to the end of a text whose quote was the last byte.
fn skip_text<'a>(bytes: &mut impl Iterator<Item = &'a u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => drop(bytes.next()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_modest(text: &str) -> bool {
        is_modest_json(text.as_bytes(), text.len())
    }

    #[test]
    fn a_session_is_modest() {
        assert!(is_modest(
            r#"{"cart": [{"id": 1, "name": "a \" [[[ b\\"}], "_accessed_time": 1.5e9, "é": null}"#
        ));
        assert!(is_modest(&format!("[\"{}\"]", "[".repeat(5000))));
        assert!(is_modest(""));
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth: usize| [vec![b'['; depth], vec![b']'; depth]].concat();
        assert!(is_modest_json(&nested(1000), 10));
        assert!(!is_modest_json(&nested(1001), 10));
        assert!(!is_modest_json(&br#"{"a":"#.repeat(1001), 10));
        assert!(is_modest_json(&b"[],".repeat(1001), 10));
    }

    #[test]
    fn values_are_bounded_by_what_is_stored_of_them() {
        let many = b"[],".repeat(1_000_000);
        assert!(!is_modest_json(&many, 3000));
        assert!(is_modest_json(&many, 30_000));
        assert!(is_modest_json(&b"[],".repeat(400_000), 0));
        assert!(is_modest_json(&b",".repeat(999_999), 0));
        assert!(!is_modest_json(&b",".repeat(1_000_000), 0));
    }

    #[test]
    fn a_text_ends_at_a_quote_that_is_not_escaped() {
        let brackets = "[".repeat(1001);
        assert!(is_modest(&format!(r#"["\"{brackets}"]"#)));
        assert!(is_modest(&format!(r#"["\\\"{brackets}"]"#)));
        assert!(!is_modest(&format!(r#"["\\"{brackets}"]"#)));
    }

    #[test]
    fn numbers_are_bounded() {
        let number = |digits: usize| format!("[{}]", "1".repeat(digits));
        assert!(is_modest(&number(4300)));
        assert!(!is_modest(&number(4301)));
        assert!(is_modest(&format!("[\"{}\"]", number(4301))));
    }

    #[test]
    fn what_is_in_another_encoding_is_refused() {
        let utf_16: Vec<u8> = "[\"a\"]".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(!is_modest_json(&utf_16, 10));
        assert!(!is_modest_json(b"\xff\xfe[\x00", 10));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,200}") {
            let _answer = is_modest(&text);
        }
    }
}
