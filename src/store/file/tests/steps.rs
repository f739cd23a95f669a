//! The steps of a sweep, its counts, and the moments at which things are old.

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, Timespec, Timestamps, mkdirat, mknodat, open, openat,
};

use super::sweeps::{DAY, HOUR, PLAN, clock};
use super::*;
use crate::store::{Sweeper, Swept};

/// A folder in `home` whose path leaves room for `room` bytes: what has a longer name there can be listed, and not
/// opened.
fn at_the_end_of_paths(home: &Home, room: usize) -> PathBuf {
    const LONGEST: usize = 4095;
    let mut path = home.folder.path().to_owned();
    let left = |path: &Path| LONGEST - room - path.as_os_str().len() - 1;
    while left(&path) > 200 {
        path.push("d".repeat(100));
    }
    path.push("d".repeat(left(&path)));
    fs::create_dir_all(&path).unwrap();
    path
}

fn orphaned_lock(home: &Home) -> PathBuf {
    home.put("locks", &format!("ab{}.lock", "0".repeat(38)), b"", DAY)
}

/// Makes a file look as if it had changed that long after 1970.
fn changed_at(path: &Path, seconds: i64) {
    let moment = Timespec { tv_sec: seconds, tv_nsec: 0 };
    let times = Timestamps { last_access: moment, last_modification: moment };
    rustix::fs::utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
}

#[test]
fn a_sweep_examines_each_entry_once_however_short_its_steps_are() {
    let home = Home::new();
    for _ in 0..5 {
        home.write(&new_key(), b"x");
    }
    // But not the two folders that have all others.
    let entries = home.everything().len() as u64 - 2;
    for limit in [1, 2, 100] {
        let mut sweep = home.store.sweep();
        let mut swept = Swept::default();
        while !swept.finished {
            swept += sweep.step(limit, clock()).unwrap();
        }
        assert_eq!(swept, Swept { examined: entries, finished: true, ..Swept::default() });
    }
}

#[test]
fn a_folder_that_cannot_be_read_is_counted_and_hides_the_records_of_locks() {
    let home = Home::new();
    let data = at_the_end_of_paths(&home, 20);
    let folder = open(&data, OFlags::DIRECTORY, Mode::empty()).unwrap();
    mkdirat(&folder, "a".repeat(30), Mode::RWXU).unwrap();
    // Links are not followed, and hide nothing.
    std::os::unix::fs::symlink("nowhere", data.join("b")).unwrap();
    let lock = orphaned_lock(&home);
    let store = FileStore::new(data, home.folder.path().join("locks"));
    let swept = store.sweep_by(PLAN).step(usize::MAX, clock()).unwrap();
    assert_eq!(swept, Swept { examined: 2, skipped: 1, finished: true, ..Swept::default() });
    assert!(lock.exists());
    assert_eq!(store.scan().unwrap().next_page(NOW).unwrap_err().kind(), ErrorKind::Unavailable);
}

#[test]
fn a_file_that_cannot_be_examined_is_counted() {
    let home = Home::new();
    let data = at_the_end_of_paths(&home, 20);
    let folder = data.join("a/ab");
    fs::create_dir_all(&folder).unwrap();
    let folder = open(&folder, OFlags::DIRECTORY, Mode::empty()).unwrap();
    let name = format!("ab{}.cache", "0".repeat(30));
    openat(&folder, name, OFlags::CREATE | OFlags::WRONLY, Mode::RUSR).unwrap();
    let store = FileStore::new(data, home.folder.path().join("locks"));
    let swept = store.sweep_by(PLAN).step(usize::MAX, clock()).unwrap();
    assert_eq!(swept, Swept { examined: 3, skipped: 1, finished: true, ..Swept::default() });
}

