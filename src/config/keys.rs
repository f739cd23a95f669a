//! The keys of one purpose, from an option, a file and the fallbacks: the newest writes, all are accepted.

use std::fmt;
use std::fs::{self, Metadata};
use std::path::Path;

use super::bytes_literal;
use super::value::Value;
use crate::error::{Error, Result};

/// A key should have at least as many bytes as the hash (RFC 2104, section 3), 32 for SHA-256. A shorter one is
/// mostly a word, which an attacker can guess.
pub const SHORTEST_GOOD_KEY: usize = 32;

/// The largest file of keys, in bytes. A larger file is some other file.
const KEY_FILE_LIMIT: u64 = 64 * 1024;

/// Some editors put it before text in UTF-8.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The keys of one purpose, the newest first. Its `Debug` shows only their number.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Keys {
    keys: Vec<Vec<u8>>,
}

impl Keys {
    /// Gathers the keys of the options `name`, `<name>_file` and `<name>_fallbacks`.
    ///
    /// # Errors
    /// `Invalid` if there is both an option and a file, if there are fallbacks alone, if a key is the text of empty
    /// bytes, or if the file cannot be read, is not UTF-8, has no key, or can be written by other users.
    pub fn gather(
        name: &str,
        newest: Option<&Value>,
        file: Option<&str>,
        fallbacks: Option<&Value>,
    ) -> Result<Self> {
        let given = keys_of(newest);
        let mut keys = match file {
            None => given,
            Some(_) if !given.is_empty() => {
                return Err(contradiction(format!("{name} and {name}_file are both given")));
            }
            Some(file) => read_file(name, Path::new(file))?,
        };
        let older = keys_of(fallbacks);
        if keys.is_empty() && !older.is_empty() {
            return Err(contradiction(format!("{name}_fallbacks is given without {name}")));
        }
        keys.extend(older);
        Ok(Self { keys: in_both_forms(name, keys)? })
    }

    /// Drops the bytes that cannot go into the key that encrypts, which takes ASCII alone. The text of those bytes
    /// stays.
    #[must_use]
    pub fn for_encryption(mut self) -> Self {
        let texts: Vec<_> = self.keys.iter().filter_map(|key| bytes_literal::to_bytes(key)).collect();
        self.keys.retain(|key| key.is_ascii() || !texts.contains(key));
        self
    }

    /// Whether the newest key is Python's text of bytes, such as `b'key'`.
    pub fn is_text_of_bytes(&self) -> bool {
        self.keys.first().is_some_and(|newest| bytes_literal::to_bytes(newest).is_some())
    }

    /// The keys, the newest first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.keys.iter().map(Vec::as_slice)
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The length of the shortest key, if it is too short.
    pub fn weakness(&self) -> Option<usize> {
        self.keys.iter().map(Vec::len).min().filter(|length| *length < SHORTEST_GOOD_KEY)
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.keys.len())
    }
}

fn keys_of(value: Option<&Value>) -> Vec<Vec<u8>> {
    match value {
        Some(Value::Text(key)) => vec![key.as_bytes().to_vec()],
        Some(Value::List(keys)) => keys.clone(),
        _ => Vec::new(),
    }
}

/// The keys, each once. The bytes follow a key that is the text of bytes: Beaker signs with the text, and a person who
/// removes the quotes means the same key.
fn in_both_forms(name: &str, given: Vec<Vec<u8>>) -> Result<Vec<Vec<u8>>> {
    let mut keys = Vec::with_capacity(given.len());
    for key in given {
        let bytes = bytes_literal::to_bytes(&key);
        if bytes.as_ref().is_some_and(|bytes| bytes.trim_ascii().is_empty()) {
            return Err(
                Error::invalid("a key is empty").with_detail(format!("{name} is the text of empty bytes"))
            );
        }
        for form in [Some(key), bytes].into_iter().flatten() {
            if !keys.contains(&form) {
                keys.push(form);
            }
        }
    }
    Ok(keys)
}

fn contradiction(detail: String) -> Error {
    Error::invalid("the options for a key contradict each other").with_detail(detail)
}

/// The keys in a file: one a line, the newest first.
fn read_file(name: &str, path: &Path) -> Result<Vec<Vec<u8>>> {
    let refuse = |why: &str| {
        Error::invalid("a file of keys cannot be used")
            .with_detail(format!("{name}_file = {}: {why}", path.display()))
    };
    let metadata = fs::metadata(path).map_err(|error| refuse("it cannot be read").with_source(error))?;
    if !metadata.is_file() || metadata.len() > KEY_FILE_LIMIT {
        return Err(refuse("it must be a file with one key a line"));
    }
    if others_may_write(&metadata) {
        return Err(refuse("other users can write to it; run chmod go-w"));
    }
    let bytes = fs::read(path).map_err(|error| refuse("it cannot be read").with_source(error))?;
    // In text of two bytes a character some lines are zeros, and everybody knows a key of zeros.
    if std::str::from_utf8(&bytes).is_err() || bytes.contains(&0) {
        return Err(refuse("it must be text in UTF-8"));
    }
    // The mark would become an invisible part of the newest key.
    if bytes.starts_with(BYTE_ORDER_MARK) {
        return Err(refuse("it begins with a byte order mark; save it without one"));
    }
    let lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let keys: Vec<_> = lines.filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect();
    if keys.is_empty() { Err(refuse("it has no key")) } else { Ok(keys) }
}

