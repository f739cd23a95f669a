//! Records whose rows may have the same numbers.

use super::*;

/// Gives the session `id` a row that it does not have itself.
fn move_row(home: &Home, id: &str, number: i64) {
    home.run(&format!("UPDATE records SET id = {number} WHERE namespace = '{id}'"));
}

#[test]
fn records_with_one_hash_are_told_apart() {
    let home = Home::new();
    let ids = ["abc", "other", "third"];
    let numbers: Vec<i64> = Place::of_session(ids[0]).numbers().collect();
    for (id, number) in [(ids[1], numbers[0]), (ids[2], numbers[2])] {
        home.write(&key(id), b"foreign");
        move_row(&home, id, number);
    }
    assert!(home.data(&key(ids[0])).is_none());
    home.write(&key(ids[0]), b"x");
    home.run(&format!("DELETE FROM records WHERE id = {}", numbers[0]));
    home.write(&key(ids[0]), b"y");
    assert_eq!(home.data(&key(ids[0])).unwrap(), b"y");
    let rows = "SELECT group_concat(namespace || ' ' || id) FROM (SELECT * FROM records ORDER BY id)";
    assert_eq!(home.ask(rows), format!("abc {},third {}", numbers[1], numbers[2]));
    assert_eq!(home.store.delete(&key(ids[0]), Expect::Any, &home.at(NOW)).unwrap(), Deleted::Record);
    assert_eq!(home.ask(rows), format!("third {}", numbers[2]));
}

#[test]
fn a_record_for_which_no_number_is_free_is_refused_and_the_others_stay() {
    let home = Home::new();
    let numbers = Place::of_session("abc").numbers();
    assert_eq!(numbers.clone().count(), 16);
    for number in numbers.clone() {
        let id = format!("other {number}");
        home.write(&key(id.as_str()), b"foreign");
        move_row(&home, &id, number);
    }
    let id = key("abc");
    let write = Write::new(&id, b"x", Expect::Any);
    let refused = home.store.write(&write, &home.at(NOW)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unavailable);
    assert!(home.data(&key("abc")).is_none());
    assert_eq!(home.ask("SELECT count(*) FROM records WHERE value = 'foreign'"), "16");
    move_row(&home, &format!("other {}", numbers.end()), 17);
    home.write(&key("abc"), b"x");
    assert_eq!(home.data(&key("abc")).unwrap(), b"x");
}

#[test]
fn the_number_of_a_row_is_a_hash_that_no_release_may_change() {
    let numbers = |namespace, name| *Place::new(namespace, name).numbers().start();
    assert_eq!(numbers("abc", "session"), 5_626_707_979_353_004_832);
    assert_eq!(numbers("", ""), 3_410_756_493_081_906_032);
    assert_eq!(numbers("näme", "wért"), 8_981_443_017_634_825_056);
    assert_ne!(numbers("ab", "c"), numbers("a", "bc"));
}

#[test]
fn a_session_stays_where_the_id_of_its_rotation_has_no_number() {
    let home = Home::new();
    home.write(&key("old"), b"x");
    for number in Place::of_session("new").numbers() {
        let id = format!("other {number}");
        home.write(&key(id.as_str()), b"foreign");
        move_row(&home, &id, number);
    }
    let (old, new) = (key("old"), key("new"));
    let rotation = Rotation::new(&old, &new, b"y", Expect::Any);
    assert_eq!(home.store.rotate(&rotation, &home.at(NOW)).unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(home.data(&old).unwrap(), b"x");
    assert!(home.data(&new).is_none());
}

#[test]
fn every_change_finds_a_session_that_is_not_at_its_first_number() {
    let (home, id, new) = (Home::new(), key("abc"), key("new"));
    let minute = Some(Duration::from_secs(60));
    for (session, number) in [("abc", 3), ("new", 5)] {
        home.write(&key(session), b"x");
        move_row(&home, session, Place::of_session(session).numbers().start() + number);
    }
    let version = home.store.load(&id, &home.at(NOW)).unwrap().unwrap().version;
    assert!(home.store.patch(&Patch::new(&id, version, 0, b"y").lasting(minute), &home.at(NOW)).unwrap());
    assert_eq!(home.data(&id).unwrap(), b"y");
    // An expired record leaves its row to the next.
    let late = home.at(NOW + 61.0);
    let _ = home.store.write(&Write::new(&id, b"z", Expect::Absent), &late).unwrap();
    assert_eq!(home.ask("SELECT count(*) FROM records"), "2");
    let rotated = home.store.rotate(&Rotation::new(&id, &new, b"r", Expect::Any), &late).unwrap();
    assert!(matches!(rotated, Written::Stored(_)));
    assert!(home.data(&id).is_none());
    assert_eq!(home.data(&new).unwrap(), b"r");
    assert_eq!(home.ask("SELECT count(*) FROM records"), "1");
}

#[test]
fn values_with_one_hash_are_told_apart() {
    let home = Home::new();
    let (database, call) = (&home.store.database, home.at(NOW));
    let set = |namespace, value| database.set_value(namespace, "name", Value::Pickle(value), None, &call);
    set("foreign", b"f").unwrap();
    move_row(&home, "foreign", *Place::new("mine", "name").numbers().start());
    set("mine", b"1").unwrap();
    set("mine", b"2").unwrap();
    let mine = || database.value("mine", "name", &call).unwrap();
    assert_eq!(mine(), Some(Stored::Pickle(b"2".to_vec())));
    assert_eq!(database.names("mine", &call).unwrap(), ["name"]);
    database.remove_namespace("mine", &call).unwrap();
    assert_eq!(mine(), None);
    set("mine", b"3").unwrap();
    assert!(database.remove_value("mine", "name", &call).unwrap());
    assert_eq!(home.ask("SELECT namespace FROM records"), "foreign");
}

#[test]
fn an_index_leads_to_the_names_of_a_namespace_and_has_no_session() {
    let home = Home::new();
    home.write(&key("abc"), b"x");
    let plan = "EXPLAIN QUERY PLAN SELECT name FROM records WHERE namespace = 'abc' AND name";
    let how = |condition: &str| {
        let connection = Connection::open(home.path()).unwrap();
        connection.query_row(&format!("{plan} {condition}"), [], |row| row.get::<_, String>(3)).unwrap()
    };
    assert!(how("<> 'session'").contains("records_by_name"));
    assert!(!how("= 'session'").contains("records_by_name"));
}