#[test]
fn a_store_whose_folder_is_none_is_not_empty() {
    let home = Home::new();
    fs::write(home.store.file_dir(), b"").unwrap();
    assert_eq!(home.store.sweep().step(1, NOW).unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(home.store.scan().unwrap().next_page(NOW).unwrap_err().kind(), ErrorKind::Unavailable);
}

#[test]
fn what_is_no_regular_file_is_no_expired_record() {
    let home = Home::new();
    let path = home.put("data", "abcdef.cache", b"", Duration::ZERO);
    let fifo = path.with_file_name("abfifo.cache");
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink(home.folder.path(), &path).unwrap();
    mknodat(CWD, &fifo, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let swept = home.store.sweep_by(PLAN).step(usize::MAX, clock() + 86_400.0).unwrap();
    assert_eq!(swept, Swept { examined: 4, finished: true, ..Swept::default() });
}

#[test]
fn an_orphaned_lock_goes_and_those_of_records_stay() {
    let home = Home::new();
    let id = new_key();
    home.write(&id, b"x");
    age(&home.store.lock_file(&id), DAY);
    let orphan = orphaned_lock(&home);
    assert_eq!(home.sweep(PLAN).locks, 1);
    assert!(!orphan.exists() && home.store.lock_file(&id).exists());
}

#[test]
fn a_file_that_only_looks_like_a_lock_is_left() {
    let home = Home::new();
    for tail in ["0".repeat(30), "0".repeat(39), format!("{}g", "0".repeat(37)), "A".repeat(38)] {
        let path = home.put("locks", &format!("ab{tail}.lock"), b"", DAY);
        assert_eq!(home.sweep(PLAN).locks, 0, "{tail}");
        assert!(path.exists());
    }
}

#[test]
fn what_is_exactly_as_old_as_it_may_be_stays() {
    let home = Home::new();
    let temporary = home.put("data", ".beaker-0123456789abcdef.tmp", b"x", Duration::ZERO);
    let record = home.put("data", "abc.cache", b"}.", Duration::ZERO);
    for path in [&temporary, &record] {
        changed_at(path, 1000);
    }
    let sweep = |now| home.store.sweep_by(PLAN).step(usize::MAX, now).unwrap();
    let swept = sweep(4600.0);
    assert_eq!((swept.temporaries, swept.expired), (0, 0));
    let swept = sweep(4601.0);
    assert_eq!((swept.temporaries, swept.expired), (1, 1));
}

#[test]
fn a_file_from_before_1970_has_its_age() {
    let home = Home::new();
    let record = home.put("data", "abc.cache", b"}.", Duration::ZERO);
    changed_at(&record, -100);
    let sweep = |now| home.store.sweep_by(PLAN).step(usize::MAX, now).unwrap();
    assert_eq!(sweep(3499.0).expired, 0);
    assert_eq!(sweep(3501.0).expired, 1);
}

#[test]
fn a_store_is_swept_by_its_own_lifetime() {
    let home = Home::new();
    let record = home.put("data", "abc.cache", b"}.", HOUR * 2);
    let sweep = |store: &FileStore| store.sweep().step(usize::MAX, clock()).unwrap().expired;
    assert_eq!(sweep(&home.store), 0);
    assert_eq!(sweep(&home.store.clone().with_lifetime(Some(DAY))), 0);
    assert_eq!(sweep(&home.store.clone().with_lifetime(Some(HOUR))), 1);
    assert!(!record.exists());
}

#[test]
fn the_lease_of_a_sweep_is_in_the_folder_of_the_records() {
    assert_eq!(lease_of(Path::new("/d")), Path::new("/d/.beaker-sweep"));
}

#[test]
fn a_change_finds_out_whether_a_sweep_is_due_and_a_refused_one_does_not() {
    let home = Home::new();
    let [one, two] = [new_key(), new_key()];
    let version = home.write(&one, b"x");
    let check = |change: &dyn Fn(&FileStore) -> Result<Written>, is_made: bool| {
        // The first that asks it begins to count the time.
        let sweeper = Arc::new(Sweeper::new(HOUR));
        let before = format!("{sweeper:?}");
        let written = change(&home.store.clone().with_sweeper(Some(Arc::clone(&sweeper)))).unwrap();
        assert_eq!(written != Written::Refused, is_made);
        assert_eq!(before != format!("{sweeper:?}"), is_made);
    };
    let write = |store: &FileStore, expect| store.write(&Write::new(&one, b"x", expect), &Call::at(NOW));
    check(&|store| write(store, Expect::Absent), false);
    check(&|store| write(store, Expect::Version(version)), true);
    let rotate =
        |store: &FileStore, expect| store.rotate(&Rotation::new(&one, &two, b"x", expect), &Call::at(NOW));
    check(&|store| rotate(store, Expect::Absent), false);
    check(&|store| rotate(store, Expect::Version(version)), true);
}

#[test]
fn a_scan_counts_the_records_that_do_not_tell_their_ids() {
    let home = Home::new();
    let id = key("0123456789abcdef0123456789abcdef");
    home.write(&id, b"x");
    for name in ["abc.cache", "abd.cache"] {
        home.put("data", name, b"}X\x07\0\0\0sessionX\x01\0\0\0xs.", Duration::ZERO);
    }
    let mut scan = home.store.scan().unwrap();
    assert_eq!(scan.unlisted(), 0);
    assert_eq!(scan.next_page(NOW).unwrap(), Some(vec![id]));
    assert_eq!(scan.unlisted(), 2);
}
