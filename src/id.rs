//! The name of a session.

use std::fmt;
use std::sync::Arc;

/// Where an id came from, which decides how far it is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IdSource {
    /// Made here at random: until it is told to somebody, there is no record of it anywhere.
    Generated,
    /// Chosen by the program that uses the library, or proven by a signature to be ours.
    Program,
    /// Read from a cookie that carries no valid signature: anybody may have made it up.
    Request,
}

/// The id of a session. Whoever knows it has the session, so neither `Debug` nor any error shows it whole.
///
/// Ids made here are 32 lower-case hexadecimal digits (a version 4 UUID, 122 random bits). Ids that a
/// program chooses are free in form.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SessionId {
    text: Arc<str>,
    source: IdSource,
}

impl SessionId {
    /// A new random id.
    #[must_use]
    pub fn generate() -> Self {
        Self { text: Self::random_text(), source: IdSource::Generated }
    }

    fn random_text() -> Arc<str> {
        let mut digits = uuid::Uuid::encode_buffer();
        Arc::from(&*uuid::Uuid::new_v4().simple().encode_lower(&mut digits))
    }

    /// An id that the program chose, or that a signature proves to be ours.
    #[must_use]
    pub fn from_program(text: impl Into<Arc<str>>) -> Self {
        Self { text: text.into(), source: IdSource::Program }
    }

    /// An id as a browser sent it, unproven.
    #[must_use]
    pub fn from_request(text: impl Into<Arc<str>>) -> Self {
        Self { text: text.into(), source: IdSource::Request }
    }

    /// The id itself. It is a bearer secret: it belongs in a cookie and in a store, nowhere else.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Where it came from.
    #[must_use]
    pub fn source(&self) -> IdSource {
        self.source
    }

    /// Enough of the id to find it in a log and too little to use it: the first six characters.
    #[must_use]
    pub fn abbreviated(&self) -> String {
        let mut shown: String = self.text.chars().take(6).flat_map(char::escape_default).collect();
        shown.push('…');
        shown
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({})", self.abbreviated())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_id_is_32_lower_case_hex_digits() {
        let id = SessionId::generate();
        assert_eq!(id.as_str().len(), 32);
        assert!(id.as_str().bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)));
    }

    #[test]
    fn debug_does_not_show_the_whole_id() {
        let id = SessionId::generate();
        assert!(!format!("{id:?}").contains(id.as_str()));
    }

    #[test]
    fn an_abbreviation_escapes_what_a_log_must_not_hold() {
        assert_eq!(SessionId::from_request("\r\n\u{1b}[31m").abbreviated(), "\\r\\n\\u{1b}[31…");
    }
}
