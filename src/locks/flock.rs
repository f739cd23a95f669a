//! Locks between processes: `flock` on a file. The native store and Python's `FileSynchronizer` share them.
//!
//! The lock is polled until a time limit, so that a process which never releases it causes an error and not a hang.
//! Dropping a lock unlocks the file explicitly: a process that was forked meanwhile has the file open too, and closing
//! only our descriptor would leave the file locked.

use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind as IoKind};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;

use crate::error::{Error, Result};
use crate::fork::Process;
use crate::private_dir::ensure_private_dir;

const OPERATION: &str = "lock the session";

/// The pause between two attempts. A write holds its lock for a few hundred microseconds.
const FIRST_PAUSE: Duration = Duration::from_micros(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(5);

const PRIVATE: u32 = 0o600;
const OWNERS_USE: u32 = 0o600;
/// Beaker makes its lock files executable, and we do not.
const EXECUTABLE: u32 = 0o100;

/// How a lock is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// With other shared locks.
    Shared,
    /// With no other lock.
    Exclusive,
}

/// An open file with a `flock` on it, until it is dropped.
#[derive(Debug)]
pub struct Locked {
    file: File,
    /// The process that it was kept in, if it was. A forked process drops a copy.
    keeper: Option<Process>,
}

impl Locked {
    /// Waits for a lock on `file`, at most `limit`.
    pub(crate) fn new(file: File, mode: Mode, limit: Duration) -> Result<Self> {
        Waiting::new(limit).lock(&file, mode)?;
        Ok(Self::of(file))
    }

    fn of(file: File) -> Self {
        Self { file, keeper: None }
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        if self.keeper.is_none_or(Process::is_current) {
            // Should this fail, the close that follows does the same, unless a forked process has the file open.
            let _ = self.file.unlock();
        }
    }
}

/// A lock file, locked until this is dropped.
#[derive(Debug)]
pub struct LockFile {
    path: PathBuf,
    locked: Locked,
}

impl LockFile {
    /// The same, to be kept longer than a call. In a forked process the lock then stays the parent's: dropping the copy
    /// there closes the file and unlocks nothing. A lock of a call needs no such care, since a fork copies no call.
    pub(crate) fn kept(mut self) -> Self {
        self.locked.keeper = Some(Process::current());
        self
    }

    /// Takes the lock in that mode if it is free. Makes the file and its folders if they are missing.
    ///
    /// # Errors
    /// `Unavailable` if the file cannot be made or locked.
    pub fn try_acquire(path: PathBuf, mode: Mode) -> Result<Option<Self>> {
        match Self::acquire_as(path, mode, Duration::ZERO) {
            Err(error) if error.is_busy() => Ok(None),
            acquired => acquired.map(Some),
        }
    }

    /// Takes the lock exclusively. Makes the file and its folders if they are missing.
    pub(crate) fn acquire(path: PathBuf, limit: Duration) -> Result<Self> {
        Self::acquire_as(path, Mode::Exclusive, limit)
    }

    fn acquire_as(path: PathBuf, mode: Mode, limit: Duration) -> Result<Self> {
        let mut waiting = Waiting::new(limit);
        let mut made_folder = false;
        loop {
            match open(&path, true, mode) {
                Ok(file) => {
                    if let Some(locked) = waiting.lock_the_one_at(&path, file, mode)? {
                        return Ok(Self { path, locked });
                    }
                }
                Err(error) if error.kind() == IoKind::NotFound => {
                    if let Some(folder) = path.parent() {
                        ensure_private_dir(folder)?;
                    }
                    if !made_folder {
                        made_folder = true;
                        continue;
                    }
                }
                Err(error) => return Err(refused(error, &path)),
            }
            waiting.pause()?;
        }
    }

    /// Takes the lock exclusively if its file exists. Makes nothing.
    pub(crate) fn acquire_existing(path: PathBuf, limit: Duration) -> Result<Option<Self>> {
        let mut waiting = Waiting::new(limit);
        loop {
            match open(&path, false, Mode::Exclusive) {
                Ok(file) => {
                    if let Some(locked) = waiting.lock_the_one_at(&path, file, Mode::Exclusive)? {
                        return Ok(Some(Self { path, locked }));
                    }
                }
                Err(error) if is_absence(&error) => return Ok(None),
                Err(error) => return Err(refused(error, &path)),
            }
            waiting.pause()?;
        }
    }

