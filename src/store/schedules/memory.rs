//! The store in memory, and what is held of it.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use shuttle::thread::{self, JoinHandle};

use super::under_every_schedule;
use crate::error::{ErrorKind, Result};
use crate::id::{SessionId, StoreKey};
use crate::store::{
    Call, Deleted, Expect, Guard, LockTarget, Locks, MemoryStore, Redirect, Rotation, Store, Swept, Version,
    Write, Written,
};
use crate::sync::FOR_EVER;

const NOW: f64 = 1_000_000.0;
const LIMIT: Duration = Duration::from_secs(10);

fn id(text: &str) -> StoreKey {
    StoreKey::from(SessionId::from_program(text))
}

fn write(store: &dyn Store, text: &str, data: &[u8], expect: Expect) -> Option<Version> {
    match store.write(&Write::new(&id(text), data, expect), &Call::at(NOW)).unwrap() {
        Written::Stored(version) => Some(version),
        Written::Refused => None,
    }
}

fn load(store: &dyn Store, text: &str) -> Option<Vec<u8>> {
    store.load(&id(text), &Call::at(NOW)).unwrap().map(|record| record.data.to_vec())
}

/// Rotates the session under the id `old`.
fn rotate(store: &dyn Store, new: &str, data: &[u8], redirect: Option<Redirect<'_>>) -> Result<Written> {
    let (old, new) = (&id("old"), &id(new));
    store.rotate(&Rotation { redirect, ..Rotation::new(old, new, data, Expect::Present) }, &Call::at(NOW))
}

/// The same by the holder of its lock.
fn rotate_under(guard: &dyn Guard, store: &dyn Store, new: &str, data: &[u8]) -> Result<Written> {
    let (old, new) = (&id("old"), &id(new));
    let call = Call::at(NOW);
    store.rotate(&Rotation::new(old, new, data, Expect::Present), &call.under(Some(guard)))
}

fn lock(
    store: &Arc<MemoryStore>,
    text: &str,
    target: LockTarget,
    wait: Duration,
) -> Result<Option<Arc<dyn Guard>>> {
    Arc::clone(store).lock(&id(text), target, &Call::at(NOW).waiting(wait))
}

/// Locks a session that is there.
fn locked(store: &Arc<MemoryStore>, text: &str) -> Arc<dyn Guard> {
    lock(store, text, LockTarget::Record, FOR_EVER).unwrap().unwrap()
}

fn with<T: Send + 'static>(
    store: &Arc<MemoryStore>,
    work: impl FnOnce(Arc<MemoryStore>) -> T + Send + 'static,
) -> JoinHandle<T> {
    let store = Arc::clone(store);
    thread::spawn(move || work(store))
}

fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{number}")).collect()
}

#[test]
fn no_increment_is_lost_by_compare_and_swap_nor_by_holding() {
    under_every_schedule(|| {
        let store = Arc::new(MemoryStore::new());
        write(&*store, "id", &[0], Expect::Any);
        let swapping = |store: Arc<MemoryStore>| {
            loop {
                let record = store.load(&id("id"), &Call::at(NOW)).unwrap().unwrap();
                let expect = Expect::Version(record.version);
                if write(&*store, "id", &[record.data[0] + 1], expect).is_some() {
                    return;
                }
            }
        };
        let holding = move |store: Arc<MemoryStore>| {
            let held = locked(&store, "id");
            let record = store.load(&id("id"), &Call::at(NOW)).unwrap().unwrap();
            // Who does not hold may write meanwhile, and that is seen.
            if write(&*store, "id", &[record.data[0] + 1], Expect::Version(record.version)).is_none() {
                drop(held);
                swapping(store);
            }
        };
        let threads =
            [with(&store, swapping), with(&store, swapping), with(&store, holding), with(&store, holding)];
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(load(&*store, "id").unwrap(), [4]);
    });
}

#[test]
fn of_a_rotation_a_deletion_and_another_rotation_one_finds_the_record() {
    under_every_schedule(|| {
        let store = Arc::new(MemoryStore::new());
        write(&*store, "old", b"x", Expect::Any);
        let rotated = |store: Arc<MemoryStore>, new: &'static str| {
            rotate(&*store, new, b"y", None).unwrap() != Written::Refused
        };
        let one = with(&store, move |store| rotated(store, "one"));
        let two = with(&store, move |store| rotated(store, "two"));
        let deleted = with(&store, |store| {
            store.delete(&id("old"), Expect::Any, &Call::at(NOW)).unwrap() == Deleted::Record
        });
        let save = with(&store, |store| write(&*store, "old", b"z", Expect::Present).is_some());
        let found = [one, two, deleted].map(|thread| thread.join().unwrap());
        save.join().unwrap();
        assert_eq!(found.iter().filter(|found| **found).count(), 1);
        assert_eq!(load(&*store, "old"), None);
        assert_eq!(["one", "two"].map(|new| load(&*store, new).is_some()), [found[0], found[1]]);
    });
}

