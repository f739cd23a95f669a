//! Sessions in files, one for each, in the folders and the format that the processes of a Beaker
//! installation share.
//!
//! A record is replaced by renaming a new file over it, under the exclusive lock of its id, so that a
//! process which reads meanwhile has the old one whole. A touch changes a few bytes in place; for that
//! moment it locks the record's file itself, as a reader does for the moment of reading. A reader takes no
//! lock of the id and makes nothing.
//!
//! The option [`Durability`] says what a save survives. A touch is never flushed to the disk: a power failure may lose
//! an access time.

mod disk;
mod dotted;
mod exposure;
mod folders;
mod guard;
mod layout;
mod locked;
mod record;
mod replace;
mod scan;
mod sweep;
#[cfg(test)]
mod tests;
mod walk;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use disk::REMOVING;
pub use exposure::{Exposure, exposure};
use folders::Folders;
use guard::FileGuard;
use layout::Place;
pub use layout::{digest_name, file_name, hashed_name};
use locked::Content;
use record::Found;
use replace::WRITING;
pub use replace::{is_temporary, replace_file};
use scan::FileScan;
pub use sweep::{FileSweep, Reach, SweepPlan, lease_of};

pub use crate::private_dir::{default_directory, ensure_private_dir, sync_with_names};

use super::{
    Blocking, Call, Capabilities, Deleted, Durability, Expect, LockTarget, Locks, Patch, Record, Renewal,
    Rotation, Scan, Store, Sweep, Sweeper, Taken, Timestamp, Write, Written,
};
use crate::clock;
use crate::error::Result;
use crate::id::StoreKey;
use crate::locks::LockFile;

const LOCKING: &str = "lock the session";

/// Keeps each session in a file of its own.
///
/// Two folders hold everything: the records as `<i>/<id>/<id>.cache` and the locks as `<h>/<hh>/<hash>.lock`,
/// below one and two characters of the name. Files are made with mode 0600 and folders with 0700, when they
/// are needed and not before.
#[derive(Clone, Debug)]
#[must_use]
pub struct FileStore {
    folders: Folders,
    lifetime: Option<Duration>,
    sweeper: Option<Arc<Sweeper>>,
}

impl FileStore {
    /// A store of the records in `file_dir` with the locks in `lock_dir`. Neither is looked at yet.
    pub fn new(file_dir: PathBuf, lock_dir: PathBuf) -> Self {
        Self { folders: Folders::new(file_dir, lock_dir), lifetime: None, sweeper: None }
    }

    /// The same store, where a sweep removes records without an expiry, as Beaker's, once they were not used for
    /// `lifetime`. That must be at least the timeout of every process of Beaker that uses these folders.
    pub fn with_lifetime(self, lifetime: Option<Duration>) -> Self {
        Self { lifetime, ..self }
    }

    /// The same, whose saves survive what `durability` says.
    pub fn with_durability(mut self, durability: Durability) -> Self {
        self.folders.durability = durability;
        self
    }

    /// The same, which is swept at intervals: a write or a touch that finds a sweep due starts a thread.
    pub fn with_sweeper(self, sweeper: Option<Arc<Sweeper>>) -> Self {
        Self { sweeper, ..self }
    }

    /// The folder of the records.
    pub fn file_dir(&self) -> &Path {
        &self.folders.file_dir
    }

    fn maybe_sweep(&self, now: Timestamp) {
        if let Some(sweeper) = &self.sweeper {
            sweeper.maybe_sweep(now, || self.whole_sweep().into_job());
        }
    }

    fn whole_sweep(&self) -> FileSweep {
        self.sweep_by(SweepPlan { lifetime: self.lifetime, ..SweepPlan::default() })
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
        FileSweep::new(self.folders.clone(), plan)
    }

    /// The file that has the record of `key`, or would have it; the one that it is written to; and the one that no
    /// other id has. `wait` is how long a reader of them is waited for.
    pub fn files(&self, key: &StoreKey, wait: Duration) -> [PathBuf; 3] {
        let place = self.folders.visit(wait).place(key);
        let file_dir = self.file_dir();
        [place.data_file(file_dir), place.target_file(file_dir), place.own_file(file_dir)]
    }

    /// Has the record of another id leave the file that is named after `key`, whose lock the caller has.
    ///
    /// # Errors
    /// `Unavailable` if it cannot be moved.
    pub fn clear(&self, key: &StoreKey, wait: Duration) -> Result<()> {
        self.folders.visit(wait).make_way(&Place::of(key))
    }

    /// The file that a process locks to use `key`: shared to read, exclusively to write.
    pub fn lock_file(&self, key: &StoreKey) -> PathBuf {
        Place::of(key).lock_file(&self.folders.lock_dir)
    }
}

impl Store for FileStore {
    fn load(&self, key: &StoreKey, call: &Call<'_>) -> Result<Option<Record>> {
        // A reader takes no lock of the id.
        let place = self.folders.visit(call.wait).place(key);
        let path = place.data_file(self.file_dir());
        match record::read(&path, &place, call.wait)? {
            Found::Absent | Found::Foreign => Ok(None),
            Found::Unreadable(error) => Err(error),
            Found::Ours(contents) if contents.is_over(call.now) => {
                self.remove_expired(&path, &place, call.now);
                Ok(None)
            }
            Found::Ours(contents) => Ok(Some(Record {
                data: Arc::from(contents.text()),
                version: contents.version(),
                expires_at: contents.expires_at().filter(|expires_at| expires_at.is_finite()),
            })),
        }
    }

