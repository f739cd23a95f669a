//! Taking the lock of an id, and changing its file under it.

use std::path::Path;
use std::time::Duration;

use super::disk::{REMOVING, is_absence, unlink};
use super::dotted::Neighbour;
use super::folders::Visit;
use super::layout::{Place, Seat};
use super::record::{self, Found};
use super::replace::{self, WRITING};
use crate::codec::envelope;
use crate::error::{Error, Result};
use crate::locks::{LockFile, Locked};
use crate::private_dir;
use crate::store::{Deleted, Durability, Expect, Patch, Redirect, Rotation, Timestamp, Write, Written};

impl Visit<'_> {
    /// Removes a file, so that its end survives what a save does.
    pub(super) fn unlink(&self, path: &Path) -> Result<()> {
        unlink(path)?;
        match path.parent() {
            Some(folder) if self.durability == Durability::Full => match private_dir::sync(folder) {
                Err(error) if !is_absence(&error) => {
                    Err(Error::unavailable(REMOVING).with_source(error).in_folder(folder))
                }
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }

    pub(super) fn lock(&self, place: &Place<'_>) -> Result<Locks> {
        let own = LockFile::acquire(place.lock_file(&self.lock_dir), self.wait)?;
        Ok(Locks { own, neighbour: None })
    }

    /// Locks an id that has a lock file or a record, and makes nothing for one that has neither.
    pub(super) fn lock_known(
        &self,
        place: &Place<'_>,
        data: &Path,
        operation: &'static str,
    ) -> Result<Option<Locks>> {
        let lock = place.lock_file(&self.lock_dir);
        if let Some(own) = LockFile::acquire_existing(lock, self.wait)? {
            return Ok(Some(Locks { own, neighbour: None }));
        }
        match std::fs::symlink_metadata(data) {
            Ok(_) => self.lock(place).map(Some),
            Err(error) if is_absence(&error) => Ok(None),
            Err(error) => Err(Error::unavailable(operation).with_source(error).in_folder_of(data)),
        }
    }

    /// Reads a place whose lock the caller has. A sweep does not know the lock of a record under a hash, which hides the
    /// id: it locks the file itself to remove it. So a change locks the file, too, until the returned value is dropped.
    pub(super) fn look(&self, place: &Place<'_>) -> Result<(Option<Locked>, Found)> {
        let path = place.data_file(&self.file_dir);
        if place.key().is_hashed() {
            return match record::read_alone(&path, place, self.wait)? {
                (_, Found::Foreign) => Ok((None, Found::Foreign)),
                found => Ok(found),
            };
        }
        record::read(&path, place, self.wait).map(|found| (None, found))
    }

    /// Writes `content` to a place whose lock the caller has, if `found`, which is there, is what it expects.
    pub(super) fn replace(
        &self,
        place: &Place<'_>,
        content: &Content<'_>,
        found: &Found,
        now: Timestamp,
    ) -> Result<Written> {
        let Content { data, ttl, expect } = *content;
        // The stored shape holds text: what a codec makes, base64, always is.
        let text = std::str::from_utf8(data)
            .map_err(|error| Error::invalid("a session in a file has to be text").with_source(error))?;
        let is_in_the_way = place.is_plain() && matches!(found, Found::Foreign);
        if !may_write(expect, if is_in_the_way { &Found::Absent } else { found })? {
            return Ok(Written::Refused);
        }
        if is_in_the_way {
            self.make_way(place)?;
        }
        let envelope = envelope::write(text, place.owner(), Some(expiry(ttl, now)))?;
        replace::replace_file(&place.target_file(&self.file_dir), &envelope, self.durability)?;
        Ok(Written::Stored(record::version_of(data)))
    }

    /// Renews the record of a place whose lock the caller has, or that has none.
    pub(super) fn patch(&self, place: &Place<'_>, patch: &Patch<'_>, now: Timestamp) -> Result<bool> {
        let path = place.data_file(&self.file_dir);
        record::patch(&path, place, patch, expiry(patch.renewal.ttl, now), now, self.wait)
    }

    /// Removes what is in a place whose lock the caller has, if it is what was expected.
    pub(super) fn remove(&self, place: Place<'_>, expect: Expect) -> Result<Deleted> {
        let (place, neighbour) = self.lock_shared(place)?;
        let path = place.data_file(&self.file_dir);
        let (_pinned, found) = self.look(&place)?;
        let deleted = match found {
            // It is another id's, and stays.
            Found::Foreign => return Ok(Deleted::Nothing),
            Found::Absent => Deleted::Nothing,
            Found::Unreadable(_) if matches!(expect, Expect::Any | Expect::Present) => Deleted::Record,
            Found::Unreadable(_) => Deleted::Refused,
            Found::Ours(contents) => expect.deletes(Some(contents.version())),
        };
        if deleted == Deleted::Refused {
            return Ok(deleted);
        }
        self.remove_shared(&place, neighbour.as_ref())?;
        // A shared file remains where its lock is not held.
        if neighbour.is_some() || !place.is_dotted() || place.seat() == Seat::Own {
            self.unlink(&path)?;
        }
        Ok(deleted)
    }

    /// Moves the record of a place whose lock the caller has to another place, as `rotation` says. Returns the
    /// lock of that one too, if the record is there.
    pub(super) fn move_locked(
        &self,
        from: Place<'_>,
        to: Place<'_>,
        rotation: &Rotation<'_>,
        now: Timestamp,
    ) -> Result<(Written, Option<Locks>)> {
        let Rotation { data, ttl, expect, redirect, .. } = *rotation;
        let is_name = from.shares_its_name_with(&to);
        let (from, shared) = match redirect {
            Some(_) => self.lock_shared(from)?,
            // What goes from the shared file is locked before anything is written.
            None => self.lock_to_remove(from)?,
        };
        let (pinned, found) = self.look(&from)?;
        let found = found.live_at(now);
        let is_there = matches!(found, Found::Ours(_) | Found::Unreadable(_));
        if !is_there || !may_write(expect, &found)? {
            return Ok((Written::Refused, None));
        }
        // Where it is the lock of the new id, that takes it now.
        let shared = shared.filter(|_| !(is_name && to.is_plain()));
        let mut locks = if from.shares_its_lock_with(&to) { None } else { Some(self.lock(&to)?) };
        let to = match &mut locks {
            _ if is_name => to.elsewhere(),
            Some(locks) => locks.with_shared(self, to)?,
            None => to,
        };
        let new_path = to.target_file(&self.file_dir);
        let (_pinned, there) = match to.key().is_hashed() {
            true => self.look(&to)?,
            false => (None, record::read(&new_path, &to, self.wait)?),
        };
        let there = there.live_at(now);
        let content = Content { data, ttl, expect: Expect::Any };
        let replaced = self.replace(&to, &content, &there, now);
        let is_new_there = replaced.is_ok() || matches!(there, Found::Absent);
        // The new record may have had it make way.
        let from = if is_name { self.settle(from) } else { from };
        let rotated = replaced.and_then(|written| {
            let ended = match redirect {
                Some(Redirect { data, ttl }) => {
                    let content = Content { data, ttl: Some(ttl), expect: Expect::Any };
                    self.replace(&from, &content, &found, now).map(|_stored| ())
                }
                None => self.give_up(&from, shared.as_ref()),
            };
            ended.map(|()| written)
        });
        match rotated {
            Ok(written) => Ok((written, locks)),
            Err(error) => {
                drop(pinned);
                // The session keeps its old id, and must not have both. The error above is the one to tell.
                let old_path = from.data_file(&self.file_dir);
                if is_new_there && self.is_still(&old_path, &from, &found) {
                    if to.seat() == Seat::Own && !is_name {
                        let _ = self.remove_old_copy(&to);
                    }
                    let _ = self.unlink(&new_path);
                    if let Some(locks) = locks {
                        locks.tidy(&there);
                    }
                }
                Err(error)
            }
        }
    }

    /// Ends the record of an id that was given up for another one.
    fn give_up(&self, place: &Place<'_>, neighbour: Option<&Neighbour>) -> Result<()> {
        if place.is_dotted() && (neighbour.is_none() || place.seat() == Seat::Own) {
            self.remove_shared(place, neighbour)?;
            return self.retire(&place.own_file(&self.file_dir));
        }
        self.retire(&place.data_file(&self.file_dir))
    }

    /// Whether what was found is there.
    fn is_still(&self, path: &Path, place: &Place<'_>, found: &Found) -> bool {
        match (found, record::read(path, place, self.wait)) {
            (Found::Ours(before), Ok(Found::Ours(now))) => before.version() == now.version(),
            (Found::Unreadable(_), Ok(Found::Unreadable(_))) => true,
            // What cannot be read now is not known to be another.
            (_, Err(_)) => path.symlink_metadata().is_ok(),
            _ => false,
        }
    }

    /// Removes the record of an id that was given up for another one. If it fails the record is where it was.
    fn retire(&self, path: &Path) -> Result<()> {
        match path.parent() {
            Some(folder) if self.durability == Durability::Full => {
                replace::retire(path, || private_dir::sync(folder))
                    .map_err(|error| Error::unavailable(REMOVING).with_source(error).in_folder(folder))
            }
            _ => unlink(path),
        }
    }
}

/// The contents of a file that is written.
pub(super) struct Content<'a> {
    pub(super) data: &'a [u8],
    pub(super) ttl: Option<Duration>,
    pub(super) expect: Expect,
}

