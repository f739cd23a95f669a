//! Sessions that move, by every verb.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what it expects by failing")]

mod races;
mod scans;

use tempfile::TempDir;

use super::*;
use crate::error::{ErrorKind, Result};
use crate::id::SessionId;
use crate::store::doubles::Counting;
use crate::store::laws::{Fixture, laws, lock_laws};
use crate::store::{
    Call, Deleted, Expect, FileStore, LockTarget, Locks, MemoryStore, Patch, Record, Renewal, Rotation,
    Timestamp, Version, Write, Written,
};

const NOW: Timestamp = 1_000_000.0;
const LIFETIME: Duration = Duration::from_secs(60);

/// More calls of one store than any verb makes.
const CALLS: usize = 16;

/// Two stores, and what keeps them.
struct Pair {
    old: Arc<dyn Store>,
    new: Arc<dyn Store>,
    _folder: Option<TempDir>,
}

impl Pair {
    fn memory() -> Self {
        Self { old: Arc::new(MemoryStore::new()), new: Arc::new(MemoryStore::new()), _folder: None }
    }

    /// Each pair of stores that tells something new.
    fn all() -> [Self; 3] {
        let folder = || TempDir::new().unwrap();
        let files = |folder: &TempDir| -> Arc<dyn Store> {
            Arc::new(FileStore::new(folder.path().join("data"), folder.path().join("locks")))
        };
        let (first, second) = (folder(), folder());
        [
            Self::memory(),
            Self { new: files(&first), _folder: Some(first), ..Self::memory() },
            Self { old: files(&second), _folder: Some(second), ..Self::memory() },
        ]
    }

    fn store(&self, phase: Phase) -> MovingStore {
        MovingStore::new(Arc::clone(&self.old), Arc::clone(&self.new), phase, Some(LIFETIME))
    }

    fn is_nowhere(&self, key: &StoreKey) -> bool {
        let in_new = self.new.load(key, &at(NOW)).unwrap();
        self.old.load(key, &at(NOW)).unwrap().is_none()
            && in_new.is_none_or(|record| pointer::is_nowhere(&record.data))
    }
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

fn was_stored(store: &MovingStore, key: &StoreKey, expect: Expect) -> bool {
    store.write(&Write::new(key, b"new", expect), &at(NOW)).unwrap() != Written::Refused
}

fn over_memory(phase: Phase) -> Fixture {
    let (old, new) = (Arc::new(MemoryStore::new()), Arc::new(MemoryStore::new()));
    let counted = (Arc::clone(&old), Arc::clone(&new));
    let store = MovingStore::new(old, new, phase, None);
    Fixture::new(Arc::new(store), move || counted.0.len() + counted.1.len())
}

mod preparing {
    use super::*;

    fn fixture() -> Fixture {
        over_memory(Phase::Prepare)
    }

    laws!(fixture);
    lock_laws!(fixture);
}

mod moving {
    use super::*;

    fn fixture() -> Fixture {
        over_memory(Phase::Move)
    }

    laws!(fixture);
    lock_laws!(fixture);
}

#[test]
fn a_session_moves_when_it_is_read_and_keeps_its_lifetime() {
    for pair in Pair::all() {
        let key = some_key();
        put(&*pair.old, &key, b"abc");
        let later = NOW + 20.0;
        let record = pair.store(Phase::Move).load(&key, &at(later)).unwrap().unwrap();
        assert_eq!(&*record.data, b"abc");
        assert!(pair.old.load(&key, &at(later)).unwrap().is_none());
        let moved = pair.new.load(&key, &at(later)).unwrap().unwrap();
        assert_eq!(&*moved.data, b"abc");
        assert_eq!(Side::of(record.version), Some((Side::New, moved.version)));
        assert!(pair.new.load(&key, &at(NOW + LIFETIME.as_secs_f64() + 0.5)).unwrap().is_none());
    }
}

#[test]
fn a_session_is_used_where_it_is_until_sessions_move() {
    for pair in Pair::all() {
        for (place, elsewhere) in [(&pair.old, &pair.new), (&pair.new, &pair.old)] {
            let (store, key) = (pair.store(Phase::Prepare), some_key());
            put(&**place, &key, b"abc");
            let version = store.load(&key, &at(NOW)).unwrap().unwrap().version;
            assert!(was_stored(&store, &key, Expect::Version(version)));
            assert_eq!(data(&**place, &key).unwrap(), b"new");
            assert!(was_stored(&store, &key, Expect::Present));
            assert!(was_stored(&store, &key, Expect::Any));
            let next = some_key();
            let rotation = Rotation::new(&key, &next, b"next", Expect::Any);
            assert_ne!(store.rotate(&rotation, &at(NOW)).unwrap(), Written::Refused);
            assert_eq!(data(&**place, &next).unwrap(), b"next");
            assert!(data(&**elsewhere, &key).is_none() && data(&**elsewhere, &next).is_none());
            assert_eq!(store.delete(&next, Expect::Any, &at(NOW)).unwrap(), Deleted::Record);
            assert!(pair.is_nowhere(&key) && pair.is_nowhere(&next));
        }
    }
}

#[test]
fn a_record_whose_end_is_unknown_is_kept_long_enough() {
    let (pair, key) = (Pair::memory(), some_key());
    let endless = Write::new(&key, b"abc", Expect::Any);
    assert_ne!(pair.old.write(&endless, &at(NOW)).unwrap(), Written::Refused);
    let moved = pair.store(Phase::Move).load(&key, &at(NOW)).unwrap().unwrap();
    assert_eq!(moved.expires_at, Some(NOW + 30.0 * 86_400.0));
}

#[test]
fn every_verb_finds_a_session_that_is_in_the_old_store() {
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
                let new = some_key();
                let rotation = Rotation::new(key, &new, b"new", Expect::Present);
                store.rotate(&rotation, &at(NOW)).unwrap() != Written::Refused
                    && data(store, &new).unwrap() == b"new"
            },
            None,
        ),
    ];
    for (name, verb, left) in verbs {
        for phase in [Phase::Prepare, Phase::Move] {
            for pair in Pair::all() {
                let (store, key) = (pair.store(phase), some_key());
                put(&*pair.old, &key, b"abc");
                assert!(verb(&store, &key), "{name}");
                assert_eq!(data(&store, &key).as_deref(), left, "{name}");
                assert_eq!(pair.is_nowhere(&key), left.is_none(), "{name}");
            }
        }
    }
}

