//! Sessions that move, from every verb's view.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what it expects by failing")]

mod races;

use tempfile::TempDir;

use super::*;
use crate::id::SessionId;
use crate::store::doubles::Counting;
use crate::store::laws::{Fixture, laws, lock_laws};
use crate::store::{FileStore, MemoryStore, Timestamp, Version};

const NOW: Timestamp = 1_000_000.0;
const LIFETIME: Duration = Duration::from_secs(60);

/// More calls than any verb makes.
const CALLS: usize = 12;

fn memory() -> Arc<dyn Store> {
    Arc::new(MemoryStore::new())
}

fn moving(main: &Arc<dyn Store>, former: &Arc<dyn Store>) -> MovingStore {
    MovingStore::new(Arc::clone(main), Arc::clone(former), Some(LIFETIME))
}

fn some_key() -> StoreKey {
    SessionId::from_request(SessionId::generate().as_str().to_owned()).into()
}

fn at(now: Timestamp) -> Call<'static> {
    Call::at(now).waiting(Duration::ZERO)
}

fn put(store: &dyn Store, key: &StoreKey, data: &[u8]) -> Version {
    match store.write(&Write::new(key, data, Expect::Any).lasting(Some(LIFETIME)), &at(NOW)).unwrap() {
        Written::Stored(version) => version,
        Written::Refused => unreachable!("nothing was expected"),
    }
}

fn data(store: &dyn Store, key: &StoreKey) -> Option<Vec<u8>> {
    store.load(key, &at(NOW)).unwrap().map(|record| record.data.to_vec())
}

fn over_memory() -> Fixture {
    let (main, former) = (Arc::new(MemoryStore::new()), Arc::new(MemoryStore::new()));
    let counted = (Arc::clone(&main), Arc::clone(&former));
    let store = MovingStore::new(main, former, None);
    Fixture::new(Arc::new(store), move || counted.0.len() + counted.1.len())
}

mod to_memory {
    use super::*;
    laws!(over_memory);
    lock_laws!(over_memory);
}

/// Both stores, with a record in the former one, for each pair of stores that are written in Rust.
fn pairs() -> Vec<(Arc<dyn Store>, Arc<dyn Store>, Option<TempDir>)> {
    let files = || {
        let folder = TempDir::new().unwrap();
        let store = FileStore::new(folder.path().join("data"), folder.path().join("locks"));
        (Arc::new(store) as Arc<dyn Store>, Some(folder))
    };
    let ((main, first), (former, second)) = (files(), files());
    vec![(memory(), memory(), None), (main, memory(), first), (memory(), former, second)]
}

#[test]
fn a_session_moves_when_it_is_read_and_keeps_its_lifetime() {
    for (main, former, _folder) in pairs() {
        let (store, key) = (moving(&main, &former), some_key());
        put(&*former, &key, b"abc");
        let later = NOW + 20.0;
        let record = store.load(&key, &at(later)).unwrap().unwrap();
        assert_eq!(&*record.data, b"abc");
        assert!(former.load(&key, &at(later)).unwrap().is_none());
        let moved = main.load(&key, &at(later)).unwrap().unwrap();
        assert_eq!((&*moved.data, moved.version), (&b"abc"[..], record.version));
        assert!(main.load(&key, &at(NOW + LIFETIME.as_secs_f64() + 0.5)).unwrap().is_none());
    }
}

#[test]
fn a_record_whose_end_is_unknown_gets_the_lifetime_of_the_options() {
    let (main, former) = (memory(), memory());
    let key = some_key();
    let endless = Write::new(&key, b"abc", Expect::Any);
    assert_ne!(former.write(&endless, &at(NOW)).unwrap(), Written::Refused);
    let expires_at = |lifetime| {
        let store = MovingStore::new(Arc::clone(&main), Arc::clone(&former), lifetime);
        store.load(&key, &at(NOW)).unwrap().unwrap().expires_at
    };
    assert_eq!(expires_at(Some(LIFETIME)), Some(NOW + 60.0));
}

#[test]
fn every_verb_finds_a_session_that_is_in_the_former_store() {
    type Verb = fn(&MovingStore, &StoreKey) -> bool;
    let verbs: [(&str, Verb, Option<&[u8]>); 7] = [
        ("present", |store, key| was_stored(store, key, Expect::Present), Some(b"new")),
        ("any", |store, key| was_stored(store, key, Expect::Any), Some(b"new")),
        ("absent", |store, key| !was_stored(store, key, Expect::Absent), Some(b"abc")),
        (
            "renew",
            |store, key| {
                let renewal = Renewal { key, version: Version::from(7), ttl: Some(LIFETIME) };
                store.renew(&renewal, &at(NOW)).unwrap()
            },
            Some(b"abc"),
        ),
        (
            "patch",
            |store, key| store.patch(&Patch::new(key, Version::from(7), 0, b"A"), &at(NOW)).unwrap(),
            Some(b"abc"),
        ),
        ("delete", |store, key| store.delete(key, Expect::Any, &at(NOW)).unwrap() == Deleted::Record, None),
        (
            "rotate",
            |store, key| {
                let (new, call) = (some_key(), at(NOW));
                let rotated =
                    store.rotate(&Rotation::new(key, &new, b"new", Expect::Present), &call).unwrap();
                rotated != Written::Refused && data(store, &new).unwrap() == b"new"
            },
            None,
        ),
    ];
    for (name, verb, left) in verbs {
        for (main, former, _folder) in pairs() {
            let (store, key) = (moving(&main, &former), some_key());
            put(&*former, &key, b"abc");
            assert!(verb(&store, &key), "{name}");
            assert_eq!(data(&store, &key).as_deref(), left, "{name}");
            assert!(data(&*former, &key).is_none(), "{name}");
        }
    }
}