    fn write(&self, write: &Write<'_>, call: &Call<'_>) -> Result<Written> {
        let written = match FileGuard::working(call, write.key) {
            Some(working) => working.write(write, call.now)?,
            None => self.write_unlocked(write, call)?,
        };
        if written != Written::Refused {
            self.maybe_sweep(call.now);
        }
        Ok(written)
    }

    fn renew(&self, renewal: &Renewal<'_>, call: &Call<'_>) -> Result<bool> {
        self.patch(&renewal.as_patch(), call)
    }

    fn patch(&self, patch: &Patch<'_>, call: &Call<'_>) -> Result<bool> {
        self.maybe_sweep(call.now);
        if let Some(working) = FileGuard::working(call, patch.renewal.key) {
            return working.patch(patch, call.now);
        }
        let visit = self.folders.visit(call.wait);
        let place = visit.place(patch.renewal.key);
        // Processes of the original read under the lock of the id alone, and the file's own tells them
        // nothing. Where there is no lock file, none of them is reading.
        let lock = place.lock_file(&visit.lock_dir);
        let _lock = LockFile::acquire_existing(lock, call.wait)?;
        visit.patch(&place, patch, call.now)
    }

    fn delete(&self, key: &StoreKey, expect: Expect, call: &Call<'_>) -> Result<Deleted> {
        if let Some(working) = FileGuard::working(call, key) {
            return working.delete(key, expect);
        }
        let visit = self.folders.visit(call.wait);
        let place = visit.place(key);
        let path = place.data_file(&visit.file_dir);
        let Some(locks) = visit.lock_known(&place, &path, REMOVING)? else {
            return Ok(Deleted::Nothing);
        };
        let deleted = visit.remove(place, expect)?;
        if deleted != Deleted::Refused {
            locks.tidy(&Found::Absent);
        }
        Ok(deleted)
    }

    fn rotate(&self, rotation: &Rotation<'_>, call: &Call<'_>) -> Result<Written> {
        if let Some(written) = rotation.as_write(|write| self.write(write, call)) {
            return written;
        }
        let written = match FileGuard::working(call, rotation.old) {
            Some(working) => working.rotate(rotation, call.now)?,
            None => self.rotate_unlocked(rotation, call)?,
        };
        if written != Written::Refused {
            self.maybe_sweep(call.now);
        }
        Ok(written)
    }

    fn locks(self: Arc<Self>) -> Option<Arc<dyn Locks>> {
        Some(self)
    }

    fn sweep(&self) -> Box<dyn Sweep + '_> {
        Box::new(self.whole_sweep())
    }

    fn scan(&self) -> Option<Box<dyn Scan + '_>> {
        Some(Box::new(FileScan::new(&self.folders)))
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { compare_and_swap: true, blocking: Blocking::Disk, ..Capabilities::default() }
    }
}

impl FileStore {
    fn write_unlocked(&self, write: &Write<'_>, call: &Call<'_>) -> Result<Written> {
        let visit = self.folders.visit(call.wait);
        let place = visit.place(write.key);
        let path = place.data_file(&visit.file_dir);
        let mut locks = match write.expect {
            Expect::Any | Expect::Absent => visit.lock(&place)?,
            Expect::Present | Expect::Version(_) => match visit.lock_known(&place, &path, WRITING)? {
                Some(locks) => locks,
                None => return Ok(Written::Refused),
            },
        };
        let place = locks.with_shared(&visit, place)?;
        let (pinned, found) = visit.look(&place)?;
        let found = found.live_at(call.now);
        let written = visit.replace(&place, &Content::from(write), &found, call.now);
        drop(pinned);
        if matches!(written, Ok(Written::Stored(_))) {
            locks.claim(&place);
        } else {
            locks.tidy(&found);
        }
        written
    }

    fn rotate_unlocked(&self, rotation: &Rotation<'_>, call: &Call<'_>) -> Result<Written> {
        let visit = self.folders.visit(call.wait);
        let (from, to) = (visit.place(rotation.old), visit.place(rotation.new));
        let Some(locks) = visit.lock_known(&from, &from.data_file(&visit.file_dir), WRITING)? else {
            return Ok(Written::Refused);
        };
        let is_lock_done = rotation.redirect.is_none() && !from.shares_its_lock_with(&to);
        let (written, _new_locks) = visit.move_locked(from, to, rotation, call.now)?;
        if matches!(written, Written::Stored(_)) && is_lock_done {
            locks.tidy(&Found::Absent);
        }
        Ok(written)
    }
}

impl Locks for FileStore {
    fn lock(self: Arc<Self>, key: &StoreKey, target: LockTarget, call: &Call<'_>) -> Result<Taken> {
        let visit = self.folders.visit(call.wait);
        let place = visit.place(key);
        let path = place.data_file(&visit.file_dir);
        let locks = match target {
            LockTarget::Id => visit.lock(&place).map(Some),
            LockTarget::Record => visit.lock_known(&place, &path, LOCKING),
        };
        let Some(locks) = locks? else { return Ok(None) };
        let guard = FileGuard::new(self.folders.clone(), key, locks);
        if target == LockTarget::Record {
            // It may have gone while its lock was waited for, and the file may have the record of an id which shares it.
            let place = visit.place(key);
            let found = record::read(&place.data_file(&visit.file_dir), &place, call.wait)?;
            if !matches!(found.live_at(call.now), Found::Ours(_) | Found::Unreadable(_)) {
                return Ok(None);
            }
        }
        Ok(Some(Arc::new(guard)))
    }
}