#[cfg(unix)]
fn others_may_write(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    metadata.mode() & 0o022 != 0
}

#[cfg(not(unix))]
fn others_may_write(_metadata: &Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }
    fn list(keys: &[&str]) -> Value {
        Value::List(keys.iter().map(|key| key.as_bytes().to_vec()).collect())
    }
    fn gathered(
        newest: Option<&Value>,
        file: Option<&str>,
        fallbacks: Option<&Value>,
    ) -> Result<Vec<String>> {
        let keys = Keys::gather("secret", newest, file, fallbacks)?;
        Ok(keys.iter().map(|key| String::from_utf8(key.to_vec()).unwrap()).collect())
    }
    fn file_with(contents: &str, mode: u32) -> tempfile::NamedTempFile {
        use std::os::unix::fs::PermissionsExt as _;
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), contents).unwrap();
        fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
        file
    }

    #[test]
    fn the_newest_come_first_and_the_fallbacks_last() {
        assert_eq!(gathered(Some(&text("a")), None, None).unwrap(), ["a"]);
        assert_eq!(gathered(Some(&list(&["b", "a"])), None, Some(&list(&["z"]))).unwrap(), ["b", "a", "z"]);
        assert!(gathered(None, None, None).unwrap().is_empty());
    }

    #[test]
    fn a_file_holds_a_key_a_line() {
        let file = file_with("\n new key \r\n\nold\n", 0o600);
        let path = file.path().to_str();
        assert_eq!(gathered(None, path, Some(&list(&["older"]))).unwrap(), ["new key", "old", "older"]);
    }

    #[test]
    fn keys_given_twice_or_only_old_ones_are_a_contradiction() {
        let file = file_with("a", 0o600);
        assert!(gathered(Some(&text("a")), file.path().to_str(), None).is_err());
        assert!(gathered(None, None, Some(&list(&["old"]))).is_err());
    }

    #[test]
    fn a_file_that_is_missing_empty_too_large_or_open_to_others_is_refused_by_name() {
        let open = file_with("hunter2", 0o620);
        let empty = file_with(" \n", 0o600);
        let large = file_with(&"x\n".repeat(40_000), 0o600);
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing");
        for path in [open.path(), empty.path(), large.path(), folder.path(), &missing] {
            let error = gathered(None, path.to_str(), None).unwrap_err().to_string();
            assert!(error.contains("secret_file"), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_file_that_is_no_text_in_utf_8_is_refused() {
        for bytes in
            [&b"k\0e\0y\0\n\0"[..], b"\xff\xfek\0\n\0", b"\xe9\xe9", b"\xef\xbb\xbfkey", b"/dev\0null"]
        {
            let file = file_with("", 0o600);
            fs::write(file.path(), bytes).unwrap();
            assert!(gathered(None, file.path().to_str(), None).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn the_text_of_bytes_is_accepted_with_and_without_what_makes_it_one() {
        assert_eq!(
            gathered(Some(&text("b'k'")), None, Some(&list(&["b'o'", "k"]))).unwrap(),
            ["b'k'", "k", "b'o'", "o"]
        );
        let keys = Keys::gather("secret", Some(&text("b'\\xff'")), None, None).unwrap();
        assert!(keys.is_text_of_bytes());
        assert_eq!(keys.iter().len(), 2);
        assert_eq!(keys.for_encryption().iter().len(), 1);
        for empty in ["b''", "b' '"] {
            let error = gathered(Some(&text(empty)), None, None).unwrap_err().to_string();
            assert!(error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn the_shortest_key_decides_the_weakness() {
        let of = |value: &Value| Keys::gather("secret", Some(value), None, None).unwrap().weakness();
        assert_eq!(of(&list(&[&"x".repeat(40), "short"])), Some(5));
        assert_eq!(of(&text(&"x".repeat(32))), None);
        assert_eq!(Keys::default().weakness(), None);
    }

    #[test]
    fn debug_shows_no_key() {
        let keys = Keys::gather("secret", Some(&text("hunter2")), None, None).unwrap();
        assert_eq!(format!("{keys:?}"), "Keys(1)");
    }
}
