//! Locks of sessions: files beside the database, each of which exists while it is held.

use std::any::Any;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sha1::{Digest as _, Sha1};

use crate::error::Result;
use crate::fork::Process;
use crate::id::{StoreKey, push_hex};
use crate::locks::LockFile;
use crate::store::{Guard, Rotation, Written};

/// Of a SHA-1.
const DIGITS: usize = 40;

/// The locks of one holder.
pub(super) struct SqliteGuard {
    folder: PathBuf,
    process: Process,
    held: Mutex<Vec<(StoreKey, LockFile)>>,
}

impl SqliteGuard {
    /// Waits for the lock of `key` in `folder`, at most `wait`.
    pub(super) fn acquire(folder: PathBuf, key: &StoreKey, wait: Duration) -> Result<Self> {
        let lock = LockFile::acquire(lock_file(&folder, key), wait)?;
        let held = Mutex::new(vec![(key.clone(), lock.kept())]);
        Ok(Self { folder, process: Process::current(), held })
    }

    fn held(&self) -> MutexGuard<'_, Vec<(StoreKey, LockFile)>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Rotates a session. If its old id is locked, the new one is locked first, and stays so if the session has it then.
    pub(super) fn follow(
        &self,
        rotation: &Rotation<'_>,
        wait: Duration,
        rotate: impl FnOnce() -> Result<Written>,
    ) -> Result<Written> {
        let mut held = self.held();
        let Rotation { old, new, .. } = *rotation;
        if !has(&held, old) || has(&held, new) {
            return rotate();
        }
        let lock = LockFile::acquire(lock_file(&self.folder, new), wait)?;
        let written = rotate();
        if matches!(written, Ok(Written::Stored(_))) {
            held.push((new.clone(), lock.kept()));
        } else {
            // The error of the rotation is the one to tell, and a file that is left is swept.
            let _ = lock.remove();
        }
        written
    }
}

fn has(held: &[(StoreKey, LockFile)], key: &StoreKey) -> bool {
    held.iter().any(|(one, _)| one.lock() == key.lock())
}

/// The lock file of an id: `<h>/<hh>/<hash>.lock`, as Python's `file_synchronizer` names it.
fn lock_file(folder: &Path, key: &StoreKey) -> PathBuf {
    let mut digits = String::with_capacity(DIGITS);
    push_hex(&mut digits, &Sha1::digest(key.lock().as_bytes()));
    named(folder, &digits)
}

fn named(folder: &Path, digits: &str) -> PathBuf {
    let head = |length| digits.get(..length).unwrap_or_default();
    folder.join(head(1)).join(head(2)).join(format!("{digits}.lock"))
}

/// Whether `path` is that of a lock file in `folder`, which may have files of others.
pub(super) fn is_lock_file(folder: &Path, path: &Path) -> bool {
    let digits = path.file_stem().and_then(OsStr::to_str);
    digits.is_some_and(|digits| digits.len() == DIGITS && is_hex(digits) && named(folder, digits) == path)
}

/// Whether `name` can be that of a folder of lock files, or of one below it, by its `length`.
pub(super) fn is_lock_folder(name: &OsStr, length: usize) -> bool {
    length <= 2 && name.to_str().is_some_and(|name| name.len() == length && is_hex(name))
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

impl Guard for SqliteGuard {
    fn holds(&self, key: &StoreKey) -> bool {
        has(&self.held(), key)
    }

    fn release(&self) -> Result<()> {
        if !self.process.is_current() {
            // A thread may have had this mutex when the process was forked, and will never give it back here.
            if let Ok(mut held) = self.held.try_lock() {
                held.clear();
            }
            return Ok(());
        }
        let all = std::mem::take(&mut *self.held());
        all.into_iter().map(|(_, lock)| lock.remove()).fold(Ok(()), Result::and)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Drop for SqliteGuard {
    fn drop(&mut self) {
        // The remaining lock file is empty and harmless.
        let _ = self.release();
    }
}
