//! What is said of keys alone; the laws of every store run here too, in fleets of each kind.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what it expects by failing")]

mod attacks;
mod doubles;
mod fleets;
mod holds;
mod last_steps;
mod moves;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use doubles::{Counting, Mixed};
use tempfile::TempDir;

use super::*;
use crate::store::file::FileStore;
use crate::store::laws::{Fixture, LIFETIME};
use crate::store::{MemoryStore, Version};

const NOW: Timestamp = 1_000_000.0;

fn over(inner: &Arc<dyn Store>, kept_under: KeptUnder) -> Arc<HashedStore> {
    Arc::new(HashedStore::new(Arc::clone(inner), kept_under))
}

/// An id that others may have heard of.
fn some_id() -> SessionId {
    SessionId::from_program(SessionId::generate().as_str())
}

fn write(store: &dyn Store, id: &SessionId, data: &[u8], expect: Expect) -> Option<Version> {
    match store.write(id, data, None, expect, NOW).unwrap() {
        Written::Stored(version) => Some(version),
        Written::Refused => None,
    }
}

fn data(store: &dyn Store, id: &SessionId) -> Option<Vec<u8>> {
    store.load(id, NOW).unwrap().map(|record| record.data.to_vec())
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
        let store = over(&inner, KeptUnder::Hash);
        let (id, next) = (some_id(), some_id());
        assert!(write(&*store, &id, b"x", Expect::Absent).is_some());
        assert!(data(&*inner, &id).is_none());
        assert_eq!(data(&*inner, &stored_key(&id)).unwrap(), b"x");
        assert_eq!(store.place_of(&id).as_str(), stored_key(&id).as_str());
        let _ = store.rotate(&Rotation::new(&id, &next, b"y", Expect::Present), NOW).unwrap();
        assert!(data(&*inner, &next).is_none());
        assert!(data(&*inner, &stored_key(&id)).is_none());
        assert_eq!(data(&*inner, &stored_key(&next)).unwrap(), b"y");
    }
}

#[test]
fn a_process_that_does_not_hash_stores_what_it_always_did() {
    for (inner, _folder) in inners() {
        let store = over(&inner, KeptUnder::Id);
        let id = some_id();
        assert!(write(&*store, &id, b"x", Expect::Absent).is_some());
        assert_eq!(data(&*inner, &id).unwrap(), b"x");
        assert!(data(&*inner, &stored_key(&id)).is_none());
        assert_eq!(store.place_of(&id), id);
    }
}

#[test]
fn a_record_that_is_where_it_is_kept_costs_one_look_and_one_that_is_not_three_at_most() {
    for kept_under in [KeptUnder::Id, KeptUnder::Hash] {
        let counting = Arc::new(Counting::over(Arc::new(MemoryStore::new())));
        let inner = Arc::clone(&counting) as Arc<dyn Store>;
        let store = over(&inner, kept_under);
        let id = SessionId::generate();
        let calls = |work: &dyn Fn()| {
            let before = counting.calls.load(Ordering::Relaxed);
            work();
            counting.calls.load(Ordering::Relaxed) - before
        };
        let looks = if kept_under == KeptUnder::Id { 2 } else { 3 };
        assert_eq!(calls(&|| assert!(data(&*store, &id).is_none())), looks);
        // A new session, under an id that was made a moment ago.
        assert_eq!(calls(&|| assert!(write(&*store, &id, b"abc", Expect::Any).is_some())), 1);
        assert_eq!(calls(&|| assert!(data(&*store, &id).is_some())), 1);
        assert_eq!(calls(&|| assert!(write(&*store, &id, b"abc", Expect::Present).is_some())), 1);
        let version = inner.load(&store.key_of(&id), NOW).unwrap().unwrap().version;
        let touch = Touch { version, offset: 0, bytes: b"A" };
        assert_eq!(calls(&|| assert!(store.touch(&id, &touch, None, NOW).unwrap())), 1);
        assert_eq!(calls(&|| assert!(write(&*store, &id, b"x", Expect::Version(version)).is_some())), 1);
        // Rare, and for ever: one look for what a process that died may have left behind.
        let next = SessionId::generate();
        let rotate = || store.rotate(&Rotation::new(&id, &next, b"x", Expect::Present), NOW).unwrap();
        assert_eq!(calls(&|| assert_ne!(rotate(), Written::Refused)), 2);
        assert_eq!(calls(&|| assert_eq!(store.delete(&next, Expect::Any).unwrap(), Deleted::Record)), 2);
    }
}

