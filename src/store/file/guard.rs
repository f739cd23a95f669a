//! Locks of sessions in files. The kernel gives them back when the process is gone.

use std::any::Any;
use std::time::Duration;

use super::disk::is_absence;
use super::folders::{Folders, Visit};
use super::layout::Place;
use super::locked::{Content, Locks};
use super::record::Found;
use crate::error::{Error, Result};
use crate::fork::Process;
use crate::id::StoreKey;
use crate::store::{Call, Deleted, Expect, Guard, Patch, Rotation, Timestamp, Write, Written};
use crate::sync::{Mutex, MutexGuard, lock};

/// How long a release waits for a reader of the record, in order to find out which file the record has.
const RELEASE_WAIT: Duration = Duration::from_millis(25);

/// The locks of one holder. Other writers take them too, so that the holder is the only one from its first use to its
/// last.
pub(super) struct FileGuard {
    folders: Folders,
    process: Process,
    held: Mutex<Vec<(StoreKey, Locks)>>,
}

/// The locks of a holder while it works under one of them, so that it is not released meanwhile.
pub(super) struct Working<'a> {
    visit: Visit<'a>,
    held: MutexGuard<'a, Vec<(StoreKey, Locks)>>,
}

impl FileGuard {
    /// Of an id that was locked.
    pub(super) fn new(folders: Folders, key: &StoreKey, locks: Locks) -> Self {
        let held = Mutex::new(vec![(key.clone(), locks.kept())]);
        Self { folders, process: Process::current(), held }
    }

    /// The locks of the caller, if that of `key` is among them.
    pub(super) fn working<'a>(call: &Call<'a>, key: &StoreKey) -> Option<Working<'a>> {
        let guard = call.guard_of::<Self>()?;
        let held = lock(&guard.held);
        has(&held, key).then(|| Working { visit: guard.folders.visit(call.wait), held })
    }

    /// Unlocks an id, and leaves no lock file if its record has no file. Where that cannot be found out the lock file
    /// stays: it is empty, and what its holder has stored is stored.
    fn unlock(&self, key: &StoreKey, locks: Locks) {
        let visit = self.folders.visit(RELEASE_WAIT);
        let path = visit.place(key).data_file(&visit.file_dir);
        if matches!(std::fs::symlink_metadata(path), Err(error) if is_absence(&error)) {
            locks.tidy(&Found::Absent);
        }
    }
}

fn has(held: &[(StoreKey, Locks)], key: &StoreKey) -> bool {
    held.iter().any(|(one, _)| one.lock() == key.lock())
}

impl Working<'_> {
    /// Writes a record of the id that is locked.
    pub(super) fn write(&self, write: &Write<'_>, now: Timestamp) -> Result<Written> {
        let (place, _neighbour) = self.visit.lock_shared(Place::of(write.key))?;
        let (_pinned, found) = self.visit.look(&place)?;
        self.visit.replace(&place, &Content::from(write), &found.live_at(now), now)
    }

    /// Renews it.
    pub(super) fn patch(&self, patch: &Patch<'_>, now: Timestamp) -> Result<bool> {
        self.visit.patch(&self.visit.place(patch.renewal.key), patch, now)
    }

    /// Removes it.
    pub(super) fn delete(&self, key: &StoreKey, expect: Expect) -> Result<Deleted> {
        self.visit.remove(Place::of(key), expect)
    }

    /// Rotates it, and locks the new id too.
    pub(super) fn rotate(mut self, rotation: &Rotation<'_>, now: Timestamp) -> Result<Written> {
        let Rotation { old, new, .. } = *rotation;
        let is_move = old.lock() == new.lock();
        if !is_move && has(&self.held, new) {
            return Err(Error::invalid("a session cannot be rotated to an id that its holder has left"));
        }
        let (written, locks) = self.visit.move_locked(Place::of(old), Place::of(new), rotation, now)?;
        if is_move && matches!(written, Written::Stored(_)) {
            self.held.iter_mut().filter(|(key, _)| key == old).for_each(|(key, _)| *key = new.clone());
        }
        self.held.extend(locks.map(|locks| (new.clone(), locks.kept())));
        Ok(written)
    }
}

impl Guard for FileGuard {
    fn holds(&self, key: &StoreKey) -> bool {
        has(&lock(&self.held), key)
    }

    fn release(&self) -> Result<()> {
        if !self.process.is_current() {
            // It belongs to the process that this one was forked from. A thread may have had this mutex when the process
            // was forked, and will never give it back here.
            if let Ok(mut held) = self.held.try_lock() {
                held.clear();
            }
            return Ok(());
        }
        let all = std::mem::take(&mut *lock(&self.held));
        for (key, locks) in all {
            self.unlock(&key, locks);
        }
        Ok(())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Drop for FileGuard {
    fn drop(&mut self) {
        // A remaining lock file is empty and harmless.
        let _ = self.release();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

    use super::*;
    use crate::id::SessionId;

    #[test]
    fn a_forked_process_leaves_the_lock_files_of_its_parent() {
        let home = tempfile::tempdir().unwrap();
        let folders = Folders::new(home.path().join("data"), home.path().join("locks"));
        let key = StoreKey::from(SessionId::generate());
        let place = Place::of(&key);
        let locks = folders.visit(Duration::ZERO).lock(&place).unwrap();
        let mut guard = FileGuard::new(folders.clone(), &key, locks);
        guard.process = Process::numbered(0);
        guard.release().unwrap();
        assert!(!guard.holds(&key));
        assert!(place.lock_file(&folders.lock_dir).exists());
    }
}
