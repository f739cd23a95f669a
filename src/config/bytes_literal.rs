//! The text that Python makes of bytes, such as `b'key'`.
//!
//! Beaker turns a key of bytes in a config into this text, and signs and encrypts with the text.

/// The text of `bytes`, as Python's `repr` writes it.
pub fn of_bytes(bytes: &[u8]) -> String {
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') { '"' } else { '\'' };
    let mut text = format!("b{quote}");
    for byte in bytes {
        match byte {
            b'\t' => text.push_str("\\t"),
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b'\\' => text.push_str("\\\\"),
            b' '..=b'~' if char::from(*byte) == quote => text.extend(['\\', quote]),
            b' '..=b'~' => text.push(char::from(*byte)),
            other => text.push_str(&format!("\\x{other:02x}")),
        }
    }
    text.push(quote);
    text
}

/// The bytes that Python writes as `text`, if there are any.
#[must_use]
pub fn to_bytes(text: &[u8]) -> Option<Vec<u8>> {
    let (quote, rest) = text.strip_prefix(b"b")?.split_first()?;
    let (end, body) = rest.split_last()?;
    if end != quote || !matches!(quote, b'\'' | b'"') {
        return None;
    }
    let mut bytes = Vec::with_capacity(body.len());
    let mut rest = body.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'\\' => match rest.next()? {
                b't' => b'\t',
                b'n' => b'\n',
                b'r' => b'\r',
                escaped @ (b'\\' | b'\'' | b'"') => *escaped,
                b'x' => 16 * digit(*rest.next()?)? + digit(*rest.next()?)?,
                _ => return None,
            },
            plain => *plain,
        });
    }
    // Only text that `repr` writes counts; other text is a key of its own.
    (of_bytes(&bytes).as_bytes() == text).then_some(bytes)
}

fn digit(character: u8) -> Option<u8> {
    char::from(character).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_text_is_that_of_python() {
        for (bytes, text) in [
            (&b"key"[..], "b'key'"),
            (b"", "b''"),
            (b"it's", "b\"it's\""),
            (b"'\"", "b'\\'\"'"),
            (b"\0\t\n\r\\\x7f\xff", "b'\\x00\\t\\n\\r\\\\\\x7f\\xff'"),
        ] {
            assert_eq!(of_bytes(bytes), text);
            assert_eq!(to_bytes(text.as_bytes()).unwrap(), bytes);
        }
    }

    #[test]
    fn text_that_python_does_not_make_is_text() {
        for text in ["", "b", "b'", "'key'", "b'key\"", "b\"key\"", "b'a'b'", "b'\\q'", "b'\\x4'", "b'\\x41'"]
        {
            assert_eq!(to_bytes(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_text_of_bytes_gives_them_back(bytes in vec(any::<u8>(), 0..50)) {
            prop_assert_eq!(to_bytes(of_bytes(&bytes).as_bytes()), Some(bytes));
        }

        #[test]
        fn no_text_panics(text in vec(any::<u8>(), 0..50)) {
            let _ = to_bytes(&text);
        }
    }
}
