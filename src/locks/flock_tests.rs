#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::fs;
use std::os::unix::fs::symlink;

#[cfg(target_os = "linux")]
use rustix::thread::set_thread_res_uid;
use tempfile::TempDir;

use crate::error::ErrorKind;

use super::*;

#[test]
fn a_copy_of_the_descriptor_does_not_keep_the_lock() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("a/ab/abc.lock");
    let lock = LockFile::acquire(path.clone(), Duration::ZERO).unwrap();
    // A copy of the descriptor shares the lock, as a child's does.
    let childs = lock.locked.file().try_clone().unwrap();
    drop(lock);
    assert!(LockFile::acquire_existing(path, Duration::ZERO).unwrap().is_some());
    drop(childs);
}

#[test]
fn a_forked_process_does_not_unlock_the_file_of_its_parent() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("abc.lock");
    let lock = LockFile::acquire(path.clone(), Duration::ZERO).unwrap();
    drop(Locked { file: lock.locked.file().try_clone().unwrap(), keeper: Some(Process::numbered(0)) });
    assert!(LockFile::try_acquire(path, Mode::Shared).unwrap().is_none());
}

#[test]
fn threads_of_one_process_exclude_each_other() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("abc.lock");
    let _lock = LockFile::acquire(path.clone(), Duration::ZERO).unwrap();
    let waited = Instant::now();
    let error = LockFile::acquire(path, Duration::from_millis(10)).unwrap_err();
    assert!(waited.elapsed() >= Duration::from_millis(10));
    assert!(error.to_string().contains("10ms"), "{error}");
}

#[test]
fn acquire_existing_makes_nothing() {
    let home = tempfile::tempdir().unwrap();
    assert!(LockFile::acquire_existing(home.path().join("a/abc.lock"), Duration::ZERO).unwrap().is_none());
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
}

/// A folder, and the path of a lock file in it that is not there.
fn place() -> (TempDir, PathBuf) {
    let home = TempDir::new().unwrap();
    let path = home.path().join("abc.lock");
    (home, path)
}

/// Runs `work` in a thread whose user may do what the modes of files say.
#[cfg(target_os = "linux")]
fn unprivileged<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let nobody = rustix::process::Uid::from_raw(65534);
    thread::scope(|scope| {
        let worker = scope.spawn(|| {
            // The change is the thread's own. Without the privilege to make it none is needed.
            let _ = set_thread_res_uid(nobody, nobody, nobody);
            work()
        });
        worker.join().unwrap()
    })
}

/// A lock file that anybody may read and nobody write.
#[cfg(target_os = "linux")]
fn readable() -> (TempDir, PathBuf) {
    let (home, path) = place();
    fs::write(&path, "").unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o444)).unwrap();
    fs::set_permissions(home.path(), Permissions::from_mode(0o755)).unwrap();
    (home, path)
}

#[test]
fn a_free_lock_is_taken_and_a_taken_one_is_not() {
    let (_home, path) = place();
    let taken = LockFile::try_acquire(path.clone(), Mode::Exclusive).unwrap();
    assert!(taken.is_some());
    assert!(LockFile::try_acquire(path, Mode::Exclusive).unwrap().is_none());
}

#[test]
fn a_lock_file_that_is_no_regular_file_is_refused_at_once() {
    let (home, path) = place();
    symlink(home.path().join("elsewhere"), &path).unwrap();
    for outcome in [
        LockFile::try_acquire(path.clone(), Mode::Exclusive).map(|lock| lock.is_some()),
        LockFile::acquire_existing(path, Duration::ZERO).map(|lock| lock.is_some()),
        LockFile::try_acquire(home.path().to_owned(), Mode::Shared).map(|lock| lock.is_some()),
    ] {
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Unavailable);
    }
    assert!(!home.path().join("elsewhere").exists());
}

#[test]
fn a_link_to_a_lock_file_is_not_followed() {
    let (home, path) = place();
    fs::write(home.path().join("elsewhere"), "").unwrap();
    symlink(home.path().join("elsewhere"), &path).unwrap();
    assert!(LockFile::acquire_existing(path, Duration::ZERO).is_err());
}

#[test]
fn acquire_existing_makes_no_file_in_a_folder_that_is_there() {
    let (_home, path) = place();
    assert!(LockFile::acquire_existing(path.clone(), Duration::ZERO).unwrap().is_none());
    assert!(!path.exists());
}

