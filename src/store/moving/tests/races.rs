//! Deaths, logouts, saves and other movers at every moment of a move.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use super::*;

/// A process that dies before a call.
#[derive(Clone)]
struct Dying {
    last: usize,
    calls: Arc<AtomicUsize>,
    is_dead: Arc<AtomicBool>,
}

impl Dying {
    /// It lives for so many calls, of both stores.
    fn after(last: usize) -> Self {
        Self { last, calls: Arc::default(), is_dead: Arc::default() }
    }

    fn store(&self, inner: &Arc<dyn Store>) -> Arc<dyn Store> {
        let this = self.clone();
        Arc::new(Counting::checking(Arc::clone(inner), move || {
            if this.calls.fetch_add(1, Ordering::Relaxed) >= this.last {
                this.is_dead.store(true, Ordering::Relaxed);
            }
            !this.is_dead()
        }))
    }

    fn is_dead(&self) -> bool {
        self.is_dead.load(Ordering::Relaxed)
    }

    /// What it begins with a pair of stores.
    fn moves(&self, pair: &Pair, key: &StoreKey) -> Result<Option<Record>> {
        let (old, new) = (self.store(&pair.old), self.store(&pair.new));
        MovingStore::new(old, new, Phase::Move, Some(LIFETIME)).load(key, &at(NOW))
    }
}

#[test]
fn a_process_that_dies_while_it_moves_a_session_loses_nothing() {
    let mut deaths = 0;
    for last in 0..CALLS {
        for phase in [Phase::Prepare, Phase::Move] {
            for pair in Pair::all() {
                let key = some_key();
                put(&*pair.old, &key, b"abc");
                let dying = Dying::after(last);
                assert_eq!(dying.moves(&pair, &key).is_err(), dying.is_dead());
                deaths += usize::from(dying.is_dead());
                let store = pair.store(phase);
                assert_eq!(data(&store, &key).unwrap(), b"abc");
                store.finish(&key, &at(NOW)).unwrap();
                let places = [&pair.old, &pair.new].map(|place| data(&**place, &key).is_some());
                assert_eq!(places.into_iter().filter(|is_there| *is_there).count(), 1);
            }
        }
    }
    assert!(deaths >= 30, "{deaths}");
}

#[test]
fn a_session_that_a_dead_process_left_on_its_way_ends_for_good() {
    type End = fn(&MovingStore, &StoreKey);
    let ends: [End; 3] = [
        |store, key| assert_eq!(store.delete(key, Expect::Any, &at(NOW)).unwrap(), Deleted::Record),
        |store, key| {
            let version = store.load(key, &at(NOW)).unwrap().unwrap().version;
            let deleted = store.delete(key, Expect::Version(version), &at(NOW)).unwrap();
            assert_eq!(deleted, Deleted::Record);
        },
        |store, key| {
            let next = some_key();
            let rotation = Rotation::new(key, &next, b"next", Expect::Present);
            assert_ne!(store.rotate(&rotation, &at(NOW)).unwrap(), Written::Refused);
        },
    ];
    for last in 0..CALLS {
        for phase in [Phase::Prepare, Phase::Move] {
            for end in ends {
                for pair in Pair::all() {
                    let key = some_key();
                    put(&*pair.old, &key, b"abc");
                    let _ = Dying::after(last).moves(&pair, &key);
                    end(&pair.store(phase), &key);
                    assert!(pair.is_nowhere(&key), "{last} {phase:?}");
                    for phase in [Phase::Prepare, Phase::Move] {
                        assert!(data(&pair.store(phase), &key).is_none());
                    }
                }
            }
        }
    }
}

/// Moves a session while somebody acts before the call of each number of either store. Gives what the mover found.
fn at_every_moment(
    act: impl Fn(&Pair, &StoreKey) + Copy + Send + Sync + 'static,
    check: impl Fn(&Pair, &StoreKey, Option<Vec<u8>>, bool),
) {
    for number in 0..CALLS {
        for is_old in [false, true] {
            let pair = Pair::memory();
            let key = some_key();
            put(&*pair.old, &key, b"abc");
            let (seen, acted, done) = (
                Pair { old: Arc::clone(&pair.old), new: Arc::clone(&pair.new), _folder: None },
                key.clone(),
                Arc::new(AtomicBool::new(false)),
            );
            let is_done = Arc::clone(&done);
            let acting = |inner: &Arc<dyn Store>| -> Arc<dyn Store> {
                Arc::new(Counting::acting(Arc::clone(inner), number, move || {
                    act(&seen, &acted);
                    is_done.store(true, Ordering::Relaxed);
                }))
            };
            let store = if is_old {
                MovingStore::new(acting(&pair.old), Arc::clone(&pair.new), Phase::Move, Some(LIFETIME))
            } else {
                MovingStore::new(Arc::clone(&pair.old), acting(&pair.new), Phase::Move, Some(LIFETIME))
            };
            let found = data(&store, &key);
            check(&pair, &key, found, done.load(Ordering::Relaxed));
        }
    }
}

