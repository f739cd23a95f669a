//! The calls that a session's store makes of the store below it.

use super::*;
use crate::error::ErrorKind;
use crate::store::Redirect;

const LIFETIME: Duration = Duration::from_secs(60);

const IDS: [IdStorage; 2] = [IdStorage::Plain, IdStorage::Hashed];

fn counting() -> (Arc<Counting>, Arc<dyn Store>) {
    let counting = Arc::new(Counting::over(Arc::new(MemoryStore::new())));
    (Arc::clone(&counting), counting)
}

/// The key of new records, and the other one.
fn places(ids: IdStorage, id: &SessionId) -> [StoreKey; 2] {
    match ids {
        IdStorage::Plain => [plain(id), hashed(id)],
        IdStorage::Hashed => [hashed(id), plain(id)],
    }
}

#[test]
fn the_capabilities_are_those_of_the_store() {
    for (inner, _folder) in inners() {
        assert_eq!(over(&inner, IdStorage::Plain).capabilities(), inner.capabilities());
        assert_ne!(inner.capabilities(), Capabilities::default());
    }
}

#[test]
fn an_unknown_id_is_not_patched() {
    for ids in IDS {
        let (counting, inner) = counting();
        let (store, id) = (over(&inner, ids), some_id());
        let version = Version::from(1);
        assert!(!store.patch(&Patch::new(&id, version, 0, b""), &Call::at(NOW)).unwrap());
        let [first, second] = places(ids, &id);
        assert_eq!(counting.verbs(), [("patch", first), ("load", second)]);
    }
}

#[test]
fn a_record_under_the_other_key_is_patched_there() {
    for ids in IDS {
        let (_, inner) = counting();
        let (store, id) = (over(&inner, ids), some_id());
        let [_, other] = places(ids, &id);
        let version = put(&*inner, &other, b"abc", Expect::Any).unwrap();
        assert!(store.patch(&Patch::new(&id, version, 0, b"A"), &Call::at(NOW)).unwrap());
        assert_eq!(kept(&*inner, &other).unwrap(), b"Abc");
    }
}

#[test]
fn a_pinned_record_is_patched_under_its_key_alone() {
    let inner: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let id = some_id();
    let version = put(&*inner, &plain(&id), b"abc", Expect::Any).unwrap();
    let locks = Arc::clone(&inner).locks().unwrap();
    let guard = locks.lock(&hashed(&id), LockTarget::Id, &Call::at(NOW)).unwrap().unwrap();
    let pinned = over(&inner, IdStorage::Plain).pinned(Arc::clone(&inner), guard, &hashed(&id));
    assert!(!pinned.patch(&Patch::new(&id, version, 0, b"A"), &Call::at(NOW)).unwrap());
    // A look at another session changes nothing about the pinned one.
    assert!(data(&pinned, &some_id()).is_none());
    assert_eq!(pinned.key_of(&id), hashed(&id));
}

#[test]
fn a_corrupt_record_under_the_other_key_is_a_record() {
    for ids in IDS {
        let (counting, inner) = counting();
        let (store, id) = (over(&inner, ids), some_id());
        let [first, other] = places(ids, &id);
        assert!(put(&*inner, &other, b"garbage", Expect::Any).is_some());
        counting.corrupt(other.clone());
        assert!(write(&store, &id, b"x", Expect::Absent).is_none());
        assert!(inner.load(&first, &Call::at(NOW)).unwrap().is_none());
        assert_eq!(store.delete(&id, Expect::Any, &Call::at(NOW)).unwrap(), Deleted::Record);
    }
}

#[test]
fn a_store_that_does_not_answer_is_no_record() {
    for ids in IDS {
        let (counting, inner) = counting();
        let store = over(&inner, ids);
        counting.fail_at(1);
        let error = store.patch(&Patch::new(&some_id(), Version::from(1), 0, b""), &Call::at(NOW));
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Unavailable);
    }
}

#[test]
fn a_deletion_that_is_done_under_one_key_and_fails_at_the_other_is_in_doubt() {
    for (there, kind) in [(true, ErrorKind::Unknown), (false, ErrorKind::Unavailable)] {
        let (counting, inner) = counting();
        let (store, id) = (over(&inner, IdStorage::Plain), some_id());
        if there {
            put(&*inner, &plain(&id), b"x", Expect::Any).unwrap();
        }
        counting.fail_at(1);
        assert_eq!(store.delete(&id, Expect::Any, &Call::at(NOW)).unwrap_err().kind(), kind);
        assert_eq!(store.delete(&id, Expect::Any, &Call::at(NOW)).unwrap(), Deleted::Nothing);
    }
}

#[test]
fn a_deletion_that_is_done_under_one_key_and_waits_at_the_other_is_busy_and_can_be_repeated() {
    let (counting, inner) = counting();
    let store = over(&inner, IdStorage::Hashed);
    let id = some_id();
    for key in [plain(&id), hashed(&id)] {
        assert!(put(&*inner, &key, b"x", Expect::Any).is_some());
    }
    // A look and a deletion under the id come first.
    counting.busy_at(2, usize::MAX);
    let error = store.delete(&id, Expect::Any, &Call::at(NOW)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy);
    counting.busy_at(usize::MAX, 0);
    assert_eq!(store.delete(&id, Expect::Any, &Call::at(NOW)).unwrap(), Deleted::Record);
    assert!(kept(&*inner, &plain(&id)).is_none() && kept(&*inner, &hashed(&id)).is_none());
}

