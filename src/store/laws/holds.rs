//! What holds while a session is held.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::{Fixture, NOW, some_id};
use crate::error::{ErrorKind, Result};
use crate::id::{SessionId, StoreKey};
use crate::store::{Call, Deleted, Expect, Guard, LockTarget, Patch, Rotation, Write, Written};

const SHORT: Duration = Duration::from_millis(10);
const LONG: Duration = Duration::from_secs(60);
const THREADS: usize = 4;
const ROUNDS: usize = 50;

impl Fixture {
    fn try_lock(&self, id: &StoreKey, of: LockTarget, limit: Duration) -> Result<Option<Arc<dyn Guard>>> {
        Arc::clone(&self.store).locks().unwrap().lock(id, of, &Call::at(NOW).waiting(limit))
    }

    pub(super) fn lock(&self, id: &StoreKey) -> Arc<dyn Guard> {
        self.try_lock(id, LockTarget::Id, LONG).unwrap().unwrap()
    }

    fn is_locked(&self, id: &StoreKey) -> bool {
        match self.try_lock(id, LockTarget::Id, SHORT) {
            Ok(_) => false,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Busy);
                true
            }
        }
    }
}

pub(in crate::store) fn a_held_session_is_held_by_nobody_else(fixture: &Fixture) {
    let (id, other) = (some_id(), some_id());
    fixture.stored(&id, b"x");
    let held = fixture.lock(&id);
    assert!(held.holds(&id) && !held.holds(&other));
    assert!(fixture.is_locked(&id));
    assert!(!fixture.is_locked(&other));
    assert_eq!(
        fixture.try_lock(&id, LockTarget::Record, SHORT).map(|_| ()).unwrap_err().kind(),
        ErrorKind::Busy
    );
    held.release().unwrap();
    held.release().unwrap();
    assert!(!held.holds(&id));
    assert!(!fixture.is_locked(&id));
}

pub(in crate::store) fn a_hold_that_is_dropped_lets_go(fixture: &Fixture) {
    let id = some_id();
    fixture.stored(&id, b"x");
    drop(fixture.lock(&id));
    assert!(!fixture.is_locked(&id));
    assert_eq!(fixture.data(&id).unwrap(), b"x");
}

pub(in crate::store) fn an_unknown_id_is_not_held_and_allocates_nothing(fixture: &Fixture) {
    let before = (fixture.footprint)();
    for text in ["unknown", "un.known", "..", "../unknown", &"u".repeat(10_000)] {
        let id = StoreKey::from(SessionId::from_request(text.to_owned()));
        assert!(fixture.try_lock(&id, LockTarget::Record, SHORT).unwrap().is_none());
    }
    assert_eq!((fixture.footprint)(), before);
}

pub(in crate::store) fn a_hold_leaves_nothing_where_there_is_no_record(fixture: &Fixture) {
    let id = some_id();
    drop(fixture.lock(&id));
    let before = (fixture.footprint)();
    for _ in 0..3 {
        drop(fixture.lock(&id));
    }
    let held = fixture.lock(&id);
    assert!(matches!(
        fixture.store.write(&Write::new(&id, b"x", Expect::Any), &Call::at(NOW).under(Some(&*held))).unwrap(),
        Written::Stored(_)
    ));
    assert_eq!(
        fixture.store.delete(&id, Expect::Any, &Call::at(NOW).under(Some(&*held))).unwrap(),
        Deleted::Record
    );
    drop(held);
    assert!((fixture.footprint)() <= before + 3, "at most the folders of the record are more");
    assert!(fixture.load(&id).is_none());
}

