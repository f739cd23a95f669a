//! Removes expired records, and the temporary files beside them.

use std::fs::{self, Metadata};
use std::path::Path;

use super::leftovers::lock_number;
use super::{FileSweep, leftovers};
use crate::error::Result;
use crate::id::{SessionId, StoreKey, is_stored_key};
use crate::locks::Mode;
use crate::store::file::disk::{is_absence, unlink};
use crate::store::file::layout::{DATA_EXTENSION, Place, Seat, is_hashed_name};
use crate::store::file::record::{self, Found};
use crate::store::{Swept, Timestamp};

/// In bytes. No session and no entry of a cache is as short; an empty dict, in any pickle protocol, is.
const LONGEST_EMPTY: u64 = 16;

/// The digits of the ids that Beaker makes.
const ID_DIGITS: usize = 32;

/// The fate of a record that looked expired.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::store::file) enum Outcome {
    Removed,
    /// It is in use, was renewed, or is no session.
    Left,
}

impl FileSweep {
    pub(super) fn examine_beside_records(&mut self, path: &Path, name: &str, now: Timestamp) -> Swept {
        let Some(stem) = name.strip_suffix(DATA_EXTENSION) else {
            return leftovers::remove_temporary(self.visit(), path, name, self.plan.dry_run, now);
        };
        let mut swept = Swept::default();
        let metadata = match fs::symlink_metadata(path) {
            Ok(metadata) if metadata.is_file() => metadata,
            Ok(_) => return swept,
            Err(error) => {
                swept.skipped += u64::from(!is_absence(&error));
                return swept;
            }
        };
        if !self.plan.is_over(record::expiry(path), &metadata, now) {
            self.keep_locks_of(path, stem);
            return swept;
        }
        match self.remove(path, stem, now) {
            Ok(Outcome::Removed) => swept.expired += 1,
            Ok(Outcome::Left) => self.keep_locks_of(path, stem),
            Err(_) => {
                swept.skipped += 1;
                self.keep_locks_of(path, stem);
            }
        }
        swept
    }

    /// Notes which locks belong to the record at `path`. Where its name does not tell its id, it does itself.
    fn keep_locks_of(&mut self, path: &Path, stem: &str) {
        self.see(SessionId::from_program(stem));
        if is_id(stem) {
            return;
        }
        // Caches of the original share these folders; theirs are named by the very hash that names the lock.
        self.seen.extend(lock_number(stem));
        if let Ok(Some(owner)) = record::owner(path) {
            self.see(SessionId::from_program(owner));
        }
    }

    fn see(&mut self, id: SessionId) {
        let lock = Place::of(&id.into()).lock_file(Path::new(""));
        self.seen.extend(lock.file_stem().and_then(|name| lock_number(name.to_str()?)));
    }

    /// Removes the record at `path` with its locks, if it is a session's and is still expired once it is locked.
    fn remove(&self, path: &Path, stem: &str, now: Timestamp) -> Result<Outcome> {
        let id = record::owner(path)?.unwrap_or_else(|| stem.to_owned());
        let key = StoreKey::from(SessionId::from_program(id));
        // A file that was moved here, or made by another program.
        let Some(place) = Place::at(&key, path, &self.folders.file_dir) else { return Ok(Outcome::Left) };
        // First without the lock, since its file may have to be made.
        match record::hold(path, &place, Mode::Shared)? {
            Some((_, metadata, found)) if self.may_go(&found, &metadata, path, now) => {}
            _ => return Ok(Outcome::Left),
        }
        if self.plan.dry_run {
            let is_old_copy = place.seat() != Seat::Own && self.visit().settle(place).seat() == Seat::Own;
            return Ok(if is_old_copy { Outcome::Left } else { Outcome::Removed });
        }
        self.remove_if_still_over(path, &place, now)
    }

    /// Removes the record if it is still expired under its locks.
    pub(in crate::store::file) fn remove_if_still_over(
        &self,
        path: &Path,
        place: &Place<'_>,
        now: Timestamp,
    ) -> Result<Outcome> {
        // An original that made up an id with dots, which the name has lost, locks another file than this. It
        // can write between the last look and the removal; that it does so to a session which it has not
        // used for a whole lifetime, within those microseconds, is taken to be impossible.
        let mut locks = self.visit().lock(place)?;
        // A record that has moved, or cannot be locked, is left to the next sweep.
        let there = locks.with_shared(&self.visit(), place.clone())?;
        let is_alone = there.seat() != Seat::Own || self.visit().remove_old_copy(&there)?;
        if !is_alone || there.seat() != place.seat() && place.is_dotted() {
            return Ok(Outcome::Left);
        }
        let Some((_held, metadata, found)) = record::hold(path, place, Mode::Exclusive)? else {
            locks.tidy(&Found::Absent);
            return Ok(Outcome::Left);
        };
        if !self.may_go(&found, &metadata, path, now) {
            return Ok(Outcome::Left);
        }
        unlink(path)?;
        locks.tidy(&Found::Absent);
        Ok(Outcome::Removed)
    }

    /// Whether what was found is over, and is a session, or nothing. A dict that holds something else is the original's
    /// cache.
    fn may_go(&self, found: &Found, metadata: &Metadata, path: &Path, now: Timestamp) -> bool {
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let expires_at = match found {
            Found::Ours(contents) => contents.expires_at(),
            Found::Absent if metadata.len() <= LONGEST_EMPTY => None,
            Found::Unreadable(_) if metadata.len() == 0 || is_id(stem) || is_hashed_name(stem) => None,
            Found::Absent | Found::Unreadable(_) | Found::Foreign => return false,
        };
        self.plan.is_over(expires_at, metadata, now)
    }
}

/// Whether it is an id that Beaker made, or what is kept in place of an id.
pub(in crate::store::file) fn is_id(stem: &str) -> bool {
    is_stored_key(stem) || stem.len() == ID_DIGITS && stem.bytes().all(|byte| byte.is_ascii_hexdigit())
}
