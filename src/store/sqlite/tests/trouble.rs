//! Databases that are damaged, are none, or cannot be reached or written.

use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;
use crate::store::Version;

fn kind<T: fmt::Debug>(outcome: Result<T>) -> ErrorKind {
    outcome.unwrap_err().kind()
}

/// Every call of a store fails as `expected`, and the last error says `words`.
fn refuses(home: &Home, expected: ErrorKind, words: &str) {
    let (id, call) = (key("abc"), home.at(NOW));
    let (store, version) = (&home.store, Version::from(1));
    assert_eq!(kind(store.load(&id, &call)), expected);
    assert_eq!(kind(store.patch(&Patch::new(&id, version, 0, b"y"), &call)), expected);
    assert_eq!(kind(store.write(&Write::new(&id, b"y", Expect::Present), &call)), expected);
    assert_eq!(kind(store.delete(&id, Expect::Any, &call)), expected);
    assert_eq!(kind(store.rotate(&Rotation::new(&id, &key("d"), b"y", Expect::Any), &call)), expected);
    let error = store.write(&Write::new(&id, b"y", Expect::Any), &call).unwrap_err();
    assert_eq!(error.kind(), expected);
    assert!(error.to_string().contains(words), "{error}");
    assert!(!error.to_string().contains("abc"), "{error}");
}

#[test]
fn a_file_that_is_no_database_is_left_alone_and_no_session_is_absent() {
    let home = Home::new();
    fs::create_dir(home.path().parent().unwrap()).unwrap();
    fs::write(home.path(), vec![b'x'; 5000]).unwrap();
    refuses(&home, ErrorKind::Unavailable, "no SQLite database");
    assert_eq!(fs::read(home.path()).unwrap(), vec![b'x'; 5000]);
}

#[test]
fn a_damaged_page_is_no_corrupt_session() {
    let home = Home::new();
    for number in 0..200 {
        home.write(&key(format!("{number}")), &[b'x'; 600]);
    }
    home.close();
    let mut bytes = fs::read(home.path()).unwrap();
    for byte in &mut bytes[4096..] {
        *byte = 0x55;
    }
    fs::write(home.path(), bytes).unwrap();
    assert_eq!(kind(home.store.load(&key("7"), &home.at(NOW))), ErrorKind::Unavailable);
}

#[test]
fn a_database_of_another_program_is_refused_and_left_alone() {
    let home = Home::new();
    fs::create_dir(home.path().parent().unwrap()).unwrap();
    let other = Connection::open(home.path()).unwrap();
    other.execute_batch("CREATE TABLE things (name TEXT)").unwrap();
    drop(other);
    let before = fs::read(home.path()).unwrap();
    refuses(&home, ErrorKind::Unavailable, "belongs to another program");
    assert!(fs::read(home.path()).unwrap() == before);
    let other = Connection::open(home.path()).unwrap();
    let tables: i64 = other.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).unwrap();
    assert_eq!(tables, 1);
}

#[test]
fn a_database_with_the_tables_of_no_release_is_refused() {
    let home = Home::new();
    home.write(&key("abc"), b"x");
    home.run("PRAGMA application_id = 0x626b7201");
    home.close();
    refuses(&home, ErrorKind::Unavailable, "belongs to another program");
}

#[test]
fn a_database_whose_tables_are_being_made_belongs_to_no_other_program() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let home = Home::new();
    home.write(&key("abc"), b"x");
    let [other, connection] = [0; 2].map(|_| Connection::open(home.path()).unwrap());
    let ended = &AtomicBool::new(false);
    let told = |failure: Failure| failure.into_error(READING, Path::new("/folder/sessions.sqlite"));
    std::thread::scope(|scope| {
        scope.spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                // Both are what a first use finds: no table, or all of them.
                let unmade = "BEGIN IMMEDIATE; DROP TABLE records; PRAGMA application_id = 0; PRAGMA user_version = 0; \
                              COMMIT";
                other.execute_batch(unmade).unwrap();
                schema::prepare(&other).map_err(told).unwrap();
            }
        });
        let refused = (0..5000).find_map(|_| match schema::check(&connection) {
            Err(failure) if !failure.is_busy() => Some(told(failure)),
            _ => None,
        });
        ended.store(true, Ordering::Relaxed);
        assert!(refused.is_none(), "{refused:?}");
    });
}

#[test]
fn a_record_whose_end_is_no_time_is_refused() {
    let (home, id, other) = (Home::new(), key("abc"), key("d"));
    let minute = Some(Duration::from_secs(60));
    home.write(&id, b"x");
    let version = home.store.load(&id, &home.at(NOW)).unwrap().unwrap().version;
    for now in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let (store, call) = (&home.store, home.at(now));
        let rotation = Rotation { ttl: minute, ..Rotation::new(&id, &other, b"y", Expect::Any) };
        assert_eq!(
            kind(store.write(&Write::new(&id, b"y", Expect::Any).lasting(minute), &call)),
            ErrorKind::Invalid
        );
        assert_eq!(
            kind(store.patch(&Patch::new(&id, version, 0, b"y").lasting(minute), &call)),
            ErrorKind::Invalid
        );
        assert_eq!(kind(store.rotate(&rotation, &call)), ErrorKind::Invalid);
        let set = store.database.set_value("a", "b", Value::Pickle(b"y"), minute, &call);
        assert_eq!(kind(set), ErrorKind::Invalid);
    }
    assert_eq!(home.data(&id).unwrap(), b"x");
    assert_eq!(home.ask("SELECT count(*) FROM records"), "1");
}