#[test]
fn a_logout_is_never_undone_by_a_move() {
    for phase in [Phase::Prepare, Phase::Move] {
        at_every_moment(
            move |pair, key| {
                let deleted = pair.store(phase).delete(key, Expect::Any, &at(NOW)).unwrap();
                assert_eq!(deleted, Deleted::Record);
            },
            |pair, key, _, is_done| {
                for phase in [Phase::Prepare, Phase::Move] {
                    assert_eq!(data(&pair.store(phase), key).is_none(), is_done);
                }
                assert_eq!(pair.is_nowhere(key), is_done);
            },
        );
    }
}

#[test]
fn a_logout_by_version_is_never_undone_by_a_move() {
    for phase in [Phase::Prepare, Phase::Move] {
        at_every_moment(
            move |pair, key| {
                let store = pair.store(phase);
                let version = store.load(key, &at(NOW)).unwrap().unwrap().version;
                let deleted = store.delete(key, Expect::Version(version), &at(NOW)).unwrap();
                assert_eq!(deleted, Deleted::Record);
            },
            |pair, key, _, is_done| assert_eq!(pair.is_nowhere(key), is_done),
        );
    }
}

#[test]
fn a_rotation_while_a_session_moves_leaves_it_under_one_id() {
    for phase in [Phase::Prepare, Phase::Move] {
        at_every_moment(
            move |pair, key| {
                let next = StoreKey::plain(&SessionId::from_program("next"));
                let rotation = Rotation::new(key, &next, b"next", Expect::Present);
                assert_ne!(pair.store(phase).rotate(&rotation, &at(NOW)).unwrap(), Written::Refused);
            },
            |pair, key, _, is_done| {
                let next = StoreKey::plain(&SessionId::from_program("next"));
                let store = pair.store(Phase::Move);
                assert_eq!(data(&store, &next).is_some(), is_done);
                assert_eq!(data(&store, key).is_none(), is_done);
            },
        );
    }
}

#[test]
fn a_save_while_a_session_moves_is_kept() {
    for phase in [Phase::Prepare, Phase::Move] {
        at_every_moment(
            move |pair, key| {
                let store = pair.store(phase);
                let version = store.load(key, &at(NOW)).unwrap().unwrap().version;
                assert!(was_stored(&store, key, Expect::Version(version)));
            },
            |pair, key, found, is_done| {
                let left = data(&pair.store(Phase::Move), key).unwrap();
                assert_eq!(left, if is_done { b"new" } else { b"abc" });
                assert!(found.unwrap() == left || is_done);
                assert!(data(&*pair.old, key).is_none());
            },
        );
    }
}

#[test]
fn two_that_move_a_session_at_once_both_find_it() {
    at_every_moment(
        |pair, key| assert_eq!(data(&pair.store(Phase::Move), key).unwrap(), b"abc"),
        |pair, key, found, _| {
            assert_eq!(found.unwrap(), b"abc");
            assert_eq!(data(&*pair.new, key).unwrap(), b"abc");
            assert!(data(&*pair.old, key).is_none());
        },
    );
}

#[test]
fn a_store_that_does_not_answer_is_no_store_without_the_session() {
    for number in 0..CALLS {
        for is_old in [false, true] {
            for kind in [ErrorKind::Unavailable, ErrorKind::Busy] {
                let (pair, key) = (Pair::memory(), some_key());
                put(&*pair.old, &key, b"abc");
                let failing = |inner: &Arc<dyn Store>| -> Arc<dyn Store> {
                    let counting = Counting::over(Arc::clone(inner));
                    match kind {
                        ErrorKind::Busy => counting.busy_at(number, 1),
                        _ => counting.fail_at(number),
                    }
                    Arc::new(counting)
                };
                let (old, new) = match is_old {
                    true => (failing(&pair.old), Arc::clone(&pair.new)),
                    false => (Arc::clone(&pair.old), failing(&pair.new)),
                };
                let store = MovingStore::new(old, new, Phase::Move, None);
                match store.load(&key, &at(NOW)) {
                    Ok(found) => assert_eq!(&*found.unwrap().data, b"abc"),
                    Err(error) => assert_eq!(error.kind(), kind),
                }
                // Nobody waits for a move that was interrupted.
                assert_eq!(data(&pair.store(Phase::Move), &key).unwrap(), b"abc");
            }
        }
    }
}

