//! Older states of a record that are left in the file of its name: an ended session is not found again in one.

use super::ids::stored_by_the_original;
use super::*;
use crate::store::Redirect;

/// An id with dots whose record has a file of its own, and a copy of an older state, without an end, in the file of its
/// name: another session locked the id without dots when it was written.
fn with_an_old_copy(home: &Home) -> StoreKey {
    let (dotted, plain) = (key("a.bc"), key("abc"));
    home.write(&dotted, b"old");
    let store = Arc::new(home.store.clone());
    let held = store.lock(&plain, LockTarget::Id, &home.at(NOW).waiting(Duration::ZERO)).unwrap().unwrap();
    let hour = Some(Duration::from_secs(3600));
    assert!(matches!(
        home.store.write(&Write::new(&dotted, b"new", Expect::Any).lasting(hour), &home.at(NOW)).unwrap(),
        Written::Stored(_)
    ));
    held.release().unwrap();
    assert_ne!(home.data_file(&dotted), home.data_file(&plain));
    assert!(home.data_file(&plain).exists());
    dotted
}

#[test]
fn an_expired_session_is_not_found_again_in_an_old_copy_when_it_is_loaded() {
    let home = Home::impatient();
    let dotted = with_an_old_copy(&home);
    for _ in 0..2 {
        assert!(home.store.load(&dotted, &Call::at(NOW + 3600.0)).unwrap().is_none());
    }
    assert!(home.everything().iter().all(|path| path.is_dir()));
}

#[test]
fn a_session_that_made_way_for_a_write_that_failed_ends_under_both_names() {
    for is_deleted in [true, false] {
        let home = Home::impatient();
        let (dotted, hour) = (key("a.bc"), Some(Duration::from_secs(3600)));
        assert!(matches!(
            home.store.write(&Write::new(&dotted, b"x", Expect::Any).lasting(hour), &home.at(NOW)).unwrap(),
            Written::Stored(_)
        ));
        home.store.clear(&key("abc"), home.wait).unwrap();
        assert_ne!(home.data_file(&dotted), home.data_file(&key("abc")));
        if is_deleted {
            assert_eq!(home.store.delete(&dotted, Expect::Any, &home.at(NOW)).unwrap(), Deleted::Record);
        }
        assert!(home.store.load(&dotted, &Call::at(NOW + 3600.0)).unwrap().is_none());
        assert!(home.everything().iter().all(|path| path.is_dir()), "{is_deleted}");
    }
}

#[test]
fn a_sweep_removes_an_expired_session_and_its_old_copy_and_counts_one() {
    let home = Home::impatient();
    let dotted = with_an_old_copy(&home);
    let mut sweep = home.store.sweep();
    let swept = sweep.step(usize::MAX, NOW + 3600.0).unwrap();
    assert!(swept.finished);
    assert_eq!(swept.expired, 1);
    assert!(home.store.load(&dotted, &Call::at(NOW + 3600.0)).unwrap().is_none());
    assert!(home.everything().iter().all(|path| path.is_dir()));
}

#[test]
fn an_expired_session_whose_old_copy_cannot_be_removed_stays_expired() {
    let home = Home::impatient();
    let dotted = with_an_old_copy(&home);
    let store = Arc::new(home.store.clone());
    let held =
        store.lock(&key("abc"), LockTarget::Id, &home.at(NOW).waiting(Duration::ZERO)).unwrap().unwrap();
    for _ in 0..2 {
        assert!(home.store.load(&dotted, &Call::at(NOW + 3600.0)).unwrap().is_none());
        assert_eq!(home.store.sweep().step(usize::MAX, NOW + 3600.0).unwrap().expired, 0);
    }
    held.release().unwrap();
    assert!(home.store.load(&dotted, &Call::at(NOW + 3600.0)).unwrap().is_none());
    assert!(home.everything().iter().all(|path| path.is_dir()));
}

#[test]
fn an_expired_redirect_record_does_not_bring_back_the_session_that_was_rotated() {
    for is_held in [false, true] {
        let home = Home::impatient();
        let dotted = if is_held { key("a.bc") } else { with_an_old_copy(&home) };
        home.write(&dotted, b"new");
        let store = Arc::new(home.store.clone());
        let hold = || {
            store.lock(&key("abc"), LockTarget::Id, &home.at(NOW).waiting(Duration::ZERO)).unwrap().unwrap()
        };
        let held = is_held.then(hold);
        let new = key("new");
        let left = Redirect { data: b"redirect", ttl: Duration::from_secs(60) };
        let rotation =
            Rotation { redirect: Some(left), ..Rotation::new(&dotted, &new, b"x", Expect::Present) };
        assert!(matches!(home.store.rotate(&rotation, &home.at(NOW)).unwrap(), Written::Stored(_)));
        drop(held);
        assert_eq!(home.data(&dotted).unwrap(), b"redirect");
        for _ in 0..2 {
            assert!(home.store.load(&dotted, &Call::at(NOW + 60.0)).unwrap().is_none(), "{is_held}");
        }
        assert_eq!(home.data(&new).unwrap(), b"x");
    }
}

