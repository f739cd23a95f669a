//! Which files an id has: [`FileStore::files`] and [`FileStore::lock_file`].

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use beaker_core::id::{SessionId, StoreKey};
use beaker_core::store::{Call, Deleted, Expect, FileStore, Store, Write, Written};

use crate::folder::Folder;
use crate::input::{edit_and_rest, texts};

/// POSIX's `NAME_MAX` of every file system in use.
const LONGEST_NAME: usize = 255;

/// A name that is a hash: this and 64 digits.
const HASHED: char = '~';

const NOW: f64 = 1_000_000.0;

static STORE: LazyLock<FileStore> =
    LazyLock::new(|| FileStore::new(PathBuf::from("/data"), PathBuf::from("/locks")));

/// The file that has the record of an id, or would have it.
fn data_file(id: &StoreKey) -> PathBuf {
    let [path, _, _] = STORE.files(id, Duration::ZERO);
    path
}

/// Tries the laws on a change and bytes, which stand for two ids: the one before the place of the change and the
/// one after; and for an id and what the change makes of it.
pub fn hold(data: &[u8]) {
    let (edit, rest) = edit_and_rest(data);
    for text in texts(rest) {
        let (one, two) = edit.halves(&text);
        let dotless = text.replace('.', "");
        for id in [&text, one, two, &dotless] {
            both_files_lie_below_their_folders(id);
            the_name_is_what_the_plain_reading_gives(id);
        }
        for (one, two) in [(one, two), (&text, &dotless), (&text, &edit.of_text(&text))] {
            files_are_shared_by_ids_that_differ_in_dots_alone(one, two);
        }
    }
}

/// An id from a program and one from a request have the same files; what differs is whose record it is.
fn ids(text: &str) -> [StoreKey; 2] {
    [SessionId::from_program(text).into(), SessionId::from_request(text).into()]
}

fn both_files_lie_below_their_folders(text: &str) {
    let [program, request] = ids(text);
    let files = |id| [(data_file(id), "/data", ".cache"), (STORE.lock_file(id), "/locks", ".lock")];
    assert_eq!(files(&program), files(&request));
    for (path, root, extension) in files(&program) {
        let below = path.strip_prefix(root).expect("the path begins with the folder");
        let names: Vec<_> = below.components().collect();
        let [folder, second, file] = names[..] else { unreachable!("{below:?}") };
        for name in [folder, second, file] {
            assert!(matches!(name, Component::Normal(_)), "{below:?}");
            let name = name.as_os_str().as_bytes();
            assert!(!name.is_empty() && name.len() <= LONGEST_NAME && !name.starts_with(b"."));
            assert!(!name.contains(&0) && !name.contains(&b'/'));
        }
        let [folder, second, file] = [folder, second, file].map(|name| name.as_os_str().to_str());
        let (folder, second) = (folder.unwrap_or_default(), second.unwrap_or_default());
        let stem = file.and_then(|file| file.strip_suffix(extension)).expect("the extension");
        assert!(stem.starts_with(second) && second.starts_with(folder));
        assert_eq!(folder.chars().count(), 1);
        assert_eq!(second.chars().count(), stem.chars().count().min(2));
        // As many components by the bytes as by the rules of paths, and none that a reader could take away.
        assert_eq!(path.as_os_str().as_bytes().iter().filter(|byte| **byte == b'/').count(), 4);
    }
}

fn stem(text: &str) -> String {
    let [id, _] = ids(text);
    let path = data_file(&id);
    path.file_stem().and_then(|stem| stem.to_str()).expect("a name").to_owned()
}

/// The id without its dots where a file can have that name, else a hash.
fn plain_stem(text: &str) -> Option<String> {
    let dotless: String = text.chars().filter(|c| *c != '.').collect();
    let hex = |c: char| c.is_ascii_hexdigit();
    let is_kept_for_hashes =
        dotless.starts_with(HASHED) && dotless.len() == 65 && dotless.chars().skip(1).all(hex);
    let can_be_a_name = !dotless.is_empty()
        && dotless.len() + ".cache".len() <= LONGEST_NAME
        && !dotless.contains(|c: char| c == '/' || c.is_control())
        && !is_kept_for_hashes;
    can_be_a_name.then_some(dotless)
}

fn the_name_is_what_the_plain_reading_gives(text: &str) {
    let stem = stem(text);
    match plain_stem(text) {
        Some(plain) => assert_eq!(stem, plain),
        None => {
            let digits = stem.strip_prefix(HASHED).expect("a hash");
            assert!(digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        }
    }
    let [id, _] = ids(text);
    let lock = STORE.lock_file(&id);
    let digits = lock.file_stem().map(|stem| stem.as_bytes().to_vec()).unwrap_or_default();
    assert!(digits.len() == 40 && digits.iter().all(u8::is_ascii_hexdigit));
}

fn files_are_shared_by_ids_that_differ_in_dots_alone(one: &str, two: &str) {
    let shared = stem(one) == stem(two);
    let expected = one == two || plain_stem(one).is_some_and(|stem| plain_stem(two) == Some(stem));
    assert_eq!(shared, expected, "{one:?} {two:?}");
    let [first, _] = ids(one);
    let [second, _] = ids(two);
    assert_eq!(STORE.lock_file(&first) == STORE.lock_file(&second), one == two);
    if shared && one != two {
        Folder::with(|folder| who_shares_a_name_has_a_record_all_the_same(folder.path(), one, two));
    }
}

fn who_shares_a_name_has_a_record_all_the_same(folder: &Path, one: &str, two: &str) {
    let store = FileStore::new(folder.join("data"), folder.join("locks"));
    for (owner, others) in [(one, two), (two, one)] {
        let [owner, _] = ids(owner);
        let write = |id: &StoreKey, data: &[u8]| {
            let written = store
                .write(&Write { key: id, data, ttl: None, expect: Expect::Absent }, &Call::at(NOW))
                .expect("there is room");
            assert!(matches!(written, Written::Stored(_)));
        };
        write(&owner, b"mine");
        for other in ids(others) {
            assert!(store.load(&other, &Call::at(NOW)).expect("the record can be read").is_none());
            write(&other, b"other");
            let kept =
                store.load(&owner, &Call::at(NOW)).expect("the record can be read").expect("it is there");
            assert_eq!(&*kept.data, b"mine");
            assert_eq!(
                store.delete(&other, Expect::Any, &Call::at(NOW)).expect("nothing is in the way"),
                Deleted::Record
            );
        }
        let kept = store.load(&owner, &Call::at(NOW)).expect("the record can be read").expect("it is there");
        assert_eq!(&*kept.data, b"mine");
        assert_eq!(
            store.delete(&owner, Expect::Any, &Call::at(NOW)).expect("nothing is in the way"),
            Deleted::Record
        );
    }
}