fn was_stored(store: &MovingStore, key: &StoreKey, expect: Expect) -> bool {
    store.write(&Write::new(key, b"new", expect), &at(NOW)).unwrap() != Written::Refused
}

#[test]
fn a_session_that_is_nowhere_is_not_made() {
    let (main, former) = (memory(), memory());
    let (store, key) = (moving(&main, &former), some_key());
    assert!(data(&store, &key).is_none());
    assert!(!was_stored(&store, &key, Expect::Present));
    assert!(!was_stored(&store, &key, Expect::Version(Version::from(7))));
    assert!(!store.renew(&Renewal { key: &key, version: Version::from(7), ttl: None }, &at(NOW)).unwrap());
    assert!(!store.patch(&Patch::new(&key, Version::from(7), 0, b""), &at(NOW)).unwrap());
    let rotation = Rotation { expect: Expect::Any, ..Rotation::new(&key, &key, b"x", Expect::Any) };
    assert_eq!(store.rotate(&rotation, &at(NOW)).unwrap(), Written::Refused);
    assert_eq!(store.delete(&key, Expect::Any, &at(NOW)).unwrap(), Deleted::Nothing);
    assert!(data(&*main, &key).is_none());
}

#[test]
fn a_new_session_asks_the_former_store_nothing() {
    let former = Arc::new(Counting::over(memory()));
    let store = MovingStore::new(memory(), Arc::clone(&former) as Arc<dyn Store>, None);
    for expect in [Expect::Any, Expect::Absent] {
        let key = SessionId::generate().into();
        assert_ne!(store.write(&Write::new(&key, b"x", expect), &at(NOW)).unwrap(), Written::Refused);
        assert!(former.verbs().is_empty());
    }
}

#[test]
fn a_session_that_went_back_is_not_ended_by_what_was_read_before() {
    let (main, former) = (memory(), memory());
    let (store, key) = (moving(&main, &former), some_key());
    put(&*former, &key, b"abc");
    let version = store.load(&key, &at(NOW)).unwrap().unwrap().version;
    // A process that has the stores the other way round.
    assert_eq!(data(&moving(&former, &main), &key).unwrap(), b"abc");
    assert_eq!(store.delete(&key, Expect::Version(version), &at(NOW)).unwrap(), Deleted::Refused);
    assert_eq!(data(&store, &key).unwrap(), b"abc");
}

#[test]
fn a_transit_that_is_damaged_is_corrupt_and_can_be_ended() {
    let (main, former) = (memory(), memory());
    let (store, key) = (moving(&main, &former), some_key());
    put(&*main, &key, b"move2.!");
    assert_eq!(store.load(&key, &at(NOW)).unwrap_err().kind(), ErrorKind::Corrupt);
    assert!(!was_stored(&store, &key, Expect::Absent));
    assert_eq!(store.delete(&key, Expect::Any, &at(NOW)).unwrap(), Deleted::Record);
    assert!(data(&store, &key).is_none());
}

#[test]
fn a_store_that_does_not_answer_is_no_store_without_the_session() {
    for number in 0..4 {
        for is_main in [false, true] {
            let (main, former) = (memory(), memory());
            let key = some_key();
            put(&*former, &key, b"abc");
            let failing = |inner: &Arc<dyn Store>| -> Arc<dyn Store> {
                let counting = Counting::over(Arc::clone(inner));
                counting.fail_at(number);
                Arc::new(counting)
            };
            let store =
                if is_main { moving(&failing(&main), &former) } else { moving(&main, &failing(&former)) };
            match store.load(&key, &at(NOW)) {
                Ok(found) => assert_eq!(&*found.unwrap().data, b"abc"),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable),
            }
        }
    }
}

#[test]
fn a_scan_lists_every_record_once_and_no_expired_one() {
    for (store, _, _folder) in pairs() {
        let mut keys: Vec<StoreKey> = (0..40).map(|_| some_key()).collect();
        keys.push(StoreKey::hashed(&SessionId::generate()));
        for key in &keys {
            put(&*store, key, b"abc");
        }
        let listed = |now| {
            let mut scan = store.scan().unwrap();
            let mut names = Vec::new();
            while let Some(page) = scan.next_page(now).unwrap() {
                names.extend(page.iter().map(|key| key.record().to_owned()));
            }
            names.sort();
            names
        };
        let mut expected: Vec<_> = keys.iter().map(|key| key.record().to_owned()).collect();
        expected.sort();
        assert_eq!(listed(NOW), expected);
        assert!(listed(NOW + LIFETIME.as_secs_f64() + 1.0).is_empty());
    }
}

#[test]
fn a_record_moves_by_the_name_that_a_scan_lists() {
    for (main, former, _folder) in pairs() {
        let id = SessionId::generate();
        for key in [StoreKey::plain(&id), StoreKey::hashed(&id)] {
            put(&*former, &key, b"abc");
            let listed = StoreKey::of_record(key.record());
            assert_eq!(data(&moving(&main, &former), &listed).unwrap(), b"abc");
            assert_eq!(data(&*main, &key).unwrap(), b"abc");
            assert!(data(&*former, &key).is_none());
            assert_eq!(main.delete(&key, Expect::Any, &at(NOW)).unwrap(), Deleted::Record);
        }
    }
}
