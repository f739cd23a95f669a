//! What a rotation leaves under the id that a session had before: where the session is now, for a while.
//!
//! ```text
//! text    "move1." + base64(nonce(24) + ciphertext + tag(16))
//! body    from(8) + until(8) + new id + 0x80 + zeros
//! ```
//!
//! The body is encrypted by XChaCha20-Poly1305 under a key that HKDF-SHA-256 (RFC 5869) derives from `move1.` and the
//! *old* id, so that whoever reads the store, and has the id of nobody, learns none. `from` and `until` are seconds
//! since the epoch as big-endian floats. The zeros (ISO/IEC 7816-4) make the base64 one without `=`.
//!
//! To anybody who does not know this format it is a text that cannot be decoded, for sure and before anything is
//! unpickled: five characters before a base64 of whole groups are one more than base64 can have, and after the nonce
//! of an encrypted session, whatever its length, two are left over.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;

use crate::crypto::{Aead, Purpose, derive};
use crate::error::{Error, Result};
use crate::id::SessionId;

const OPERATION: &str = "leave a pointer to a session's new id";
const PREFIX: &str = "move1.";
const TIME: usize = 8;
/// Ends the id; zeros follow.
const END: u8 = 0x80;
/// The bytes that base64 makes four characters of.
const GROUP: usize = 3;

/// Where the session that had an id before is now.
#[derive(Clone, Debug, PartialEq)]
pub enum Pointer {
    /// Under this id.
    To(SessionId),
    /// It is for nobody to know any more.
    Over,
}

/// In characters: those of a pointer that leads nowhere. One that leads somewhere is longer.
const NOWHERE: usize = PREFIX.len() + 12;

/// A pointer that leads nowhere from the beginning: the session has ended, and no older record may take its place.
///
/// # Errors
/// `Unavailable` if the system gives no random bytes.
pub fn nowhere() -> Result<String> {
    let mut bytes = [0; 3 * GROUP];
    getrandom::fill(&mut bytes).map_err(|error| Error::unavailable(OPERATION).with_source(error))?;
    let mut text = String::from(PREFIX);
    BASE64.encode_string(bytes, &mut text);
    Ok(text)
}

/// Whether `text` is made by [`nowhere`].
#[must_use]
pub fn is_nowhere(text: &[u8]) -> bool {
    text.starts_with(PREFIX.as_bytes()) && text.len() == NOWHERE
}

/// A pointer from `old` to `new` that leads there at `from` and until `until`, in seconds since the epoch.
///
/// # Errors
/// `Unavailable` if the system gives no random bytes.
pub fn write(old: &SessionId, new: &SessionId, from: f64, until: f64) -> Result<String> {
    let mut body = [from.to_be_bytes(), until.to_be_bytes()].concat();
    body.extend_from_slice(new.as_str().as_bytes());
    body.push(END);
    let around = Aead::NONCE + Aead::TAG;
    body.resize((around + body.len()).next_multiple_of(GROUP) - around, 0);
    let sealed = aead(old)?.seal(&[&body], &[], OPERATION)?;
    let mut text = String::from(PREFIX);
    BASE64.encode_string(&sealed, &mut text);
    Ok(text)
}

/// Where `text` under the id `old` leads at `now`; `None` if it is no pointer.
///
/// What is none of ours leads nowhere. So does a pointer before its time, further than it is good for: then the clock
/// was set back, and would make it last for longer than it says.
#[must_use]
pub fn read(old: &SessionId, text: &[u8], now: f64) -> Option<Pointer> {
    let coded = text.strip_prefix(PREFIX.as_bytes())?;
    let to = open(old, coded).filter(|(from, until, _)| now <= *until && now >= from - (until - from));
    Some(to.map_or(Pointer::Over, |(_, _, id)| Pointer::To(SessionId::from_program(id))))
}

fn open(old: &SessionId, coded: &[u8]) -> Option<(f64, f64, String)> {
    let mut sealed = BASE64.decode(coded).ok()?;
    let (body, _) = aead(old).ok()?.open(&mut sealed, &[])?;
    let (from, rest) = body.split_first_chunk::<TIME>()?;
    let (until, rest) = rest.split_first_chunk::<TIME>()?;
    let end = rest.iter().rposition(|byte| *byte != 0)?;
    let (id, end) = rest.split_at_checked(end)?;
    if end.first() != Some(&END) {
        return None;
    }
    let id = String::from_utf8(id.to_vec()).ok()?;
    Some((f64::from_be_bytes(*from), f64::from_be_bytes(*until), id))
}

fn aead(old: &SessionId) -> Result<Aead> {
    // A program may choose an empty id, and an empty secret gives no key.
    let secret = [PREFIX, old.as_str()].concat();
    Aead::new([derive(secret.as_bytes(), None, Purpose::Pointer, "")], "no key to point with")
}