#[test]
fn a_session_that_is_nowhere_is_not_made() {
    for phase in [Phase::Prepare, Phase::Move] {
        let (pair, key) = (Pair::memory(), some_key());
        let store = pair.store(phase);
        assert!(data(&store, &key).is_none());
        assert!(!was_stored(&store, &key, Expect::Present));
        assert!(!was_stored(&store, &key, Expect::Version(Version::from(7))));
        let renewal = Renewal { key: &key, version: Version::from(7), ttl: None };
        assert!(!store.renew(&renewal, &at(NOW)).unwrap());
        assert!(!store.patch(&Patch::new(&key, Version::from(7), 0, b""), &at(NOW)).unwrap());
        let next = some_key();
        let rotation = Rotation::new(&key, &next, b"x", Expect::Any);
        assert_eq!(store.rotate(&rotation, &at(NOW)).unwrap(), Written::Refused);
        for expect in
            [Expect::Any, Expect::Version(Side::New.mark(Version::from(7)).unwrap()), Expect::Absent]
        {
            assert_eq!(store.delete(&key, expect, &at(NOW)).unwrap(), Deleted::Nothing);
        }
        assert!(data(&*pair.old, &key).is_none() && data(&*pair.new, &key).is_none());
    }
}

#[test]
fn a_new_session_begins_at_home_and_asks_the_other_store_nothing() {
    for phase in [Phase::Prepare, Phase::Move] {
        for expect in [Expect::Any, Expect::Absent] {
            let pair = Pair::memory();
            let [old, new] = [&pair.old, &pair.new].map(|store| Arc::new(Counting::over(Arc::clone(store))));
            let (other, home) = if phase == Phase::Move { (&old, &new) } else { (&new, &old) };
            let store = MovingStore::new(
                Arc::clone(&old) as Arc<dyn Store>,
                Arc::clone(&new) as Arc<dyn Store>,
                phase,
                None,
            );
            let key = SessionId::generate().into();
            assert!(was_stored(&store, &key, expect));
            assert!(other.verbs().is_empty());
            assert_eq!(home.verbs().len(), 1);
        }
    }
}

#[test]
fn an_id_whose_session_ended_may_be_used_again() {
    for phase in [Phase::Prepare, Phase::Move] {
        for expect in [Expect::Any, Expect::Absent] {
            for pair in Pair::all() {
                let (store, key) = (pair.store(phase), some_key());
                put(&*pair.old, &key, b"abc");
                assert_eq!(store.delete(&key, Expect::Any, &at(NOW)).unwrap(), Deleted::Record);
                assert_eq!(store.delete(&key, Expect::Any, &at(NOW)).unwrap(), Deleted::Nothing);
                assert!(was_stored(&store, &key, expect));
                assert_eq!(data(&store, &key).unwrap(), b"new");
            }
        }
    }
}

#[test]
fn a_rotation_replaces_what_either_store_has_under_the_new_id() {
    for phase in [Phase::Prepare, Phase::Move] {
        for pair in Pair::all() {
            for place in [&pair.old, &pair.new] {
                let (store, key, next) = (pair.store(phase), some_key(), some_key());
                put(&*pair.old, &key, b"abc");
                put(&**place, &next, b"another session");
                let rotation = Rotation::new(&key, &next, b"next", Expect::Present);
                assert_ne!(store.rotate(&rotation, &at(NOW)).unwrap(), Written::Refused);
                assert_eq!(data(&store, &next).unwrap(), b"next");
                assert_ne!(data(&*pair.old, &next).is_some(), data(&*pair.new, &next).is_some());
            }
        }
    }
}

