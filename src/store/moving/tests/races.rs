//! Deaths, logouts, saves and other movers at every moment of a move.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use super::super::steps::PATIENCE;
use super::*;

/// The store of a process that dies before its call of this number, and that of one which does not.
fn dying(number: usize) -> (Arc<AtomicBool>, impl Fn(Arc<dyn Store>) -> Arc<dyn Store>) {
    let (is_dead, calls) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let dead = Arc::clone(&is_dead);
    let wrap = move |inner| {
        let (dead, calls) = (Arc::clone(&dead), Arc::clone(&calls));
        let counting = Counting::checking(inner, move || {
            if calls.fetch_add(1, Ordering::Relaxed) >= number {
                dead.store(true, Ordering::Relaxed);
            }
            !dead.load(Ordering::Relaxed)
        });
        Arc::new(counting) as Arc<dyn Store>
    };
    (is_dead, wrap)
}

#[test]
fn a_process_that_dies_while_it_moves_a_session_loses_nothing() {
    let mut deaths = 0;
    for number in 0..CALLS {
        for (main, former, _folder) in pairs() {
            let key = some_key();
            put(&*former, &key, b"abc");
            let (is_dead, wrap) = dying(number);
            let found = moving(&wrap(Arc::clone(&main)), &wrap(Arc::clone(&former))).load(&key, &at(NOW));
            assert_eq!(found.is_err(), is_dead.load(Ordering::Relaxed));
            deaths += usize::from(found.is_err());
            let store = moving(&main, &former);
            // Nobody is told that there is no session, neither soon nor late.
            match store.load(&key, &at(NOW + 1.0)) {
                Ok(found) => assert_eq!(&*found.unwrap().data, b"abc"),
                Err(error) => assert!(error.is_busy()),
            }
            let later = NOW + PATIENCE + 2.0;
            assert_eq!(&*store.load(&key, &at(later)).unwrap().unwrap().data, b"abc");
            assert!(former.load(&key, &at(later)).unwrap().is_none());
        }
    }
    assert!(deaths >= 12, "{deaths}");
}

#[test]
fn a_logout_ends_a_session_that_a_dead_process_left_on_its_way() {
    for number in 0..CALLS {
        for (main, former, _folder) in pairs() {
            let key = some_key();
            put(&*former, &key, b"abc");
            let (_, wrap) = dying(number);
            let _ = moving(&wrap(Arc::clone(&main)), &wrap(Arc::clone(&former))).load(&key, &at(NOW));
            let store = moving(&main, &former);
            assert_eq!(store.delete(&key, Expect::Any, &at(NOW)).unwrap(), Deleted::Record);
            for later in [0.0, PATIENCE + 2.0] {
                assert!(store.load(&key, &at(NOW + later)).unwrap().is_none());
            }
        }
    }
}

/// Runs `verb` of a store in which somebody acts before the call of each number, in either store.
fn at_every_moment(act: fn(&MovingStore, &StoreKey), verb: impl Fn(&MovingStore, &StoreKey, &MovingStore)) {
    for number in 0..CALLS {
        for is_main in [false, true] {
            let (main, former) = (memory(), memory());
            let key = some_key();
            put(&*former, &key, b"abc");
            let other = Arc::new(moving(&main, &former));
            let (actor, acted) = (Arc::clone(&other), key.clone());
            let acting = |inner: &Arc<dyn Store>| -> Arc<dyn Store> {
                Arc::new(Counting::acting(Arc::clone(inner), number, move || act(&actor, &acted)))
            };
            let store =
                if is_main { moving(&acting(&main), &former) } else { moving(&main, &acting(&former)) };
            verb(&store, &key, &other);
        }
    }
}

#[test]
fn a_logout_while_a_session_moves_ends_it() {
    at_every_moment(
        |other, key| {
            let deleted = other.delete(key, Expect::Any, &at(NOW)).unwrap();
            // It may have been made, and ended, by a look that came first.
            assert_ne!(deleted, Deleted::Refused);
        },
        |store, key, other| {
            let found = store.load(key, &at(NOW)).unwrap();
            let there = other.load(key, &at(NOW)).unwrap();
            // Where the logout came last, the load has found the session before.
            assert!(there.is_none() || found.is_some());
            let later = other.load(key, &at(NOW + PATIENCE + 2.0)).unwrap();
            assert_eq!(later.is_some(), there.is_some());
        },
    );
}

