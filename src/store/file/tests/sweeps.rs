//! Sweeping folders that the processes of a Beaker installation share.

use std::io::Write as _;
use std::os::unix::fs::symlink;

use super::*;
use crate::store::file::sweep::records::Outcome;
use crate::store::{Sweep, Swept, Write};

pub(super) const HOUR: Duration = Duration::from_secs(3600);
pub(super) const DAY: Duration = Duration::from_secs(86_400);
/// Of a store whose records live for an hour. Those that [`Home::write`] writes carry no end, and are within reach.
pub(super) const PLAN: SweepPlan = SweepPlan { lifetime: Some(HOUR), reach: Reach::Endless, dry_run: false };

pub(super) fn clock() -> Timestamp {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64()
}

impl Home {
    pub(super) fn sweep(&self, plan: SweepPlan) -> Swept {
        let mut sweep = self.store.sweep_by(plan);
        let mut swept = Swept::default();
        while !swept.finished {
            swept += sweep.step(5, clock()).unwrap();
        }
        swept
    }

    /// A file of some name in the folder where records, or locks, are whose names begin with an `a`.
    pub(super) fn put(&self, folder: &str, name: &str, content: &[u8], by: Duration) -> PathBuf {
        let path = self.folder.path().join(folder).join("a/ab").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::File::create(&path).unwrap().write_all(content).unwrap();
        age(&path, by);
        path
    }

    fn files(&self) -> usize {
        self.everything().iter().filter(|path| !path.is_dir()).count()
    }
}

#[test]
fn an_expired_record_goes_with_its_lock_whatever_its_name() {
    let home = Home::new();
    for id in ["abcdef", "ab.cd.ef", "ab/cd", "", "é"].map(key) {
        home.write(&id, b"x");
        age(&home.data_file(&id), DAY);
        assert_eq!(home.sweep(PLAN).expired, 1, "{id:?}");
        assert_eq!(home.files(), 0, "{id:?}");
    }
}

#[test]
fn a_dry_run_counts_what_a_sweep_would_remove_and_removes_nothing() {
    let home = Home::new();
    for _ in 0..5 {
        let id = new_key();
        home.write(&id, b"x");
        age(&home.data_file(&id), DAY);
    }
    home.put("data", ".beaker-0123456789abcdef.tmp", b"x", DAY);
    home.put("locks", &format!("ab{}.lock", "0".repeat(38)), b"", DAY);
    let before = home.everything();
    let counted = home.sweep(SweepPlan { dry_run: true, ..PLAN });
    assert_eq!((counted.expired, counted.temporaries, counted.locks), (5, 1, 1));
    assert_eq!(home.everything(), before);
    let swept = home.sweep(PLAN);
    assert_eq!((swept.expired, swept.temporaries, swept.locks), (5, 1, 1));
    assert_eq!(home.files(), 0);
}

#[test]
fn a_record_goes_by_the_expiry_that_it_carries_whatever_the_age_of_its_file() {
    let home = Home::new();
    let id = new_key();
    let path = home.data_file(&id);
    for reach in [Reach::Unmarked, Reach::Endless] {
        let _ = home
            .store
            .write(&Write::new(&id, b"x", Expect::Any).lasting(Some(DAY)), &Call::at(clock() - 3600.0))
            .unwrap();
        age(&path, DAY * 10_000);
        assert_eq!(home.sweep(SweepPlan { reach, ..PLAN }).expired, 0);
        let _ = home
            .store
            .write(&Write::new(&id, b"x", Expect::Any).lasting(Some(DAY)), &Call::at(clock() - 86_401.0))
            .unwrap();
        assert_eq!(home.sweep(SweepPlan { reach, ..PLAN }).expired, 1);
        assert_eq!(home.files(), 0);
    }
}

#[test]
fn a_record_past_its_lifetime_is_removed_when_it_is_loaded_unless_somebody_uses_it() {
    let home = Home::new();
    let id = new_key();
    let _ =
        home.store.write(&Write::new(&id, b"x", Expect::Any).lasting(Some(HOUR)), &Call::at(NOW)).unwrap();
    let reader = fs::File::open(home.data_file(&id)).unwrap();
    reader.lock_shared().unwrap();
    assert!(home.store.load(&id, &Call::at(NOW + 3600.0)).unwrap().is_none());
    assert!(home.store.load(&id, &Call::at(NOW + 3599.0)).unwrap().is_some());
    drop(reader);
    assert!(home.store.load(&id, &Call::at(NOW + 3600.0)).unwrap().is_none());
    assert_eq!(home.files(), 0);
    assert!(home.store.load(&id, &Call::at(NOW)).unwrap().is_none());
}

