//! Records that move from the id to the hash, and those who look for them meanwhile.

use super::*;
use crate::store::Redirect;

/// More than any operation makes.
const CALLS: usize = 8;

/// The store, where another process moves the record of `id` before the call of this number, counted from 0.
fn moving(inner: Arc<dyn Store>, id: &SessionId, at: usize) -> Counting {
    let (old, new, store) = (plain(id), hashed(id), Arc::clone(&inner));
    Counting::acting(inner, at, move || {
        if let Some(text) = kept(&*store, &old) {
            let written =
                store.rotate(&Rotation::new(&old, &new, &text, Expect::Present), &Call::at(NOW)).unwrap();
            assert_ne!(written, Written::Refused);
        }
    })
}

/// Runs `law` with each store, on both sides of the change, where another process moves the record of an id before the
/// first call of the store underneath, before the second, and so on.
fn whenever_it_moves(law: impl Fn(&SessionStore, &SessionId, Version)) {
    for ids in [IdStorage::Plain, IdStorage::Hashed] {
        for at in 0..CALLS {
            for (inner, _folder) in inners() {
                let id = some_id();
                let version = put(&*inner, &plain(&id), b"abc", Expect::Any).unwrap();
                let store = Arc::new(moving(inner, &id, at)) as Arc<dyn Store>;
                law(&over(&store, ids), &id, version);
            }
        }
    }
}

#[test]
fn a_record_that_moves_is_found_at_every_moment() {
    whenever_it_moves(|store, id, _| {
        for _ in 0..CALLS {
            assert_eq!(data(store, id).unwrap(), b"abc");
        }
    });
}

#[test]
fn a_save_of_a_record_that_moves_is_refused_once_at_most() {
    whenever_it_moves(|store, id, _| {
        let refused = (0..CALLS).filter(|_| write(store, id, b"saved", Expect::Present).is_none());
        assert!(refused.count() <= 1);
        for _ in 0..CALLS {
            assert!(write(store, id, b"saved", Expect::Present).is_some());
            assert_eq!(data(store, id).unwrap(), b"saved");
        }
    });
}

#[test]
fn a_save_that_expects_a_state_is_stored_where_that_state_is_and_nowhere_else() {
    whenever_it_moves(|store, id, _| {
        let mut version = store.load(id, &Call::at(NOW)).unwrap().unwrap().version;
        for round in 0..CALLS {
            let written = write(store, id, format!("state {round}").as_bytes(), Expect::Version(version));
            // A move is another state to some stores; then there is nothing lost, and the next try finds it.
            version = match written {
                Some(version) => version,
                None => store.load(id, &Call::at(NOW)).unwrap().unwrap().version,
            };
        }
        assert!(write(store, id, b"last", Expect::Version(version)).is_some());
        assert!(write(store, id, b"no", Expect::Version(version)).is_none());
        assert_eq!(data(store, id).unwrap(), b"last");
    });
}

#[test]
fn a_touch_misses_a_record_that_moves_once_at_most() {
    whenever_it_moves(|store, id, version| {
        let missed =
            (0..CALLS).filter(|_| !store.patch(&Patch::new(id, version, 0, b"A"), &Call::at(NOW)).unwrap());
        assert!(missed.count() <= 1);
    });
}

#[test]
fn a_session_that_moves_while_it_is_ended_is_ended() {
    whenever_it_moves(|store, id, _| {
        assert_eq!(store.delete(id, Expect::Any, &Call::at(NOW)).unwrap(), Deleted::Record);
        for _ in 0..CALLS {
            assert!(data(store, id).is_none());
        }
    });
}

#[test]
fn a_session_that_moves_while_it_gets_another_id_has_that_alone() {
    whenever_it_moves(|store, id, _| {
        let next = some_id();
        let rotate =
            || store.rotate(&Rotation::new(id, &next, b"y", Expect::Present), &Call::at(NOW)).unwrap();
        // It is refused where the record moves in that very moment; then it is loaded and rotated again.
        if rotate() == Written::Refused {
            assert!(data(store, id).is_some());
            assert_ne!(rotate(), Written::Refused);
        }
        for _ in 0..CALLS {
            assert!(data(store, id).is_none());
        }
        assert_eq!(data(store, &next).unwrap(), b"y");
    });
}

#[test]
fn a_session_that_moves_is_not_created_anew() {
    whenever_it_moves(|store, id, _| {
        for _ in 0..CALLS {
            assert!(write(store, id, b"new", Expect::Absent).is_none());
        }
        assert_eq!(data(store, id).unwrap(), b"abc");
    });
}

#[test]
fn a_save_that_expects_nothing_leaves_one_record() {
    whenever_it_moves(|store, id, _| {
        for _ in 0..CALLS {
            assert!(write(store, id, b"mine", Expect::Any).is_some());
        }
        let places = [plain(id), hashed(id)];
        assert_eq!(places.iter().filter(|place| kept(&*store.store, place).is_some()).count(), 1);
        assert_eq!(data(store, id).unwrap(), b"mine");
    });
}