#[test]
fn a_deleted_session_is_not_found_again_in_an_old_copy() {
    let home = Home::impatient();
    let dotted = with_an_old_copy(&home);
    assert_eq!(home.store.delete(&dotted, Expect::Any, &home.at(NOW)).unwrap(), Deleted::Record);
    assert_eq!(home.data(&dotted), None);
    assert!(home.everything().iter().all(|path| path.is_dir()));
}

#[test]
fn a_session_that_gets_another_id_is_not_found_again_in_an_old_copy() {
    let home = Home::impatient();
    let (dotted, new) = (with_an_old_copy(&home), new_key());
    let rotation = Rotation::new(&dotted, &new, b"x", Expect::Present);
    assert!(matches!(home.store.rotate(&rotation, &home.at(NOW)).unwrap(), Written::Stored(_)));
    assert_eq!(home.data(&dotted), None);
    assert_eq!(home.data(&new).unwrap(), b"x");
}

#[test]
fn an_expired_session_leaves_the_record_of_beakers_that_it_was_copied_from() {
    let home = Home::new();
    stored_by_the_original(&home, "abc", "theirs", &["abc", "a.bc"]);
    let (dotted, plain) = (key("a.bc"), key("abc"));
    let hour = Some(Duration::from_secs(3600));
    assert!(matches!(
        home.store.write(&Write::new(&dotted, b"new", Expect::Any).lasting(hour), &home.at(NOW)).unwrap(),
        Written::Stored(_)
    ));
    for id in [&dotted, &sent("a.bc")] {
        assert!(home.store.load(id, &Call::at(NOW + 3600.0)).unwrap().is_none());
    }
    assert!(home.store.load(&dotted, &Call::at(NOW + 3600.0)).unwrap().is_none());
    assert_eq!(home.store.sweep().step(usize::MAX, NOW + 3600.0).unwrap().expired, 0);
    assert_eq!(home.data(&plain).unwrap(), b"theirs");
    // Once that is another's, nothing is kept.
    home.write(&plain, b"plain");
    assert_eq!(home.store.sweep().step(usize::MAX, NOW + 3600.0).unwrap().expired, 1);
    assert_eq!(home.data(&dotted), None);
    assert_eq!(home.data(&plain).unwrap(), b"plain");
}

#[test]
fn a_rotation_that_cannot_end_the_old_record_changes_nothing() {
    for (old, plain, new) in [("x.yz", "xyz", "a.bc"), ("ab.c", "abc", "a.bc"), ("x.yz", "xyz", "new")] {
        let home = Home::impatient();
        let (old, new) = (key(old), key(new));
        home.write(&old, b"old");
        home.write(&new, b"new");
        let store = Arc::new(home.store.clone());
        let _held =
            store.lock(&key(plain), LockTarget::Id, &home.at(NOW).waiting(Duration::ZERO)).unwrap().unwrap();
        let rotation = Rotation::new(&old, &new, b"x", Expect::Present);
        assert_eq!(home.store.rotate(&rotation, &home.at(NOW)).unwrap_err().kind(), ErrorKind::Busy);
        assert_eq!(home.data(&old).unwrap(), b"old");
        assert_eq!(home.data(&new).unwrap(), b"new");
    }
}

#[test]
fn a_rotation_that_is_undone_brings_back_no_old_copy_of_the_new_id() {
    let home = Home::impatient();
    let (old, new) = (new_key(), with_an_old_copy(&home));
    home.write(&old, b"x");
    let left = Redirect { data: b"\xff", ttl: Duration::from_secs(60) };
    let rotation = Rotation { redirect: Some(left), ..Rotation::new(&old, &new, b"y", Expect::Present) };
    assert_eq!(home.store.rotate(&rotation, &home.at(NOW)).unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(home.data(&old).unwrap(), b"x");
    assert_eq!(home.data(&new), None);
}

#[test]
fn a_sweep_removes_an_old_copy_that_is_over_and_leaves_the_session() {
    let home = Home::impatient();
    let (dotted, hour) = (with_an_old_copy(&home), Duration::from_secs(3600));
    let copy = home.data_file(&key("abc"));
    fs::File::open(&copy).unwrap().set_modified(std::time::SystemTime::now() - hour * 2).unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
    let written = home
        .store
        .write(&Write::new(&dotted, b"new", Expect::Any).lasting(Some(hour)), &Call::at(now))
        .unwrap();
    assert!(matches!(written, Written::Stored(_)));
    for dry_run in [true, false] {
        assert!(copy.exists());
        let plan = SweepPlan { lifetime: Some(hour), reach: Reach::Endless, dry_run };
        assert_eq!(home.store.sweep_by(plan).step(usize::MAX, now).unwrap().expired, 0);
    }
    assert!(!copy.exists());
    assert_eq!(home.store.load(&dotted, &Call::at(now)).unwrap().unwrap().data[..], b"new"[..]);
}
