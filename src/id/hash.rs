//! What a store keeps in place of an id: a hash of it, so that nobody who reads the store can take a session
//! over (OWASP, "Session Management Cheat Sheet"; the same is done to passwords, and for the same reason).
//!
//! The hash takes no key: ids have 122 random bits, which nobody guesses, and keys are to be changed without a
//! logout. Nor is it salted: the record has to be found by the id alone.
//!
//! A stored key is 64 hexadecimal digits and `-sha256`. No id that is made here looks like that, and none that
//! does is ever looked for as it stands: otherwise a stored key would be as good as an id.

use sha2::{Digest, Sha256};

const DIGITS: usize = 64;
const SUFFIX: &str = "-sha256";

/// The letters and digits of the suffix.
const SIGNIFICANT_SUFFIX: &[u8] = b"sha256";
const SIGNIFICANT: usize = DIGITS + SIGNIFICANT_SUFFIX.len();

/// What is hashed before the id, so that no hash that is made for another purpose is a stored key.
const PURPOSE: &[u8] = b"beaker session id\0";

/// The key of `id`.
pub(super) fn stored_key(id: &str) -> String {
    let mut text = String::with_capacity(DIGITS + SUFFIX.len());
    push_hex(&mut text, &Sha256::new().chain_update(PURPOSE).chain_update(id).finalize());
    text.push_str(SUFFIX);
    text
}

/// Whether this is a stored key.
pub(crate) fn is_stored_key(text: &str) -> bool {
    text.strip_suffix(SUFFIX).is_some_and(|digits| {
        digits.len() == DIGITS && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// Whether a store may take `id` for a stored key. File systems and databases tell less apart than we do: upper
/// case from lower, a letter from the same with an accent or of another width (`a` from `ａ`), and some overlook
/// dots, spaces and what has no width. So all but the letters and digits is left out, and what is no ASCII is taken
/// for whatever is missing, unless it is a letter of another script, which nothing takes for one of ours.
pub(crate) fn passes_for_stored_key(id: &str) -> bool {
    if id.len() < SIGNIFICANT || id.chars().any(is_of_another_script) {
        return false;
    }
    let unknown = id.bytes().filter(|byte| !byte.is_ascii()).count();
    let mut known = id.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase());
    if unknown == 0 {
        let digits = known.by_ref().take(DIGITS).filter(u8::is_ascii_hexdigit).count();
        return digits == DIGITS && known.eq(SIGNIFICANT_SUFFIX.iter().copied());
    }
    let mut count = 0;
    let alike = known.all(|byte| {
        count += 1;
        byte.is_ascii_hexdigit() || SIGNIFICANT_SUFFIX.contains(&byte)
    });
    alike && count <= SIGNIFICANT && count + unknown >= SIGNIFICANT
}

/// Letters of Greek and of what follows it up to the Latin supplements, of Kana, Han and Hangul.
fn is_of_another_script(character: char) -> bool {
    character.is_alphabetic()
        && matches!(character, '\u{370}'..='\u{1cff}' | '\u{3040}'..='\u{318f}' | '\u{3400}'..='\u{a63f}'
            | '\u{ac00}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// Appends the lower-case hexadecimal digits of `bytes`.
pub(crate) fn push_hex(text: &mut String, bytes: &[u8]) {
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]);
    text.extend(nibbles.filter_map(|nibble| char::from_digit(u32::from(nibble), 16)));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

    use proptest::prelude::*;

    use super::*;
    use crate::id::SessionId;

    fn key_of(id: &str) -> String {
        stored_key(id)
    }

    #[test]
    fn a_key_is_the_hash_of_the_id_and_says_so() {
        // printf 'beaker session id\0abc' | sha256sum
        assert_eq!(key_of("abc"), KEY_OF_ABC);
        assert!(is_stored_key(KEY_OF_ABC));
        assert!(passes_for_stored_key(KEY_OF_ABC));
    }

    const KEY_OF_ABC: &str = "c35e239fb4e098972689928071b73a2d9a48e187e4025057e8295cf6eedf4634-sha256";

    #[test]
    fn what_a_store_may_take_for_a_key_passes_for_one() {
        let key = key_of("x");
        let (digits, _) = key.split_at(DIGITS);
        let wide: String = key
            .chars()
            .map(|c| if c == '-' { c } else { char::from_u32(u32::from(c) + 0xfee0).unwrap() })
            .collect();
        for alike in [
            key.to_uppercase(),
            format!(".{key}"),
            format!("{key}..."),
            format!("{key} "),
            format!("{digits}.-sha256"),
            format!("{digits}-\u{17f}ha256"),
            format!("{digits}-s\u{301}ha256"),
            format!("\u{200d}{digits}-sha256\u{feff}"),
            format!("{digits}-sha25\u{666}"),
            format!("{digits}_sha256"),
            wide,
        ] {
            assert!(passes_for_stored_key(&alike), "{alike}");
        }
    }

    #[test]
    fn what_is_of_another_form_does_not() {
        let key = key_of("x");
        let (digits, _) = key.split_at(DIGITS);
        for other in [
            SessionId::generate().as_str(),
            digits,
            &format!("{digits}-sha25"),
            &format!("{digits}-sha2566"),
            &format!("{key}.progress.upload"),
            &format!("g{}-sha256", digits.split_at(1).1),
            &format!("{key}日"),
            &"日本語".repeat(40),
            &"a".repeat(5000),
            "",
        ] {
            assert!(!passes_for_stored_key(other), "{other}");
            assert!(!is_stored_key(other), "{other}");
        }
    }

    proptest! {
        #[test]
        fn every_id_has_a_key_of_its_own(one in ".{0,80}", two in ".{0,80}") {
            prop_assume!(one != two);
            prop_assert_ne!(key_of(&one), key_of(&two));
            prop_assert!(is_stored_key(&key_of(&one)) && passes_for_stored_key(&key_of(&one)));
        }

        #[test]
        fn what_differs_in_dots_and_case_from_a_key_passes_for_one(
            id in ".{0,9}", changes in prop::collection::vec(0..3_u8, 71)
        ) {
            let alike: String = key_of(&id)
                .chars()
                .zip(changes)
                .map(|(character, change)| match change {
                    0 => character.to_string(),
                    1 => character.to_uppercase().to_string(),
                    _ => format!(".{character}"),
                })
                .collect();
            prop_assert!(passes_for_stored_key(&alike));
        }
    }
}