#[test]
fn a_move_from_the_id_to_its_hash_leaves_nothing_under_the_id() {
    let (pair, id) = (Pair::memory(), SessionId::from_program("an id of a program"));
    let (plain, hashed) = (StoreKey::plain(&id), StoreKey::hashed(&id));
    put(&*pair.old, &plain, b"abc");
    let store = pair.store(Phase::Move);
    let rotation = Rotation::new(&plain, &hashed, b"abc", Expect::Present);
    assert_ne!(store.rotate(&rotation, &at(NOW)).unwrap(), Written::Refused);
    assert!(data(&*pair.new, &plain).is_none() && data(&*pair.old, &plain).is_none());
    assert_eq!(data(&store, &hashed).unwrap(), b"abc");
}

#[test]
fn a_corrupt_record_in_either_store_is_a_record() {
    for phase in [Phase::Prepare, Phase::Move] {
        for is_old in [false, true] {
            let pair = Pair::memory();
            let key = some_key();
            let place = if is_old { &pair.old } else { &pair.new };
            put(&**place, &key, b"garbage");
            let counting = Arc::new(Counting::over(Arc::clone(place)));
            counting.corrupt(key.clone());
            let store = match is_old {
                true => MovingStore::new(counting, Arc::clone(&pair.new), phase, None),
                false => MovingStore::new(Arc::clone(&pair.old), counting, phase, None),
            };
            assert_eq!(store.load(&key, &at(NOW)).unwrap_err().kind(), ErrorKind::Corrupt);
            assert!(!was_stored(&store, &key, Expect::Absent));
            assert!(was_stored(&store, &key, Expect::Present));
            assert!(was_stored(&store, &key, Expect::Any));
            assert_eq!(data(&**place, &key).unwrap(), b"new");
            let next = some_key();
            let rotation = Rotation::new(&key, &next, b"next", Expect::Any);
            assert_ne!(store.rotate(&rotation, &at(NOW)).unwrap(), Written::Refused);
            assert_eq!(store.delete(&next, Expect::Any, &at(NOW)).unwrap(), Deleted::Record);
        }
    }
}

#[test]
fn a_damaged_record_that_leaves_is_corrupt_and_can_be_ended() {
    let (pair, key) = (Pair::memory(), some_key());
    let store = pair.store(Phase::Move);
    put(&*pair.old, &key, b"move2.!");
    assert_eq!(store.load(&key, &at(NOW)).unwrap_err().kind(), ErrorKind::Corrupt);
    assert_eq!(store.delete(&key, Expect::Any, &at(NOW)).unwrap(), Deleted::Record);
    assert!(data(&store, &key).is_none());
}

#[test]
fn a_new_store_that_changes_what_it_gets_keeps_no_session() {
    let (pair, key) = (Pair::memory(), some_key());
    put(&*pair.old, &key, b"abc");
    let new = Arc::new(Counting::over(Arc::clone(&pair.new)));
    new.mangle();
    let store = MovingStore::new(Arc::clone(&pair.old), new, Phase::Move, None);
    assert_eq!(store.load(&key, &at(NOW)).unwrap_err().kind(), ErrorKind::Unavailable);
    assert!(data(&*pair.new, &key).is_none());
    assert_eq!(data(&pair.store(Phase::Move), &key).unwrap(), b"abc");
}

#[test]
fn a_lock_keeps_others_of_the_same_phase_out_and_its_holder_in() {
    for phase in [Phase::Prepare, Phase::Move] {
        for pair in Pair::all() {
            for place in [&pair.old, &pair.new] {
                let (store, key) = (Arc::new(pair.store(phase)), some_key());
                put(&**place, &key, b"abc");
                let lock = || Arc::clone(&store).lock(&key, LockTarget::Record, &at(NOW));
                let guard = lock().unwrap().unwrap();
                assert!(guard.holds(&key) && lock().is_err_and(|error| error.is_busy()));
                let call = at(NOW);
                let held = call.under(Some(&*guard));
                let write = Write::new(&key, b"held", Expect::Present);
                assert_ne!(store.write(&write, &held).unwrap(), Written::Refused);
                guard.release().unwrap();
                assert!(lock().unwrap().is_some());
            }
        }
    }
}

#[test]
fn a_version_of_any_store_is_told_from_one_of_the_other() {
    for length in [0, 8, 20, 24] {
        let version = Version::from_bytes(&vec![7; length]).unwrap();
        for side in [Side::Old, Side::New] {
            let marked = side.mark(version).unwrap();
            assert_eq!(Side::of(marked), Some((side, version)));
            assert_eq!(side.unmark(marked), version);
            assert_ne!(side.other().unmark(marked), version);
        }
    }
    assert_eq!(Side::of(Version::from_bytes(b"").unwrap()), None);
    assert_eq!(Side::of(Version::from_bytes(b"x1").unwrap()), None);
}