#[test]
fn a_logout_that_is_done_is_never_undone_by_a_move() {
    // The logout takes place at a call that is made in any case.
    for number in 0..3 {
        for is_main in [false, true] {
            let (main, former) = (memory(), memory());
            let key = some_key();
            put(&*former, &key, b"abc");
            let (other, done) = (moving(&main, &former), Arc::new(AtomicBool::new(false)));
            let (acted, is_done) = (key.clone(), Arc::clone(&done));
            let act = move || {
                let _ = other.delete(&acted, Expect::Any, &at(NOW)).unwrap();
                is_done.store(true, Ordering::Relaxed);
            };
            let counting = |inner: &Arc<dyn Store>| -> Arc<dyn Store> {
                Arc::new(Counting::acting(Arc::clone(inner), number, act))
            };
            let store =
                if is_main { moving(&counting(&main), &former) } else { moving(&main, &counting(&former)) };
            let _ = store.load(&key, &at(NOW)).unwrap();
            if done.load(Ordering::Relaxed) {
                for later in [0.0, PATIENCE + 2.0] {
                    assert!(main.load(&key, &at(NOW + later)).unwrap().is_none());
                    assert!(former.load(&key, &at(NOW + later)).unwrap().is_none());
                }
            }
        }
    }
}

#[test]
fn two_that_move_a_session_at_once_both_find_it() {
    at_every_moment(
        |other, key| match other.load(key, &at(NOW)) {
            Ok(found) => assert_eq!(&*found.unwrap().data, b"abc"),
            Err(error) => assert!(error.is_busy()),
        },
        |store, key, other| {
            assert_eq!(data(store, key).unwrap(), b"abc");
            assert_eq!(data(other, key).unwrap(), b"abc");
        },
    );
}

#[test]
fn a_process_that_was_taken_for_dead_finds_the_session_all_the_same() {
    at_every_moment(
        |other, key| {
            let found = other.load(key, &at(NOW + PATIENCE + 1.0));
            assert!(found.is_err_and(|error| error.is_busy()) || data(other, key).is_some());
        },
        |store, key, other| {
            let find = |now| match store.load(key, &at(now)) {
                Ok(found) => assert_eq!(&*found.unwrap().data, b"abc"),
                Err(error) => assert!(error.is_busy()),
            };
            find(NOW);
            find(NOW + 2.0 * PATIENCE + 2.0);
            let last = NOW + 3.0 * PATIENCE + 3.0;
            assert_eq!(&*other.load(key, &at(last)).unwrap().unwrap().data, b"abc");
        },
    );
}

#[test]
fn what_a_process_of_the_former_configuration_saves_meanwhile_moves_too() {
    let saved = b"saved";
    for number in 0..CALLS {
        let (main, former) = (memory(), memory());
        let key = some_key();
        put(&*former, &key, b"abc");
        let (inner, acted) = (Arc::clone(&former), key.clone());
        let counting = Counting::acting(Arc::clone(&former), number, move || {
            let _ = inner.write(&Write::new(&acted, saved, Expect::Present), &at(NOW)).unwrap();
        });
        let former = Arc::new(counting) as Arc<dyn Store>;
        let store = moving(&main, &former);
        let found = data(&store, &key).unwrap();
        assert!(found == saved || found == b"abc");
        // The save was in time, or was refused: the session had moved.
        assert_eq!(data(&store, &key).unwrap(), found);
        assert!(data(&*former, &key).is_none());
    }
}

#[test]
fn counters_that_move_to_and_fro_lose_no_update() {
    const EACH: usize = 200;
    let (main, former) = (memory(), memory());
    let key = some_key();
    put(&*main, &key, b"0");
    let busy = AtomicUsize::new(0);
    thread::scope(|scope| {
        for side in 0..4 {
            let store = if side % 2 == 0 { moving(&main, &former) } else { moving(&former, &main) };
            let (key, busy) = (&key, &busy);
            scope.spawn(move || {
                let mut left = EACH;
                while left > 0 {
                    let record = match store.load(key, &at(NOW)) {
                        Ok(record) => record.unwrap(),
                        Err(error) => {
                            assert!(error.is_busy());
                            busy.fetch_add(1, Ordering::Relaxed);
                            thread::yield_now();
                            continue;
                        }
                    };
                    let count: usize = std::str::from_utf8(&record.data).unwrap().parse().unwrap();
                    let next = (count + 1).to_string();
                    let write = Write::new(key, next.as_bytes(), Expect::Version(record.version));
                    left -= usize::from(store.write(&write, &at(NOW)).unwrap() != Written::Refused);
                }
            });
        }
    });
    assert_eq!(data(&moving(&main, &former), &key).unwrap(), (4 * EACH).to_string().as_bytes());
}
