//! What is said of files alone; the laws of every store run here too.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what it expects by failing")]

mod dots;
mod durability;
mod holds;
mod hostile;
mod ids;
mod old_copies;
mod original;
mod process;
mod steps;
mod sweeps;
mod trouble;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;

use super::*;
use crate::error::ErrorKind;
use crate::id::SessionId;
use crate::store::Version;
use crate::store::laws::{Fixture, LIFETIME, laws, lock_laws, scan_laws, sweep_laws};

const NOW: Timestamp = 1_000_000.0;

/// The key of an id that a program chose.
fn key(id: impl Into<Arc<str>>) -> StoreKey {
    SessionId::from_program(id).into()
}

/// The key of an id that a browser sent.
fn sent(id: impl Into<Arc<str>>) -> StoreKey {
    SessionId::from_request(id).into()
}

fn new_key() -> StoreKey {
    SessionId::generate().into()
}

/// A store in a folder of its own.
struct Home {
    folder: TempDir,
    store: FileStore,
    /// How long its calls wait.
    wait: Duration,
}

impl FileStore {
    /// The file that has the record of an id, or would have it.
    fn data_file(&self, id: &StoreKey) -> PathBuf {
        let [path, _, _] = self.files(id, Duration::ZERO);
        path
    }
}

impl Home {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let store = FileStore::new(folder.path().join("data"), folder.path().join("locks"));
        Self { folder, store, wait: Duration::from_secs(30) }
    }

    fn impatient() -> Self {
        Self { wait: Duration::from_millis(20), ..Self::new() }
    }

    /// A call at `now`.
    fn at(&self, now: Timestamp) -> Call<'static> {
        Call::at(now).waiting(self.wait)
    }

    /// The file that has the record of `id`, or would have it.
    fn data_file(&self, id: &StoreKey) -> PathBuf {
        self.store.data_file(id)
    }

    /// All files and folders there are.
    fn everything(&self) -> Vec<PathBuf> {
        everything_in(self.folder.path())
    }

    fn write(&self, id: &StoreKey, data: &[u8]) -> Version {
        match self.store.write(&Write::new(id, data, Expect::Any), &self.at(NOW)).unwrap() {
            Written::Stored(version) => version,
            Written::Refused => unreachable!("nothing was expected"),
        }
    }

    fn record(&self, id: &StoreKey) -> Record {
        self.store.load(id, &self.at(NOW)).unwrap().unwrap()
    }

    fn data(&self, id: &StoreKey) -> Option<Vec<u8>> {
        self.store.load(id, &self.at(NOW)).unwrap().map(|record| record.data.to_vec())
    }

    fn touch(&self, id: &StoreKey, version: Version, offset: usize, bytes: &[u8]) -> Result<bool> {
        self.store.patch(&Patch::new(id, version, offset, bytes), &self.at(NOW))
    }
}

fn everything_in(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if fs::symlink_metadata(&path).unwrap().is_dir() {
            found.extend(everything_in(&path));
        }
        found.push(path);
    }
    found
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

/// Waits until two descriptors of this process have a file open.
fn wait_until_open_twice(path: &Path) {
    let path = fs::canonicalize(path).unwrap();
    let is_it = |link: &PathBuf| *link == path;
    let opened = || {
        let descriptors = fs::read_dir("/proc/self/fd").unwrap();
        descriptors.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok()).filter(is_it).count()
    };
    let begun = std::time::Instant::now();
    while opened() < 2 {
        assert!(begun.elapsed() < Duration::from_secs(60), "nobody else opens {path:?}");
        std::thread::yield_now();
    }
}

fn fixture() -> Fixture {
    let home = Arc::new(Home::new());
    let store = Arc::new(home.store.clone().with_lifetime(Some(LIFETIME)));
    Fixture::new(store, move || home.everything().len())
}

laws!(fixture);
scan_laws!(fixture);
sweep_laws!(fixture);
lock_laws!(fixture);

#[test]
fn a_store_of_files_compares_and_swaps_and_blocks_on_a_disk() {
    let expected = Capabilities {
        native_expiry: false,
        compare_and_swap: true,
        atomic_rotation: false,
        blocking: Blocking::Disk,
    };
    assert_eq!(Home::new().store.capabilities(), expected);
}

#[test]
fn a_new_store_makes_nothing() {
    assert!(Home::new().everything().is_empty());
}

#[test]
fn a_load_makes_nothing_and_takes_no_lock_of_the_id() {
    let home = Home::new();
    let id = new_key();
    home.write(&id, b"x");
    fs::remove_file(home.store.lock_file(&id)).unwrap();
    let before = home.everything();
    assert_eq!(home.data(&id).unwrap(), b"x");
    assert_eq!(home.everything(), before);
}

#[test]
fn a_deleted_record_leaves_neither_file_nor_lock() {
    let home = Home::new();
    for id in ["abcdef", "ab.cd.ef", "ab/cd", ""].map(key) {
        home.write(&id, b"x");
        let _ = home.store.delete(&id, Expect::Any, &Call::at(NOW)).unwrap();
        assert!(home.everything().iter().all(|path| path.is_dir()));
    }
}

