//! Ids of any form: one file each, and nobody gets another's record.

use std::os::unix::fs::PermissionsExt;

use proptest::prelude::*;

use super::*;

fn any_source() -> impl Strategy<Value = fn(String) -> StoreKey> {
    prop_oneof![Just(key as fn(String) -> StoreKey), Just(sent as _)]
}

/// Few characters, so that ids meet in one file often.
fn an_id() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[ab./~]{0,4}", 1 => ".{0,40}", 1 => "[a/.]{240,260}"]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn two_ids_never_see_each_others_data(
        one in an_id(), source in any_source(), two in an_id(), other in any_source(),
    ) {
        prop_assume!(one != two);
        let home = Home::impatient();
        let (one, two) = (source(one), other(two));
        home.write(&one, b"of one");
        prop_assert_eq!(home.data(&two), None);
        prop_assert!(!home.store.patch(&Patch::new(&two, record::version_of(b"of one"), 0, b"!!"), &Call::at(NOW)).unwrap());
        for expect in [Expect::Present, Expect::Version(record::version_of(b"of one"))] {
            prop_assert_eq!(home.store.write(&Write::new(&two, b"of two", expect), &Call::at(NOW)).unwrap(), Written::Refused);
        }
        home.write(&two, b"of two");
        prop_assert_eq!(home.data(&two).unwrap(), b"of two");
        prop_assert_eq!(home.data(&one).unwrap(), b"of one");
        home.write(&one, b"of one");
        prop_assert_eq!(home.data(&two).unwrap(), b"of two");
        prop_assert_eq!(home.store.write(&Write::new(&two, b"2", Expect::Absent), &Call::at(NOW)).unwrap(), Written::Refused);
        prop_assert_eq!(home.store.delete(&two, Expect::Any, &Call::at(NOW)).unwrap(), Deleted::Record);
        prop_assert_eq!(home.data(&two), None);
        prop_assert_eq!(home.data(&one).unwrap(), b"of one");
        let _ = home.store.delete(&one, Expect::Any, &Call::at(NOW)).unwrap();
        prop_assert!(home.everything().iter().all(|path| path.is_dir()));
    }

    #[test]
    fn no_id_reaches_a_file_outside_the_store(id in "(\\.\\.|/|a|\\.|\0){0,12}", source in any_source()) {
        let home = Home::new();
        let outside = home.folder.path().join("a.cache");
        fs::write(&outside, b"outside").unwrap();
        let id = source(id);
        home.write(&id, b"x");
        for path in home.everything() {
            let inside = path.starts_with(home.folder.path().join("data"))
                || path.starts_with(home.folder.path().join("locks"));
            prop_assert!(inside || path == outside, "{:?}", path);
        }
        prop_assert_eq!(home.data(&id).unwrap(), b"x");
        let _ = home.store.delete(&id, Expect::Any, &Call::at(NOW)).unwrap();
        prop_assert_eq!(fs::read(&outside).unwrap(), b"outside");
    }
}

