//! Names the files of an id, and tells the owner of a record.
//!
//! Most ids name their file, as in Beaker, two folders below the store's own. An id that could lead elsewhere gets a
//! hash for a name. Beaker drops the dots of an id, so ids that differ in their dots alone would share one file. The id
//! without dots always has that file. An id with dots has it while no other does, and its record names its owner;
//! otherwise it has a file that is named by a hash.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::id::{IdSource, StoreKey, push_hex};

pub(super) const DATA_EXTENSION: &str = ".cache";
pub(super) const LOCK_EXTENSION: &str = ".lock";

/// The beginning of a name that is a hash. 64 hexadecimal digits follow.
const HASHED_PREFIX: char = '~';
const HASHED_DIGITS: usize = 64;

/// In bytes: the limit of every file system in use (POSIX calls it `NAME_MAX`).
const LONGEST_NAME: usize = 255;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Naming {
    /// The id is the name.
    Plain,
    /// The id without its dots is the name.
    Dotted,
    /// A hash of the id is the name.
    Hashed,
}

/// The file that has the record of an id with dots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seat {
    /// The file of its name without dots. A record there is this id's if it names this id.
    Shared,
    /// The same, with a record that Beaker wrote for this id, which names no owner.
    Claimed,
    /// The same, with a record of Beaker's that may be this id's or another's. It is read there and left alone: writes go
    /// to the file that is this id's alone.
    Lent,
    /// The file that is this id's alone.
    Own,
}

/// The files of a key.
#[derive(Clone, Debug)]
pub(super) struct Place<'a> {
    key: &'a StoreKey,
    naming: Naming,
    stem: String,
    seat: Seat,
}

impl<'a> Place<'a> {
    pub(super) fn of(key: &'a StoreKey) -> Self {
        let text = key.record();
        let (naming, stem) = match plain_name(text) {
            Some(stem) if text.contains('.') => (Naming::Dotted, stem),
            Some(stem) => (Naming::Plain, stem),
            None => (Naming::Hashed, hashed_name(text.as_bytes())),
        };
        Self { key, naming, stem, seat: Seat::Shared }
    }

    /// The place of `id` whose record `file` below `file_dir` can be.
    pub(super) fn at(key: &'a StoreKey, file: &Path, file_dir: &Path) -> Option<Self> {
        let place = Self::of(key);
        if place.data_file(file_dir) == file {
            return Some(place);
        }
        let own = place.is_dotted().then(|| place.seated(Seat::Own));
        own.filter(|place| place.data_file(file_dir) == file)
    }

    pub(super) fn key(&self) -> &'a StoreKey {
        self.key
    }

    /// Whether both have one lock.
    pub(super) fn shares_its_lock_with(&self, other: &Place<'_>) -> bool {
        self.key.lock() == other.key.lock()
    }

    /// Whether other ids may have the file of this one's name.
    pub(super) fn is_dotted(&self) -> bool {
        self.naming == Naming::Dotted
    }

    /// Whether its file can be no other id's.
    pub(super) fn is_plain(&self) -> bool {
        self.naming == Naming::Plain
    }

    /// Whether both may have one file.
    pub(super) fn shares_its_name_with(&self, other: &Place<'_>) -> bool {
        self.stem == other.stem
    }

    /// The same in the file that is this id's alone, if it has one.
    pub(super) fn elsewhere(self) -> Self {
        if self.is_dotted() { self.seated(Seat::Own) } else { self }
    }

    pub(super) fn seat(&self) -> Seat {
        self.seat
    }

    /// The same id elsewhere.
    pub(super) fn seated(self, seat: Seat) -> Self {
        Self { seat, ..self }
    }

    /// The file of the record below `file_dir`.
    pub(super) fn data_file(&self, file_dir: &Path) -> PathBuf {
        if self.seat == Seat::Own { self.own_file(file_dir) } else { self.named_file(file_dir) }
    }

    /// The file that a record is written to.
    pub(super) fn target_file(&self, file_dir: &Path) -> PathBuf {
        match self.seat {
            Seat::Own | Seat::Lent => self.own_file(file_dir),
            Seat::Shared | Seat::Claimed => self.named_file(file_dir),
        }
    }

    /// The file of the id's name, which other ids may have.
    pub(super) fn named_file(&self, file_dir: &Path) -> PathBuf {
        below(file_dir, &self.stem, DATA_EXTENSION)
    }

    /// The file that no other id has.
    pub(super) fn own_file(&self, file_dir: &Path) -> PathBuf {
        below(file_dir, &hashed_name(self.key.record().as_bytes()), DATA_EXTENSION)
    }

    /// The lock of the id below `lock_dir`: the one that every process which uses this id takes.
    pub(super) fn lock_file(&self, lock_dir: &Path) -> PathBuf {
        lock_file(lock_dir, self.key.lock())
    }

    /// The lock file of this name below `lock_dir`.
    pub(super) fn lock_file_named(digits: &str, lock_dir: &Path) -> PathBuf {
        below(lock_dir, digits, LOCK_EXTENSION)
    }

    /// The lock of the id that may share this one's file, if there can be one. It is taken after the id's own.
    pub(super) fn neighbours_lock_file(&self, lock_dir: &Path) -> Option<PathBuf> {
        (self.naming == Naming::Dotted).then(|| lock_file(lock_dir, &self.stem))
    }

    /// The owner that a record written here has to name.
    pub(super) fn owner(&self) -> Option<&'a str> {
        match self.naming {
            Naming::Plain => None,
            Naming::Dotted | Naming::Hashed => Some(self.key.record()),
        }
    }

    /// Whether a record that names this owner, or none, is this id's.
    ///
    /// A record without an owner under a name that lost its dots is Beaker's, and [`Seat`] says what is known of it. An id
    /// from a browser gets no record that is not proven to be its own.
    pub(super) fn is_owned(&self, owner: Option<&str>) -> bool {
        match (owner, self.naming) {
            (Some(owner), _) => owner == self.key.record(),
            (None, Naming::Plain) => true,
            (None, Naming::Dotted) => {
                matches!(self.seat, Seat::Claimed | Seat::Lent) && self.key.source() != IdSource::Request
            }
            (None, Naming::Hashed) => false,
        }
    }

    /// Whether what is here and cannot be read is taken for this id's record.
    pub(super) fn owns_the_unreadable(&self) -> bool {
        self.naming == Naming::Hashed || self.is_dotted() && self.seat == Seat::Own || self.is_owned(None)
    }
}