#[test]
fn a_mark_is_written_once_and_shows_that_the_id_is_in_use() {
    let (_home, path) = place();
    let lock = LockFile::acquire(path.clone(), Duration::ZERO).unwrap();
    assert!(!is_in_use(&path));
    lock.mark();
    assert!(is_in_use(&path));
    fs::write(&path, "another mark").unwrap();
    lock.mark();
    assert_eq!(fs::read_to_string(&path).unwrap(), "another mark");
}

#[test]
fn a_lock_file_that_is_gone_is_removed_and_one_that_cannot_be_is_an_error() {
    let (_home, path) = place();
    let lock = |path: &PathBuf| LockFile::acquire(path.clone(), Duration::ZERO).unwrap();
    let gone = lock(&path);
    fs::remove_file(&path).unwrap();
    gone.remove().unwrap();
    let replaced = lock(&path);
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert_eq!(replaced.remove().unwrap_err().kind(), ErrorKind::Unavailable);
}

#[test]
fn a_file_that_cannot_be_locked_is_an_error_at_once() {
    let (_home, path) = place();
    fs::write(&path, "").unwrap();
    // Such a descriptor names the file and allows nothing with it.
    let named =
        OpenOptions::new().read(true).custom_flags(OFlags::PATH.bits().cast_signed()).open(&path).unwrap();
    let error = Locked::new(named, Mode::Exclusive, Duration::from_secs(60)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[test]
fn the_lock_of_a_file_that_has_lost_its_name_excludes_nobody_and_is_not_taken() {
    let (home, path) = place();
    let opened = || open(&path, true, Mode::Exclusive).unwrap();
    let mut waiting = Waiting::new(Duration::ZERO);
    assert!(waiting.lock_the_one_at(&path, opened(), Mode::Exclusive).unwrap().is_some());
    let removed = opened();
    fs::remove_file(&path).unwrap();
    assert!(waiting.lock_the_one_at(&path, removed, Mode::Exclusive).unwrap().is_none());
    let replaced = opened();
    fs::rename(&path, home.path().join("kept")).unwrap();
    let _other = opened();
    assert!(waiting.lock_the_one_at(&path, replaced, Mode::Exclusive).unwrap().is_none());
    let unreachable = path.join("below");
    let file = open(&path, false, Mode::Exclusive).unwrap();
    let error = waiting.lock_the_one_at(&unreachable, file, Mode::Exclusive).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[test]
fn pauses_grow_up_to_a_limit() {
    let mut waiting = Waiting::new(Duration::from_secs(60));
    let mut pauses = Vec::new();
    for _ in 0..9 {
        pauses.push(waiting.pause);
        waiting.pause().unwrap();
    }
    assert!(pauses.is_sorted());
    assert_eq!(pauses.first(), Some(&FIRST_PAUSE));
    assert_eq!(pauses.last(), Some(&LONGEST_PAUSE));
}

#[test]
#[cfg(target_os = "linux")]
fn a_lock_file_that_may_only_be_read_is_locked_shared() {
    let (_home, path) = readable();
    unprivileged(|| {
        assert!(LockFile::try_acquire(path.clone(), Mode::Shared).unwrap().is_some());
        let refused = LockFile::try_acquire(path, Mode::Exclusive).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unavailable);
    });
}

#[test]
#[cfg(target_os = "linux")]
fn a_lock_file_that_may_not_be_made_is_an_error_that_says_so() {
    let (home, path) = readable();
    fs::remove_file(&path).unwrap();
    unprivileged(|| {
        let error = open(&path, true, Mode::Shared).unwrap_err();
        assert_eq!(error.kind(), IoKind::PermissionDenied);
    });
    drop(home);
}

#[test]
fn a_lock_file_that_its_owner_may_not_use_is_made_private_and_others_keep_their_mode() {
    for (before, after) in [(0o000, 0o600), (0o400, 0o600), (0o600, 0o600), (0o664, 0o664)] {
        let (_home, path) = place();
        let file = File::create(&path).unwrap();
        file.set_permissions(Permissions::from_mode(before)).unwrap();
        let locked = Waiting::new(Duration::ZERO).lock_the_one_at(&path, file, Mode::Exclusive).unwrap();
        assert!(locked.is_some());
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, after);
    }
}