impl<'a> From<&Write<'a>> for Content<'a> {
    fn from(write: &Write<'a>) -> Self {
        Self { data: write.data, ttl: write.ttl, expect: write.expect }
    }
}

/// The locks while a record is replaced or removed.
pub(super) struct Locks {
    own: LockFile,
    /// The lock of the other id with the same file, so that both do not write at once. It is held for one write only: a
    /// session's lock must not block another session.
    neighbour: Option<Neighbour>,
}

impl Locks {
    /// Locks the file too that `place` shares, if it does, and says where it is then.
    pub(super) fn with_shared<'a>(&mut self, visit: &Visit<'_>, place: Place<'a>) -> Result<Place<'a>> {
        let (place, neighbour) = visit.lock_shared(place)?;
        self.neighbour = neighbour;
        Ok(place)
    }

    /// The lock of the id alone, to be kept longer than a call.
    pub(super) fn kept(self) -> Self {
        Self { own: self.own.kept(), neighbour: None }
    }

    /// Keeps a mark that this id has stored a record beside the original, which may write it anew without a name.
    pub(super) fn claim(&self, place: &Place<'_>) {
        if place.is_dotted() && place.seat() != Seat::Own {
            self.own.mark();
        }
    }

    /// Releases the locks and removes the lock file of an id without a record. One that cannot be removed is empty and
    /// harmless, and is swept.
    pub(super) fn tidy(self, found: &Found) {
        if matches!(found, Found::Absent | Found::Foreign) {
            let _ = self.own.remove();
        }
    }
}

