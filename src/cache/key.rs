//! Keys as Beaker stores them: ASCII, or the SHA-1 of a text that is too long.

use std::borrow::Cow;
use std::fmt::Write;

use sha1::{Digest, Sha1};

/// The text in ASCII, with other characters as Python's `backslashreplace` writes them.
pub fn escaped(text: &str) -> Cow<'_, [u8]> {
    if text.is_ascii() {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut escaped = String::with_capacity(text.len() * 2);
    for character in text.chars() {
        let number = u32::from(character);
        // Writing to a string does not fail.
        let _ = match number {
            0..0x80 => {
                escaped.push(character);
                Ok(())
            }
            0x80..0x100 => write!(escaped, "\\x{number:02x}"),
            0x100..0x1_0000 => write!(escaped, "\\u{number:04x}"),
            _ => write!(escaped, "\\U{number:08x}"),
        };
    }
    Cow::Owned(escaped.into_bytes())
}

/// Whether the text has more characters than `limit`.
#[must_use]
pub fn is_longer(text: &str, limit: usize) -> bool {
    // A character has a byte at least, so most texts need not be counted.
    text.len() > limit && text.chars().count() > limit
}

/// The SHA-1 of the text, in hexadecimal digits.
pub fn digest(text: &str) -> String {
    let mut digits = String::with_capacity(40);
    for byte in Sha1::digest(text.as_bytes()) {
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_as_python_does() {
        assert_eq!(&*escaped("a b\n"), b"a b\n");
        assert_eq!(&*escaped("é日𝄞\u{80}\u{ff}\u{100}"), br"\xe9\u65e5\U0001d11e\x80\xff\u0100");
    }

    #[test]
    fn characters_are_counted_and_not_bytes() {
        assert!(!is_longer("ééé", 3));
        assert!(is_longer("ééé", 2));
        assert!(!is_longer("", 0));
        assert_eq!(digest("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
    }
}
