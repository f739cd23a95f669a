//! What is said of databases alone; the laws of every store run here too.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test says what it expects by failing, and one process tells another by its output"
)]

mod checkpoints;
mod places;
mod process;
mod sweeps;
mod trouble;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;

use super::*;
use crate::error::ErrorKind;
use crate::id::SessionId;
use crate::store::Durability;
use crate::store::laws::{Fixture, laws, lock_laws, scan_laws, sweep_laws};

const NOW: Timestamp = 1_000_000.0;

fn key(id: impl Into<Arc<str>>) -> StoreKey {
    SessionId::from_program(id).into()
}

/// A store in a folder of its own.
struct Home {
    folder: TempDir,
    store: SqliteStore,
}

impl Home {
    fn new() -> Self {
        Self::lasting(Durability::default())
    }

    fn lasting(durability: Durability) -> Self {
        let folder = TempDir::new().unwrap();
        let database = Database::at(&folder.path().join("data/sessions.sqlite"), durability).unwrap();
        Self { folder, store: SqliteStore::new(database) }
    }

    fn path(&self) -> &Path {
        self.store.database.path()
    }

    /// A call at `now` that waits a moment for others.
    fn at(&self, now: Timestamp) -> Call<'static> {
        Call::at(now).waiting(Duration::from_secs(5))
    }

    fn write(&self, id: &StoreKey, data: &[u8]) {
        let written = self.store.write(&Write::new(id, data, Expect::Any), &self.at(NOW)).unwrap();
        assert_ne!(written, Written::Refused);
    }

    fn data(&self, id: &StoreKey) -> Option<Vec<u8>> {
        self.store.load(id, &self.at(NOW)).unwrap().map(|record| record.data.to_vec())
    }

    /// Closes the connections, the last one with a checkpoint.
    fn close(&self) {
        self.store.database.close();
    }

    /// Runs SQL behind the store's back.
    fn run(&self, sql: &str) {
        let run = |connection: &Connection| Ok(connection.execute_batch(sql)?);
        self.store.database.read(Duration::ZERO, READING, run).unwrap().unwrap();
    }

    /// The only value that SQL gives.
    fn ask(&self, sql: &str) -> String {
        let ask = |connection: &Connection| {
            Ok(connection.query_row(sql, [], |row| match row.get_ref(0)? {
                ValueRef::Integer(number) => Ok(number.to_string()),
                value => Ok(value.as_str()?.to_owned()),
            })?)
        };
        self.store.database.read(Duration::ZERO, READING, ask).unwrap().unwrap()
    }

    /// All files there are, by their names.
    fn files(&self) -> Vec<PathBuf> {
        files_in(self.folder.path())
    }

    /// The number of rows and of files, but for the database's own three.
    fn footprint(&self) -> usize {
        let beside = self.path().with_file_name("sessions.sqlite-");
        let is_databases = |path: &&PathBuf| {
            *path == self.path()
                || ["wal", "shm"].iter().any(|end| **path == Path::new(&format!("{}{end}", beside.display())))
        };
        let files = self.files();
        let rows = || -> usize {
            let rows = self.store.database.read(Duration::ZERO, READING, |connection| {
                Ok(connection.query_row("SELECT count(*) FROM records", [], |row| row.get::<_, i64>(0))?)
            });
            usize::try_from(rows.unwrap().unwrap_or(0)).unwrap()
        };
        let databases = files.iter().filter(is_databases).count();
        files.len() - databases + usize::from(databases > 0) * rows()
    }
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if fs::symlink_metadata(&path).unwrap().is_dir() {
            found.extend(files_in(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

fn fixture() -> Fixture {
    let home = Arc::new(Home::new());
    Fixture::new(Arc::new(home.store.clone()), move || home.footprint())
}

laws!(fixture);
scan_laws!(fixture);
sweep_laws!(fixture);
lock_laws!(fixture);

#[test]
fn a_new_store_makes_nothing() {
    let home = Home::new();
    assert!(home.data(&key("abc")).is_none());
    assert!(home.files().is_empty());
}

#[test]
fn stores_of_one_path_share_their_connections() {
    let home = Home::new();
    let again = Database::at(home.path(), Durability::default()).unwrap();
    assert!(Arc::ptr_eq(&home.store.database, &again));
    let full = Database::at(home.path(), Durability::Full).unwrap();
    assert!(!Arc::ptr_eq(&home.store.database, &full));
}

#[test]
fn commits_are_flushed_as_the_durability_says_and_touches_are_not() {
    for (durability, expected) in
        [(Durability::Process, ["0", "0"]), (Durability::Beaker, ["1", "1"]), (Durability::Full, ["2", "1"])]
    {
        let (home, id) = (Home::lasting(durability), key("abc"));
        home.write(&id, b"x");
        assert_eq!(home.ask("PRAGMA synchronous"), expected[0]);
        let version = home.store.load(&id, &home.at(NOW)).unwrap().unwrap().version;
        assert!(home.store.patch(&Patch::new(&id, version, 0, b"y"), &home.at(NOW)).unwrap());
        assert_eq!(home.ask("PRAGMA synchronous"), expected[1]);
        home.write(&id, b"z");
        assert_eq!(home.ask("PRAGMA synchronous"), expected[0]);
    }
}

#[test]
fn the_database_says_whose_it_is_and_of_which_version() {
    let home = Home::new();
    home.write(&key("abc"), b"x");
    assert_eq!(home.ask("PRAGMA user_version"), schema::VERSION.to_string());
    assert_eq!(home.ask("PRAGMA journal_mode"), "wal");
    assert_eq!(home.ask("PRAGMA auto_vacuum"), "2");
    assert_eq!(home.ask("SELECT namespace || '/' || name || '/' || value FROM records"), "abc/session/x");
}

#[test]
fn a_session_changes_the_index_of_expiries_once_in_its_lifetime() {
    let (home, id) = (Home::new(), key("abc"));
    let lifetime = Some(Duration::from_secs(640));
    // The last is due, and the next expiry is an earlier one.
    for (now, due) in [(640.0, "20"), (704.0, "20"), (1343.0, "20"), (1344.0, "31"), (1983.0, "31")] {
        let write = Write::new(&id, b"x", Expect::Any).lasting(lifetime);
        let _ = home.store.write(&write, &home.at(now)).unwrap();
        assert_eq!(home.ask("SELECT due FROM records"), due);
        let version = home.store.load(&id, &home.at(now)).unwrap().unwrap().version;
        assert!(
            home.store.patch(&Patch::new(&id, version, 0, b"").lasting(lifetime), &home.at(now)).unwrap()
        );
        assert_eq!(
            home.ask("SELECT due || '/' || expires_at FROM records"),
            format!("{due}/{:.1}", now + 640.0)
        );
    }
    for (ttl, due) in [(Some(Duration::from_secs(1)), "31"), (None, ""), (lifetime, "41")] {
        let _ = home.store.write(&Write::new(&id, b"x", Expect::Any).lasting(ttl), &home.at(1984.0)).unwrap();
        assert_eq!(home.ask("SELECT coalesce(due, '') FROM records"), due);
    }
    // An earlier expiry than that of the index.
    let _ = home
        .store
        .write(&Write::new(&id, b"x", Expect::Any).lasting(Some(Duration::from_secs(64))), &home.at(1984.0))
        .unwrap();
    assert_eq!(home.ask("SELECT due FROM records"), "32");
}

#[test]
fn who_writes_waits_for_another_process_and_gives_up() {
    let (home, id) = (Home::new(), key("abc"));
    home.write(&id, b"x");
    let other = Connection::open(home.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let write = Write::new(&id, b"y", Expect::Any);
    for wait in [Duration::ZERO, Duration::from_millis(20)] {
        let begun = std::time::Instant::now();
        let error = home.store.write(&write, &Call::at(NOW).waiting(wait)).unwrap_err();
        assert!(error.is_busy() && begun.elapsed() >= wait);
    }
    assert_eq!(home.data(&id).unwrap(), b"x");
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| home.store.write(&write, &home.at(NOW)).unwrap());
        std::thread::sleep(Duration::from_millis(20));
        other.execute_batch("COMMIT").unwrap();
        assert_ne!(writing.join().unwrap(), Written::Refused);
    });
    assert_eq!(home.data(&id).unwrap(), b"y");
}

#[test]
fn a_reader_that_opens_the_database_waits_for_no_writer() {
    let (home, id) = (Home::new(), key("abc"));
    home.write(&id, b"x");
    home.close();
    let other = Connection::open(home.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let record = home.store.load(&id, &Call::at(NOW).waiting(Duration::ZERO)).unwrap();
    assert_eq!(&*record.unwrap().data, b"x");
}

#[test]
fn a_scan_lists_every_session_that_lives_and_nothing_else() {
    let home = Home::new();
    assert!(home.store.scan().unwrap().next_page(NOW).unwrap().is_none());
    let mut expected = Vec::new();
    for number in 0..1200 {
        let id = SessionId::from_program(format!("{number:032x}"));
        let key = if number % 3 == 0 { StoreKey::hashed(&id) } else { StoreKey::plain(&id) };
        let ttl = (number % 4 == 0).then_some(Duration::from_secs(60));
        let _ = home.store.write(&Write::new(&key, b"x", Expect::Any).lasting(ttl), &home.at(NOW)).unwrap();
        if ttl.is_none() {
            expected.push(key.record().to_owned());
        }
    }
    let call = home.at(NOW);
    home.store.database.set_value("a cache", "key", Value::Pickle(b"x"), None, &call).unwrap();
    home.write(&key(""), b"x");
    expected.push(String::new());
    let (mut scan, mut found) = (home.store.scan().unwrap(), Vec::new());
    while let Some(page) = scan.next_page(NOW + 60.0).unwrap() {
        found.extend(page.iter().map(|key| key.record().to_owned()));
    }
    for keys in [&mut found, &mut expected] {
        keys.sort();
    }
    assert_eq!(found, expected);
}
