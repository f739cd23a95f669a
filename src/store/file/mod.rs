//! Sessions in files, one for each, in the folders and the format that the processes of a Beaker
//! installation share.
//!
//! A record is replaced by renaming a new file over it, under the exclusive lock of its id, so that a
//! process which reads meanwhile has the old one whole. A touch changes a few bytes in place; for that
//! moment it locks the record's file itself, as a reader does for the moment of reading. A reader takes no
//! lock of the id and makes nothing.
//!
//! What a save survives is the [`Durability`] that was asked for. A touch is never flushed to the disk: the
//! machine may forget when its power fails that a session was used.

mod disk;
mod dotted;
mod exposure;
mod held;
mod layout;
mod locked;
mod record;
mod replace;
mod sweep;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub use disk::sync_with_names;
pub use exposure::{Exposure, exposure};
use held::HeldFile;
use layout::Place;
pub use layout::{digest_name, file_name, hashed_name};
use record::Found;
pub use replace::{is_temporary, replace_file};
pub use sweep::{FileSweep, Reach, SweepLease, SweepPlan, Sweeper};

pub use crate::private_dir::{default_directory, ensure_private_dir};

use super::{
    Capabilities, Deleted, Durability, Expect, Held, HoldOf, Record, Rotation, Store, Sweep, Timestamp,
    Touch, Written,
};
use crate::clock;
use crate::error::{Error, Result};
use crate::id::StoreKey;
use crate::locks::LockFile;

const WRITING: &str = "write the session file";
const REMOVING: &str = "remove the session file";
const LOCKING: &str = "lock the session";

/// How long a lock is waited for, unless something else is asked for.
const LOCK_TIME_LIMIT: Duration = Duration::from_secs(30);

/// Keeps each session in a file of its own.
///
/// Two folders hold everything: the records as `<i>/<id>/<id>.cache` and the locks as `<h>/<hh>/<hash>.lock`,
/// below one and two characters of the name. Files are made with mode 0600 and folders with 0700, when they
/// are needed and not before.
#[derive(Clone, Debug)]
pub struct FileStore {
    file_dir: PathBuf,
    lock_dir: PathBuf,
    lock_time_limit: Duration,
    lifetime: Option<Duration>,
    durability: Durability,
    sweeper: Option<Arc<Sweeper>>,
}

impl FileStore {
    /// A store of the records in `file_dir` with the locks in `lock_dir`. Neither is looked at yet.
    #[must_use]
    pub fn new(file_dir: PathBuf, lock_dir: PathBuf) -> Self {
        Self {
            file_dir,
            lock_dir,
            lock_time_limit: LOCK_TIME_LIMIT,
            lifetime: None,
            durability: Durability::default(),
            sweeper: None,
        }
    }

    /// The same, waiting at most `limit` for a lock that somebody else holds; then the session is locked.
    #[must_use]
    pub fn with_lock_time_limit(mut self, limit: Duration) -> Self {
        self.lock_time_limit = limit;
        self
    }

    /// The same, of which a sweep removes records that carry no expiry, as Beaker's, once nobody has used them for
    /// `lifetime`. It has to be at least what every process of Beaker allows that keeps its sessions in these folders.
    #[must_use]
    pub fn with_lifetime(mut self, lifetime: Option<Duration>) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// The same, whose saves survive what `durability` says.
    #[must_use]
    pub fn with_durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// The same, which is swept at intervals: a write or a touch that finds a sweep due starts a thread.
    #[must_use]
    pub fn with_sweeper(mut self, sweeper: Option<Arc<Sweeper>>) -> Self {
        self.sweeper = sweeper;
        self
    }

    /// The folder of the records.
    #[must_use]
    pub fn file_dir(&self) -> &Path {
        &self.file_dir
    }

    fn maybe_sweep(&self, now: Timestamp) {
        if let Some(sweeper) = &self.sweeper {
            sweeper.maybe_sweep(self, now);
        }
    }

    /// Removes a record that was found past its lifetime, unless the clock may be wrong or the record is in use. One
    /// that stays is swept.
    fn remove_expired(&self, path: &Path, place: &Place<'_>, now: Timestamp) {
        if clock::is_steady() {
            let _ = self.sweep_by(SweepPlan::default()).remove_if_still_over(path, place, now);
        }
    }

    /// A sweep by `plan` instead of by the store's own lifetime.
    #[must_use]
    pub fn sweep_by(&self, plan: SweepPlan) -> FileSweep {
        FileSweep::new(self, plan)
    }

    /// The file that holds, or would hold, the record of `id`.
    #[must_use]
    pub fn data_file(&self, key: &StoreKey) -> PathBuf {
        self.place(key).data_file(&self.file_dir)
    }

    /// The file that a process locks to use `id`: shared to read, exclusively to write.
    #[must_use]
    pub fn lock_file(&self, key: &StoreKey) -> PathBuf {
        Place::of(key).lock_file(&self.lock_dir)
    }
}

