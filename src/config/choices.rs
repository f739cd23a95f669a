//! The options that take one of several words, and the meaning of each word.

use crate::codec::Cipher;
use crate::store::Durability;

/// The defaults of the other options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Beaker's, for applications that were written for it.
    Compatible,
    /// The safest, for new applications and those that have moved.
    Hardened,
}

/// The fate of a session that several requests change at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concurrency {
    /// The changes of all are kept; of one key, the last writer's.
    Merge,
    /// The last writer's session replaces the others, as with Beaker.
    LastWriter,
    /// Requests use the session one after the other.
    Lock,
}

impl Concurrency {
    /// The meaning of a word, if there is one.
    pub fn parse(word: &str) -> Option<Self> {
        chosen(word, &CONCURRENCY)
    }

    /// Whether a save keeps what others wrote since the session was loaded.
    pub fn merges(self) -> bool {
        self != Self::LastWriter
    }
}

/// The pickles that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PicklePolicy {
    /// Every pickle, as in Beaker. A writer to the store can run code in the application.
    Any,
    /// Those made of the standard library's value types.
    Allowlist,
    /// None.
    Deny,
}

/// A serializer that has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SerializerName {
    /// Pickle.
    Pickle,
    /// JSON, compressed.
    Json,
}

/// The meaning of a word, in any case.
pub(super) fn chosen<T: Copy>(word: &str, choices: &[(&str, T)]) -> Option<T> {
    let word = word.trim();
    choices.iter().find(|(known, _)| known.eq_ignore_ascii_case(word)).map(|(_, choice)| *choice)
}

/// `profile`
pub(super) const PROFILE: [(&str, Profile); 2] =
    [("compatible", Profile::Compatible), ("hardened", Profile::Hardened)];

/// `concurrency`
pub(super) const CONCURRENCY: [(&str, Concurrency); 3] =
    [("merge", Concurrency::Merge), ("beaker", Concurrency::LastWriter), ("lock", Concurrency::Lock)];

/// `pickle`
pub(super) const PICKLE: [(&str, PicklePolicy); 3] =
    [("any", PicklePolicy::Any), ("allowlist", PicklePolicy::Allowlist), ("deny", PicklePolicy::Deny)];

/// `read_also_serializer`, and the names that `data_serializer` takes.
pub(super) const SERIALIZER: [(&str, SerializerName); 2] =
    [("pickle", SerializerName::Pickle), ("json", SerializerName::Json)];

/// `durability`
pub(super) const DURABILITY: [(&str, Durability); 3] =
    [("beaker", Durability::Beaker), ("process", Durability::Process), ("full", Durability::Full)];

/// `crypto_type`
pub(super) const CRYPTO: [(&str, Cipher); 4] = [
    ("default", Cipher::AesGcm),
    ("cryptography", Cipher::AesGcm),
    ("pycryptodome", Cipher::AesCtr),
    ("pycrypto", Cipher::AesCtr),
];

/// The words of such a list.
#[allow(clippy::indexing_slicing, reason = "the compiler runs it, and both have N elements")]
pub(super) const fn words<T: Copy, const N: usize>(choices: &[(&'static str, T); N]) -> [&'static str; N] {
    let mut words = [""; N];
    let mut at = 0;
    while at < N {
        words[at] = choices[at].0;
        at += 1;
    }
    words
}