#[test]
fn a_record_that_carries_no_expiry_goes_by_the_age_of_its_file() {
    let home = Home::new();
    let id = new_key();
    home.write(&id, b"x");
    let path = home.data_file(&id);
    for original in
        [&b"\x80\x02}q\0X\x07\0\0\0sessionq\x01X\x01\0\0\0xq\x02s."[..], b"}X\x07\0\0\0sessionX\x01\0\0\0xs."]
    {
        fs::write(&path, original).unwrap();
        assert_eq!(home.data(&id).unwrap(), b"x");
        age(&path, HOUR - Duration::from_secs(100));
        let plan = SweepPlan { lifetime: Some(HOUR), ..SweepPlan::default() };
        assert_eq!(home.sweep(plan).expired, 0);
        age(&path, HOUR + Duration::from_secs(1));
        assert!(home.data(&id).is_some(), "only a sweep ends it");
        assert_eq!(home.sweep(plan).expired, 1);
        assert_eq!(home.files(), 0);
    }
}

#[test]
fn the_lifetime_of_a_sweep_is_for_the_records_within_its_reach() {
    let sessions = [Some(DAY), None];
    for (reach, left) in [(Reach::Unmarked, 2), (Reach::Endless, 1), (Reach::All, 0)] {
        let home = Home::new();
        for ttl in sessions {
            let id = new_key();
            let _ = home
                .store
                .write(&Write::new(&id, b"x", Expect::Any).lasting(ttl), &Call::at(clock()))
                .unwrap();
            age(&home.data_file(&id), HOUR * 2);
        }
        home.sweep(SweepPlan { reach, ..PLAN });
        // The record and its lock.
        assert_eq!(home.files(), left * 2, "{reach:?}");
    }
}

#[test]
fn without_a_lifetime_a_sweep_leaves_every_record() {
    let home = Home::new();
    let id = new_key();
    home.write(&id, b"x");
    age(&home.data_file(&id), DAY * 10_000);
    home.put("data", ".beaker-0123456789abcdef.tmp", b"x", DAY);
    let swept = home.sweep(SweepPlan::default());
    assert_eq!((swept.expired, swept.temporaries), (0, 1));
    assert!(home.data(&id).is_some());
}

#[test]
fn a_record_that_somebody_has_locked_is_left() {
    let home = Home::new();
    let id = new_key();
    home.write(&id, b"x");
    age(&home.data_file(&id), DAY);
    for path in [home.store.lock_file(&id), home.data_file(&id)] {
        let reader = fs::File::open(path).unwrap();
        reader.lock_shared().unwrap();
        let swept = home.sweep(PLAN);
        assert_eq!((swept.expired, swept.skipped), (0, 1));
        drop(reader);
        assert!(home.data(&id).is_some());
    }
    assert_eq!(home.sweep(PLAN).expired, 1);
}

#[test]
fn a_record_that_is_used_between_the_looks_of_a_sweep_is_left() {
    let home = Home::new();
    for id in ["abcdef", "ab.cd.ef", "ab/cd"].map(key) {
        home.write(&id, b"x");
        let path = home.data_file(&id);
        let place = Place::of(&id);
        let sweep = home.store.sweep_by(PLAN);
        let look = || sweep.remove_if_still_over(&path, &place, clock()).unwrap();
        // The first look saw a record that was a day old.
        assert_eq!(look(), Outcome::Left, "{id:?}");
        assert_eq!(home.data(&id).unwrap(), b"x");
        assert!(home.store.lock_file(&id).exists());
        age(&path, DAY);
        assert_eq!(look(), Outcome::Removed, "{id:?}");
        assert_eq!(look(), Outcome::Left, "{id:?}");
        assert_eq!(home.files(), 0);
    }
}

#[test]
fn a_record_of_the_future_is_left() {
    let home = Home::new();
    let id = new_key();
    home.write(&id, b"x");
    let file = fs::File::open(home.data_file(&id)).unwrap();
    file.set_modified(std::time::SystemTime::now() + DAY * 10_000).unwrap();
    assert_eq!(home.sweep(PLAN).expired, 0);
}

#[test]
fn what_is_no_session_is_left_however_old() {
    let home = Home::new();
    let cache = b"\x80\x02}q\x00X\x0a\x00\x00\x00some valueq\x01K\x01s.";
    let hash = format!("ab{}", "0".repeat(38));
    let kept = [
        home.put("data", &format!("{hash}.cache"), cache, DAY),
        home.put("locks", &format!("{hash}.lock"), b"", DAY),
        home.put("data", "abroken.cache", b"no pickle", DAY),
        home.put("data", "notes.txt", b"x", DAY),
        home.put("data", ".beaker-short.tmp", b"x", DAY),
        home.put("locks", "notes.lock", b"x", DAY),
        home.put("locks", &format!("cd{}.lock", "0".repeat(38)), b"x", DAY),
        home.folder.path().join("data/.beaker-0123456789abcdef.tmp"),
        home.folder.path().join("data/a/deep.cache"),
    ];
    for path in &kept[7..] {
        fs::write(path, b"x").unwrap();
        age(path, DAY);
    }
    symlink(&kept[0], home.folder.path().join("data/a/ab/ablink.cache")).unwrap();
    symlink(home.folder.path().join("data"), home.folder.path().join("data/link")).unwrap();
    fs::create_dir(home.folder.path().join("data/a/ab/abfolder.cache")).unwrap();
    let before = home.everything();
    let swept = home.sweep(PLAN);
    assert_eq!((swept.expired, swept.temporaries, swept.locks), (0, 0, 0));
    assert_eq!(home.everything(), before);
}