/// A reader finds the session under the old id, or what leads to the new one, under which it then is.
#[test]
fn whoever_finds_what_a_rotation_left_finds_the_session_where_it_leads() {
    under_every_schedule(|| {
        let store = Arc::new(MemoryStore::new());
        write(&*store, "old", b"session", Expect::Any);
        let readers = [(); 2].map(|()| {
            with(&store, |store| match load(&*store, "old").as_deref() {
                Some(b"session") => {}
                Some(b"new") => assert_eq!(load(&*store, "new").as_deref(), Some(&b"session"[..])),
                found => unreachable!("{found:?}"),
            })
        });
        let redirect = Redirect { data: b"new", ttl: LIMIT };
        assert!(matches!(rotate(&*store, "new", b"session", Some(redirect)).unwrap(), Written::Stored(_)));
        readers.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn a_session_that_is_rotated_while_it_is_held_is_held_under_both_ids_until_it_is_released() {
    under_every_schedule(|| {
        let store = Arc::new(MemoryStore::new());
        write(&*store, "old", b"0", Expect::Any);
        let held = locked(&store, "old");
        let wants = |store: Arc<MemoryStore>, which: &'static str, limit: Duration| {
            match lock(&store, which, LockTarget::Record, limit) {
                // Nobody else wrote while it was held.
                Ok(Some(_held)) => Some(load(&*store, which)),
                Ok(None) => None,
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Busy);
                    None
                }
            }
        };
        let old = with(&store, move |store| wants(store, "old", FOR_EVER));
        let new = with(&store, move |store| wants(store, "new", LIMIT));
        let rotated = rotate_under(&*held, &*store, "new", b"1");
        match rotated {
            Ok(written) => {
                assert!(matches!(written, Written::Stored(_)));
                assert!(held.holds(&id("old")) && held.holds(&id("new")));
                assert!(write(&*store, "new", b"2", Expect::Present).is_some());
            }
            Err(error) => unreachable!("nobody holds an id that has no record: {error}"),
        }
        held.release().unwrap();
        // It was waited for, and found gone.
        assert_eq!(old.join().unwrap(), None);
        assert!(matches!(new.join().unwrap().as_ref().map(Option::as_deref), None | Some(Some(b"2"))));
        assert!(lock(&store, "new", LockTarget::Record, Duration::ZERO).unwrap().is_some());
    });
}

#[test]
fn threads_that_share_a_holder_release_all_of_it() {
    under_every_schedule(|| {
        let store = Arc::new(MemoryStore::new());
        write(&*store, "old", b"x", Expect::Any);
        let held = locked(&store, "old");
        let releasing = {
            let held = Arc::clone(&held);
            thread::spawn(move || held.release().unwrap())
        };
        let _ = rotate_under(&*held, &*store, "new", b"y").unwrap();
        releasing.join().unwrap();
        drop(held);
        for which in ["old", "new"] {
            let free = lock(&store, which, LockTarget::Id, Duration::ZERO);
            assert!(free.unwrap().is_some(), "{which}");
        }
    });
}

#[test]
fn as_many_records_are_dropped_as_there_are_too_many_and_no_more() {
    const MOST: usize = 3;
    under_every_schedule(|| {
        let store = Arc::new(MemoryStore::new().bounded(NonZeroUsize::new(MOST)));
        for number in numbers(MOST) {
            write(&*store, &number, b"x", Expect::Any);
        }
        let threads =
            ["a", "b", "c"].map(|new| with(&store, move |store| write(&*store, new, b"x", Expect::Any)));
        for thread in threads {
            assert!(thread.join().unwrap().is_some());
        }
        assert_eq!(store.len(), MOST);
        assert_eq!(store.ids(NOW).len(), MOST);
    });
}

#[test]
fn the_count_is_right_after_writes_deletions_clearing_and_sweeping_at_once() {
    const MOST: usize = 2;
    under_every_schedule(|| {
        let store = Arc::new(MemoryStore::new().bounded(NonZeroUsize::new(MOST)));
        for number in numbers(MOST) {
            let _ = store
                .write(&Write::new(&id(&number), b"x", Expect::Any).lasting(Some(LIMIT)), &Call::at(NOW))
                .unwrap();
        }
        let threads = [
            with(&store, |store| write(&*store, "a", b"x", Expect::Any).is_some()),
            with(&store, |store| write(&*store, "b", b"x", Expect::Any).is_some()),
            with(&store, |store| {
                store.delete(&id("0"), Expect::Any, &Call::at(NOW)).unwrap() == Deleted::Record
            }),
            with(&store, |store| {
                store.clear();
                true
            }),
            with(&store, |store| {
                let mut sweep = store.sweep();
                let mut swept = Swept::default();
                while !swept.finished {
                    swept += sweep.step(1, NOW + 20.0).unwrap();
                }
                true
            }),
        ];
        for thread in threads {
            let _done = thread.join().unwrap();
        }
        assert!(store.len() <= MOST);
        // It counts on from what is there: as many as there is room for, and then one for one.
        for number in numbers(2 * MOST) {
            write(&*store, &format!("later {number}"), b"x", Expect::Any);
        }
        assert_eq!(store.len(), MOST);
    });
}

#[test]
fn what_is_held_stays_held_when_its_record_is_dropped_to_make_room() {
    under_every_schedule(|| {
        let store = Arc::new(MemoryStore::new().bounded(NonZeroUsize::new(1)));
        write(&*store, "held", b"x", Expect::Any);
        let held = locked(&store, "held");
        let crowd = with(&store, |store| write(&*store, "other", b"x", Expect::Any).is_some());
        let wanting = with(&store, |store| {
            match lock(&store, "held", LockTarget::Id, LIMIT) {
                // Nobody has it twice: the first holder has written its last.
                Ok(Some(_second)) => assert_ne!(load(&*store, "held").as_deref(), Some(&b"first"[..])),
                Ok(None) => unreachable!("the id was asked for, record or not"),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Busy),
            }
        });
        // Either it is saved where it was, or it was dropped and is not brought back.
        let _saved = write(&*store, "held", b"first", Expect::Present);
        let _last = write(&*store, "held", b"last", Expect::Present);
        assert!(held.holds(&id("held")));
        held.release().unwrap();
        crowd.join().unwrap();
        wanting.join().unwrap();
        assert_eq!(store.len(), 1);
    });
}
