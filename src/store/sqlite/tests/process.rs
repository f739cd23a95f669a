//! What depends on the process: its umask, its limits, its end. Each test runs itself again in a process of its own, which
//! a shell prepares.

use std::process::{Command, Stdio};

use super::*;

const INNER: &str = "BEAKER_TEST_INNER";

fn command(name: &str, prepare: &str, inner: &str) -> Command {
    let module = module_path!().split_once("::").unwrap().1;
    let mut command = Command::new("sh");
    command
        .arg("-c")
        .arg(format!("{prepare}; exec \"$0\" --exact \"$1\" --nocapture"))
        .arg(std::env::current_exe().unwrap())
        .arg(format!("{module}::{name}"))
        .env(INNER, inner);
    command
}

/// The value for the process that is to do the work; `None` in the test itself.
fn inner() -> Option<String> {
    std::env::var(INNER).ok()
}

/// Runs the test `name` of this module again behind `prepare`. `true` in the process that is to do the work.
fn is_inner_of(name: &str, prepare: &str) -> bool {
    if inner().is_some() {
        return true;
    }
    let output = command(name, prepare, "1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}{complained}");
    false
}

#[test]
fn files_are_private_whatever_the_umask() {
    for umask in ["0000", "0777"] {
        if is_inner_of("files_are_private_whatever_the_umask", &format!("umask {umask}")) {
            let folder = std::env::temp_dir().join(format!("beaker-test-{}", std::process::id()));
            let path = folder.join("data/sessions.sqlite");
            let store = SqliteStore::new(Database::at(&path, Durability::default()).unwrap());
            let call = Call::at(NOW);
            let _ = store.write(&Write::new(&key("abc"), b"x", Expect::Any), &call).unwrap();
            let store = Arc::new(store);
            let held = Arc::clone(&store).locks().unwrap().lock(&key("abc"), LockTarget::Id, &call).unwrap();
            let files = files_in(&folder);
            assert_eq!(files.len(), 4, "{files:?}");
            assert!(files.iter().all(|path| mode(path) == 0o600), "{files:?}");
            assert_eq!(mode(path.parent().unwrap()), 0o700);
            drop(held);
            fs::remove_dir_all(&folder).unwrap();
            return;
        }
    }
}

