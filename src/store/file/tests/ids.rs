//! Ids of any form: one file each, and nobody gets another's record.

use proptest::prelude::*;

use super::*;

fn any_source() -> impl Strategy<Value = fn(String) -> SessionId> {
    prop_oneof![Just(SessionId::from_program as fn(String) -> SessionId), Just(SessionId::from_request as _)]
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
        // A program that uses an id with dots may have records that name no owner.
        let trusted = other(String::new()).source() == crate::id::IdSource::Program;
        prop_assume!(!(trusted && two.contains('.')));
        let home = Home::impatient();
        let (one, two) = (source(one), other(two));
        home.write(&one, b"of one");
        prop_assert_eq!(home.data(&two), None);
        let touch = Touch { version: record::version_of(b"of one"), offset: 0, bytes: b"!!" };
        prop_assert!(!home.store.touch(&two, &touch, None, NOW).unwrap());
        for expect in [Expect::Present, Expect::Version(touch.version)] {
            prop_assert_eq!(home.store.write(&two, b"of two", None, expect, NOW).unwrap(), Written::Refused);
        }
        let taken = home.store.write(&two, b"of two", None, Expect::Any, NOW).is_err();
        prop_assert_eq!(home.data(&two), (!taken).then(|| b"of two".to_vec()));
        prop_assert_eq!(taken, home.store.write(&two, b"of two", None, Expect::Absent, NOW).is_err());
        home.store.delete(&two).unwrap();
        prop_assert_eq!(home.data(&one).unwrap(), b"of one");
        home.store.delete(&one).unwrap();
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
        home.store.delete(&id).unwrap();
        prop_assert_eq!(fs::read(&outside).unwrap(), b"outside");
    }
}

#[test]
fn a_record_without_an_owner_is_given_to_a_program_that_dots_its_name_and_to_no_browser() {
    let home = Home::new();
    let plain = SessionId::from_program("abc");
    let (programs, browsers) = (SessionId::from_program("a.b.c"), SessionId::from_request("a.b.c"));
    home.write(&plain, b"without owner");
    assert_eq!(home.data(&browsers), None);
    assert_eq!(home.data(&programs).unwrap(), b"without owner");
    home.write(&programs, b"owned");
    assert_eq!(home.data(&plain), None);
    assert_eq!(home.data(&SessionId::from_program("ab.c")), None);
    assert_eq!(home.data(&browsers).unwrap(), b"owned");
}

#[test]
fn an_id_that_only_looks_at_anothers_record_leaves_no_lock() {
    let home = Home::new();
    home.write(&SessionId::from_program("abc"), b"x");
    let before = home.everything().len();
    let id = SessionId::from_request("a.bc");
    for expect in [Expect::Present, Expect::Version(record::version_of(b"x"))] {
        assert_eq!(home.store.write(&id, b"y", None, expect, NOW).unwrap(), Written::Refused);
    }
    assert_eq!(
        home.store.write(&id, b"y", None, Expect::Any, NOW).unwrap_err().kind(),
        ErrorKind::Unavailable
    );
    home.store.delete(&id).unwrap();
    assert_eq!(home.everything().iter().filter(|path| path.is_file()).count(), 2);
    assert!(home.everything().len() <= before + 2);
}

#[test]
fn ids_that_meet_in_one_file_do_not_write_at_once() {
    let home = Home::new();
    for _ in 0..30 {
        let ids = ["abc", "a.bc", "ab.c", "a.b.c"].map(SessionId::from_request);
        let outcomes: Vec<_> = std::thread::scope(|scope| {
            let threads = ids.each_ref().map(|id| {
                let store = &home.store;
                scope.spawn(move || store.write(id, id.as_str().as_bytes(), None, Expect::Absent, NOW))
            });
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let winners: Vec<_> = ids.iter().zip(&outcomes).filter(|(_, outcome)| outcome.is_ok()).collect();
        assert_eq!(winners.len(), 1);
        assert_eq!(home.data(winners[0].0).unwrap(), winners[0].0.as_str().as_bytes());
        home.store.delete(winners[0].0).unwrap();
    }
}

#[test]
fn an_id_whose_file_has_anothers_record_is_not_held() {
    let home = Home::impatient();
    let store = Arc::new(home.store.clone());
    let held = |id: &SessionId| Arc::clone(&store).hold(id, HoldOf::Record, Duration::ZERO, NOW).unwrap();
    let (dotted, plain) = (SessionId::from_program("a.bc"), SessionId::from_program("abc"));
    for (owner, other) in [(&dotted, plain.clone()), (&plain, SessionId::from_request("a.bc"))] {
        home.write(owner, b"x");
        assert!(held(&other).is_none());
        assert!(held(owner).is_some());
        home.store.delete(owner).unwrap();
        assert!(home.everything().iter().all(|path| path.is_dir()));
    }
}
