//! Removes what killed processes, and requests for removed sessions, leave behind.

use std::collections::HashSet;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::clock::seconds_of;
use crate::error::Result;
use crate::id::{SessionId, StoreKey};
use crate::locks::LockFile;
use crate::store::file::disk::{is_absence, unlink};
use crate::store::file::folders::Visit;
use crate::store::file::layout::{DATA_EXTENSION, LOCK_EXTENSION, Place};
use crate::store::file::replace;
use crate::store::{Swept, Timestamp};

/// The age, in seconds, at which what a writer left behind is removed. Writers need milliseconds. A writer that was
/// stopped for longer between two system calls gets an error, and has acknowledged nothing that is lost.
pub(super) const LEFTOVER_AGE: f64 = 3600.0;

/// The suffix of the original's temporary files.
const ORIGINALS_SUFFIX: &str = ".temp";

const LOCK_DIGITS: usize = 40;

/// Removes a temporary file that a writer left behind. Any other file stays.
pub(super) fn remove_temporary(
    visit: Visit<'_>,
    path: &Path,
    name: &str,
    dry_run: bool,
    now: Timestamp,
) -> Swept {
    let originals = name.strip_suffix(ORIGINALS_SUFFIX).and_then(|name| name.strip_suffix(DATA_EXTENSION));
    if !(replace::is_temporary(name.as_ref()) || originals.is_some()) || !is_old_file(path, now) {
        return Swept::default();
    }
    let removed = match originals {
        _ if dry_run => Ok(true),
        None => unlink(path).map(|()| true),
        Some(stem) => remove_originals(visit, path, stem, now),
    };
    match removed {
        Ok(true) => Swept { temporaries: 1, ..Swept::default() },
        Ok(false) => Swept::default(),
        Err(_) => Swept { skipped: 1, ..Swept::default() },
    }
}

/// The original writes to one name again and again, so an old file may become a new one meanwhile.
fn remove_originals(visit: Visit<'_>, path: &Path, stem: &str, now: Timestamp) -> Result<bool> {
    let key = StoreKey::from(SessionId::from_program(stem));
    let lock = Place::of(&key).lock_file(&visit.lock_dir);
    let lock = LockFile::acquire(lock, Duration::ZERO)?;
    let is_old = is_old_file(path, now);
    if is_old {
        unlink(path)?;
    }
    if matches!(fs::symlink_metadata(visit.place(&key).data_file(&visit.file_dir)), Err(error) if is_absence(&error))
    {
        lock.remove()?;
    }
    Ok(is_old)
}

/// Whether `path` is an old lock file of a session that was not seen.
pub(super) fn is_orphaned_lock(
    visit: Visit<'_>,
    path: &Path,
    name: &str,
    seen: &HashSet<u64>,
    now: Timestamp,
) -> bool {
    let Some(digits) = name.strip_suffix(LOCK_EXTENSION) else { return false };
    digits.len() == LOCK_DIGITS
        && digits.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'))
        && Place::lock_file_named(digits, &visit.lock_dir) == path
        && lock_number(digits).is_some_and(|number| !seen.contains(&number))
        && is_old_file(path, now)
}

/// Removes the free lock files of `paths`. `hand_over` is a moment in which a waiting process gets a lock.
///
/// A process of ours that waits for such a lock checks it once it has it, and takes the lock that is then at this
/// path. A process of Beaker does not check: if it opened the file before the removal, its lock excludes no one for
/// that one read or write. That takes a visit, in the microseconds between its opening and its locking the file, to a
/// session which has had no record for an hour, and does harm only if a second process of Beaker writes the same
/// session in those microseconds. A process that waits for the lock is not overlooked: the lock must be free twice,
/// with time between for it to be handed over.
pub(super) fn remove_locks(paths: &[PathBuf], dry_run: bool, hand_over: impl FnOnce()) -> Swept {
    let mut swept = Swept::default();
    let mut free = Vec::new();
    for path in paths {
        match LockFile::acquire_existing(path.clone(), Duration::ZERO) {
            Ok(Some(_lock)) => free.push(path),
            Ok(None) => {}
            Err(_) => swept.skipped += 1,
        }
    }
    if dry_run {
        swept.locks += free.len() as u64;
        return swept;
    }
    if !free.is_empty() {
        hand_over();
    }
    for path in free {
        match LockFile::acquire_existing(path.clone(), Duration::ZERO).map(|lock| lock.map(LockFile::remove))
        {
            Ok(Some(Ok(()))) => swept.locks += 1,
            Ok(None) => {}
            Ok(Some(Err(_))) | Err(_) => swept.skipped += 1,
        }
    }
    swept
}

/// How many seconds ago the file changed, by its own time; negative if that is yet to come.
pub(super) fn age(metadata: &Metadata, now: Timestamp) -> io::Result<f64> {
    Ok(now - seconds_of(metadata.modified()?))
}

fn is_old_file(path: &Path, now: Timestamp) -> bool {
    let is_old = |metadata: &Metadata| age(metadata, now).is_ok_and(|age| age > LEFTOVER_AGE);
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file() && is_old(&metadata))
}

/// The lock of this name, as `FileSweep` remembers it: the first half of the SHA-1 that it is named by.
pub(super) fn lock_number(name: &str) -> Option<u64> {
    u64::from_str_radix(name.get(..16)?, 16).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

    use super::*;
    use crate::locks::Mode;

    #[test]
    fn a_lock_that_somebody_waits_for_is_handed_over_and_stays() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("lock");
        let acquire = || LockFile::try_acquire(path.clone(), Mode::Exclusive).unwrap().unwrap();
        drop(acquire());
        let paths = [path.clone()];
        let mut waiting = None;
        let swept = remove_locks(&paths, false, || waiting = Some(acquire()));
        assert_eq!((swept.locks, swept.skipped), (0, 1));
        assert!(waiting.is_some() && path.exists());
        let swept = remove_locks(&paths, false, || unreachable!("no lock is free"));
        assert_eq!((swept.locks, swept.skipped), (0, 1));
        drop(waiting);
        let swept = remove_locks(&paths, false, || ());
        assert_eq!((swept.locks, swept.skipped), (1, 0));
        assert!(!path.exists());
    }
}
