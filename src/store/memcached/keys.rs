//! The key under which a value is on a server: as Beaker makes it of a namespace and a key.

use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::id::push_hex;

/// The most bytes of a key that a server takes. Beaker counts characters.
const LONGEST: usize = 250;

/// The text that Beaker writes for a space: the UTF-8 of a middle dot, each byte of it taken for a character.
const SPACE: &str = "\u{c2}\u{b7}";

/// The key of `key` in `namespace`. No two sessions share one, whatever their ids.
///
/// Of caches, whose keys are any text, those that begin alike may share one: `a` with `b_c`, and `a_b` with `c`.
pub fn item_key(namespace: &str, key: &str) -> String {
    let plain = format!("{namespace}_{key}");
    if plain.contains(SPACE) {
        // Beaker has the same key for this and for the text with spaces.
        return own_key(&plain);
    }
    let spaced = plain.replace(' ', SPACE);
    if spaced.chars().count() > LONGEST {
        return hex(&Sha1::digest(&spaced));
    }
    if !is_key(&spaced) {
        // python-memcached refuses these.
        return own_key(&plain);
    }
    spaced
}

/// Whether a server takes the key.
pub(super) fn is_key(text: &str) -> bool {
    (1..=LONGEST).contains(&text.len()) && !text.bytes().any(|byte| byte <= b' ' || byte == 0x7f)
}

/// The key of the lock of a session. It does not show the id.
pub(super) fn lock_key(id: &str) -> String {
    format!("beaker_lock_{}", own_key(id))
}

/// A key that Beaker makes of nothing: it has more digits than a SHA-1, and no underscore.
fn own_key(text: &str) -> String {
    hex(&Sha256::digest(text))
}

fn hex(digest: &[u8]) -> String {
    let mut text = String::with_capacity(2 * digest.len());
    push_hex(&mut text, digest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The keys are those of Beaker 1.14.1.
    #[test]
    fn a_key_is_the_one_that_beaker_makes() {
        for (namespace, key) in [
            ("0123456789abcdef", "0123456789abcdef_session"),
            ("a b", "a\u{c2}\u{b7}b_session"),
            ("café", "café_session"),
            ("", "_session"),
        ] {
            assert_eq!(item_key(namespace, "session"), key);
        }
        assert_eq!(item_key(&"x".repeat(242), "session").len(), 250);
        assert_eq!(item_key(&"x".repeat(243), "session"), "f2a1adb09feeab32e9655299219b23af78d9aed2");
        assert_eq!(item_key(&"a b".repeat(100), "session"), "e6cc4e35abced554923e4132a84d2c1489da59f9");
    }

    #[test]
    fn a_key_that_a_server_does_not_take_is_hashed() {
        for namespace in ["a\0b", "a\r\nflush_all\r\n", "\u{7f}", &"é".repeat(200)] {
            let key = item_key(namespace, "session");
            assert!(key.len() == 64 && key.bytes().all(|byte| byte.is_ascii_hexdigit()), "{key}");
        }
    }

    #[test]
    fn no_two_sessions_share_a_key() {
        let long = "x".repeat(300);
        let names = ["a b", "a\u{c2}\u{b7}b", "\0a\u{c2}\u{b7}b", "\0a b"].map(str::to_owned);
        let names = names.into_iter().chain(["a b", "a\u{c2}\u{b7}b"].map(|name| format!("{name}{long}")));
        let mut keys: Vec<_> = names.map(|name| item_key(&name, "session")).collect();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), 6);
    }
}