#[test]
fn a_database_of_a_newer_release_is_refused() {
    let home = Home::new();
    home.write(&key("abc"), b"x");
    home.run("PRAGMA user_version = 99");
    home.close();
    refuses(&home, ErrorKind::Unavailable, "newer release");
}

#[test]
fn a_value_of_another_kind_in_the_place_of_a_session_is_corrupt_and_can_be_replaced_and_removed() {
    let (home, id) = (Home::new(), key("abc"));
    for value in ["x'8004'", "17"] {
        home.write(&id, b"x");
        home.run(&format!("UPDATE records SET value = {value}"));
        assert_eq!(kind(home.store.load(&id, &home.at(NOW))), ErrorKind::Corrupt, "{value}");
        let refused = [Expect::Absent, Expect::Version(Version::from(1))];
        for expect in refused {
            let written = home.store.write(&Write::new(&id, b"y", expect), &home.at(NOW)).unwrap();
            assert_eq!(written, Written::Refused);
        }
        let deleted = home.store.delete(&id, Expect::Version(Version::from(1)), &home.at(NOW)).unwrap();
        assert_eq!(deleted, Deleted::Refused);
        let written = home.store.write(&Write::new(&id, b"y", Expect::Present), &home.at(NOW)).unwrap();
        assert_ne!(written, Written::Refused);
        assert_eq!(home.data(&id).unwrap(), b"y");
        home.run(&format!("UPDATE records SET value = {value}"));
        assert_eq!(home.store.delete(&id, Expect::Any, &home.at(NOW)).unwrap(), Deleted::Record);
        assert_eq!(home.data(&id), None);
    }
}

#[test]
fn data_that_is_no_text_is_refused() {
    let home = Home::new();
    let written = home.store.write(&Write::new(&key("abc"), b"\xff", Expect::Any), &home.at(NOW));
    assert_eq!(kind(written), ErrorKind::Invalid);
}

#[test]
fn a_folder_in_the_place_of_the_database_is_refused() {
    let home = Home::new();
    fs::create_dir_all(home.path()).unwrap();
    refuses(&home, ErrorKind::Unavailable, "cannot be opened");
}

#[test]
fn a_file_in_the_place_of_the_folder_is_refused() {
    let home = Home::new();
    fs::write(home.path().parent().unwrap(), b"").unwrap();
    let (id, call) = (key("abc"), home.at(NOW));
    assert_eq!(kind(home.store.load(&id, &call)), ErrorKind::Unavailable);
    assert_eq!(kind(home.store.write(&Write::new(&id, b"y", Expect::Any), &call)), ErrorKind::Unavailable);
}

#[test]
fn a_link_to_nowhere_in_the_place_of_the_database_is_no_absence() {
    let home = Home::new();
    fs::create_dir(home.path().parent().unwrap()).unwrap();
    symlink("nowhere", home.path()).unwrap();
    assert_eq!(kind(home.store.load(&key("abc"), &home.at(NOW))), ErrorKind::Unavailable);
}

#[test]
fn a_database_that_is_removed_is_made_anew_and_one_that_is_put_in_its_place_is_used() {
    let (home, id) = (Home::new(), key("abc"));
    home.write(&id, b"first");
    for ending in ["", "-wal", "-shm"] {
        let mut path = home.path().as_os_str().to_owned();
        path.push(ending);
        fs::remove_file(path).unwrap();
    }
    assert_eq!(home.data(&id), None);
    home.write(&id, b"second");
    assert_eq!(home.data(&id).unwrap(), b"second");
    let other = Home::new();
    other.write(&id, b"third");
    other.close();
    fs::rename(other.path(), home.path()).unwrap();
    for ending in ["-wal", "-shm"] {
        let mut path = home.path().as_os_str().to_owned();
        path.push(ending);
        fs::remove_file(path).unwrap();
    }
    assert_eq!(home.data(&id).unwrap(), b"third");
}

#[test]
fn a_mode_that_somebody_gave_to_the_file_is_kept() {
    let home = Home::new();
    home.write(&key("abc"), b"x");
    home.close();
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o660)).unwrap();
    home.write(&key("abc"), b"y");
    assert!(home.files().iter().all(|path| mode(path) == 0o660), "{:?}", home.files());
}

#[test]
fn an_error_of_the_database_is_told_by_its_kind() {
    let code = |code| Failure::Sqlite(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None));
    let path = Path::new("/folder/sessions.sqlite");
    use rusqlite::ffi::{
        SQLITE_BUSY, SQLITE_CANTOPEN, SQLITE_CORRUPT, SQLITE_FULL, SQLITE_IOERR, SQLITE_LOCKED, SQLITE_NOMEM,
        SQLITE_PROTOCOL, SQLITE_READONLY,
    };
    for (number, words) in [
        (SQLITE_CANTOPEN, "cannot be opened"),
        (SQLITE_CORRUPT, "damaged"),
        (SQLITE_FULL, "no room"),
        (SQLITE_IOERR, "/folder/sessions.sqlite"),
        (SQLITE_NOMEM, "/folder/sessions.sqlite"),
        (SQLITE_READONLY, "may not be written"),
    ] {
        assert_eq!(code(number).spares_the_connection(), number == SQLITE_FULL);
        let error = code(number).into_error(READING, path);
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!(error.folder(), Some(Path::new("/folder")));
        assert!(error.to_string().contains(words), "{error}");
    }
    assert_eq!(code(SQLITE_FULL).into_error(READING, path).os_error(), Some(28));
    for number in [SQLITE_BUSY, SQLITE_LOCKED, SQLITE_PROTOCOL] {
        assert!(code(number).is_busy() && code(number).spares_the_connection());
        assert!(code(number).into_error(READING, path).is_busy());
    }
}