/// Whether a text is a pointer.
#[cfg(test)]
pub(super) fn is_pointer(text: &[u8]) -> bool {
    text.starts_with(PREFIX.as_bytes())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

    use super::*;
    use crate::codec::text::decode_plain;

    fn id(text: &str) -> SessionId {
        SessionId::from_program(text)
    }

    fn led(old: &str, text: &str, now: f64) -> Option<String> {
        match read(&id(old), text.as_bytes(), now) {
            Some(Pointer::To(id)) => Some(id.as_str().to_owned()),
            _ => None,
        }
    }

    #[test]
    fn a_pointer_to_nowhere_is_dead_from_the_beginning() {
        let text = nowhere().unwrap();
        assert!(is_nowhere(text.as_bytes()));
        assert_eq!(read(&id("old"), text.as_bytes(), 100.0), Some(Pointer::Over));
        assert_ne!(nowhere().unwrap(), text);
        assert_eq!(text.replace('.', "").len() % 4, 1);
        let shortest = write(&id(""), &id(""), 0.0, 0.0).unwrap();
        assert!(!is_nowhere(shortest.as_bytes()) && !is_nowhere(b"") && !is_nowhere(&[b'x'; NOWHERE]));
    }

    #[test]
    fn a_pointer_leads_to_the_new_id_for_as_long_as_it_says() {
        for new in ["", "a", "ab", "abc", "b\0\u{80}\0", "f9b61ddc49ba4d9ea0a1b4f4a4b3a5c0", &"é".repeat(300)]
        {
            let text = write(&id("old"), &id(new), 100.0, 130.0).unwrap();
            for now in [100.0, 115.5, 130.0, 70.0] {
                assert_eq!(led("old", &text, now).as_deref(), Some(new), "{now}");
            }
            for now in [130.001, 1e12, 69.9, 0.0, f64::NAN, f64::INFINITY] {
                assert_eq!(read(&id("old"), text.as_bytes(), now), Some(Pointer::Over), "{now}");
            }
        }
    }

    #[test]
    fn any_id_that_a_program_may_choose_can_lead_on() {
        for old in ["", "a", "\0", &"é".repeat(300)] {
            let text = write(&id(old), &id("new"), 100.0, 130.0).unwrap();
            assert_eq!(led(old, &text, 115.0).as_deref(), Some("new"), "{old:?}");
        }
    }

    #[test]
    fn what_an_implementation_of_its_own_makes_by_the_description_is_read() {
        let text = "move1.AAECAwQFBgcICQoLDA0ODxAREhMUFRYXSjAeiHYyr8YdjuHa35Osuz/xXqSaCa42\
                    DbJ1ifkl6nnuuinq8UsRnu8Smxgb1CWIrnYMbN9voReZu+Jwij71tklg";
        let new = "f9b61ddc49ba4d9ea0a1b4f4a4b3a5c0";
        assert_eq!(led("the old id", text, 1_700_000_030.5).as_deref(), Some(new));
        assert_eq!(led("the old id", text, 1_700_000_030.6), None);
    }

    #[test]
    fn who_has_not_the_old_id_learns_nothing() {
        let text = write(&id("old"), &id("new"), 100.0, 130.0).unwrap();
        for other in ["Old", "old ", "", "new"] {
            assert_eq!(read(&id(other), text.as_bytes(), 100.0), Some(Pointer::Over));
        }
        assert_ne!(text, write(&id("old"), &id("new"), 100.0, 130.0).unwrap());
        assert!(!format!("{:?}", Pointer::To(SessionId::generate())).contains("SessionId(\""));
    }

    #[test]
    fn what_is_cut_or_changed_leads_nowhere() {
        let text = write(&id("old"), &id("new"), 100.0, 130.0).unwrap();
        for at in PREFIX.len()..text.len() {
            assert_eq!(read(&id("old"), &text.as_bytes()[..at], 100.0), Some(Pointer::Over));
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(read(&id("old"), &changed, 100.0), Some(Pointer::Over));
        }
    }

    #[test]
    fn a_session_is_no_pointer_and_a_pointer_is_no_session() {
        for text in ["", "gAJ9cQAu", "move1", "Move1.", " move1."] {
            assert!(!is_pointer(text.as_bytes()));
            assert_eq!(read(&id("old"), text.as_bytes(), 0.0), None);
        }
        for length in 0..100 {
            let text = write(&id("old"), &id(&"x".repeat(length)), 0.0, 1.0).unwrap();
            assert!(is_pointer(text.as_bytes()) && text.is_ascii());
            assert!(decode_plain(text.as_bytes()).is_err());
            // No longer than whole groups need.
            let sealed = Aead::NONCE + 2 * TIME + length + 1 + Aead::TAG;
            assert_eq!(text.len(), PREFIX.len() + sealed.div_ceil(GROUP) * 4);
            // As the original decodes: what is outside the alphabet is skipped, and what precedes it is a nonce.
            for nonce in (0..=64).step_by(4) {
                let rest: Vec<u8> = text.bytes().skip(nonce).filter(|byte| *byte != b'.').collect();
                assert_ne!(rest.len() % 4, 0, "{length} {nonce}");
            }
        }
    }
}
