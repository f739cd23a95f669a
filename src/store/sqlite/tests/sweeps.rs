//! Sweeping a database, and the records that are over.

use std::fs::File;
use std::time::SystemTime;

use super::*;
use crate::store::Swept;

const MINUTE: Option<Duration> = Some(Duration::from_secs(60));

fn clock() -> Timestamp {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64()
}

fn sweep(home: &Home, limit: usize, now: Timestamp) -> Swept {
    let mut sweep = home.store.sweep();
    let mut swept = Swept::default();
    while !swept.finished {
        swept += sweep.step(limit, now).unwrap();
    }
    swept
}

#[test]
fn the_file_gets_smaller_when_most_sessions_are_gone() {
    let home = Home::new();
    for number in 0..3000 {
        let (id, text) = (key(format!("{number:032}")), [b'x'; 1000]);
        let write = Write::new(&id, &text, Expect::Any).lasting(MINUTE);
        let _ = home.store.write(&write, &home.at(NOW)).unwrap();
    }
    home.close();
    let before = fs::metadata(home.path()).unwrap().len();
    assert!(before > 3_000_000);
    assert_eq!(sweep(&home, 100, NOW + 61.0).expired, 3000);
    home.close();
    let after = fs::metadata(home.path()).unwrap().len();
    assert!(after < before / 2, "{before} {after}");
    assert_eq!(home.ask("PRAGMA integrity_check"), "ok");
}

#[test]
fn a_new_record_removes_a_few_that_are_over() {
    let (home, now) = (Home::new(), clock());
    if !clock::is_settled_at(now) {
        return;
    }
    for number in 0..20 {
        let id = key(format!("old {number}"));
        let write = Write::new(&id, b"x", Expect::Any).lasting(MINUTE);
        let _ = home.store.write(&write, &home.at(now - 1000.0)).unwrap();
    }
    for number in 0..5 {
        let id = key(format!("new {number}"));
        let write = Write::new(&id, b"x", Expect::Any).lasting(MINUTE);
        let _ = home.store.write(&write, &home.at(now)).unwrap();
    }
    assert_eq!(home.ask("SELECT count(*) FROM records"), "15");
    // A clock that is not the machine's removes nothing.
    for number in 5..10 {
        let id = key(format!("new {number}"));
        let write = Write::new(&id, b"x", Expect::Any).lasting(MINUTE);
        let _ = home.store.write(&write, &home.at(now + 1e6)).unwrap();
    }
    assert_eq!(home.ask("SELECT count(*) FROM records"), "20");
}

#[test]
fn a_record_that_was_renewed_is_due_later_and_is_removed_then() {
    let (home, id, begun) = (Home::new(), key("abc"), 640.0);
    let write = Write::new(&id, b"x", Expect::Any).lasting(Some(Duration::from_secs(640)));
    for now in [begun, begun + 600.0] {
        let _ = home.store.write(&write, &home.at(now)).unwrap();
    }
    assert_eq!(home.ask("SELECT due FROM records"), "20");
    // It was over now without the second use.
    let swept = sweep(&home, 100, begun + 650.0);
    assert_eq!((swept.examined, swept.expired), (1, 0));
    assert_eq!(home.ask("SELECT due FROM records"), "29");
    assert_eq!(sweep(&home, 100, begun + 1200.0).examined, 0);
    assert_eq!(sweep(&home, 100, begun + 1240.0).expired, 1);
}

#[test]
fn a_new_record_finds_those_that_are_over_behind_those_that_were_renewed() {
    let (home, now) = (Home::new(), clock());
    if !clock::is_settled_at(now) {
        return;
    }
    for (name, count, uses) in [("renewed", 6, [1000.0, 900.0]), ("old", 3, [700.0, 700.0])] {
        for number in 0..count {
            let id = key(format!("{name} {number}"));
            for before in uses {
                let write = Write::new(&id, b"x", Expect::Any).lasting(Some(Duration::from_secs(300)));
                let _ = home.store.write(&write, &home.at(now - before)).unwrap();
            }
        }
    }
    home.run("UPDATE records SET expires_at = 9e9 WHERE namespace LIKE 'renewed%'");
    let _ = home.store.write(&Write::new(&key("new"), b"x", Expect::Any), &home.at(now)).unwrap();
    assert_eq!(home.ask("SELECT count(*) FROM records WHERE due > 1e8"), "2");
    for number in 0..4 {
        let id = key(format!("new {number}"));
        let _ = home.store.write(&Write::new(&id, b"x", Expect::Any), &home.at(now)).unwrap();
    }
    assert_eq!(home.ask("SELECT count(*) FROM records WHERE namespace LIKE 'old%'"), "0");
    assert_eq!(home.ask("SELECT count(*) FROM records WHERE namespace LIKE 'renewed%'"), "6");
}

