//! The text a payload is stored as: standard base64 (RFC 4648, section 4), padded.

use std::sync::LazyLock;

use base64::Engine as _;

use crate::error::{Error, Result};

/// Chosen once, by what the processor can do.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
static BASE64: LazyLock<base64::engine::Simd> =
    LazyLock::new(|| base64::engine::Simd::standard(base64::engine::general_purpose::PAD));
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
static BASE64: LazyLock<base64::engine::GeneralPurpose> =
    LazyLock::new(|| base64::engine::general_purpose::STANDARD);

/// The text of a payload.
pub fn encode_plain(payload: &[u8]) -> String {
    BASE64.encode(payload)
}

/// Appends the text of a payload.
pub(super) fn append_plain(payload: &[u8], text: &mut String) {
    BASE64.encode_string(payload, text);
}

/// The payload of a text.
///
/// What Beaker writes is canonical base64, and only that is read, but for ASCII whitespace at the end, such as
/// an editor or a dump leaves. The decoder of Python that the original uses reads more: it skips every
/// character outside the alphabet, wherever it is, ignores what follows the padding and does not look at the
/// bits that padding leaves over. No Beaker writes such a text; it has been damaged, and decoding it would give
/// other bytes than were stored.
///
/// # Errors
/// `Corrupt` if the text is anything else.
pub fn decode_plain(text: &[u8]) -> Result<Vec<u8>> {
    decode_exact(text.trim_ascii_end())
        .ok_or_else(|| Error::corrupt("decode a stored session").with_detail("its text is not base64"))
}

/// The payload of a text that is exactly what [`encode_plain`] makes of it.
pub(super) fn decode_exact(text: &[u8]) -> Option<Vec<u8>> {
    BASE64.decode(text).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn the_vectors_of_rfc_4648_are_written_and_read() {
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(encode_plain(plain.as_bytes()), coded);
            assert_eq!(decode_plain(coded.as_bytes()).unwrap(), plain.as_bytes());
        }
    }

    #[test]
    fn every_byte_survives_at_every_length() {
        let bytes: Vec<u8> = (0..1000u32).map(|i| (i * 7 % 256) as u8).collect();
        for len in (0..200).chain([1000]) {
            let plain = bytes.get(..len).unwrap();
            assert_eq!(decode_plain(encode_plain(plain).as_bytes()).unwrap(), plain);
        }
    }

    #[test]
    fn whitespace_at_the_end_is_no_damage() {
        assert_eq!(decode_plain(b"Zm9v\r\n").unwrap(), b"foo");
    }

    #[test]
    fn a_text_that_is_not_canonical_base64_is_corrupt() {
        for text in [
            &b"Zm9"[..],
            b"Zg=",
            b"Zg",
            b"Zh==",
            b"Zm 9v",
            b"Zm9v=",
            b"Zg==Zg==",
            b"Zm-v",
            b"\nZm9v",
            b"Zm\xff9",
        ] {
            assert_eq!(decode_plain(text).unwrap_err().kind(), ErrorKind::Corrupt, "{text:?}");
        }
    }

    #[test]
    fn an_error_does_not_quote_the_text() {
        let error = decode_plain(b"c2VjcmV0*c2VjcmV0").unwrap_err();
        assert!(!format!("{error:?} {error}").contains("c2Vj"));
    }
}