/// When a record that is written at `now` is over.
fn expiry(ttl: Option<Duration>, now: Timestamp) -> Timestamp {
    ttl.map_or(Timestamp::INFINITY, |ttl| now + ttl.as_secs_f64())
}

fn may_write(expect: Expect, found: &Found) -> Result<bool> {
    match (expect, found) {
        (Expect::Any | Expect::Absent, Found::Foreign) => {
            Err(Error::unavailable(WRITING).with_detail("the file has another id's record"))
        }
        (Expect::Any, _) | (Expect::Absent, Found::Absent) => Ok(true),
        (Expect::Absent, Found::Unreadable(_) | Found::Ours(_)) => Ok(false),
        (Expect::Present, Found::Unreadable(_) | Found::Ours(_)) => Ok(true),
        (Expect::Version(version), Found::Ours(contents)) => Ok(contents.version() == version),
        (Expect::Present | Expect::Version(_), _) => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

    use super::*;
    use crate::id::{SessionId, StoreKey};
    use crate::store::file::folders::Folders;

    #[test]
    fn what_cannot_be_read_is_still_there_and_what_is_not_there_is_not() {
        let home = tempfile::tempdir().unwrap();
        let folders = Folders::new(home.path().join("data"), home.path().join("locks"));
        let visit = folders.visit(Duration::ZERO);
        let key = StoreKey::from(SessionId::from_program("abc"));
        let place = Place::of(&key);
        let path = place.data_file(&folders.file_dir);
        let content = Content { data: b"x", ttl: None, expect: Expect::Any };
        let _ = visit.replace(&place, &content, &Found::Absent, 0.0).unwrap();
        let (_, found) = visit.look(&place).unwrap();
        assert!(visit.is_still(&path, &place, &found));
        std::fs::write(&path, b"rubbish").unwrap();
        assert!(!visit.is_still(&path, &place, &found));
        let (_, unreadable) = visit.look(&place).unwrap();
        assert!(visit.is_still(&path, &place, &unreadable));
        std::fs::remove_file(&path).unwrap();
        assert!(!visit.is_still(&path, &place, &found));
        std::fs::create_dir(&path).unwrap();
        assert!(visit.is_still(&path, &place, &found));
        assert!(!visit.is_still(&home.path().join("a\0b"), &place, &found));
    }
}
