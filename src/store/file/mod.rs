//! Sessions in files, one for each, in the folders and the format that the processes of a Beaker
//! installation share.
//!
//! A record is replaced by renaming a new file over it, under the exclusive lock of its id, so that a
//! process which reads meanwhile has the old one whole. A touch changes a few bytes in place; for that
//! moment it locks the record's file itself, as a reader does for the moment of reading. A reader takes no
//! lock of the id and makes nothing.
//!
//! Nothing is flushed to the disk: the machine may forget the last seconds when its power fails.

mod directory;
mod held;
mod lock;
mod path;
mod record;
mod temporary;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub use directory::{default_directory, ensure_private_dir};
use held::HeldFile;
use lock::LockFile;
use path::Place;
use record::Found;
pub use temporary::is_temporary;

use super::{Capabilities, Expect, Held, HoldOf, Record, Store, Timestamp, Touch, Written};
use crate::codec::envelope;
use crate::error::{Error, Result};
use crate::id::SessionId;

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
}

impl FileStore {
    /// A store of the records in `file_dir` with the locks in `lock_dir`. Neither is looked at yet.
    #[must_use]
    pub fn new(file_dir: PathBuf, lock_dir: PathBuf) -> Self {
        Self { file_dir, lock_dir, lock_time_limit: LOCK_TIME_LIMIT }
    }

    /// The same, waiting at most `limit` for a lock that somebody else holds; then the store is unavailable.
    #[must_use]
    pub fn with_lock_time_limit(mut self, limit: Duration) -> Self {
        self.lock_time_limit = limit;
        self
    }

    /// The file that holds, or would hold, the record of `id`.
    #[must_use]
    pub fn data_file(&self, id: &SessionId) -> PathBuf {
        Place::of(id).data_file(&self.file_dir)
    }

    /// The file that a process locks to use `id`: shared to read, exclusively to write.
    #[must_use]
    pub fn lock_file(&self, id: &SessionId) -> PathBuf {
        Place::of(id).lock_file(&self.lock_dir)
    }

    fn lock(&self, place: &Place<'_>) -> Result<Locks> {
        let own = LockFile::acquire(place.lock_file(&self.lock_dir), self.lock_time_limit)?;
        self.lock_neighbour(place, own)
    }

    /// Locks an id that has a lock file or a record, and makes nothing for one that has neither.
    fn lock_known(&self, place: &Place<'_>, data: &Path, operation: &'static str) -> Result<Option<Locks>> {
        let lock = place.lock_file(&self.lock_dir);
        if let Some(own) = LockFile::acquire_existing(lock, self.lock_time_limit)? {
            return self.lock_neighbour(place, own).map(Some);
        }
        match std::fs::symlink_metadata(data) {
            Ok(_) => self.lock(place).map(Some),
            Err(error) if is_absence(&error) => Ok(None),
            Err(error) => Err(Error::unavailable(operation).with_source(error)),
        }
    }

    fn lock_neighbour(&self, place: &Place<'_>, own: LockFile) -> Result<Locks> {
        let neighbour = place
            .neighbours_lock_file(&self.lock_dir)
            .map(|path| LockFile::acquire(path, self.lock_time_limit))
            .transpose()?;
        Ok(Locks { own, neighbour })
    }

    /// Removes what is in a place whose lock the caller has.
    fn remove(&self, place: &Place<'_>, path: &Path) -> Result<Removed> {
        match record::read(path, place, self.lock_time_limit)? {
            Found::Foreign => Ok(Removed::Foreign),
            Found::Absent => unlink(path).map(|()| Removed::Nothing),
            Found::Unreadable(_) | Found::Ours(_) => unlink(path).map(|()| Removed::Ours),
        }
    }

    /// Moves the record of a place whose lock the caller has to another place, with other data. Returns the
    /// lock of that one too, if the record is there.
    fn move_locked(
        &self,
        from: &Place<'_>,
        to: &Place<'_>,
        data: &[u8],
        expect: Expect,
    ) -> Result<(Written, Option<Locks>)> {
        let (old_path, new_path) = (from.data_file(&self.file_dir), to.data_file(&self.file_dir));
        let found = record::read(&old_path, from, self.lock_time_limit)?;
        let is_there = matches!(found, Found::Ours(_) | Found::Unreadable(_));
        if !is_there || !may_write(expect, &found)? {
            return Ok((Written::Refused, None));
        }
        if old_path == new_path {
            return Err(Error::unavailable(WRITING).with_detail("both ids have the same file"));
        }
        let locks = self.lock(to)?;
        let there = record::read(&new_path, to, self.lock_time_limit)?;
        let moved = replace(&new_path, to, data, Expect::Any, &there).and_then(|written| {
            if let Err(error) = unlink(&old_path) {
                // A session that is to have a new id must not have both.
                let _ = unlink(&new_path);
                return Err(error);
            }
            Ok(written)
        });
        if moved.is_err() {
            let _ = locks.remove_if_without_record(&there);
            return moved.map(|written| (written, None));
        }
        moved.map(|written| (written, Some(locks)))
    }
}

/// What became of the contents of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Removed {
    /// The id had none.
    Nothing,
    /// They were the id's and are gone.
    Ours,
    /// They are another id's and stay.
    Foreign,
}

impl Removed {
    /// What is there now.
    fn left(self) -> Found {
        match self {
            Self::Nothing | Self::Ours => Found::Absent,
            Self::Foreign => Found::Foreign,
        }
    }
}