    /// Writes a mark into the file that says that its id is in use.
    pub fn mark(&self) {
        let file = self.locked.file();
        if file.metadata().is_ok_and(|found| found.len() == 0) {
            // Without the mark, a record may be copied where it could have been replaced.
            let _ = file.write_all_at(b".", 0);
        }
    }

    /// Removes the file, then unlocks it. A waiter notices that the file is gone and makes a new one.
    pub(crate) fn remove(self) -> Result<()> {
        match std::fs::remove_file(&self.path) {
            Err(error) if !is_absence(&error) => {
                Err(Error::unavailable("remove the lock file").with_source(error).in_folder_of(&self.path))
            }
            _ => Ok(()),
        }
    }
}

/// Whether Beaker has used the id of this lock file, or the file has the mark of [`LockFile::mark`].
#[must_use]
pub fn is_in_use(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|found| found.mode() & EXECUTABLE != 0 || found.len() != 0)
}

/// A wait with a time limit, over all attempts.
struct Waiting {
    limit: Duration,
    since: Option<Instant>,
    pause: Duration,
}

impl Waiting {
    fn new(limit: Duration) -> Self {
        Self { limit, since: None, pause: FIRST_PAUSE }
    }

    fn lock(&mut self, file: &File, mode: Mode) -> Result<()> {
        loop {
            let outcome = match mode {
                Mode::Shared => file.try_lock_shared(),
                Mode::Exclusive => file.try_lock(),
            };
            match outcome {
                Ok(()) => return Ok(()),
                Err(TryLockError::WouldBlock) => self.pause()?,
                Err(TryLockError::Error(error)) if error.kind() == IoKind::Interrupted => {}
                Err(TryLockError::Error(error)) => {
                    return Err(Error::unavailable(OPERATION).with_source(error));
                }
            }
        }
    }

    /// Locks `file`, which was opened at `path`. `None` if `path` has no file or another file by then: the last holder
    /// removed it, and its lock excludes nobody.
    fn lock_the_one_at(&mut self, path: &Path, file: File, mode: Mode) -> Result<Option<Locked>> {
        let failed = |error| refused(error, path);
        let opened = file.metadata().map_err(failed)?;
        if !opened.is_file() {
            return Err(Error::unavailable(OPERATION).with_detail("the lock file is not a regular file"));
        }
        if opened.mode() & OWNERS_USE != OWNERS_USE {
            // It was made just now under a umask that excludes its owner. We could not open another user's.
            let _ = file.set_permissions(Permissions::from_mode(PRIVATE));
        }
        self.lock(&file, mode).map_err(|error| error.in_folder_of(path))?;
        let locked = Locked::of(file);
        match std::fs::symlink_metadata(path) {
            Ok(found) if (found.dev(), found.ino()) == (opened.dev(), opened.ino()) => Ok(Some(locked)),
            Ok(_) => Ok(None),
            Err(error) if is_absence(&error) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    fn pause(&mut self) -> Result<()> {
        let waited = self.since.get_or_insert_with(Instant::now).elapsed();
        let Some(left) = self.limit.checked_sub(waited).filter(|left| !left.is_zero()) else {
            return Err(Error::busy(OPERATION).with_detail(format!("its lock was held for {:?}", self.limit)));
        };
        thread::sleep(self.pause.min(left));
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Ok(())
    }
}

fn open(path: &Path, create: bool, mode: Mode) -> io::Result<File> {
    let open = |for_writing: bool| {
        OpenOptions::new()
            .read(true)
            .write(for_writing)
            .create(for_writing && create)
            .mode(PRIVATE)
            .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
            .open(path)
    };
    match open(true) {
        // A read-only page works there too, and an existing lock file can be locked.
        Err(error)
            if error.kind() == IoKind::ReadOnlyFilesystem
                || mode == Mode::Shared && error.kind() == IoKind::PermissionDenied =>
        {
            match open(false) {
                Err(absent) if create && is_absence(&absent) => Err(error),
                outcome => outcome,
            }
        }
        outcome => outcome,
    }
}

fn is_absence(error: &io::Error) -> bool {
    error.kind() == IoKind::NotFound
}

fn refused(error: io::Error, path: &Path) -> Error {
    Error::unavailable(OPERATION).with_source(error).in_folder_of(path)
}

#[cfg(test)]
#[path = "flock_tests.rs"]
mod tests;