/// What the original has stored under `id`, with the lock files of the ids that it has used.
pub(super) fn stored_by_the_original(home: &Home, id: &str, text: &str, used: &[&str]) {
    for id in used.iter().map(|id| key(*id)) {
        let lock = home.store.lock_file(&id);
        fs::create_dir_all(lock.parent().unwrap()).unwrap();
        fs::write(&lock, b"").unwrap();
        fs::set_permissions(&lock, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let file = home.data_file(&key(id.replace('.', "")));
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    let length = u8::try_from(text.len()).unwrap();
    let pickle =
        [b"\x80\x03}q\0X\x07\0\0\0sessionq\x01X", &[length, 0, 0, 0][..], text.as_bytes(), b"q\x02s."];
    fs::write(file, pickle.concat()).unwrap();
}

#[test]
fn what_we_stored_without_dots_is_no_dotted_ids() {
    let home = Home::new();
    let plain = key("abc");
    home.write(&plain, b"plain");
    for dotted in [key("a.b.c"), sent("ab.c")] {
        assert_eq!(home.data(&dotted), None);
        home.write(&dotted, b"dotted");
        assert_eq!(home.data(&plain).unwrap(), b"plain");
        assert_eq!(home.data(&dotted).unwrap(), b"dotted");
    }
}

#[test]
fn an_id_without_dots_has_the_file_of_its_name_and_others_make_way() {
    let home = Home::new();
    let (plain, dotted) = (key("abc"), key("a.bc"));
    home.write(&dotted, b"dotted");
    let shared = home.data_file(&plain);
    assert_eq!(home.data_file(&dotted), shared);
    home.write(&plain, b"plain");
    assert_eq!(home.data_file(&plain), shared);
    assert_ne!(home.data_file(&dotted), shared);
    assert_eq!(home.data(&dotted).unwrap(), b"dotted");
    assert_eq!(home.store.delete(&plain, Expect::Any, &Call::at(NOW)).unwrap(), Deleted::Record);
    assert_eq!(home.data(&dotted).unwrap(), b"dotted");
    assert_eq!(home.store.delete(&dotted, Expect::Any, &Call::at(NOW)).unwrap(), Deleted::Record);
    assert!(home.everything().iter().all(|path| path.is_dir()));
}

#[test]
fn what_the_original_stored_for_a_dotted_id_is_found_and_named() {
    let home = Home::new();
    stored_by_the_original(&home, "a.bc", "theirs", &["a.bc"]);
    let (dotted, plain) = (key("a.bc"), key("abc"));
    assert_eq!(home.data(&sent("a.bc")), None);
    assert_eq!(home.data(&key("ab.c")).unwrap(), b"theirs");
    assert_eq!(home.data(&dotted).unwrap(), b"theirs");
    home.write(&dotted, b"ours");
    // The original finds it where it was.
    assert_eq!(home.data_file(&dotted), home.data_file(&plain));
    assert_eq!(home.data(&dotted).unwrap(), b"ours");
    assert_eq!(home.data(&plain), None);
    // It writes the file anew, without a name.
    stored_by_the_original(&home, "a.bc", "again", &[]);
    assert_eq!(home.data(&dotted).unwrap(), b"again");
    home.write(&dotted, b"ours");
    assert_eq!(home.data_file(&dotted), home.data_file(&plain));
}

#[test]
fn what_the_original_stored_for_an_id_without_dots_is_no_others_who_has_not_used_it() {
    let home = Home::new();
    stored_by_the_original(&home, "abc", "theirs", &["abc"]);
    let (dotted, plain) = (key("a.bc"), key("abc"));
    assert_eq!(home.data(&dotted), None);
    home.write(&dotted, b"ours");
    assert_eq!(home.data(&plain).unwrap(), b"theirs");
    assert_eq!(home.data(&dotted).unwrap(), b"ours");
}

#[test]
fn what_two_ids_shared_with_the_original_is_found_by_both_and_kept_for_both() {
    let home = Home::new();
    for used in [&["abc", "a.bc"][..], &[]] {
        stored_by_the_original(&home, "abc", "theirs", used);
        let (dotted, plain) = (key("a.bc"), key("abc"));
        assert_eq!(home.data(&dotted).unwrap(), b"theirs");
        home.write(&dotted, b"dotted");
        assert_eq!(home.data(&plain).unwrap(), b"theirs");
        home.write(&plain, b"plain");
        assert_eq!(home.data(&dotted).unwrap(), b"dotted");
        assert_eq!(home.store.delete(&dotted, Expect::Any, &Call::at(NOW)).unwrap(), Deleted::Record);
        assert_eq!(home.data(&dotted), None);
        assert_eq!(home.data(&plain).unwrap(), b"plain");
        assert_eq!(home.store.delete(&plain, Expect::Any, &Call::at(NOW)).unwrap(), Deleted::Record);
    }
}

#[test]
fn an_ended_session_is_not_found_again_in_the_file_that_it_was_copied_from() {
    let home = Home::new();
    stored_by_the_original(&home, "abc", "theirs", &["abc", "a.bc"]);
    let dotted = key("a.bc");
    home.write(&dotted, b"dotted");
    assert_eq!(home.store.delete(&dotted, Expect::Any, &Call::at(NOW)).unwrap(), Deleted::Record);
    assert_eq!(home.data(&dotted), None);
    stored_by_the_original(&home, "abc", "theirs", &["abc", "a.bc"]);
    home.write(&dotted, b"dotted");
    let new = key("new");
    let rotation = Rotation::new(&dotted, &new, b"x", Expect::Present);
    assert!(matches!(home.store.rotate(&rotation, &Call::at(NOW)).unwrap(), Written::Stored(_)));
    assert_eq!(home.data(&dotted), None);
}

#[test]
fn an_id_gets_another_of_the_same_name() {
    for (old, new) in [("a.bc", "abc"), ("abc", "a.bc"), ("a.bc", "ab.c")] {
        let home = Home::impatient();
        let (old, new) = (key(old), key(new));
        home.write(&old, b"old");
        let rotation = Rotation::new(&old, &new, b"new", Expect::Present);
        assert!(matches!(home.store.rotate(&rotation, &Call::at(NOW)).unwrap(), Written::Stored(_)));
        assert_eq!(home.data(&old), None);
        assert_eq!(home.data(&new).unwrap(), b"new");
        assert_eq!(home.store.delete(&new, Expect::Any, &Call::at(NOW)).unwrap(), Deleted::Record);
        assert!(home.everything().iter().all(|path| path.is_dir()));
    }
}

#[test]
fn who_holds_an_id_keeps_nobody_from_one_that_differs_in_its_dots() {
    let home = Home::impatient();
    let ids = ["abc", "a.bc", "ab.c"].map(key);
    for id in &ids {
        home.write(id, id.record().as_bytes());
    }
    let store = Arc::new(home.store.clone());
    let hold = |id: &StoreKey| {
        Arc::clone(&store)
            .lock(id, LockTarget::Record, &Call::at(NOW).waiting(Duration::ZERO))
            .unwrap()
            .unwrap()
    };
    let held = ids.each_ref().map(hold);
    for (id, held) in ids.iter().zip(&held) {
        assert!(matches!(
            store
                .write(&Write::new(id, b"held", Expect::Present), &home.at(NOW).under(Some(&**held)))
                .unwrap(),
            Written::Stored(_)
        ));
        assert_eq!(home.data(id).unwrap(), b"held");
    }
}

#[test]
fn a_dotted_id_whose_name_is_held_is_written_all_the_same() {
    let home = Home::impatient();
    let (dotted, plain) = (key("a.bc"), key("abc"));
    home.write(&dotted, b"before");
    let store = Arc::new(home.store.clone());
    let _held = Arc::clone(&store)
        .lock(&plain, LockTarget::Id, &Call::at(NOW).waiting(Duration::ZERO))
        .unwrap()
        .unwrap();
    home.write(&dotted, b"after");
    assert_eq!(home.data(&dotted).unwrap(), b"after");
}

#[test]
fn an_id_that_only_looks_at_anothers_record_leaves_no_lock() {
    let home = Home::new();
    home.write(&key("abc"), b"x");
    let before = home.everything().len();
    let id = sent("a.bc");
    for expect in [Expect::Present, Expect::Version(record::version_of(b"x"))] {
        assert_eq!(
            home.store.write(&Write::new(&id, b"y", expect), &Call::at(NOW)).unwrap(),
            Written::Refused
        );
    }
    let _ = home.store.delete(&id, Expect::Any, &Call::at(NOW)).unwrap();
    assert_eq!(home.everything().len(), before);
}

#[test]
fn ids_that_share_a_name_and_write_at_once_have_a_record_each() {
    let home = Home::new();
    for _ in 0..30 {
        let ids = ["abc", "a.bc", "ab.c", "a.b.c"].map(sent);
        std::thread::scope(|scope| {
            for id in &ids {
                let store = &home.store;
                scope.spawn(move || {
                    let written =
                        store.write(&Write::new(id, id.record().as_bytes(), Expect::Absent), &Call::at(NOW));
                    assert!(matches!(written.unwrap(), Written::Stored(_)));
                });
            }
        });
        for id in &ids {
            assert_eq!(home.data(id).unwrap(), id.record().as_bytes());
            assert_eq!(home.store.delete(id, Expect::Any, &Call::at(NOW)).unwrap(), Deleted::Record);
        }
        assert!(home.everything().iter().all(|path| path.is_dir()));
    }
}

#[test]
fn an_id_whose_file_has_anothers_record_is_not_held() {
    let home = Home::impatient();
    let store = Arc::new(home.store.clone());
    let held = |id: &StoreKey| {
        Arc::clone(&store).lock(id, LockTarget::Record, &Call::at(NOW).waiting(Duration::ZERO)).unwrap()
    };
    let (dotted, plain) = (key("a.bc"), key("abc"));
    for (owner, other) in [(&dotted, plain.clone()), (&plain, sent("a.bc"))] {
        home.write(owner, b"x");
        assert!(held(&other).is_none());
        assert!(held(owner).is_some());
        let _ = home.store.delete(owner, Expect::Any, &Call::at(NOW)).unwrap();
        assert!(home.everything().iter().all(|path| path.is_dir()));
    }
}
