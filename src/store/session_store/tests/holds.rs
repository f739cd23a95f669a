//! Holders on both sides of the change.

use super::*;
use crate::error::ErrorKind;

fn is_held(store: &SessionStore, id: &SessionId) -> bool {
    match store.lock(id, LockTarget::Id, &Call::at(NOW).waiting(Duration::ZERO)) {
        Ok(_) => false,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Busy);
            true
        }
    }
}

/// The key of the record when it is locked, if there is one.
fn states(id: &SessionId) -> [Option<StoreKey>; 3] {
    [None, Some(plain(id)), Some(hashed(id))]
}

#[test]
fn a_holder_on_one_side_keeps_those_on_the_other_out_wherever_the_record_is() {
    for (inner, _folder) in inners() {
        let id = some_id();
        let sides = [over(&inner, IdStorage::Plain), over(&inner, IdStorage::Hashed)];
        for place in states(&id) {
            for (one, other) in [(0, 1), (1, 0)] {
                if let Some(place) = &place {
                    assert!(put(&*inner, place, b"x", Expect::Any).is_some());
                }
                let held = sides[one]
                    .lock(&id, LockTarget::Id, &Call::at(NOW).waiting(Duration::ZERO))
                    .unwrap()
                    .unwrap();
                assert!(held.has_locked(&id));
                assert!(is_held(&sides[other], &id));
                assert!(is_held(&sides[one], &id));
                // What the holder writes may move the record, or make it.
                assert_eq!(held.load(&id, &Call::at(NOW)).unwrap().is_some(), place.is_some());
                assert!(write(&held, &id, b"held", Expect::Any).is_some());
                assert!(is_held(&sides[other], &id));
                assert_eq!(data(&sides[other], &id).unwrap(), b"held");
                held.release(&Call::at(NOW)).unwrap();
                assert!(!held.has_locked(&id));
                assert!(!is_held(&sides[other], &id));
                assert_eq!(sides[one].delete(&id, Expect::Any, &Call::at(NOW)).unwrap(), Deleted::Record);
                assert!(data(&sides[other], &id).is_none());
            }
        }
    }
}

#[test]
fn what_a_holder_that_hashes_saves_has_moved_and_is_still_held() {
    for (inner, _folder) in inners() {
        for expects_version in [false, true] {
            let id = some_id();
            let sides = [over(&inner, IdStorage::Plain), over(&inner, IdStorage::Hashed)];
            assert!(put(&*inner, &plain(&id), b"x", Expect::Any).is_some());
            let held = sides[1]
                .lock(&id, LockTarget::Record, &Call::at(NOW).waiting(Duration::ZERO))
                .unwrap()
                .unwrap();
            let version = held.load(&id, &Call::at(NOW)).unwrap().unwrap().version;
            let expect = if expects_version { Expect::Version(version) } else { Expect::Present };
            assert!(write(&held, &id, b"y", expect).is_some());
            assert!(kept(&*inner, &plain(&id)).is_none());
            assert_eq!(kept(&*inner, &hashed(&id)).unwrap(), b"y");
            assert!(is_held(&sides[0], &id) && is_held(&sides[1], &id));
            // And it gets another id.
            let next = some_id();
            assert_ne!(
                held.rotate(&Rotation::new(&id, &next, b"z", Expect::Present), &Call::at(NOW)).unwrap(),
                Written::Refused
            );
            assert!(held.has_locked(&next));
            assert!(is_held(&sides[0], &next) && is_held(&sides[1], &next));
            held.release(&Call::at(NOW)).unwrap();
            assert!(!is_held(&sides[0], &next) && !is_held(&sides[1], &next));
            assert!(data(&sides[0], &id).is_none());
            assert_eq!(data(&sides[0], &next).unwrap(), b"z");
        }
    }
}

#[test]
fn a_record_that_is_settled_is_in_one_place_and_stays_there() {
    for (inner, _folder) in inners() {
        for ids in [IdStorage::Plain, IdStorage::Hashed] {
            let id = some_id();
            let store = over(&inner, ids);
            for place in states(&id) {
                if let Some(place) = &place {
                    assert!(put(&*inner, place, b"x", Expect::Any).is_some());
                }
                let held =
                    store.lock(&id, LockTarget::Id, &Call::at(NOW).waiting(Duration::ZERO)).unwrap().unwrap();
                let settled = held.settle(&id, None, &Call::at(NOW)).unwrap();
                let expected = match (&place, ids) {
                    (Some(place), IdStorage::Plain) => place.clone(),
                    (None, IdStorage::Plain) => plain(&id),
                    (_, IdStorage::Hashed) => hashed(&id),
                };
                assert_eq!(settled, expected);
                assert_eq!(kept(&*inner, &settled).is_some(), place.is_some());
                assert_eq!(
                    held.delete(&id, Expect::Any, &Call::at(NOW)).unwrap() == Deleted::Record,
                    place.is_some()
                );
                held.release(&Call::at(NOW)).unwrap();
                assert!(data(&store, &id).is_none());
            }
        }
    }
}

#[test]
fn a_record_that_is_where_it_belongs_is_not_written_to_settle_it() {
    for (ids, place) in [(IdStorage::Plain, plain as fn(&SessionId) -> StoreKey), (IdStorage::Hashed, hashed)]
    {
        let counting = Arc::new(Counting::over(Arc::new(MemoryStore::new())));
        let inner: Arc<dyn Store> = Arc::<Counting>::clone(&counting);
        let id = some_id();
        assert!(put(&*inner, &place(&id), b"x", Expect::Any).is_some());
        let _put = counting.verbs();
        assert_eq!(over(&inner, ids).settle(&id, None, &Call::at(NOW)).unwrap(), place(&id));
        assert!(counting.verbs().iter().all(|(verb, _)| *verb == "load"));
    }
}

#[test]
fn a_pinned_record_is_looked_for_under_its_key_alone() {
    let inner: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let (id, next) = (some_id(), some_id());
    let key = hashed(&id);
    assert!(put(&*inner, &plain(&id), b"elsewhere", Expect::Any).is_some());
    let locks = Arc::clone(&inner).locks().unwrap();
    let guard = locks.lock(&key, LockTarget::Id, &Call::at(NOW)).unwrap().unwrap();
    let pinned = over(&inner, IdStorage::Plain).pinned(Arc::clone(&inner), guard, &key);
    assert_eq!(pinned.key_of(&id), key);
    assert!(data(&pinned, &id).is_none());
    assert!(write(&pinned, &id, b"x", Expect::Absent).is_some());
    assert_eq!(kept(&*inner, &key).unwrap(), b"x");
    assert_ne!(
        pinned.rotate(&Rotation::new(&id, &next, b"y", Expect::Any), &Call::at(NOW)).unwrap(),
        Written::Refused
    );
    assert_eq!(kept(&*inner, &plain(&next)).unwrap(), b"y");
    assert_eq!(pinned.delete(&next, Expect::Any, &Call::at(NOW)).unwrap(), Deleted::Record);
    assert_eq!(kept(&*inner, &plain(&id)).unwrap(), b"elsewhere");
}