#[test]
fn of_two_that_create_a_session_in_both_phases_one_succeeds_at_most() {
    for number in 0..CALLS {
        for phase in [Phase::Prepare, Phase::Move] {
            let pair = Pair::memory();
            let key = some_key();
            let other = if phase == Phase::Move { Phase::Prepare } else { Phase::Move };
            let (rival, acted, both) = (pair.store(other), key.clone(), Arc::new(AtomicUsize::new(0)));
            let created = Arc::clone(&both);
            let acting = Counting::acting(Arc::clone(&pair.new), number, move || {
                created.fetch_add(usize::from(was_stored(&rival, &acted, Expect::Absent)), Ordering::Relaxed);
            });
            let store = MovingStore::new(Arc::clone(&pair.old), Arc::new(acting), phase, None);
            let first = usize::from(was_stored(&store, &key, Expect::Absent));
            assert!(first + both.load(Ordering::Relaxed) <= 1);
        }
    }
}

#[test]
fn counters_that_move_lose_no_update() {
    const EACH: usize = 100;
    for pair in Pair::all() {
        let keys: Vec<StoreKey> = (0..20).map(|_| some_key()).collect();
        for key in &keys {
            put(&*pair.old, key, b"0");
        }
        thread::scope(|scope| {
            for thread in 0..4 {
                let store = pair.store(if thread % 2 == 0 { Phase::Prepare } else { Phase::Move });
                let keys = &keys;
                scope.spawn(move || {
                    for number in 0..EACH {
                        let key = &keys[number % keys.len()];
                        while !count(&store, key) {}
                    }
                });
            }
        });
        let store = pair.store(Phase::Move);
        let sum: usize = keys.iter().map(|key| number(&data(&store, key).unwrap())).sum();
        assert_eq!(sum, 4 * EACH);
    }
}

fn number(data: &[u8]) -> usize {
    std::str::from_utf8(data).unwrap().parse().unwrap()
}

/// Counts a session up, unless somebody else is faster.
fn count(store: &MovingStore, key: &StoreKey) -> bool {
    let written = store.load(key, &at(NOW)).and_then(|record| {
        let record = record.unwrap();
        let next = (number(&record.data) + 1).to_string();
        store.write(&Write::new(key, next.as_bytes(), Expect::Version(record.version)), &at(NOW))
    });
    match written {
        Ok(written) => written != Written::Refused,
        Err(error) => {
            assert!(error.is_busy(), "{error}");
            thread::yield_now();
            false
        }
    }
}

#[test]
fn a_session_that_was_moved_on_to_its_hash_is_not_brought_back_under_its_id() {
    let id = SessionId::from_program("an id of a program");
    let (plain, hashed) = (StoreKey::plain(&id), StoreKey::hashed(&id));
    let pair = Pair::memory();
    // What a process left that departed and was slow since.
    put(&*pair.old, &plain, transit::write(b"abc").as_bytes());
    put(&*pair.new, &hashed, b"moved on");
    assert!(data(&pair.store(Phase::Move), &plain).is_none());
    assert!(pair.is_nowhere(&plain));
}

#[test]
fn a_copy_that_left_does_not_take_the_place_of_a_session_that_the_new_store_lost() {
    let (pair, key) = (Pair::memory(), some_key());
    put(&*pair.new, &key, b"newer");
    let store = pair.store(Phase::Move);
    let version = store.load(&key, &at(NOW)).unwrap().unwrap().version;
    put(&*pair.old, &key, transit::write(b"older").as_bytes());
    assert_eq!(pair.new.delete(&key, Expect::Any, &at(NOW)).unwrap(), Deleted::Record);
    assert_eq!(store.delete(&key, Expect::Version(version), &at(NOW)).unwrap(), Deleted::Nothing);
    assert!(data(&store, &key).is_none() && pair.is_nowhere(&key));
}

#[test]
fn a_record_that_the_new_store_does_not_take_stays_in_the_old_one() {
    let (pair, key) = (Pair::memory(), some_key());
    // A session in a file has to be text.
    let (folder, record) = (TempDir::new().unwrap(), b"\xff\xfe");
    let files = FileStore::new(folder.path().join("data"), folder.path().join("locks"));
    put(&*pair.old, &key, record);
    let store = MovingStore::new(Arc::clone(&pair.old), Arc::new(files), Phase::Move, None);
    for _ in 0..2 {
        assert_eq!(store.load(&key, &at(NOW)).unwrap_err().kind(), ErrorKind::Invalid);
        assert_eq!(data(&*pair.old, &key).unwrap(), record);
    }
}

#[test]
fn a_login_of_a_session_in_one_store_twice_keeps_it() {
    let (store, key): (Arc<dyn Store>, _) = (Arc::new(MemoryStore::new()), some_key());
    let next = SessionId::generate().into();
    put(&*store, &key, b"abc");
    let twice = MovingStore::new(Arc::clone(&store), store, Phase::Move, None);
    let rotation = Rotation::new(&key, &next, b"next", Expect::Present);
    assert_ne!(twice.rotate(&rotation, &at(NOW)).unwrap(), Written::Refused);
    assert_eq!(data(&twice, &next).unwrap(), b"next");
}