/// The name, without an extension, of the file for `identifier`, which need not be text: itself without its dots, or
/// a hash if that cannot be a name.
pub fn file_name(identifier: &[u8]) -> String {
    let plain = str::from_utf8(identifier).ok().and_then(plain_name);
    plain.unwrap_or_else(|| hashed_name(identifier))
}

/// The name of the lock file for `identifier`, without an extension: the SHA-1.
pub fn digest_name(identifier: &[u8]) -> String {
    let mut digits = String::with_capacity(40);
    push_hex(&mut digits, &Sha1::digest(identifier));
    digits
}

/// The name that a hash of `identifier` gives to a file.
pub fn hashed_name(identifier: &[u8]) -> String {
    let mut stem = String::with_capacity(1 + HASHED_DIGITS);
    stem.push(HASHED_PREFIX);
    push_hex(&mut stem, &Sha256::digest(identifier));
    stem
}

/// `text` without its dots, if a file can be named so.
fn plain_name(text: &str) -> Option<String> {
    Some(text.replace('.', "")).filter(|stem| can_be_a_name(stem))
}

/// Whether a name of ours can be `stem`, leaving out what is kept for hashed names.
fn can_be_a_name(stem: &str) -> bool {
    !stem.is_empty()
        && stem.len() + DATA_EXTENSION.len() <= LONGEST_NAME
        && !stem.chars().any(|c| c == '/' || c.is_control())
        && !is_hashed_name(stem)
}