#[test]
fn a_write_for_which_there_is_no_room_keeps_the_old_record_and_the_next_one_succeeds() {
    let name = "a_write_for_which_there_is_no_room_keeps_the_old_record_and_the_next_one_succeeds";
    // A process that ignores the signal is told by an error that the file may not grow.
    if is_inner_of(name, "trap '' XFSZ; ulimit -f 256") {
        let (home, id) = (Home::new(), key("abc"));
        home.write(&id, b"old");
        let large = vec![b'n'; 1_000_000];
        let error = home.store.write(&Write::new(&id, &large, Expect::Any), &home.at(NOW)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!(home.data(&id).unwrap(), b"old");
        home.write(&id, b"new");
        assert_eq!(home.data(&id).unwrap(), b"new");
    }
}

#[test]
fn a_process_that_has_no_file_descriptor_left_finds_no_session_absent() {
    let name = "a_process_that_has_no_file_descriptor_left_finds_no_session_absent";
    if is_inner_of(name, "ulimit -n 64") {
        let (home, id) = (Home::new(), key("abc"));
        home.write(&id, b"x");
        home.close();
        let mut taken = Vec::new();
        while let Ok(file) = fs::File::open("/dev/null") {
            taken.push(file);
        }
        let kinds = [
            home.store.load(&id, &home.at(NOW)).unwrap_err().kind(),
            home.store.write(&Write::new(&id, b"y", Expect::Any), &home.at(NOW)).unwrap_err().kind(),
            home.store.delete(&id, Expect::Any, &home.at(NOW)).unwrap_err().kind(),
        ];
        drop(taken);
        assert_eq!(kinds, [ErrorKind::Unavailable; 3]);
        assert_eq!(home.data(&id).unwrap(), b"x");
    }
}

/// Counts up in the session `counter`, `times` times at the most, and prints each number that was stored.
fn count(store: &SqliteStore, times: usize) {
    use std::io::Write as _;
    let (id, call) = (key("counter"), Call::at(NOW));
    for _ in 0..times {
        loop {
            let record = store.load(&id, &call).unwrap().unwrap();
            let next = str::from_utf8(&record.data).unwrap().parse::<u64>().unwrap() + 1;
            let text = next.to_string();
            let write = Write::new(&id, text.as_bytes(), Expect::Version(record.version));
            if store.write(&write, &call).unwrap() != Written::Refused {
                let mut output = std::io::stdout().lock();
                writeln!(output, "stored {next}").unwrap();
                output.flush().unwrap();
                break;
            }
        }
    }
}

#[test]
fn processes_and_threads_that_count_at_once_lose_nothing() {
    const PROCESSES: usize = 8;
    const THREADS: usize = 4;
    const TIMES: usize = 10;
    if let Some(path) = inner() {
        let store = SqliteStore::new(Database::at(Path::new(&path), Durability::default()).unwrap());
        // They make the database at once, too.
        let id = key("counter");
        let begin = Write::new(&id, b"0", Expect::Absent);
        let _ = store.write(&begin, &Call::at(NOW)).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| count(&store, TIMES));
            }
        });
        return;
    }
    let home = Home::new();
    let name = "processes_and_threads_that_count_at_once_lose_nothing";
    let started: Vec<_> = (0..PROCESSES)
        .map(|_| {
            let path = home.path().to_str().unwrap();
            command(name, ":", path).stdout(Stdio::null()).spawn().unwrap()
        })
        .collect();
    for mut process in started {
        assert!(process.wait().unwrap().success());
    }
    assert_eq!(home.data(&key("counter")).unwrap(), (PROCESSES * THREADS * TIMES).to_string().as_bytes());
}

#[test]
fn a_database_that_is_read_while_it_is_made_keeps_its_locks() {
    const DATABASES: usize = 20;
    const READERS: usize = 2;
    // Flushing so many new folders takes long enough for others to open the database meanwhile.
    let place = |folder: &Path, number: usize| {
        let below = "d/".repeat(190);
        folder.join(number.to_string()).join(below).join("sessions.sqlite")
    };
    if let Some(folder) = inner() {
        use rustix::fs::{FlockOperation, fcntl_lock};
        for number in 0..DATABASES {
            let path = place(Path::new(&folder), number);
            let file = fs::File::options().read(true).write(true).open(&path).unwrap();
            // Who has a log open has a lock on the file.
            assert!(fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive).is_err(), "{path:?}");
        }
        return;
    }
    let folder = TempDir::new().unwrap();
    let used: Vec<_> = (0..DATABASES)
        .map(|number| {
            let path = place(folder.path(), number);
            let store = SqliteStore::new(Database::at(&path, Durability::Full).unwrap());
            let id = key("abc");
            std::thread::scope(|scope| {
                for _ in 0..READERS {
                    scope.spawn(|| while store.load(&id, &Call::at(NOW)).unwrap().is_none() {});
                }
                let _ = store.write(&Write::new(&id, b"x", Expect::Any), &Call::at(NOW)).unwrap();
            });
            store
        })
        .collect();
    let name = "a_database_that_is_read_while_it_is_made_keeps_its_locks";
    let output = command(name, ":", folder.path().to_str().unwrap()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&output.stderr));
    drop(used);
}

#[test]
fn a_database_keeps_its_locks_through_checkpoints() {
    if let Some(path) = inner() {
        use rustix::fs::{FlockOperation, fcntl_lock};
        let file = fs::File::options().read(true).write(true).open(path).unwrap();
        assert!(fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive).is_err());
        return;
    }
    let (home, removed) = (Home::new(), Home::new());
    for home in [&home, &removed, &home] {
        home.write(&key("abc"), b"x");
        home.store.database.checkpoint();
    }
    fs::remove_dir_all(removed.path().parent().unwrap()).unwrap();
    home.store.database.checkpoint();
    let name = "a_database_keeps_its_locks_through_checkpoints";
    let output = command(name, ":", home.path().to_str().unwrap()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&output.stderr));
    // The file that was removed is open no more, so that the disk has its room again.
    drop(removed.store);
    assert_eq!(open_below(removed.folder.path()), Vec::<PathBuf>::new());
}

