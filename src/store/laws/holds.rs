//! What holds while a session is held.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::{Fixture, NOW, some_id};
use crate::error::{ErrorKind, Result};
use crate::id::{SessionId, StoreKey};
use crate::store::{Deleted, Expect, Held, HoldOf, Rotation, Touch, Written};

const SHORT: Duration = Duration::from_millis(10);
const LONG: Duration = Duration::from_secs(60);
const THREADS: usize = 4;
const ROUNDS: usize = 50;

impl Fixture {
    fn try_hold(&self, id: &StoreKey, of: HoldOf, limit: Duration) -> Result<Option<Arc<dyn Held>>> {
        Arc::clone(&self.store).hold(id, of, limit, NOW)
    }

    fn hold(&self, id: &StoreKey) -> Arc<dyn Held> {
        self.try_hold(id, HoldOf::Id, LONG).unwrap().unwrap()
    }

    fn is_held(&self, id: &StoreKey) -> bool {
        match self.try_hold(id, HoldOf::Id, SHORT) {
            Ok(_) => false,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Locked);
                true
            }
        }
    }
}

pub(in crate::store) fn a_held_session_is_held_by_nobody_else(fixture: &Fixture) {
    let (id, other) = (some_id(), some_id());
    fixture.stored(&id, b"x");
    let held = fixture.hold(&id);
    assert!(held.holds(&id) && !held.holds(&other));
    assert!(fixture.is_held(&id));
    assert!(!fixture.is_held(&other));
    assert_eq!(
        fixture.try_hold(&id, HoldOf::Record, SHORT).map(|_| ()).unwrap_err().kind(),
        ErrorKind::Locked
    );
    held.release().unwrap();
    held.release().unwrap();
    assert!(!held.holds(&id));
    assert!(!fixture.is_held(&id));
}

pub(in crate::store) fn a_hold_that_is_dropped_lets_go(fixture: &Fixture) {
    let id = some_id();
    fixture.stored(&id, b"x");
    drop(fixture.hold(&id));
    assert!(!fixture.is_held(&id));
    assert_eq!(fixture.data(&id).unwrap(), b"x");
}

pub(in crate::store) fn an_unknown_id_is_not_held_and_allocates_nothing(fixture: &Fixture) {
    let before = (fixture.footprint)();
    for text in ["unknown", "un.known", "..", "../unknown", &"u".repeat(10_000)] {
        let id = StoreKey::from(SessionId::from_request(text.to_owned()));
        assert!(fixture.try_hold(&id, HoldOf::Record, SHORT).unwrap().is_none());
    }
    assert_eq!((fixture.footprint)(), before);
}

pub(in crate::store) fn a_hold_leaves_nothing_where_there_is_no_record(fixture: &Fixture) {
    let id = some_id();
    drop(fixture.hold(&id));
    let before = (fixture.footprint)();
    for _ in 0..3 {
        drop(fixture.hold(&id));
    }
    let held = fixture.hold(&id);
    assert!(matches!(held.write(&id, b"x", None, Expect::Any, NOW).unwrap(), Written::Stored(_)));
    assert_eq!(held.delete(&id, Expect::Any).unwrap(), Deleted::Record);
    drop(held);
    assert!((fixture.footprint)() <= before + 3, "at most the folders of the record are more");
    assert!(fixture.load(&id).is_none());
}

pub(in crate::store) fn a_holder_uses_what_it_holds_without_waiting_for_itself(fixture: &Fixture) {
    let (id, other) = (some_id(), some_id());
    let first = fixture.stored(&id, b"abc");
    let held = fixture.hold(&id);
    let touch = Touch { version: first, offset: 0, bytes: b"A" };
    assert!(held.touch(&id, &touch, None, NOW).unwrap());
    let record = held.load(&id, NOW).unwrap().unwrap();
    assert_eq!(&*record.data, b"Abc");
    let Written::Stored(second) =
        held.write(&id, b"second", None, Expect::Version(record.version), NOW).unwrap()
    else {
        unreachable!("nobody else wrote");
    };
    assert_eq!(held.write(&id, b"no", None, Expect::Absent, NOW).unwrap(), Written::Refused);
    assert_eq!(fixture.load(&id).unwrap().version, second);
    assert!(matches!(held.write(&other, b"x", None, Expect::Any, NOW).unwrap(), Written::Stored(_)));
    assert_eq!(held.delete(&id, Expect::Any).unwrap(), Deleted::Record);
    assert_eq!(held.delete(&id, Expect::Any).unwrap(), Deleted::Nothing);
    assert!(fixture.load(&id).is_none());
    assert_eq!(fixture.data(&other).unwrap(), b"x");
}

pub(in crate::store) fn a_session_that_is_rotated_while_it_is_held_stays_held(fixture: &Fixture) {
    let (old, new) = (some_id(), some_id());
    fixture.stored(&old, b"x");
    let held = fixture.hold(&old);
    let rotation = Rotation::new(&old, &new, b"y", Expect::Present);
    assert!(matches!(held.rotate(&rotation, NOW).unwrap(), Written::Stored(_)));
    assert!(held.holds(&new));
    assert!(fixture.is_held(&new));
    assert!(fixture.load(&old).is_none());
    assert!(matches!(held.write(&new, b"z", None, Expect::Present, NOW).unwrap(), Written::Stored(_)));
    drop(held);
    assert!(!fixture.is_held(&new));
    assert_eq!(fixture.data(&new).unwrap(), b"z");
}

pub(in crate::store) fn who_waits_for_a_session_that_is_deleted_finds_it_absent(fixture: &Fixture) {
    let id = some_id();
    fixture.stored(&id, b"x");
    let held = fixture.hold(&id);
    thread::scope(|scope| {
        let waiting = scope.spawn(|| fixture.try_hold(&id, HoldOf::Record, LONG).unwrap());
        thread::sleep(SHORT);
        assert_eq!(held.delete(&id, Expect::Any).unwrap(), Deleted::Record);
        held.release().unwrap();
        assert!(waiting.join().unwrap().is_none());
    });
    assert!(fixture.load(&id).is_none());
    assert!(fixture.try_hold(&id, HoldOf::Record, SHORT).unwrap().is_none());
}

pub(in crate::store) fn of_all_who_want_a_session_one_holds_it(fixture: &Fixture) {
    let id = some_id();
    fixture.stored(&id, b"0");
    let holders = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..ROUNDS {
                    let held = fixture.hold(&id);
                    assert_eq!(holders.fetch_add(1, Ordering::SeqCst), 0);
                    let record = held.load(&id, NOW).unwrap().unwrap();
                    let count: usize = std::str::from_utf8(&record.data).unwrap().parse().unwrap();
                    let next = (count + 1).to_string();
                    let _ = held.write(&id, next.as_bytes(), None, Expect::Any, NOW).unwrap();
                    assert_eq!(holders.fetch_sub(1, Ordering::SeqCst), 1);
                }
            });
        }
    });
    assert_eq!(fixture.data(&id).unwrap(), (THREADS * ROUNDS).to_string().as_bytes());
}
