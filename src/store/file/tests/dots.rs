//! Ids that differ in their dots: whom they wait for, and what makes way.

use super::ids::stored_by_the_original;
use super::*;
use crate::codec::envelope;

#[test]
fn a_shared_file_whose_lock_is_out_of_order_is_not_written() {
    let home = Home::impatient();
    let [dotted, plain] = ["a.bc", "abc"].map(key);
    home.write(&dotted, b"x");
    let lock = home.store.lock_file(&plain);
    let _ = fs::remove_file(&lock);
    fs::create_dir(&lock).unwrap();
    let write = Write::new(&dotted, b"y", Expect::Any);
    assert_eq!(home.store.write(&write, &home.at(NOW)).unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(home.data(&dotted).unwrap(), b"x");
}

#[test]
fn an_id_with_a_file_of_its_own_is_rotated_while_the_one_without_dots_is_held() {
    let home = Home::impatient();
    let [dotted, plain, new] = ["a.bc", "abc", "new"].map(key);
    home.write(&dotted, b"dotted");
    home.write(&plain, b"plain");
    assert_ne!(home.data_file(&dotted), home.data_file(&plain));
    let store = Arc::new(home.store.clone());
    let _held = store.lock(&plain, LockTarget::Record, &home.at(NOW)).unwrap().unwrap();
    let rotation = Rotation::new(&dotted, &new, b"x", Expect::Present);
    assert!(matches!(home.store.rotate(&rotation, &home.at(NOW)).unwrap(), Written::Stored(_)));
    assert_eq!(home.data(&dotted), None);
    assert_eq!(home.data(&plain).unwrap(), b"plain");
}

#[test]
fn an_id_with_dots_that_a_session_gets_has_the_file_of_its_name_where_that_is_free() {
    let home = Home::impatient();
    let [old, dotted, plain] = ["old", "a.bc", "abc"].map(key);
    home.write(&old, b"x");
    let rotation = Rotation::new(&old, &dotted, b"y", Expect::Present);
    assert!(matches!(home.store.rotate(&rotation, &home.at(NOW)).unwrap(), Written::Stored(_)));
    // Where Beaker finds it, too.
    assert_eq!(home.data_file(&dotted), home.data_file(&plain));
    assert_eq!(home.data(&dotted).unwrap(), b"y");
}

#[test]
fn what_beaker_writes_over_our_record_is_the_same_ids() {
    let home = Home::new();
    let [dotted, plain] = ["a.bc", "abc"].map(key);
    home.write(&dotted, b"ours");
    stored_by_the_original(&home, "a.bc", "theirs", &[]);
    assert_eq!(home.data(&dotted).unwrap(), b"theirs");
    // No other id may have it, so it is not copied.
    home.write(&dotted, b"ours");
    assert_eq!(home.data_file(&dotted), home.data_file(&plain));
    // An id without dots needs no mark for that.
    let other = new_key();
    home.write(&other, b"x");
    assert_eq!(fs::read(home.store.lock_file(&other)).unwrap(), b"");
}

#[test]
fn a_record_in_the_file_of_its_owner_makes_way_for_nobody() {
    let home = Home::new();
    let [dotted, plain] = ["a.bc", "abc"].map(key);
    home.write(&dotted, b"x");
    let before = home.everything();
    home.store.clear(&dotted, home.wait).unwrap();
    assert_eq!(home.everything(), before);
    // As another program may name the owner of a file that is its alone.
    let named = envelope::write("x", Some(plain.record()), None).unwrap();
    fs::write(home.data_file(&plain), named).unwrap();
    home.store.clear(&plain, home.wait).unwrap();
    assert_eq!(home.everything(), before);
}