/// The files in a folder that this process has open.
fn open_below(folder: &Path) -> Vec<PathBuf> {
    let open = fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let open = open.filter_map(|entry| fs::read_link(entry.path()).ok());
    open.filter(|path| path.starts_with(folder)).collect()
}

#[test]
#[cfg(target_os = "linux")]
fn a_request_closes_the_file_that_was_removed() {
    let home = Home::new();
    home.write(&key("abc"), b"x");
    home.store.database.checkpoint();
    assert!(!open_below(home.folder.path()).is_empty());
    fs::remove_dir_all(home.path().parent().unwrap()).unwrap();
    assert!(home.store.load(&key("abc"), &Call::at(NOW)).unwrap().is_none());
    assert_eq!(open_below(home.folder.path()), Vec::<PathBuf>::new());
}

#[test]
fn a_writer_that_is_killed_loses_nothing_that_it_was_told_is_stored() {
    use std::io::{BufRead as _, BufReader};
    let name = "a_writer_that_is_killed_loses_nothing_that_it_was_told_is_stored";
    if let Some(path) = inner() {
        let store = SqliteStore::new(Database::at(Path::new(&path), Durability::default()).unwrap());
        count(&store, usize::MAX);
        return;
    }
    let home = Home::new();
    home.write(&key("counter"), b"0");
    home.close();
    for round in 1..=5 {
        let path = home.path().to_str().unwrap();
        let mut process = command(name, ":", path).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut told = 0;
        for line in lines.by_ref().map(|line| line.unwrap()) {
            if let Some(number) = line.strip_prefix("stored ") {
                told = number.parse::<u64>().unwrap();
                if told % (20 * round) == 0 {
                    break;
                }
            }
        }
        process.kill().unwrap();
        process.wait().unwrap();
        for line in lines.map_while(|line| line.ok()) {
            told = line.strip_prefix("stored ").map_or(told, |number| number.parse().unwrap());
        }
        let stored: u64 = str::from_utf8(&home.data(&key("counter")).unwrap()).unwrap().parse().unwrap();
        assert!(stored == told || stored == told + 1, "told {told}, stored {stored}");
        let sound = home.ask("PRAGMA integrity_check");
        assert_eq!(sound, "ok");
    }
}

#[test]
fn the_lock_of_a_holder_that_is_killed_is_free() {
    use std::io::{BufRead as _, BufReader};
    let name = "the_lock_of_a_holder_that_is_killed_is_free";
    let lock = |store: SqliteStore, wait| {
        Arc::new(store).locks().unwrap().lock(&key("abc"), LockTarget::Id, &Call::at(NOW).waiting(wait))
    };
    if let Some(path) = inner() {
        let store = SqliteStore::new(Database::at(Path::new(&path), Durability::default()).unwrap());
        let _held = lock(store, Duration::ZERO).unwrap().unwrap();
        println!("locked");
        std::thread::sleep(Duration::from_secs(600));
        return;
    }
    let home = Home::new();
    let path = home.path().to_str().unwrap();
    let mut process = command(name, ":", path).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map(|line| line.unwrap());
    assert!(lines.any(|line| line.ends_with("locked")));
    assert!(lock(home.store.clone(), Duration::ZERO).map(|_| ()).unwrap_err().is_busy());
    process.kill().unwrap();
    process.wait().unwrap();
    let held = lock(home.store.clone(), Duration::ZERO).unwrap().unwrap();
    drop(held);
    assert!(home.files().iter().all(|path| path.extension().is_none_or(|end| end != "lock")));
}