#[test]
fn a_record_that_is_written_by_a_process_that_hashes_moves_and_a_touched_one_stays() {
    for (inner, _folder) in inners() {
        let store = over(&inner, IdStorage::Hashed);
        let id = some_id();
        let version = put(&*inner, &plain(&id), b"abc", Expect::Any).unwrap();
        assert_eq!(data(&store, &id).unwrap(), b"abc");
        assert_eq!(store.key_of(&id), plain(&id));
        assert!(store.patch(&Patch::new(&id, version, 0, b"A"), &Call::at(NOW)).unwrap());
        assert_eq!(kept(&*inner, &plain(&id)).unwrap(), b"Abc");
        let version = store.load(&id, &Call::at(NOW)).unwrap().unwrap().version;
        assert!(write(&store, &id, b"moved", Expect::Version(version)).is_some());
        assert!(kept(&*inner, &plain(&id)).is_none());
        assert_eq!(kept(&*inner, &hashed(&id)).unwrap(), b"moved");
        assert_eq!(store.key_of(&id), hashed(&id));
    }
}

#[test]
fn a_process_that_does_not_hash_leaves_a_record_where_it_is() {
    for (inner, _folder) in inners() {
        let store = over(&inner, IdStorage::Plain);
        let id = some_id();
        let version = put(&*inner, &hashed(&id), b"abc", Expect::Any).unwrap();
        assert_eq!(data(&store, &id).unwrap(), b"abc");
        assert_eq!(store.key_of(&id), hashed(&id));
        assert!(store.patch(&Patch::new(&id, version, 0, b"A"), &Call::at(NOW)).unwrap());
        for expect in [Expect::Present, Expect::Any] {
            assert!(write(&store, &id, b"written", expect).is_some());
            assert!(kept(&*inner, &plain(&id)).is_none());
            assert_eq!(kept(&*inner, &hashed(&id)).unwrap(), b"written");
        }
        let next = some_id();
        assert_ne!(
            store.rotate(&Rotation::new(&id, &next, b"y", Expect::Any), &Call::at(NOW)).unwrap(),
            Written::Refused
        );
        assert_eq!(kept(&*inner, &plain(&next)).unwrap(), b"y");
        assert_eq!(store.delete(&next, Expect::Any, &Call::at(NOW)).unwrap(), Deleted::Record);
        assert!(data(&store, &next).is_none());
    }
}

/// Writes from both sides under one id that nobody has, where the one writes before the first call that the other
/// makes, before the second, and so on. Gives whether each was stored, and what is stored.
fn written_from_both_sides(expect: Expect, check: impl Fn(bool, bool, &[Vec<u8>])) {
    for (one, other) in [(IdStorage::Plain, IdStorage::Hashed), (IdStorage::Hashed, IdStorage::Plain)] {
        for at in 0..CALLS {
            for (inner, _folder) in inners() {
                let id = some_id();
                let others = Arc::new(Mutex::new(None));
                let act = {
                    let (store, id, others) = (over(&inner, other), id.clone(), Arc::clone(&others));
                    move || *others.lock().unwrap() = Some(write(&store, &id, b"other", expect).is_some())
                };
                let acting = Arc::new(Counting::acting(Arc::clone(&inner), at, act)) as Arc<dyn Store>;
                let stored = write(&over(&acting, one), &id, b"one", expect).is_some();
                let others = others.lock().unwrap().take();
                let places = [plain(&id), hashed(&id)];
                let records: Vec<_> = places.iter().filter_map(|place| kept(&*inner, place)).collect();
                check(stored, others.unwrap_or(false), &records);
            }
        }
    }
}

#[test]
fn of_two_who_create_a_session_on_both_sides_one_succeeds() {
    written_from_both_sides(Expect::Absent, |one, other, records| {
        assert!(one != other);
        assert_eq!(records, [if one { b"one".to_vec() } else { b"other".to_vec() }]);
    });
}

#[test]
fn of_two_who_write_whatever_there_is_on_both_sides_one_record_is_left() {
    written_from_both_sides(Expect::Any, |one, _, records| {
        assert!(one);
        assert_eq!(records.len(), 1);
    });
}

#[test]
fn what_a_rotation_leaves_is_found_from_both_sides_and_under_no_id_where_ids_are_not_to_be_read() {
    let sides = [IdStorage::Plain, IdStorage::Hashed];
    for (began, rotates) in sides.into_iter().flat_map(|began| sides.map(|rotates| (began, rotates))) {
        for is_held in [false, true] {
            for (inner, _folder) in inners() {
                let (id, next) = (some_id(), some_id());
                assert!(write(&over(&inner, began), &id, b"x", Expect::Absent).is_some());
                let store = over(&inner, rotates);
                let redirect = Some(Redirect { data: b"moved", ttl: Duration::from_secs(30) });
                let rotation = Rotation { redirect, ..Rotation::new(&id, &next, b"y", Expect::Present) };
                let rotated = if is_held {
                    let held = store
                        .lock(&id, LockTarget::Record, &Call::at(NOW).waiting(Duration::ZERO))
                        .unwrap()
                        .unwrap();
                    held.rotate(&rotation, &Call::at(NOW)).unwrap()
                } else {
                    store.rotate(&rotation, &Call::at(NOW)).unwrap()
                };
                assert_ne!(rotated, Written::Refused);
                for side in sides {
                    assert_eq!(
                        data(&over(&inner, side), &id).unwrap(),
                        b"moved",
                        "{began:?} {rotates:?} {is_held}"
                    );
                    assert_eq!(data(&over(&inner, side), &next).unwrap(), b"y");
                }
                if rotates == IdStorage::Hashed {
                    assert!(kept(&*inner, &plain(&id)).is_none());
                }
                assert_eq!(
                    over(&inner, began).delete(&id, Expect::Any, &Call::at(NOW)).unwrap(),
                    Deleted::Record
                );
                assert!(sides.iter().all(|side| data(&over(&inner, *side), &id).is_none()));
            }
        }
    }
}
