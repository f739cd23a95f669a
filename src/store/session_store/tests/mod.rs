//! Sessions under either key, from both sides of the change of `hash_ids`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what it expects by failing")]

mod attacks;
mod holds;
mod last_steps;
mod moves;
mod verbs;

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tempfile::TempDir;

use super::write::{LAST_TRIES, in_the_end};
use super::*;
use crate::store::doubles::Counting;
use crate::store::{FileStore, LockTarget, MemoryStore, Rotation, Version, Write, Written};

const NOW: Timestamp = 1_000_000.0;

fn over(store: &Arc<dyn Store>, ids: IdStorage) -> SessionStore {
    SessionStore::new(Arc::clone(store), ids)
}

/// An id that others may have heard of.
fn some_id() -> SessionId {
    SessionId::from_program(SessionId::generate().as_str())
}

fn plain(id: &SessionId) -> StoreKey {
    StoreKey::plain(id)
}

fn hashed(id: &SessionId) -> StoreKey {
    StoreKey::hashed(id)
}

fn version_of(written: Written) -> Option<Version> {
    match written {
        Written::Stored(version) => Some(version),
        Written::Refused => None,
    }
}

/// Saves the session.
fn write(store: &SessionStore, id: &SessionId, data: &[u8], expect: Expect) -> Option<Version> {
    version_of(store.write(&Write::new(id, data, expect), &Call::at(NOW)).unwrap())
}

/// What the session has.
fn data(store: &SessionStore, id: &SessionId) -> Option<Vec<u8>> {
    store.load(id, &Call::at(NOW)).unwrap().map(|record| record.data.to_vec())
}

/// Stores a record under a key.
fn put(store: &dyn Store, key: &StoreKey, data: &[u8], expect: Expect) -> Option<Version> {
    version_of(store.write(&Write::new(key, data, expect), &Call::at(NOW)).unwrap())
}

/// What is stored under a key.
fn kept(store: &dyn Store, key: &StoreKey) -> Option<Vec<u8>> {
    store.load(key, &Call::at(NOW)).unwrap().map(|record| record.data.to_vec())
}

/// A store with nothing in it, of each kind that is written in Rust, and what keeps it.
fn inners() -> Vec<(Arc<dyn Store>, Option<TempDir>)> {
    let folder = TempDir::new().unwrap();
    let files = FileStore::new(folder.path().join("data"), folder.path().join("locks"));
    vec![(Arc::new(MemoryStore::new()), None), (Arc::new(files), Some(folder))]
}

fn entries(folder: &Path, counts_folders: bool) -> usize {
    let Ok(found) = std::fs::read_dir(folder) else { return 0 };
    let count = |path: &Path| {
        if path.is_dir() { usize::from(counts_folders) + entries(path, counts_folders) } else { 1 }
    };
    found.map(|entry| count(&entry.unwrap().path())).sum()
}

#[test]
fn a_process_that_hashes_stores_nothing_under_an_id() {
    for (inner, _folder) in inners() {
        let store = over(&inner, IdStorage::Hashed);
        let (id, next) = (some_id(), some_id());
        assert!(write(&store, &id, b"x", Expect::Absent).is_some());
        assert!(kept(&*inner, &plain(&id)).is_none());
        assert_eq!(kept(&*inner, &hashed(&id)).unwrap(), b"x");
        assert_eq!(store.key_of(&id), hashed(&id));
        let _ = store.rotate(&Rotation::new(&id, &next, b"y", Expect::Present), &Call::at(NOW)).unwrap();
        assert!(kept(&*inner, &plain(&next)).is_none());
        assert!(kept(&*inner, &hashed(&id)).is_none());
        assert_eq!(kept(&*inner, &hashed(&next)).unwrap(), b"y");
    }
}

#[test]
fn a_process_that_does_not_hash_stores_what_it_always_did() {
    for (inner, _folder) in inners() {
        let store = over(&inner, IdStorage::Plain);
        let id = some_id();
        assert!(write(&store, &id, b"x", Expect::Absent).is_some());
        assert_eq!(kept(&*inner, &plain(&id)).unwrap(), b"x");
        assert!(kept(&*inner, &hashed(&id)).is_none());
        assert_eq!(store.key_of(&id), plain(&id));
    }
}