impl Store for FileStore {
    fn load(&self, key: &StoreKey, now: Timestamp) -> Result<Option<Record>> {
        let place = self.place(key);
        let path = place.data_file(&self.file_dir);
        match record::read(&path, &place, self.lock_time_limit)? {
            Found::Absent | Found::Foreign => Ok(None),
            Found::Unreadable(error) => Err(error),
            Found::Ours(contents) if contents.is_over(now) => {
                self.remove_expired(&path, &place, now);
                Ok(None)
            }
            Found::Ours(contents) => Ok(Some(Record {
                data: Arc::from(contents.text()),
                version: contents.version(),
                expires_at: contents.expires_at().filter(|expires_at| expires_at.is_finite()),
            })),
        }
    }

    fn write(
        &self,
        key: &StoreKey,
        data: &[u8],
        ttl: Option<Duration>,
        expect: Expect,
        now: Timestamp,
    ) -> Result<Written> {
        let place = self.place(key);
        let path = place.data_file(&self.file_dir);
        let mut locks = match expect {
            Expect::Any | Expect::Absent => self.lock(&place)?,
            Expect::Present | Expect::Version(_) => match self.lock_known(&place, &path, WRITING)? {
                Some(locks) => locks,
                None => return Ok(Written::Refused),
            },
        };
        let place = locks.with_shared(self, place)?;
        let (pinned, found) = self.look(&place)?;
        let found = found.live_at(now);
        let written = self.replace(&place, data, ttl, expect, &found, now);
        drop(pinned);
        if matches!(written, Ok(Written::Stored(_))) {
            locks.claim(&place);
        } else {
            locks.tidy(&found);
        }
        written
    }

    fn touch(
        &self,
        key: &StoreKey,
        touch: &Touch<'_>,
        ttl: Option<Duration>,
        now: Timestamp,
    ) -> Result<bool> {
        let place = self.place(key);
        // Processes of the original read under the lock of the id alone, and the file's own tells them
        // nothing. Where there is no lock file, none of them is reading.
        let lock = place.lock_file(&self.lock_dir);
        let _lock = LockFile::acquire_existing(lock, self.lock_time_limit)?;
        self.renew(&place, touch, ttl, now)
    }

    fn delete(&self, key: &StoreKey, expect: Expect) -> Result<Deleted> {
        let place = self.place(key);
        let path = place.data_file(&self.file_dir);
        let Some(locks) = self.lock_known(&place, &path, REMOVING)? else {
            return Ok(Deleted::Nothing);
        };
        let deleted = self.remove(place, expect)?;
        if deleted != Deleted::Refused {
            locks.tidy(&Found::Absent);
        }
        Ok(deleted)
    }

    fn rotate(&self, rotation: &Rotation<'_>, now: Timestamp) -> Result<Written> {
        let Rotation { old, new, data, ttl, .. } = *rotation;
        let write = |expect| self.write(old, data, ttl, expect, now);
        if let Some(written) = rotation.as_write(write) {
            return written;
        }
        let (from, to) = (self.place(old), self.place(new));
        let Some(locks) = self.lock_known(&from, &from.data_file(&self.file_dir), WRITING)? else {
            return Ok(Written::Refused);
        };
        let is_lock_done = rotation.left.is_none() && !from.shares_its_lock_with(&to);
        let (written, _new_locks) = self.move_locked(from, to, rotation, now)?;
        if matches!(written, Written::Stored(_)) && is_lock_done {
            locks.tidy(&Found::Absent);
        }
        Ok(written)
    }

    fn hold(
        self: Arc<Self>,
        key: &StoreKey,
        of: HoldOf,
        limit: Duration,
        now: Timestamp,
    ) -> Result<Option<Arc<dyn Held>>> {
        let patient = (*self).clone().with_lock_time_limit(limit);
        let place = self.place(key);
        let locks = match of {
            HoldOf::Id => patient.lock(&place).map(Some),
            HoldOf::Record => patient.lock_known(&place, &place.data_file(&self.file_dir), LOCKING),
        };
        let Some(locks) = locks? else { return Ok(None) };
        let held = HeldFile::new(self, key, locks);
        // It may have gone while its lock was waited for.
        if of == HoldOf::Record && !held.has_record(key, now)? {
            return held.release().map(|()| None);
        }
        Ok(Some(Arc::new(held)))
    }

    fn sweep(&self) -> Box<dyn Sweep + '_> {
        Box::new(self.sweep_by(SweepPlan { lifetime: self.lifetime, ..SweepPlan::default() }))
    }

    fn without_waiting(&self) -> Option<Arc<dyn Store>> {
        Some(Arc::new(self.clone().with_lock_time_limit(Duration::ZERO)))
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { native_expiry: false, compare_and_swap: true, blocking: true }
    }
}

/// Removes a file, or finds it gone.
fn unlink(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if !is_absence(&error) => {
            Err(Error::unavailable(REMOVING).with_source(error).in_folder_of(path))
        }
        _ => Ok(()),
    }
}

/// Whether this error says that there is no such file.
fn is_absence(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}