#[test]
fn a_record_that_is_found_over_is_removed() {
    let (home, id) = (Home::new(), key("abc"));
    let write = Write::new(&id, b"x", Expect::Any).lasting(MINUTE);
    let _ = home.store.write(&write, &home.at(NOW)).unwrap();
    assert!(home.store.load(&id, &home.at(NOW + 59.0)).unwrap().is_some());
    assert!(home.store.load(&id, &home.at(NOW + 60.0)).unwrap().is_none());
    assert_eq!(home.ask("SELECT count(*) FROM records"), "0");
}

#[test]
fn lock_files_go_that_are_free_and_old() {
    let home = Home::new();
    let store = Arc::new(home.store.clone());
    let lock = |id: &str| {
        let locks = Arc::clone(&store).locks().unwrap();
        locks.lock(&key(id), LockTarget::Id, &home.at(NOW)).unwrap().unwrap()
    };
    let _held = lock("held");
    let locks = home.store.database.locks();
    let held = files_in(&locks).pop().unwrap();
    let age = |path: &str, by: u64| {
        let path = locks.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let file = File::create(&path).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(by)).unwrap();
        path
    };
    let digits = format!("ab{}", "0".repeat(38));
    let old = age(&format!("a/ab/{digits}.lock"), 4000);
    let mut kept = vec![
        held.clone(),
        age(&format!("a/ab/{}1.lock", &digits[..39]), 3000),
        age("a/ab/package.lock", 4000),
        age("a/ab/other", 4000),
        age(&format!("a/ab/{}.lock", digits.to_uppercase()), 4000),
        age(&format!("a/ab/{digits}"), 4000),
        age(&format!("a/ac/{digits}.lock"), 4000),
        age(&format!("a/{digits}.lock"), 4000),
        age(&format!("{digits}.lock"), 4000),
        age(&format!("below/a/ab/{digits}.lock"), 4000),
    ];
    kept.sort();
    let touched = File::options().write(true).open(&held).unwrap();
    touched.set_modified(SystemTime::now() - Duration::from_secs(4000)).unwrap();
    let swept = sweep(&home, 2, clock());
    assert_eq!((swept.locks, swept.skipped), (1, 1));
    assert!(!old.exists());
    assert_eq!(files_in(&locks), kept);
}

#[test]
fn after_a_jump_of_the_clock_nothing_is_removed_for_a_lifetime_and_an_hour_at_least() {
    let home = Home::new();
    let patience = |lifetime: Option<u64>| {
        let lifetime = lifetime.map(Duration::from_secs);
        home.store.whole_sweep().into_job(lifetime).patience.as_secs()
    };
    assert_eq!([None, Some(60), Some(86_400)].map(patience), [3600, 3600, 86_400]);
}

#[test]
fn a_sweep_empties_the_log_unless_somebody_reads() {
    let home = Home::new();
    home.write(&key("abc"), &[b'x'; 10_000]);
    let log = || fs::metadata(home.path().with_extension("sqlite-wal")).unwrap().len();
    let other = Connection::open(home.path()).unwrap();
    other.execute_batch("BEGIN; SELECT count(*) FROM records").unwrap();
    home.write(&key("abc"), &[b'y'; 10_000]);
    assert!(sweep(&home, 10, NOW).finished);
    assert_ne!(log(), 0);
    other.execute_batch("COMMIT").unwrap();
    assert!(sweep(&home, 10, NOW).finished);
    assert_eq!(log(), 0);
    assert_eq!(home.data(&key("abc")).unwrap(), [b'y'; 10_000]);
}

#[test]
fn a_step_does_nothing_while_another_process_writes() {
    let home = Home::new();
    let id = key("abc");
    let write = Write::new(&id, b"x", Expect::Any).lasting(MINUTE);
    let _ = home.store.write(&write, &home.at(NOW)).unwrap();
    let other = Connection::open(home.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut sweep = home.store.sweep();
    assert_eq!(sweep.step(10, NOW + 100.0).unwrap(), Swept::default());
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(sweep.step(10, NOW + 100.0).unwrap().expired, 1);
}

#[test]
fn a_store_with_a_sweeper_sweeps_beside_its_writes() {
    let home = Home::new();
    let sweeper = Arc::new(Sweeper::new(Duration::ZERO));
    let store = home.store.clone().with_sweeper(Some(sweeper));
    let now = clock();
    // A new record would remove the old one by itself.
    home.write(&key("new"), b"x");
    let id = key("old");
    let old = Write::new(&id, b"x", Expect::Any).lasting(MINUTE);
    let _ = home.store.write(&old, &home.at(now - 1000.0)).unwrap();
    let until = std::time::Instant::now() + Duration::from_secs(60);
    while home.ask("SELECT count(*) FROM records WHERE namespace = 'old'") != "0" {
        assert!(std::time::Instant::now() < until);
        assert!(store.write(&Write::new(&key("new"), b"x", Expect::Any), &home.at(now)).is_ok());
        std::thread::sleep(Duration::from_millis(5));
    }
    let lease = home.files().into_iter().find(|path| path.to_string_lossy().ends_with("-sweep"));
    assert!(lease.is_some());
}