/// Writes `data` to a place whose lock the caller has, if what was found there is what was expected.
fn replace(path: &Path, place: &Place<'_>, data: &[u8], expect: Expect, found: &Found) -> Result<Written> {
    // The stored shape holds text: what a codec makes, base64, always is.
    let text = std::str::from_utf8(data)
        .map_err(|error| Error::invalid("a session in a file has to be text").with_source(error))?;
    if !may_write(expect, found)? {
        return Ok(Written::Refused);
    }
    temporary::replace(path, &envelope::write(text, place.owner())?.bytes)?;
    Ok(Written::Stored(record::version_of(data)))
}

/// What is locked while a record is replaced or removed.
struct Locks {
    own: LockFile,
    /// Of the id that has the same file, so that two ids which meet there do not write at once.
    neighbour: Option<LockFile>,
}

impl Locks {
    /// Forgets them without letting them go: they are those of the process which this one was forked from.
    fn abandon(self) {
        self.own.abandon();
        if let Some(neighbour) = self.neighbour {
            neighbour.abandon();
        }
    }

    /// Lets go, leaving no lock file for an id that has no record.
    fn remove_if_without_record(self, found: &Found) -> Result<()> {
        if let (Found::Absent, Some(neighbour)) = (found, self.neighbour) {
            neighbour.remove()?;
        }
        match found {
            Found::Absent | Found::Foreign => self.own.remove(),
            Found::Unreadable(_) | Found::Ours(_) => Ok(()),
        }
    }
}

impl Store for FileStore {
    fn load(&self, id: &SessionId, _now: Timestamp) -> Result<Option<Record>> {
        let place = Place::of(id);
        match record::read(&place.data_file(&self.file_dir), &place, self.lock_time_limit)? {
            Found::Absent | Found::Foreign => Ok(None),
            Found::Unreadable(error) => Err(error),
            Found::Ours(contents) => Ok(Some(Record {
                data: Arc::from(contents.text()),
                version: contents.version(),
                expires_at: None,
            })),
        }
    }

    fn write(
        &self,
        id: &SessionId,
        data: &[u8],
        _ttl: Option<Duration>,
        expect: Expect,
        _now: Timestamp,
    ) -> Result<Written> {
        let place = Place::of(id);
        let path = place.data_file(&self.file_dir);
        let locks = match expect {
            Expect::Any | Expect::Absent => self.lock(&place)?,
            Expect::Present | Expect::Version(_) => match self.lock_known(&place, &path, WRITING)? {
                Some(locks) => locks,
                None => return Ok(Written::Refused),
            },
        };
        let found = record::read(&path, &place, self.lock_time_limit)?;
        match replace(&path, &place, data, expect, &found) {
            Ok(Written::Refused) => locks.remove_if_without_record(&found).map(|()| Written::Refused),
            Err(error) => {
                // The error above is the one to tell; an empty lock file harms nobody.
                let _ = locks.remove_if_without_record(&found);
                Err(error)
            }
            stored @ Ok(Written::Stored(_)) => stored,
        }
    }

    fn touch(
        &self,
        id: &SessionId,
        touch: &Touch<'_>,
        _ttl: Option<Duration>,
        now: Timestamp,
    ) -> Result<bool> {
        let place = Place::of(id);
        // Processes of the original read under the lock of the id alone, and the file's own tells them
        // nothing. Where there is no lock file, none of them is reading.
        let lock = place.lock_file(&self.lock_dir);
        let _lock = LockFile::acquire_existing(lock, self.lock_time_limit)?;
        record::touch(&place.data_file(&self.file_dir), &place, touch, now, self.lock_time_limit)
    }

    fn delete(&self, id: &SessionId) -> Result<bool> {
        let place = Place::of(id);
        let path = place.data_file(&self.file_dir);
        let Some(locks) = self.lock_known(&place, &path, REMOVING)? else {
            return Ok(false);
        };
        let removed = self.remove(&place, &path)?;
        locks.remove_if_without_record(&removed.left())?;
        Ok(removed == Removed::Ours)
    }

    fn rotate(
        &self,
        old: &SessionId,
        new: &SessionId,
        data: &[u8],
        ttl: Option<Duration>,
        expect: Expect,
        now: Timestamp,
    ) -> Result<Written> {
        if old.as_str() == new.as_str() {
            let expect = if expect == Expect::Any { Expect::Present } else { expect };
            return self.write(old, data, ttl, expect, now);
        }
        let (from, to) = (Place::of(old), Place::of(new));
        let Some(locks) = self.lock_known(&from, &from.data_file(&self.file_dir), WRITING)? else {
            return Ok(Written::Refused);
        };
        let (written, _new_locks) = self.move_locked(&from, &to, data, expect)?;
        if let Written::Stored(_) = written {
            locks.remove_if_without_record(&Found::Absent)?;
        }
        Ok(written)
    }

    fn hold(
        self: Arc<Self>,
        id: &SessionId,
        of: HoldOf,
        limit: Duration,
        _now: Timestamp,
    ) -> Result<Option<Arc<dyn Held>>> {
        let patient = (*self).clone().with_lock_time_limit(limit);
        let place = Place::of(id);
        let locks = match of {
            HoldOf::Id => patient.lock(&place).map(Some),
            HoldOf::Record => patient.lock_known(&place, &place.data_file(&self.file_dir), LOCKING),
        };
        let locks = locks.map_err(Error::of_holder)?;
        Ok(locks.map(|locks| Arc::new(HeldFile::new(self, id, locks)) as Arc<dyn Held>))
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { native_expiry: false, compare_and_swap: true, blocking: true }
    }
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

/// Removes a file, or finds it gone.
fn unlink(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if !is_absence(&error) => Err(Error::unavailable(REMOVING).with_source(error)),
        _ => Ok(()),
    }
}

/// Whether this error says that there is no such file.
fn is_absence(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}