pub(in crate::store) fn a_holder_uses_what_it_holds_without_waiting_for_itself(fixture: &Fixture) {
    let (id, other) = (some_id(), some_id());
    let first = fixture.stored(&id, b"abc");
    let held = fixture.lock(&id);
    assert!(
        fixture.store.patch(&Patch::new(&id, first, 0, b"A"), &Call::at(NOW).under(Some(&*held))).unwrap()
    );
    let record = fixture.store.load(&id, &Call::at(NOW).under(Some(&*held))).unwrap().unwrap();
    assert_eq!(&*record.data, b"Abc");
    let Written::Stored(second) = fixture
        .store
        .write(
            &Write::new(&id, b"second", Expect::Version(record.version)),
            &Call::at(NOW).under(Some(&*held)),
        )
        .unwrap()
    else {
        unreachable!("nobody else wrote");
    };
    assert_eq!(
        fixture
            .store
            .write(&Write::new(&id, b"no", Expect::Absent), &Call::at(NOW).under(Some(&*held)))
            .unwrap(),
        Written::Refused
    );
    assert_eq!(fixture.load(&id).unwrap().version, second);
    assert!(matches!(
        fixture
            .store
            .write(&Write::new(&other, b"x", Expect::Any), &Call::at(NOW).under(Some(&*held)))
            .unwrap(),
        Written::Stored(_)
    ));
    assert_eq!(
        fixture.store.delete(&id, Expect::Any, &Call::at(NOW).under(Some(&*held))).unwrap(),
        Deleted::Record
    );
    assert_eq!(
        fixture.store.delete(&id, Expect::Any, &Call::at(NOW).under(Some(&*held))).unwrap(),
        Deleted::Nothing
    );
    assert!(fixture.load(&id).is_none());
    assert_eq!(fixture.data(&other).unwrap(), b"x");
}

pub(in crate::store) fn a_session_that_is_rotated_while_it_is_held_stays_held(fixture: &Fixture) {
    let (old, new) = (some_id(), some_id());
    fixture.stored(&old, b"x");
    let held = fixture.lock(&old);
    let rotation = Rotation::new(&old, &new, b"y", Expect::Present);
    assert!(matches!(
        fixture.store.rotate(&rotation, &Call::at(NOW).under(Some(&*held))).unwrap(),
        Written::Stored(_)
    ));
    assert!(held.holds(&new));
    assert!(fixture.is_locked(&new));
    assert!(fixture.load(&old).is_none());
    assert!(matches!(
        fixture
            .store
            .write(&Write::new(&new, b"z", Expect::Present), &Call::at(NOW).under(Some(&*held)))
            .unwrap(),
        Written::Stored(_)
    ));
    drop(held);
    assert!(!fixture.is_locked(&new));
    assert_eq!(fixture.data(&new).unwrap(), b"z");
}

pub(in crate::store) fn a_rotation_of_another_session_locks_nothing(fixture: &Fixture) {
    let (mine, old, new) = (some_id(), some_id(), some_id());
    fixture.stored(&mine, b"x");
    fixture.stored(&old, b"x");
    let held = fixture.lock(&mine);
    let rotation = Rotation::new(&old, &new, b"y", Expect::Present);
    let rotated = fixture.store.rotate(&rotation, &Call::at(NOW).under(Some(&*held))).unwrap();
    assert!(matches!(rotated, Written::Stored(_)));
    assert!(!held.holds(&new));
    assert!(!fixture.is_locked(&new));
    assert!(fixture.is_locked(&mine));
}

pub(in crate::store) fn who_waits_for_a_session_that_is_deleted_finds_it_absent(fixture: &Fixture) {
    let id = some_id();
    fixture.stored(&id, b"x");
    let held = fixture.lock(&id);
    thread::scope(|scope| {
        let waiting = scope.spawn(|| fixture.try_lock(&id, LockTarget::Record, LONG).unwrap());
        thread::sleep(SHORT);
        assert_eq!(
            fixture.store.delete(&id, Expect::Any, &Call::at(NOW).under(Some(&*held))).unwrap(),
            Deleted::Record
        );
        held.release().unwrap();
        assert!(waiting.join().unwrap().is_none());
    });
    assert!(fixture.load(&id).is_none());
    assert!(fixture.try_lock(&id, LockTarget::Record, SHORT).unwrap().is_none());
}

pub(in crate::store) fn of_all_who_want_a_session_one_holds_it(fixture: &Fixture) {
    let id = some_id();
    fixture.stored(&id, b"0");
    let holders = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..ROUNDS {
                    let held = fixture.lock(&id);
                    assert_eq!(holders.fetch_add(1, Ordering::SeqCst), 0);
                    let record =
                        fixture.store.load(&id, &Call::at(NOW).under(Some(&*held))).unwrap().unwrap();
                    let count: usize = std::str::from_utf8(&record.data).unwrap().parse().unwrap();
                    let next = (count + 1).to_string();
                    let _ = fixture
                        .store
                        .write(
                            &Write::new(&id, next.as_bytes(), Expect::Any),
                            &Call::at(NOW).under(Some(&*held)),
                        )
                        .unwrap();
                    assert_eq!(holders.fetch_sub(1, Ordering::SeqCst), 1);
                }
            });
        }
    });
    assert_eq!(fixture.data(&id).unwrap(), (THREADS * ROUNDS).to_string().as_bytes());
}