#[test]
fn a_deletion_changes_nothing_under_a_key_without_a_record() {
    for ids in IDS {
        let (counting, inner) = counting();
        let (store, id) = (over(&inner, ids), some_id());
        let [first, second] = places(ids, &id);
        assert_eq!(store.delete(&id, Expect::Any, &Call::at(NOW)).unwrap(), Deleted::Nothing);
        let mut expected = [("delete", first), ("load", second)];
        // The plain key comes first.
        expected.sort_by_key(|(_, key)| key.is_hashed());
        assert_eq!(counting.verbs(), expected);
    }
}

#[test]
fn an_expired_record_under_the_other_key_is_deleted_too() {
    for ids in IDS {
        let folder = TempDir::new().unwrap();
        let files = FileStore::new(folder.path().join("data"), folder.path().join("locks"));
        let inner: Arc<dyn Store> = Arc::new(files);
        let id = some_id();
        let [_, other] = places(ids, &id);
        let written = Write::new(&other, b"x", Expect::Any).lasting(Some(LIFETIME));
        assert_ne!(inner.write(&written, &Call::at(NOW)).unwrap(), Written::Refused);
        let later = Call::at(NOW + 2.0 * LIFETIME.as_secs_f64());
        assert_eq!(over(&inner, ids).delete(&id, Expect::Any, &later).unwrap(), Deleted::Record);
        assert!(inner.load(&other, &Call::at(ANY_TIME)).unwrap().is_none());
    }
}

#[test]
fn a_save_of_a_record_that_is_where_it_is_kept_is_one_write() {
    for ids in IDS {
        let (counting, inner) = counting();
        let (store, id) = (over(&inner, ids), some_id());
        let [first, _] = places(ids, &id);
        let version = put(&*inner, &first, b"x", Expect::Any).unwrap();
        assert!(data(&store, &id).is_some());
        counting.verbs();
        assert!(write(&store, &id, b"y", Expect::Version(version)).is_some());
        assert_eq!(counting.verbs(), [("write", first)]);
    }
}

#[test]
fn a_save_leaves_the_key_remembered_under_which_the_record_is() {
    for ids in IDS {
        let (_, inner) = counting();
        let (store, id) = (over(&inner, ids), some_id());
        let [first, other] = places(ids, &id);
        let version = put(&*inner, &other, b"x", Expect::Any).unwrap();
        assert!(data(&store, &id).is_some());
        assert!(write(&store, &id, b"refused", Expect::Version(Version::from(7))).is_none());
        assert_eq!(store.key_of(&id), other);
        assert!(write(&store, &id, b"y", Expect::Version(version)).is_some());
        assert_eq!(store.key_of(&id), if ids == IdStorage::Plain { other } else { first });
    }
}

#[test]
fn a_key_is_purged_once_its_record_has_moved_and_its_lock_is_released() {
    for is_locked in [false, true] {
        let (counting, inner) = counting();
        let (store, id) = (over(&inner, IdStorage::Hashed), some_id());
        let version = put(&*inner, &plain(&id), b"x", Expect::Any).unwrap();
        let purged = || counting.verbs().contains(&("purge", plain(&id)));
        let locked = is_locked.then(|| store.lock(&id, LockTarget::Record, &Call::at(NOW)).unwrap().unwrap());
        let saving = locked.as_ref().unwrap_or(&store);
        assert!(write(saving, &id, b"refused", Expect::Version(Version::from(7))).is_none());
        assert!(!purged());
        assert!(write(saving, &id, b"y", Expect::Version(version)).is_some());
        assert_eq!(purged(), !is_locked);
        if let Some(locked) = &locked {
            locked.release(&Call::at(NOW)).unwrap();
            assert!(purged());
        }
    }
}

#[test]
fn another_key_is_purged_at_once_by_the_holder_of_a_lock() {
    let (counting, inner) = counting();
    let (store, id, other) = (over(&inner, IdStorage::Hashed), some_id(), some_id());
    let locked = store.lock(&id, LockTarget::Id, &Call::at(NOW)).unwrap().unwrap();
    assert!(put(&*inner, &plain(&other), b"x", Expect::Any).is_some());
    assert!(write(&locked, &other, b"y", Expect::Present).is_some());
    assert!(counting.verbs().contains(&("purge", plain(&other))));
}

#[test]
fn a_rotation_to_the_same_id_creates_nothing() {
    for ids in IDS {
        let (_, inner) = counting();
        let (store, id) = (over(&inner, ids), some_id());
        for expect in [Expect::Any, Expect::Present, Expect::Absent] {
            let rotated = store.rotate(&Rotation::new(&id, &id, b"x", expect), &Call::at(NOW)).unwrap();
            assert_eq!(rotated, Written::Refused);
            assert!(data(&store, &id).is_none());
        }
    }
}

#[test]
fn a_rotation_with_a_redirect_moves_the_record_first_only_where_ids_are_hashed() {
    let redirect = Some(Redirect { data: b"redirect", ttl: LIFETIME });
    for (ids, redirect, moves) in [
        (IdStorage::Plain, redirect, false),
        (IdStorage::Hashed, redirect, true),
        (IdStorage::Plain, None, false),
        (IdStorage::Hashed, None, false),
    ] {
        let (counting, inner) = counting();
        let (store, id, next) = (over(&inner, ids), some_id(), some_id());
        assert!(put(&*inner, &plain(&id), b"x", Expect::Any).is_some());
        assert!(data(&store, &id).is_some());
        counting.verbs();
        let rotation = Rotation { redirect, ..Rotation::new(&id, &next, b"y", Expect::Present) };
        assert_ne!(store.rotate(&rotation, &Call::at(NOW)).unwrap(), Written::Refused);
        let rotations = counting.verbs().into_iter().filter(|(verb, _)| *verb == "rotate").count();
        assert_eq!(rotations, if moves { 2 } else { 1 });
    }
}