#[test]
fn a_record_that_is_where_it_is_kept_costs_one_look_and_one_that_is_not_three_at_most() {
    for ids in [IdStorage::Plain, IdStorage::Hashed] {
        let counting = Arc::new(Counting::over(Arc::new(MemoryStore::new())));
        let inner = Arc::clone(&counting) as Arc<dyn Store>;
        let store = over(&inner, ids);
        let id = SessionId::generate();
        let calls = |work: &dyn Fn()| {
            let before = counting.calls.load(Ordering::Relaxed);
            work();
            counting.calls.load(Ordering::Relaxed) - before
        };
        let looks = if ids == IdStorage::Plain { 2 } else { 3 };
        assert_eq!(calls(&|| assert!(data(&store, &id).is_none())), looks);
        // A new session, under an id that was made a moment ago.
        assert_eq!(calls(&|| assert!(write(&store, &id, b"abc", Expect::Any).is_some())), 1);
        assert_eq!(calls(&|| assert!(data(&store, &id).is_some())), 1);
        assert_eq!(calls(&|| assert!(write(&store, &id, b"abc", Expect::Present).is_some())), 1);
        let version = || inner.load(&store.key_of(&id), &Call::at(NOW)).unwrap().unwrap().version;
        let loaded = version();
        assert_eq!(
            calls(&|| assert!(store.patch(&Patch::new(&id, loaded, 0, b"A"), &Call::at(NOW)).unwrap())),
            1
        );
        let patched = version();
        assert_eq!(calls(&|| assert!(write(&store, &id, b"x", Expect::Version(patched)).is_some())), 1);
        // Rare, and for ever: one look for what a process that died may have left behind.
        let next = SessionId::generate();
        let rotate =
            || store.rotate(&Rotation::new(&id, &next, b"x", Expect::Present), &Call::at(NOW)).unwrap();
        assert_eq!(calls(&|| assert_ne!(rotate(), Written::Refused)), 2);
        assert_eq!(
            calls(&|| assert_eq!(store.delete(&next, Expect::Any, &Call::at(NOW)).unwrap(), Deleted::Record)),
            2
        );
    }
}

#[test]
fn a_store_that_does_not_answer_in_one_place_is_not_taken_for_one_without_a_record() {
    for ids in [IdStorage::Plain, IdStorage::Hashed] {
        for failing in 0..3 {
            let counting = Arc::new(Counting::over(Arc::new(MemoryStore::new())));
            counting.fail_at(failing);
            let store = over(&(Arc::clone(&counting) as Arc<dyn Store>), ids);
            let found = store.load(&some_id(), &Call::at(NOW));
            assert_eq!(found.is_err(), ids == IdStorage::Hashed || failing < 2);
        }
    }
}

#[test]
fn a_logout_ends_a_session_in_one_place_even_if_the_other_is_in_trouble() {
    for ids in [IdStorage::Plain, IdStorage::Hashed] {
        let counting = Arc::new(Counting::over(Arc::new(MemoryStore::new())));
        let inner = Arc::clone(&counting) as Arc<dyn Store>;
        let store = over(&inner, ids);
        let id = some_id();
        assert!(write(&store, &id, b"x", Expect::Any).is_some());
        // The second of the two places, whichever that is, or the look at it.
        counting.fail_at(usize::from(ids == IdStorage::Plain));
        assert!(store.delete(&id, Expect::Any, &Call::at(NOW)).is_err());
        assert!(kept(&*inner, &store.key_of(&id)).is_none());
    }
}

#[test]
fn what_a_dead_process_left_in_both_places_ends_with_the_session() {
    for (inner, _folder) in inners() {
        for ids in [IdStorage::Plain, IdStorage::Hashed] {
            let store = over(&inner, ids);
            for ends in 0..3 {
                let (id, next) = (some_id(), some_id());
                for key in [&plain(&id), &hashed(&id)] {
                    assert!(put(&*inner, key, b"x", Expect::Any).is_some());
                }
                match ends {
                    0 => assert_eq!(store.delete(&id, Expect::Any, &Call::at(NOW)).unwrap(), Deleted::Record),
                    1 => {
                        let written = store
                            .rotate(&Rotation::new(&id, &next, b"y", Expect::Present), &Call::at(NOW))
                            .unwrap();
                        assert_ne!(written, Written::Refused);
                    }
                    _ => {
                        assert!(write(&store, &id, b"z", Expect::Any).is_some());
                        assert!(kept(&*inner, &plain(&id)).is_none());
                        assert_eq!(kept(&*inner, &hashed(&id)).unwrap(), b"z");
                        continue;
                    }
                }
                assert!(kept(&*inner, &plain(&id)).is_none());
                assert!(kept(&*inner, &hashed(&id)).is_none());
            }
        }
    }
}
