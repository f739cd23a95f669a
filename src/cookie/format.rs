//! The formats of the values of our own cookies, and what both kinds of format 2 share.

use std::sync::LazyLock;

/// In what form the value of a cookie is written. Both are read always.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// That of the original: HMAC-SHA1 in hexadecimal digits before the value.
    One,
    /// `v2.` and then a value that is bound to its purpose, to the cookie's name and to a time.
    Two,
}

/// How a value of format 2 begins. `v` is no hexadecimal digit, so no signed value of format 1 begins so.
pub(super) const PREFIX: &str = "v2.";

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