#[test]
fn a_store_that_does_not_answer_in_one_place_is_not_taken_for_one_without_a_record() {
    for kept_under in [KeptUnder::Id, KeptUnder::Hash] {
        for failing in 0..3 {
            let counting = Arc::new(Counting::over(Arc::new(MemoryStore::new())));
            counting.fail_at(failing);
            let store = over(&(Arc::clone(&counting) as Arc<dyn Store>), kept_under);
            let found = store.load(&some_id(), NOW);
            assert_eq!(found.is_err(), kept_under == KeptUnder::Hash || failing < 2);
        }
    }
}

#[test]
fn a_logout_ends_a_session_in_one_place_even_if_the_other_is_in_trouble() {
    for kept_under in [KeptUnder::Id, KeptUnder::Hash] {
        let counting = Arc::new(Counting::over(Arc::new(MemoryStore::new())));
        let inner = Arc::clone(&counting) as Arc<dyn Store>;
        let store = over(&inner, kept_under);
        let id = some_id();
        assert!(write(&*store, &id, b"x", Expect::Any).is_some());
        // The second of the two places, whichever that is, or the look at it.
        counting.fail_at(usize::from(kept_under == KeptUnder::Id));
        assert!(store.delete(&id, Expect::Any).is_err());
        assert!(data(&*inner, &store.key_of(&id)).is_none());
    }
}

#[test]
fn what_a_dead_process_left_in_both_places_ends_with_the_session() {
    for (inner, _folder) in inners() {
        for kept_under in [KeptUnder::Id, KeptUnder::Hash] {
            let store = over(&inner, kept_under);
            for ends in 0..3 {
                let (id, next) = (some_id(), some_id());
                for key in [&id, &stored_key(&id)] {
                    assert!(write(&*inner, key, b"x", Expect::Any).is_some());
                }
                match ends {
                    0 => assert_eq!(store.delete(&id, Expect::Any).unwrap(), Deleted::Record),
                    1 => {
                        let written =
                            store.rotate(&Rotation::new(&id, &next, b"y", Expect::Present), NOW).unwrap();
                        assert_ne!(written, Written::Refused);
                    }
                    _ => {
                        assert!(write(&*store, &id, b"z", Expect::Any).is_some());
                        assert!(data(&*inner, &id).is_none());
                        assert_eq!(data(&*inner, &stored_key(&id)).unwrap(), b"z");
                        continue;
                    }
                }
                assert!(data(&*inner, &id).is_none());
                assert!(data(&*inner, &stored_key(&id)).is_none());
            }
        }
    }
}

/// A fleet over memory: entries are counted.
fn in_memory(fleet: impl FnOnce(Arc<dyn Store>) -> Arc<dyn Store>) -> Fixture {
    let memory = Arc::new(MemoryStore::new());
    let counted = Arc::clone(&memory);
    Fixture::new(fleet(memory), move || counted.len())
}

/// The same over files. A fleet that is on both sides of a change has folders of both, which are not counted.
fn in_files(counts_folders: bool, fleet: impl FnOnce(Arc<dyn Store>) -> Arc<dyn Store>) -> Fixture {
    let folder = TempDir::new().unwrap();
    let store = FileStore::new(folder.path().join("data"), folder.path().join("locks"));
    let store = fleet(Arc::new(store.with_lifetime(Some(LIFETIME))));
    Fixture::new(store, move || entries(folder.path(), counts_folders))
}

fn switched(inner: Arc<dyn Store>) -> Arc<dyn Store> {
    Arc::new(HashedStore::new(inner, KeptUnder::Hash))
}

fn unswitched(inner: Arc<dyn Store>) -> Arc<dyn Store> {
    Arc::new(HashedStore::new(inner, KeptUnder::Id))
}

fn mixed(inner: Arc<dyn Store>) -> Arc<dyn Store> {
    Arc::new(Mixed::over(&inner))
}
