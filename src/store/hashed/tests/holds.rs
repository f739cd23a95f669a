//! Holders on both sides of the change.

use super::*;
use crate::error::ErrorKind;

fn hold(store: &Arc<HashedStore>, id: &SessionId, of: HoldOf) -> Result<Option<Arc<dyn Held>>> {
    (Arc::clone(store) as Arc<dyn Store>).hold(id, of, Duration::ZERO, NOW)
}

fn is_held(store: &Arc<HashedStore>, id: &SessionId) -> bool {
    match hold(store, id, HoldOf::Id) {
        Ok(_) => false,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Locked);
            true
        }
    }
}

/// Where the record is when it is held, if there is one.
fn states(id: &SessionId) -> [Option<SessionId>; 3] {
    [None, Some(id.clone()), Some(stored_key(id))]
}

#[test]
fn a_holder_on_one_side_keeps_those_on_the_other_out_wherever_the_record_is() {
    for (inner, _folder) in inners() {
        let id = some_id();
        let sides = [over(&inner, KeptUnder::Id), over(&inner, KeptUnder::Hash)];
        for place in states(&id) {
            for (one, other) in [(0, 1), (1, 0)] {
                if let Some(place) = &place {
                    assert!(write(&*inner, place, b"x", Expect::Any).is_some());
                }
                let held = hold(&sides[one], &id, HoldOf::Id).unwrap().unwrap();
                assert!(held.holds(&id));
                assert!(is_held(&sides[other], &id));
                assert!(is_held(&sides[one], &id));
                // What the holder writes may move the record, or make it.
                assert_eq!(held.load(&id, NOW).unwrap().is_some(), place.is_some());
                assert!(write(&*held, &id, b"held", Expect::Any).is_some());
                assert!(is_held(&sides[other], &id));
                assert_eq!(data(&*sides[other], &id).unwrap(), b"held");
                held.release().unwrap();
                assert!(!held.holds(&id));
                assert!(!is_held(&sides[other], &id));
                assert_eq!(sides[one].delete(&id, Expect::Any).unwrap(), Deleted::Record);
                assert!(data(&*sides[other], &id).is_none());
            }
        }
    }
}

#[test]
fn what_a_holder_that_hashes_saves_has_moved_and_is_still_held() {
    for (inner, _folder) in inners() {
        for expects_version in [false, true] {
            let id = some_id();
            let sides = [over(&inner, KeptUnder::Id), over(&inner, KeptUnder::Hash)];
            assert!(write(&*inner, &id, b"x", Expect::Any).is_some());
            let held = hold(&sides[1], &id, HoldOf::Record).unwrap().unwrap();
            let version = held.load(&id, NOW).unwrap().unwrap().version;
            let expect = if expects_version { Expect::Version(version) } else { Expect::Present };
            assert!(write(&*held, &id, b"y", expect).is_some());
            assert!(data(&*inner, &id).is_none());
            assert_eq!(data(&*inner, &stored_key(&id)).unwrap(), b"y");
            assert!(is_held(&sides[0], &id) && is_held(&sides[1], &id));
            // And it gets another id.
            let next = some_id();
            assert_ne!(
                held.rotate(&Rotation::new(&id, &next, b"z", Expect::Present), NOW).unwrap(),
                Written::Refused
            );
            assert!(held.holds(&next));
            assert!(is_held(&sides[0], &next) && is_held(&sides[1], &next));
            held.release().unwrap();
            assert!(!is_held(&sides[0], &next) && !is_held(&sides[1], &next));
            assert!(data(&*sides[0], &id).is_none());
            assert_eq!(data(&*sides[0], &next).unwrap(), b"z");
        }
    }
}

#[test]
fn a_record_that_is_settled_is_in_one_place_and_stays_there() {
    for (inner, _folder) in inners() {
        for kept_under in [KeptUnder::Id, KeptUnder::Hash] {
            let id = some_id();
            let store = over(&inner, kept_under);
            for place in states(&id) {
                if let Some(place) = &place {
                    assert!(write(&*inner, place, b"x", Expect::Any).is_some());
                }
                let held =
                    Arc::clone(&store).hold_places(&id, HoldOf::Id, Duration::ZERO, NOW).unwrap().unwrap();
                let settled = held.settle(&id, None, NOW).unwrap();
                let expected = match &place {
                    Some(place) if kept_under == KeptUnder::Id => place.clone(),
                    _ => store.key_of(&id),
                };
                assert_eq!(settled.as_str(), expected.as_str());
                assert_eq!(data(&*inner, &settled).is_some(), place.is_some());
                assert_eq!(held.delete_key(&settled).unwrap() == Deleted::Record, place.is_some());
                held.release().unwrap();
                assert!(data(&*store, &id).is_none());
            }
        }
    }
}

#[test]
fn a_pinned_record_is_looked_for_in_its_place_alone() {
    let inner: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let store = over(&inner, KeptUnder::Id);
    let (id, next) = (some_id(), some_id());
    let place = stored_key(&id);
    assert!(write(&*inner, &id, b"elsewhere", Expect::Any).is_some());
    let pinned = PinnedStore::new(Arc::clone(&store), Arc::clone(&inner), id.clone(), place.clone());
    assert!(data(&pinned, &id).is_none());
    assert!(write(&pinned, &id, b"x", Expect::Absent).is_some());
    assert_eq!(data(&*inner, &place).unwrap(), b"x");
    assert_ne!(pinned.rotate(&Rotation::new(&id, &next, b"y", Expect::Any), NOW).unwrap(), Written::Refused);
    assert_eq!(data(&*inner, &next).unwrap(), b"y");
    assert_eq!(pinned.delete(&next, Expect::Any).unwrap(), Deleted::Record);
    assert_eq!(data(&*inner, &id).unwrap(), b"elsewhere");
}

#[test]
fn what_a_holder_rotates_is_held_whichever_place_it_was_held_in() {
    for (inner, _folder) in inners() {
        let (held_id, other, new) = (some_id(), some_id(), some_id());
        let sides = [over(&inner, KeptUnder::Id), over(&inner, KeptUnder::Hash)];
        for id in [&held_id, &other] {
            assert!(write(&*sides[0], id, b"x", Expect::Any).is_some());
        }
        let held = hold(&sides[0], &held_id, HoldOf::Record).unwrap().unwrap();
        let rotate = |old: &SessionId, new: &SessionId| {
            held.rotate(&Rotation::new(old, new, b"y", Expect::Any), NOW).unwrap()
        };
        // What it does not hold it has to take, in the place where the record is.
        assert_ne!(rotate(&other, &held_id), Written::Refused);
        // Somebody makes it anew, in the other place.
        assert!(write(&*sides[1], &other, b"x", Expect::Any).is_some());
        assert!(held.holds(&other));
        assert_ne!(rotate(&other, &new), Written::Refused);
        assert!(held.holds(&new));
        for side in &sides {
            assert!(is_held(side, &new));
        }
    }
}
