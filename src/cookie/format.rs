//! The formats of the values of our own cookies, and what both kinds of format 2 share.

use std::sync::LazyLock;

/// In what form the value of a cookie is written. Both are read, format 1 for as long as
/// [`FormatOne`](super::FormatOne) says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// That of the original: HMAC-SHA1 in hexadecimal digits before the value.
    One,
    /// `v2.` and then a value that is bound to its purpose, to the cookie's name and to a time.
    Two,
}

/// How a value of format 2 begins. `v` is no hexadecimal digit, so no signed value of format 1 begins so.
pub const PREFIX: &str = "v2.";

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
type Engine = base64::engine::Simd;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
type Engine = base64::engine::GeneralPurpose;

/// Base64 for URLs without padding (RFC 4648, section 5), which needs no quotes in a cookie. Its reader takes
/// nothing but what its writer writes, hence no bytes have two spellings. Chosen once, by what the processor
/// can do.
pub(super) static BASE64: LazyLock<Engine> = LazyLock::new(|| {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    return Engine::url_safe(base64::engine::general_purpose::NO_PAD);
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    return base64::engine::general_purpose::URL_SAFE_NO_PAD;
});

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use base64::Engine as _;

    use super::*;
    use crate::cookie::{CookieSealer, SealingKeys, Signer, Stamper};

    const KEY: &[u8] = b"one key for everything";
    const NAME: &str = "session";

    #[test]
    fn nothing_of_one_purpose_or_format_passes_for_another_under_the_same_key() {
        let (signer, stamper) = (Signer::new(KEY).unwrap(), Stamper::new(KEY, NAME).unwrap());
        let keys = [
            SealingKeys { encrypt_key: None, validate_key: KEY },
            SealingKeys { encrypt_key: Some(KEY), validate_key: KEY },
        ];
        let sealer = CookieSealer::new(&keys, &[NAME]).unwrap();
        for value in ["abc", "0123456789abcdef0123456789abcdef", "1.abc", "v2.abc"] {
            let id = stamper.sign(value, 1);
            assert_eq!((signer.verify(&id), sealer.open(NAME, &id).unwrap()), (None, None));
            let session = sealer.seal(value.as_bytes(), None).unwrap();
            assert_eq!((signer.verify(&session), stamper.verify(&session)), (None, None));
            let old = signer.sign(value);
            assert_eq!((stamper.verify(&old), sealer.open(NAME, &old).unwrap()), (None, None));
        }
    }

    #[test]
    fn no_value_of_format_1_begins_as_format_2_does() {
        assert!(PREFIX.starts_with(|first: char| !first.is_ascii_hexdigit()));
        assert!(CookieSealer::is_sealed("v2.") && !CookieSealer::is_sealed("v2"));
    }

    #[test]
    fn base64_is_read_as_it_is_written_and_not_otherwise() {
        for (plain, text) in
            [(&b""[..], ""), (b"f", "Zg"), (b"fo", "Zm8"), (b"foo", "Zm9v"), (b"\xfb\xff", "-_8")]
        {
            assert_eq!(BASE64.encode(plain), text);
            assert_eq!(BASE64.decode(text).unwrap(), plain);
        }
        for text in ["Zg==", "Zh", "Zm9", "Z", "+/8", "Zm9v ", " Zm9v", "Zm9v\n"] {
            assert!(BASE64.decode(text).is_err(), "{text:?}");
        }
    }
}