#[test]
fn what_is_made_is_private() {
    let home = Home::new();
    for id in ["abcdef", "ab.cd.ef", "ab/cd"].map(key) {
        home.write(&id, b"x");
    }
    for path in home.everything() {
        assert_eq!(mode(&path), if path.is_dir() { 0o700 } else { 0o600 }, "{path:?}");
    }
}

#[test]
fn a_record_that_is_replaced_becomes_private() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    let id = new_key();
    home.write(&id, b"x");
    fs::set_permissions(home.data_file(&id), fs::Permissions::from_mode(0o644)).unwrap();
    home.write(&id, b"y");
    assert_eq!(mode(&home.data_file(&id)), 0o600);
}

#[test]
fn no_temporary_file_is_left() {
    let home = Home::new();
    let id = new_key();
    for _ in 0..10 {
        home.write(&id, b"x");
    }
    assert_eq!(home.everything().iter().filter(|path| path.is_file()).count(), 2);
}

#[test]
fn a_temporary_file_is_known_by_its_name() {
    assert!(is_temporary(".beaker-0123456789abcdef.tmp".as_ref()));
    for name in ["a.cache", ".beaker-.tmp", ".beaker-0123456789abcdeg.tmp", "beaker-0123456789abcdef.tmp", ""]
    {
        assert!(!is_temporary(name.as_ref()), "{name}");
    }
}

#[test]
fn a_touch_writes_in_place_and_renews_the_time_of_change() {
    let home = Home::new();
    let id = new_key();
    let version = home.write(&id, b"abcdef");
    let path = home.data_file(&id);
    let before = fs::metadata(&path).unwrap();
    let old = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
    fs::File::options().write(true).open(&path).unwrap().set_modified(old).unwrap();
    assert!(home.touch(&id, version, 2, b"XY").unwrap());
    let after = fs::metadata(&path).unwrap();
    assert_eq!((after.ino(), after.len()), (before.ino(), before.len()));
    assert!(after.mtime() > 1000);
    assert_eq!(home.data(&id).unwrap(), b"abXYef");
}

#[test]
fn a_touch_renews_the_expiry_and_the_text_in_one_write_or_two() {
    let home = Home::new();
    for length in [6, 5000, 100_000] {
        let id = new_key();
        let minute = Some(Duration::from_secs(60));
        let Written::Stored(version) = home
            .store
            .write(
                &Write::new(&id, "a".repeat(length).as_bytes(), Expect::Any).lasting(minute),
                &Call::at(NOW),
            )
            .unwrap()
        else {
            unreachable!("nothing was expected");
        };
        assert!(
            home.store
                .patch(&Patch::new(&id, version, length - 2, b"XY").lasting(minute), &Call::at(NOW + 30.0))
                .unwrap()
        );
        let record = home.store.load(&id, &Call::at(NOW + 80.0)).unwrap().unwrap();
        assert_eq!(record.expires_at, Some(NOW + 90.0));
        assert_eq!(*record.data, *["a".repeat(length - 2).as_bytes(), b"XY"].concat());
    }
}

#[test]
fn a_touch_of_a_record_that_carries_no_expiry_changes_the_text_alone() {
    let home = Home::new();
    let id = new_key();
    home.write(&id, b"abcdef");
    let path = home.data_file(&id);
    let original = b"\x80\x04\x95\x17\0\0\0\0\0\0\0}\x94\x8c\x07session\x94\x8c\x06abcdef\x94s.";
    fs::write(&path, original).unwrap();
    let version = home.store.load(&id, &Call::at(NOW)).unwrap().unwrap().version;
    assert!(
        home.store
            .patch(&Patch::new(&id, version, 2, b"XY").lasting(Some(LIFETIME)), &Call::at(NOW))
            .unwrap()
    );
    let record = home.store.load(&id, &Call::at(NOW + 1e6)).unwrap().unwrap();
    assert_eq!((&*record.data, record.expires_at), (&b"abXYef"[..], None));
    assert_eq!(fs::read(&path).unwrap().len(), original.len());
}

#[test]
fn a_touch_that_changes_no_byte_renews_the_time_of_change() {
    let home = Home::new();
    let id = new_key();
    let version = home.write(&id, b"abcdef");
    for (version, bytes) in [(record::version_of(b"another"), &b"XY"[..]), (version, b"")] {
        let path = home.data_file(&id);
        age(&path, Duration::from_secs(1000));
        assert!(home.touch(&id, version, 2, bytes).unwrap());
        assert!(
            fs::metadata(&path).unwrap().modified().unwrap().elapsed().unwrap() < Duration::from_secs(500)
        );
    }
}

/// Makes a file look as if it had changed that long ago.
fn age(path: &Path, by: Duration) {
    let changed = std::time::SystemTime::now() - by;
    fs::File::open(path).unwrap().set_modified(changed).unwrap();
}

#[test]
fn a_touch_takes_a_lock_that_is_there_and_makes_none() {
    let home = Home::impatient();
    let id = new_key();
    let version = home.write(&id, b"abcdef");
    let reader = fs::File::open(home.store.lock_file(&id)).unwrap();
    reader.lock_shared().unwrap();
    assert_eq!(home.touch(&id, version, 0, b"A").unwrap_err().kind(), ErrorKind::Busy);
    drop(reader);
    fs::remove_file(home.store.lock_file(&id)).unwrap();
    assert!(home.touch(&id, version, 0, b"A").unwrap());
    assert!(!home.store.lock_file(&id).exists());
}