/// Whether this is the name that a hash gives.
pub(super) fn is_hashed_name(stem: &str) -> bool {
    stem.strip_prefix(HASHED_PREFIX)
        .is_some_and(|rest| rest.len() == HASHED_DIGITS && rest.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn lock_file(lock_dir: &Path, id: &str) -> PathBuf {
    below(lock_dir, &digest_name(id.as_bytes()), LOCK_EXTENSION)
}

/// `root/<first character>/<first two characters>/<stem><extension>`.
fn below(root: &Path, stem: &str, extension: &str) -> PathBuf {
    let mut ends = stem.char_indices().map(|(at, c)| at + c.len_utf8());
    let one = ends.next().unwrap_or_default();
    let two = ends.next().unwrap_or(one);
    let start = |end| stem.get(..end).unwrap_or_default().as_bytes();
    let root = root.as_os_str().as_bytes();
    let (stem, extension) = (stem.as_bytes(), extension.as_bytes());
    OsString::from_vec([root, b"/", start(one), b"/", start(two), b"/", stem, extension].concat()).into()
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        reason = "a test says what it expects by failing"
    )]

    use std::path::Component;

    use proptest::prelude::*;

    use super::*;
    use crate::id::SessionId;

    fn file(id: &str) -> String {
        let key = StoreKey::from(SessionId::from_program(id));
        Place::of(&key).data_file(Path::new("/d")).to_str().unwrap().to_owned()
    }

    #[test]
    fn folders_are_named_by_characters_not_bytes() {
        assert_eq!(file("0af3"), "/d/0/0a/0af3.cache");
        assert_eq!(file("x"), "/d/x/x/x.cache");
        assert_eq!(file("éàü"), "/d/é/éà/éàü.cache");
        assert_eq!(file("𝄞a"), "/d/𝄞/𝄞a/𝄞a.cache");
    }

    #[test]
    fn dots_are_dropped() {
        assert_eq!(file("ab12.progress.k"), "/d/a/ab/ab12progressk.cache");
        assert_eq!(file(".hidden"), "/d/h/hi/hidden.cache");
        assert_eq!(file("a..b"), "/d/a/ab/ab.cache");
    }

    #[test]
    fn an_id_that_could_lead_elsewhere_is_hashed() {
        let long = "l".repeat(250);
        for id in ["", ".", "..", "../x", "/etc/passwd", "a/b", "a\0b", "a\nb", "a\u{7f}b", "\u{85}", &long] {
            let file = file(id);
            assert!(file.starts_with("/d/~/~"), "{id:?}: {file}");
            assert_eq!(file.len(), "/d/~/~0/~.cache".len() + 64);
        }
        assert_eq!(file(&"l".repeat(249)).rsplit('/').next().unwrap().len(), 255);
    }

    #[test]
    fn a_hashed_name_cannot_be_asked_for() {
        let stem = Path::new(&file("a/b")).file_stem().unwrap().to_str().unwrap().to_owned();
        assert!(!file(&stem).contains(&stem));
        assert!(!file(&format!(".{stem}")).contains(&stem));
        for other in ["~0af3".to_owned(), format!("~{}", "g".repeat(64)), format!("~{}", "0".repeat(65))] {
            assert!(file(&other).ends_with(&format!("/{other}.cache")));
        }
    }

    #[test]
    fn any_name_has_a_file_whether_it_is_text_or_not() {
        assert_eq!(file_name(b"a.b"), "ab");
        for name in [&b"a/b"[..], b"\xff", b"."] {
            assert_eq!(file_name(name), hashed_name(name));
        }
    }

    #[test]
    fn what_names_no_owner_or_cannot_be_read_is_an_ids_whose_file_can_be_no_others() {
        use Seat::{Claimed, Lent, Own, Shared};
        let (chosen, sent) = (SessionId::from_program, SessionId::from_request);
        // The id, its seat, whether it has a record without an owner, and one that cannot be read.
        for (id, seat, is_owned, owns_the_unreadable) in [
            (sent("abc"), Shared, true, true),
            (sent("a/b"), Shared, false, true),
            (chosen("a.b"), Shared, false, false),
            (chosen("a.b"), Own, false, true),
            (chosen("a.b"), Lent, true, true),
            (chosen("a.b"), Claimed, true, true),
            (sent("a.b"), Own, false, true),
            (sent("a.b"), Lent, false, false),
            (sent("a.b"), Claimed, false, false),
        ] {
            let key = StoreKey::from(id);
            let place = Place::of(&key).seated(seat);
            let found = (place.is_owned(None), place.owns_the_unreadable());
            assert_eq!(found, (is_owned, owns_the_unreadable), "{place:?}");
        }
    }

    #[test]
    fn the_lock_is_named_by_the_sha_1_of_the_id() {
        let key = StoreKey::from(SessionId::from_program("abc"));
        let path = Place::of(&key).lock_file(Path::new("/l"));
        assert_eq!(path, Path::new("/l/a/a9/a9993e364706816aba3e25717850c26c9cd0d89d.lock"));
    }

    fn key(id: String) -> StoreKey {
        SessionId::from_request(id).into()
    }

    proptest! {
        #[test]
        fn no_id_escapes_the_folder(id in ".{0,300}|[a-c./\0~\\\\]{0,6}|(\\.|/|\\.\\.|é){0,9}") {
            let id = key(id);
            let place = Place::of(&id);
            for path in [place.data_file(Path::new("/d")), place.lock_file(Path::new("/d"))] {
                let parts: Vec<_> = path.strip_prefix("/d").unwrap().components().collect();
                prop_assert_eq!(parts.len(), 3);
                for part in parts {
                    prop_assert!(matches!(part, Component::Normal(_)), "{:?}", part);
                    let name = part.as_os_str();
                    prop_assert!(!name.to_str().unwrap().contains('\0') && name.len() <= LONGEST_NAME);
                    prop_assert!(!name.to_str().unwrap().starts_with('.'));
                }
            }
        }

        #[test]
        fn ids_that_share_a_file_are_told_apart(one in "[ab./~]{0,4}", two in "[ab./~]{0,4}") {
            prop_assume!(one != two);
            let (one, two) = (key(one), key(two));
            let (first, second) = (Place::of(&one), Place::of(&two));
            prop_assert_ne!(first.own_file(Path::new("/d")), second.own_file(Path::new("/d")));
            if first.data_file(Path::new("/d")) == second.data_file(Path::new("/d")) {
                prop_assert!(!second.is_owned(first.owner()));
                prop_assert!(!first.is_owned(second.owner()));
            }
        }
    }
}
