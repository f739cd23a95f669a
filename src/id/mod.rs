//! The name of a session.

mod hash;

use std::fmt;
use std::sync::Arc;

pub(crate) use hash::{is_stored_key, passes_for_stored_key, push_hex};

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
    pub fn generate() -> Self {
        let mut digits = uuid::Uuid::encode_buffer();
        let text = Arc::from(&*uuid::Uuid::new_v4().simple().encode_lower(&mut digits));
        Self { text, source: IdSource::Generated }
    }

    /// An id that the program chose, or that a signature proves to be ours.
    pub fn from_program(text: impl Into<Arc<str>>) -> Self {
        Self { text: text.into(), source: IdSource::Program }
    }

    /// An id as a browser sent it, unproven.
    pub fn from_request(text: impl Into<Arc<str>>) -> Self {
        Self { text: text.into(), source: IdSource::Request }
    }

    /// The id itself. It is a bearer secret: it belongs in a cookie and in a store, nowhere else.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Where it came from.
    pub fn source(&self) -> IdSource {
        self.source
    }

    /// Enough of the id to find it in a log and too little to use it: the first six characters.
    pub fn abbreviated(&self) -> String {
        let mut shown: String = self.text.chars().take(6).flat_map(char::escape_default).collect();
        shown.push('…');
        shown
    }
}

/// The key of a session's record in a store, and the name of its lock.
///
/// Both come from the id. The record is under the id itself or under a hash of it; the lock is that of the id in either
/// case, so that processes which store by id and processes which store by hash exclude each other.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct StoreKey {
    id: SessionId,
    hash: Option<Arc<str>>,
}

impl StoreKey {
    /// The key of a record that is stored under the id.
    pub fn plain(id: &SessionId) -> Self {
        Self { id: id.clone(), hash: None }
    }

    /// The key of a record that is stored under a hash of the id, which tells nobody the id.
    pub fn hashed(id: &SessionId) -> Self {
        Self { id: id.clone(), hash: Some(hash::stored_key(id.as_str()).into()) }
    }

    /// The key of a record that a store lists by its name. Where the name is a hash the id is not known, and the name
    /// stands for it: the lock is then not that of the id.
    pub fn of_record(name: &str) -> Self {
        Self { id: SessionId::from_program(name), hash: is_stored_key(name).then(|| name.into()) }
    }

    /// The name of the record: what a store may show and keep.
    pub fn record(&self) -> &str {
        self.hash.as_deref().unwrap_or(&self.id.text)
    }

    /// The name of the lock. It is the id, a bearer secret: a store hashes it before it leaves the process.
    pub fn lock(&self) -> &str {
        &self.id.text
    }

    /// The session's id.
    pub fn id(&self) -> &SessionId {
        &self.id
    }

    /// Whether the record is stored under a hash.
    pub fn is_hashed(&self) -> bool {
        self.hash.is_some()
    }

    /// Where the id came from.
    pub fn source(&self) -> IdSource {
        self.id.source
    }
}

impl From<SessionId> for StoreKey {
    fn from(id: SessionId) -> Self {
        Self { id, hash: None }
    }
}

impl fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_hashed() { "hash of " } else { "" };
        write!(f, "StoreKey({kind}{})", self.id.abbreviated())
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
