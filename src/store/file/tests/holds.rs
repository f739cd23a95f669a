//! Sessions that are held or get another id, and the lock files that stay.

use super::*;
use crate::error::Error;
use crate::store::{Guard, Redirect};

fn hold(home: &Home, id: &StoreKey) -> Arc<dyn Guard> {
    Arc::new(home.store.clone()).lock(id, LockTarget::Id, &home.at(NOW)).unwrap().unwrap()
}

fn rotate(home: &Home, rotation: &Rotation<'_>) -> Written {
    home.store.rotate(rotation, &home.at(NOW)).unwrap()
}

fn has_lock_file(home: &Home, id: &StoreKey) -> bool {
    home.store.lock_file(id).exists()
}

#[test]
fn an_id_that_got_no_record_while_it_was_held_keeps_no_lock_file() {
    for is_released in [true, false] {
        let home = Home::impatient();
        let id = new_key();
        let held = hold(&home, &id);
        assert!(has_lock_file(&home, &id));
        if is_released {
            held.release().unwrap();
        }
        drop(held);
        assert!(!has_lock_file(&home, &id), "{is_released}");
    }
}

#[test]
fn an_id_of_which_it_is_not_known_whether_it_has_a_record_keeps_its_lock_file() {
    let home = Home::impatient();
    let id = key("abc");
    let held = hold(&home, &id);
    fs::create_dir(home.store.file_dir()).unwrap();
    fs::write(home.store.file_dir().join("a"), b"").unwrap();
    held.release().unwrap();
    assert!(has_lock_file(&home, &id));
}

#[test]
fn a_holder_does_not_go_back_to_an_id_that_it_left() {
    let home = Home::impatient();
    let [one, two] = [new_key(), new_key()];
    home.write(&one, b"x");
    let held = hold(&home, &one);
    let rotate = |rotation: Rotation<'_>| home.store.rotate(&rotation, &home.at(NOW).under(Some(&*held)));
    let written = rotate(Rotation::new(&one, &two, b"y", Expect::Present)).unwrap();
    assert!(matches!(written, Written::Stored(_)));
    let back = rotate(Rotation::new(&two, &one, b"z", Expect::Present));
    assert_eq!(back.map_err(|error: Error| error.kind()), Err(ErrorKind::Invalid));
    assert_eq!(home.data(&two).unwrap(), b"y");
}

#[test]
fn a_record_that_moves_to_a_hash_of_its_id_keeps_its_lock_file() {
    for is_held in [true, false] {
        let home = Home::impatient();
        let id = SessionId::generate();
        let [plain, hashed] = [StoreKey::plain(&id), StoreKey::hashed(&id)];
        home.write(&plain, b"x");
        let held = is_held.then(|| hold(&home, &plain));
        let rotation = Rotation::new(&plain, &hashed, b"y", Expect::Present);
        let call = home.at(NOW);
        let written = home.store.rotate(&rotation, &call.under(held.as_deref())).unwrap();
        assert!(matches!(written, Written::Stored(_)));
        drop(held);
        assert_eq!(home.data(&hashed).unwrap(), b"y");
        assert!(has_lock_file(&home, &plain), "{is_held}");
    }
}

#[test]
fn a_rotation_removes_the_lock_file_of_an_id_that_is_left_without_a_record_alone() {
    let home = Home::impatient();
    let [old, new] = [new_key(), new_key()];
    home.write(&old, b"x");
    let refused = Rotation::new(&old, &new, b"y", Expect::Version(record::version_of(b"another")));
    assert_eq!(rotate(&home, &refused), Written::Refused);
    assert!(has_lock_file(&home, &old));
    let redirect = Some(Redirect { data: b"redirect", ttl: Duration::from_secs(60) });
    let left = Rotation { redirect, ..Rotation::new(&old, &new, b"y", Expect::Present) };
    assert!(matches!(rotate(&home, &left), Written::Stored(_)));
    assert!(has_lock_file(&home, &old));
    let newest = new_key();
    assert!(matches!(
        rotate(&home, &Rotation::new(&new, &newest, b"z", Expect::Present)),
        Written::Stored(_)
    ));
    assert!(!has_lock_file(&home, &new) && has_lock_file(&home, &newest));
}

#[test]
fn a_rotation_that_cannot_write_leaves_what_is_under_the_new_id() {
    let home = Home::impatient();
    let [old, new] = [new_key(), new_key()];
    home.write(&old, b"old");
    home.write(&new, b"new");
    // A file holds text.
    let rotation = Rotation::new(&old, &new, b"\xff", Expect::Present);
    assert_eq!(home.store.rotate(&rotation, &home.at(NOW)).unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(home.data(&old).unwrap(), b"old");
    assert_eq!(home.data(&new).unwrap(), b"new");
}

#[test]
fn a_rotation_keeps_the_shared_file_locked_until_the_old_record_has_gone() {
    let home = Home::new();
    let [dotted, plain, new] = ["x.yz", "xyz", "new"].map(key);
    home.write(&dotted, b"x");
    let held = hold(&home, &new);
    std::thread::scope(|scope| {
        let rotating = scope.spawn(|| rotate(&home, &Rotation::new(&dotted, &new, b"y", Expect::Present)));
        wait_until_open_twice(&home.store.lock_file(&new));
        let taken = LockFile::acquire(home.store.lock_file(&plain), Duration::ZERO);
        held.release().unwrap();
        assert!(matches!(rotating.join().unwrap(), Written::Stored(_)));
        assert_eq!(taken.unwrap_err().kind(), ErrorKind::Busy);
    });
    assert_eq!(home.data(&dotted), None);
    assert_eq!(home.data(&new).unwrap(), b"y");
}