#[test]
fn what_holds_nothing_or_cannot_be_read_by_anybody_goes() {
    let home = Home::new();
    let id = format!("ab{}", "0".repeat(30));
    for (name, content) in [
        ("abc.cache", &b""[..]),
        ("abd.cache", b"\x80\x02}q\x00."),
        ("abe.cache", b"\x80\x04}\x94."),
        (&format!("{id}.cache"), b"no pickle"),
    ] {
        home.put("data", name, content, Duration::ZERO);
        assert_eq!(home.sweep(PLAN).expired, 0, "{name}");
        home.put("data", name, content, DAY);
        assert_eq!(home.sweep(PLAN).expired, 1, "{name}");
    }
    assert_eq!(home.files(), 0);
}

#[test]
fn a_moved_record_is_left() {
    let home = Home::new();
    let id = key("ab.cdef");
    home.write(&id, b"x");
    let moved = home.put("data", "abother.cache", b"", DAY);
    fs::rename(home.data_file(&id), &moved).unwrap();
    age(&moved, DAY);
    assert_eq!(home.sweep(PLAN).expired, 0);
}

#[test]
fn what_killed_writers_left_goes_once_it_is_old() {
    let home = Home::new();
    for name in [".beaker-0123456789abcdef.tmp", "abcdef.cache.temp"] {
        home.put("data", name, b"half", Duration::from_secs(3000));
        assert_eq!(home.sweep(PLAN).temporaries, 0, "{name}");
        home.put("data", name, b"half", Duration::from_secs(4000));
        assert_eq!(home.sweep(PLAN).temporaries, 1, "{name}");
    }
    assert_eq!(home.files(), 0);
}

#[test]
fn what_the_original_is_writing_is_left() {
    let home = Home::new();
    let id = key("abcdef");
    let path = home.put("data", "abcdef.cache.temp", b"half", DAY);
    home.write(&id, b"x");
    let writer = fs::File::open(home.store.lock_file(&id)).unwrap();
    writer.lock().unwrap();
    assert_eq!(home.sweep(PLAN).skipped, 1);
    drop(writer);
    assert_eq!(home.sweep(PLAN).temporaries, 1);
    assert!(!path.exists());
    assert!(home.data(&id).is_some());
}

#[test]
fn a_lock_without_a_record_goes_once_it_is_old_and_nobody_holds_it() {
    let home = Home::new();
    let name = format!("ab{}.lock", "0".repeat(38));
    home.put("locks", &name, b"", Duration::from_secs(3000));
    assert_eq!(home.sweep(PLAN).locks, 0);
    let path = home.put("locks", &name, b"", DAY);
    let holder = fs::File::open(&path).unwrap();
    holder.lock_shared().unwrap();
    let swept = home.sweep(PLAN);
    assert_eq!((swept.locks, swept.skipped), (0, 1));
    drop(holder);
    assert_eq!(home.sweep(PLAN).locks, 1);
    assert_eq!(home.files(), 0);
}

#[test]
fn the_locks_of_records_stay_whatever_their_age() {
    let home = Home::new();
    let ids = ["abcdef", "ab.cd.ef", "ab/cd", "", "é", "0123456789abcdef0123456789abcdef"];
    for id in ids.map(key) {
        home.write(&id, b"x");
        age(&home.store.lock_file(&id), DAY);
    }
    let before = home.everything();
    assert_eq!(home.sweep(PLAN).locks, 0);
    assert_eq!(home.everything(), before);
}

#[test]
fn whoever_waits_for_a_lock_that_is_swept_gets_the_one_that_counts() {
    let home = Home::new();
    let id = new_key();
    let path = home.store.lock_file(&id);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    for _ in 0..100 {
                        let lock = LockFile::acquire(path.clone(), Duration::from_secs(30)).unwrap();
                        // Alone, or the other would find it too.
                        let alone = path.with_extension("alone");
                        fs::File::create_new(&alone).unwrap();
                        let _ = fs::File::open(&path).map(|file| file.set_modified(std::time::UNIX_EPOCH));
                        fs::remove_file(alone).unwrap();
                        drop(lock);
                    }
                })
            })
            .collect();
        while !writers.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            home.sweep(PLAN);
        }
    });
}
