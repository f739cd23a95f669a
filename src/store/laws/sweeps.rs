//! What a sweep removes, and what it leaves. The clock of these laws is the machine's, which is the one that a
//! store of files goes by.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Fixture, LIFETIME, some_id};
use crate::id::StoreKey;
use crate::store::{Call, Expect, Patch, Swept, Timestamp, Version, Write, Written};

/// More than a test takes, less than a lifetime.
const MOMENT: f64 = 30.0;

fn clock() -> Timestamp {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

fn over() -> Timestamp {
    clock() + LIFETIME.as_secs_f64() + 1.0
}

/// Whether records go by sweeping: they do where they do not go by themselves, and may where they do.
fn sweeps(fixture: &Fixture) -> bool {
    !fixture.sweep(3, over()).eq(&Swept::default())
}

impl Fixture {
    /// Sweeps from the beginning to the end, in steps of `limit`.
    fn sweep(&self, limit: usize, now: Timestamp) -> Swept {
        let mut sweep = self.store.sweep();
        let mut swept = Swept::default();
        while !swept.finished {
            swept += sweep.step(limit, now).unwrap();
        }
        swept
    }

    fn keep(&self, id: &StoreKey, data: &[u8], ttl: Option<Duration>) -> Version {
        match self.store.write(&Write::new(id, data, Expect::Any).lasting(ttl), &Call::at(clock())).unwrap() {
            Written::Stored(version) => version,
            Written::Refused => unreachable!("nothing was expected"),
        }
    }

    fn is_there(&self, id: &StoreKey) -> bool {
        // At a time at which none is over by itself.
        self.store.load(id, &Call::at(clock())).unwrap().is_some()
    }
}

pub(in crate::store) fn a_sweep_removes_what_is_over_and_nothing_else(fixture: &Fixture) {
    assert!(sweeps(fixture));
    let minute: Vec<StoreKey> = (0..20).map(|_| some_id()).collect();
    let hour: Vec<StoreKey> = (0..20).map(|_| some_id()).collect();
    let ever: Vec<StoreKey> = (0..20).map(|_| some_id()).collect();
    for (ids, ttl) in [(&minute, Some(LIFETIME)), (&hour, Some(Duration::from_secs(3600))), (&ever, None)] {
        for id in ids {
            fixture.keep(id, b"x", ttl);
        }
    }
    assert_eq!(fixture.sweep(7, clock() + MOMENT).expired, 0);
    assert_eq!(fixture.sweep(7, over()).expired, 20);
    assert!(minute.iter().all(|id| !fixture.is_there(id)));
    assert!(hour.iter().chain(&ever).all(|id| fixture.is_there(id)));
    assert_eq!(fixture.sweep(1, clock() + 3600.0 - MOMENT).expired, 0);
    assert_eq!(fixture.sweep(1, clock() + 3600.0 + 1.0).expired, 20);
    assert!(ever.iter().all(|id| fixture.is_there(id)));
    for nonsense in [f64::NAN, f64::NEG_INFINITY, 0.0, -1e300] {
        assert_eq!(fixture.sweep(100, nonsense).expired, 0);
    }
}

pub(in crate::store) fn a_touched_record_outlives_a_sweep(fixture: &Fixture) {
    let (id, store) = (some_id(), &fixture.store);
    let day = Some(Duration::from_secs(86_400));
    let version = fixture.keep(&id, b"abc", Some(LIFETIME));
    for bytes in [&b"A"[..], b""] {
        assert!(store.patch(&Patch::new(&id, version, 0, bytes).lasting(day), &Call::at(clock())).unwrap());
        assert_eq!(fixture.sweep(10, over()).expired, 0);
    }
    let later = clock() + 86_400.0 + 1.0;
    assert_eq!(fixture.sweep(10, later).expired, 1);
    assert!(!store.patch(&Patch::new(&id, version, 0, b"B").lasting(day), &Call::at(clock())).unwrap());
    assert!(!fixture.is_there(&id));
}

pub(in crate::store) fn a_record_of_a_longer_life_outlives_sweeps_and_touches_of_an_older_state(
    fixture: &Fixture,
) {
    let (id, store) = (some_id(), &fixture.store);
    let day = Some(Duration::from_secs(86_400));
    let older = fixture.keep(&id, b"abc", Some(LIFETIME));
    fixture.keep(&id, b"def", day);
    assert!(
        store.patch(&Patch::new(&id, older, 0, b"A").lasting(Some(LIFETIME)), &Call::at(clock())).unwrap()
    );
    assert_eq!(fixture.sweep(10, over()).expired, 0);
    assert!(fixture.is_there(&id));
    assert_eq!(fixture.sweep(10, clock() + 86_400.0 + 1.0).expired, 1);
}

pub(in crate::store) fn a_sweep_makes_nothing_and_is_finished_where_nothing_is(fixture: &Fixture) {
    let before = (fixture.footprint)();
    let mut sweep = fixture.store.sweep();
    for _ in 0..3 {
        assert_eq!(sweep.step(1, over()).unwrap(), Swept { finished: true, ..Swept::default() });
    }
    drop(sweep);
    assert_eq!((fixture.footprint)(), before);
}

pub(in crate::store) fn a_step_of_a_sweep_examines_no_more_than_it_may(fixture: &Fixture) {
    for _ in 0..50 {
        fixture.keep(&some_id(), b"x", Some(LIFETIME));
    }
    let mut sweep = fixture.store.sweep();
    for limit in [0, 1, 2, 5] {
        let swept = sweep.step(limit, over()).unwrap();
        assert!(!swept.finished);
        assert!(swept.examined <= u64::try_from(limit.max(1)).unwrap());
        assert!(swept.expired <= swept.examined);
    }
}

pub(in crate::store) fn a_sweep_never_removes_a_live_record_among_readers_writers_and_logouts(
    fixture: &Fixture,
) {
    const SESSIONS: usize = 4;
    let over_at = over();
    let day = Some(Duration::from_secs(86_400));
    let (store, ended) = (&fixture.store, AtomicBool::new(false));
    thread::scope(|scope| {
        let sweeper = scope.spawn(|| {
            let mut swept = Swept::default();
            let mut sweep = store.sweep();
            while !ended.load(Ordering::Relaxed) {
                swept += sweep.step(3, over_at).unwrap();
            }
            swept.expired
        });
        let visitors: Vec<_> = (0..SESSIONS)
            .map(|number| {
                scope.spawn(move || {
                    let id = some_id();
                    for round in 0..25 {
                        // Over from the beginning, for the sweep; it may go until somebody uses it again.
                        let version = fixture.keep(&id, b"abc", Some(LIFETIME));
                        let renewed = if number % 2 == 0 {
                            store
                                .patch(&Patch::new(&id, version, 1, b"B").lasting(day), &Call::at(clock()))
                                .unwrap()
                        } else {
                            store
                                .write(
                                    &Write::new(&id, b"renewed", Expect::Present).lasting(day),
                                    &Call::at(clock()),
                                )
                                .unwrap()
                                != Written::Refused
                        };
                        for _ in 0..10 {
                            assert_eq!(fixture.is_there(&id), renewed, "round {round}");
                        }
                        // A login: it lives from the beginning.
                        fixture.keep(&id, b"new", day);
                        for _ in 0..10 {
                            assert!(fixture.is_there(&id), "round {round}");
                        }
                        let _ = store.delete(&id, Expect::Any, &Call::at(clock())).unwrap();
                        assert!(!fixture.is_there(&id), "round {round}");
                    }
                })
            })
            .collect();
        let outcomes: Vec<_> = visitors.into_iter().map(thread::ScopedJoinHandle::join).collect();
        ended.store(true, Ordering::Relaxed);
        let _expired: u64 = sweeper.join().unwrap();
        for outcome in outcomes {
            outcome.unwrap();
        }
    });
    assert_eq!(fixture.sweep(100, over_at).expired, 0);
}
