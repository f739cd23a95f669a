//! The log: who writes it into the file, and how long it gets.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use super::*;

const PATIENCE: Duration = Duration::from_secs(30);
const PAGE: u64 = 4096;

/// Saves sessions of a page and a half each.
fn write(home: &Home, sessions: std::ops::Range<usize>) {
    for number in sessions {
        home.write(&key(format!("{number}")), &[b'x'; 6000]);
    }
}

fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |found| found.len())
}

#[test]
fn a_thread_writes_the_log_into_the_file() {
    let home = Home::new();
    write(&home, 0..100);
    assert!(length(home.path()) < 50 * PAGE);
    // No more commits come that could do it.
    write(&home, 100..600);
    let begun = Instant::now();
    while length(home.path()) < 600 * PAGE {
        assert!(begun.elapsed() < PATIENCE, "the file has {} bytes", length(home.path()));
        thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(home.ask("PRAGMA integrity_check"), "ok");
    assert_eq!(home.data(&key("599")).unwrap().len(), 6000);
}

/// A number that is another once the log begins anew.
fn beginning(home: &Home) -> u32 {
    let log = fs::read(home.path().with_file_name("sessions.sqlite-wal")).unwrap();
    u32::from_be_bytes(log[16..20].try_into().unwrap())
}

#[test]
fn a_checkpoint_has_the_log_begin_anew_while_requests_write() {
    let home = Home::new();
    write(&home, 0..20);
    let (before, is_over) = (beginning(&home), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                home.write(&key("0"), b"x");
                thread::sleep(Duration::from_micros(20));
            }
        });
        home.store.database.checkpoint();
        is_over.store(true, Ordering::Relaxed);
    });
    write(&home, 0..1);
    assert_ne!(beginning(&home), before);
    assert_eq!(home.ask("PRAGMA integrity_check"), "ok");
}

#[test]
fn the_log_begins_anew_however_fast_requests_write() {
    let home = Home::new();
    write(&home, 0..4000);
    let log = home.path().with_file_name("sessions.sqlite-wal");
    assert!(length(home.path()) > 5000 * PAGE);
    assert!(length(&log) < 5000 * PAGE, "the log has {} bytes", length(&log));
}

#[test]
fn the_log_begins_anew_however_fast_two_write() {
    let home = Home::new();
    write(&home, 0..1);
    // Two durabilities know nothing of each other, as two processes.
    let other = SqliteStore::new(Database::at(home.path(), Durability::Process).unwrap());
    let log = home.path().with_file_name("sessions.sqlite-wal");
    let longest = thread::scope(|scope| {
        let writers = [&home.store, &other].map(|store| {
            let (call, log) = (home.at(NOW), &log);
            scope.spawn(move || {
                let mut longest = 0;
                for number in 0..5000 {
                    let id = key(format!("{number}"));
                    let _ = store.write(&Write::new(&id, &[b'x'; 6000], Expect::Any), &call).unwrap();
                    longest = longest.max(length(log));
                }
                longest
            })
        });
        writers.map(|writer| writer.join().unwrap()).into_iter().max().unwrap()
    });
    assert!(longest < 10_000 * PAGE, "the log had {longest} bytes");
    assert_eq!(home.ask("PRAGMA integrity_check"), "ok");
}

#[test]
fn a_checkpoint_is_due_after_every_thousand_pages() {
    let checkpoints = checkpoint::Checkpoints::default();
    assert!(!checkpoints.is_due(999));
    assert!(checkpoints.is_due(1000));
    assert!(!checkpoints.is_due(2000), "one is at work");
    checkpoints.done(1000);
    assert!(!checkpoints.is_due(1999));
    assert!(checkpoints.is_due(2000));
    checkpoints.done(2000);
    // It began anew, and is looked at before it is as long as it was.
    assert!(!checkpoints.is_due(2) && !checkpoints.is_due(999));
    assert!(checkpoints.is_due(1000));
    checkpoints.done(1000);
    assert!(!checkpoints.is_due(2) && !checkpoints.is_due(999));
    assert!(checkpoints.is_due(1000));
}

#[test]
fn a_log_that_is_read_meanwhile_is_written_later() {
    let home = Home::new();
    write(&home, 0..1);
    let reader = Connection::open(home.path()).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM records").unwrap();
    write(&home, 1..3000);
    assert!(length(home.path()) < 50 * PAGE, "what the reader sees is there");
    reader.execute_batch("COMMIT").unwrap();
    write(&home, 3000..3001);
    assert!(length(home.path()) > 4000 * PAGE);
}
