//! The names of keys on the server.

use sha1::{Digest, Sha1};

use crate::id::{StoreKey, push_hex};

/// How Beaker's keys begin.
pub const DEFAULT_PREFIX: &str = "beaker_cache:";

/// In characters. Beaker shortens longer keys.
const LONGEST_KEY: usize = 1024;

/// The key of a session in its namespace.
const SESSION: &str = "session";

/// The form of the keys.
#[derive(Clone, Debug)]
pub struct Keys {
    prefix: String,
}

impl Default for Keys {
    fn default() -> Self {
        Self { prefix: DEFAULT_PREFIX.to_owned() }
    }
}

impl Keys {
    /// Keys that begin with `prefix`.
    pub fn beginning_with(prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into() }
    }

    /// The key of a value in a namespace. Of a value that makes the key too long there is a hash.
    pub fn value(&self, namespace: &str, name: &str) -> String {
        let longest = LONGEST_KEY.checked_sub(namespace.chars().count() + DEFAULT_PREFIX.len() + 1);
        if longest.is_some_and(|longest| name.chars().count() <= longest) {
            return format!("{}{namespace}:{name}", self.prefix);
        }
        let mut digits = String::new();
        push_hex(&mut digits, &Sha1::digest(name));
        format!("{}{namespace}:{digits}", self.prefix)
    }

    pub(super) fn record(&self, key: &StoreKey) -> String {
        self.value(key.record(), SESSION)
    }

    /// The pattern of the keys of all records. What is special in a pattern is escaped.
    pub(super) fn pattern(&self) -> String {
        let mut pattern = String::new();
        for character in self.prefix.chars() {
            if matches!(character, '*' | '?' | '[' | ']' | '^' | '\\') {
                pattern.push('\\');
            }
            pattern.push(character);
        }
        pattern + "*:" + SESSION
    }

    /// The name of the record that has a key. That of a record whose name is too long for a key is not known.
    pub(super) fn record_of<'a>(&self, key: &'a str) -> Option<&'a str> {
        key.strip_prefix(&*self.prefix)?.strip_suffix(SESSION)?.strip_suffix(':')
    }

    /// The lock of an id, which does not tell the id.
    pub(super) fn lock(&self, key: &StoreKey) -> String {
        format!("beaker_lock:{}{}", self.prefix, StoreKey::hashed(key.id()).record())
    }
}
