//! Decides which of the ids that differ in their dots alone has the file of their common name.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::disk::is_absence;
use super::folders::Visit;
use super::layout::{Place, Seat};
use super::record::{self, Holder};
use super::replace;
use crate::error::{Error, Result};
use crate::id::{IdSource, SessionId, StoreKey};
use crate::locks::{LockFile, is_in_use};
use crate::private_dir::{self, ensure_private_dir};
use crate::store::Durability;

/// A writer has a lock for less. A lock that is held for longer is a session's, and is not waited for.
const PATIENCE: Duration = Duration::from_millis(100);

impl Visit<'_> {
    /// The place of the record of `key`. Only for an id with dots files are examined.
    pub(super) fn place<'a>(&self, key: &'a StoreKey) -> Place<'a> {
        self.settle(Place::of(key))
    }

    /// The same for an id whose place may have changed since it was found out.
    pub(super) fn settle<'a>(&self, place: Place<'a>) -> Place<'a> {
        if !place.is_dotted() {
            return place;
        }
        let has_own = fs::symlink_metadata(place.own_file(&self.file_dir)).is_ok();
        let seat = if has_own { Seat::Own } else { self.seat_without_own(&place) };
        place.seated(seat)
    }

    fn seat_without_own(&self, place: &Place<'_>) -> Seat {
        match record::holder(&place.named_file(&self.file_dir), self.wait) {
            // The next read reports what cannot be read.
            Ok(Holder::Nobody) | Err(_) => Seat::Shared,
            Ok(Holder::Named(owner)) if owner == place.key().record() => Seat::Shared,
            Ok(Holder::Named(_) | Holder::Plain) => Seat::Own,
            Ok(Holder::Unknown) if place.key().source() == IdSource::Request => Seat::Own,
            Ok(Holder::Unknown) => self.seat_by_locks(place),
        }
    }

    /// Beaker locks every id that it uses, and never removes a lock file.
    fn seat_by_locks(&self, place: &Place<'_>) -> Seat {
        let named = place.neighbours_lock_file(&self.lock_dir);
        match (is_in_use(&place.lock_file(&self.lock_dir)), named.is_some_and(|path| is_in_use(&path))) {
            (true, false) => Seat::Claimed,
            (false, true) => Seat::Own,
            (true, true) | (false, false) => Seat::Lent,
        }
    }

    /// Locks the file that `place` shares, if its record is there, and returns the place as it is then. While a session
    /// keeps the file locked, writes go to the file that is the id's alone.
    pub(super) fn lock_shared<'a>(&self, place: Place<'a>) -> Result<(Place<'a>, Option<Neighbour>)> {
        let place = self.settle(place);
        if !place.is_dotted() || place.seat() == Seat::Own {
            return Ok((place, None));
        }
        match self.neighbour(&place, self.wait.min(PATIENCE)) {
            Ok(neighbour) => Ok((self.settle(place), neighbour)),
            Err(error) if error.is_busy() => Ok((place.seated(Seat::Lent), None)),
            Err(error) => Err(error),
        }
    }

    /// The same for a record that is removed, which has to go from the shared file too: while a session keeps that locked,
    /// it is waited for.
    pub(super) fn lock_to_remove<'a>(&self, place: Place<'a>) -> Result<(Place<'a>, Option<Neighbour>)> {
        match self.lock_shared(place)? {
            (place, None) if place.is_dotted() && self.is_seen_in_shared(&place)? => {
                let neighbour = self.neighbour(&place, self.wait)?;
                Ok((self.settle(place), neighbour))
            }
            found => Ok(found),
        }
    }

    fn neighbour(&self, place: &Place<'_>, limit: Duration) -> Result<Option<Neighbour>> {
        let Some(path) = place.neighbours_lock_file(&self.lock_dir) else { return Ok(None) };
        let shared = place.named_file(&self.file_dir);
        LockFile::acquire(path, limit).map(|lock| Some(Neighbour { lock: Some(lock), shared }))
    }

    /// Removes what `place` would be taken to have if it had no file of its own. `neighbour` is the lock of the shared
    /// file, if the caller has it.
    pub(super) fn remove_shared(&self, place: &Place<'_>, neighbour: Option<&Neighbour>) -> Result<()> {
        if !place.is_dotted() || !self.is_seen_in_shared(place)? {
            return Ok(());
        }
        let _neighbour = if neighbour.is_some() { None } else { self.neighbour(place, self.wait)? };
        if self.is_seen_in_shared(place)? {
            self.unlink(&place.named_file(&self.file_dir))?;
        }
        Ok(())
    }

    fn is_seen_in_shared(&self, place: &Place<'_>) -> Result<bool> {
        match self.seat_without_own(place) {
            Seat::Own => Ok(false),
            Seat::Claimed | Seat::Lent => Ok(true),
            Seat::Shared => {
                let shared = place.named_file(&self.file_dir);
                Ok(record::holder(&shared, self.wait)? != Holder::Nobody)
            }
        }
    }

    /// Removes an older state of the record of `place`, which was left in the shared file while that was locked. The own
    /// file goes after it, never before: without that file the old state would be read again. `false` if it has to stay,
    /// since the shared file has a record of Beaker's that this id would be taken to have, and that may be another's.
    pub(super) fn remove_old_copy(&self, place: &Place<'_>) -> Result<bool> {
        let shared = place.named_file(&self.file_dir);
        let holder = || record::holder(&shared, self.wait);
        let is_copy =
            |holder: &Holder| matches!(holder, Holder::Named(owner) if owner == place.key().record());
        let neighbour = if is_copy(&holder()?) { self.neighbour(place, self.wait)? } else { None };
        Ok(match holder()? {
            holder if is_copy(&holder) => {
                if neighbour.is_some() {
                    self.unlink(&shared)?;
                }
                neighbour.is_some()
            }
            Holder::Unknown => self.seat_by_locks(place) == Seat::Own,
            Holder::Nobody | Holder::Named(_) | Holder::Plain => true,
        })
    }

    /// Moves the record that is in the way of `place` to the file that is its owner's alone. The caller has the lock of the
    /// id without dots, which every writer of this file takes.
    pub(super) fn make_way(&self, place: &Place<'_>) -> Result<()> {
        let path = place.named_file(&self.file_dir);
        let Holder::Named(owner) = record::holder(&path, self.wait)? else { return Ok(()) };
        let owner = StoreKey::from(SessionId::from_program(owner));
        let of_owner = Place::of(&owner);
        if !place.is_plain() || !of_owner.is_dotted() || of_owner.named_file(&self.file_dir) != path {
            return Ok(());
        }
        let own = of_owner.own_file(&self.file_dir);
        if fs::symlink_metadata(&own).is_ok() {
            // It has moved before, and this is an old copy.
            return Ok(());
        }
        self.relocate(&path, &own)
    }

    fn relocate(&self, from: &Path, to: &Path) -> Result<()> {
        let failed = |error| Error::unavailable(replace::WRITING).with_source(error);
        let folder = to.parent().unwrap_or(to);
        ensure_private_dir(folder)?;
        // A link, so that the record is found at every moment. The next write to the old name ends it there.
        fs::hard_link(from, to).or_else(|_| fs::rename(from, to)).map_err(failed)?;
        if self.durability == Durability::Full {
            private_dir::sync_with_names(folder).map_err(failed)?;
        }
        Ok(())
    }
}

/// The lock of the id without dots, which has the file. Released where there is no record, it removes its lock file.
pub(super) struct Neighbour {
    lock: Option<LockFile>,
    shared: PathBuf,
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        let lock = self.lock.take();
        if matches!(fs::symlink_metadata(&self.shared), Err(error) if is_absence(&error)) {
            // One that cannot be removed is empty and harmless, and is swept.
            let _ = lock.map(LockFile::remove);
        }
    }
}
