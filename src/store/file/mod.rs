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

mod directory;
mod disk;
mod lock;
mod path;
mod record;
mod sweep;
mod temporary;
#[cfg(test)]
mod tests;
mod upkeep;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub use directory::{default_directory, ensure_private_dir};
use lock::LockFile;
use path::Place;
use record::{Found, Later};
pub use sweep::{FileSweep, SweepPlan};
pub use temporary::is_temporary;
pub use upkeep::{Claim, Upkeep};

use super::{Capabilities, Durability, Expect, Record, Store, Sweep, Timestamp, Touch, Written};
use crate::codec::envelope;
use crate::error::{Error, Result};
use crate::id::SessionId;

const WRITING: &str = "write the session file";
const REMOVING: &str = "remove the session file";

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
    upkeep: Option<Arc<Upkeep>>,
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
            upkeep: None,
        }
    }

    /// The same, waiting at most `limit` for a lock that somebody else holds; then the store is unavailable.
    #[must_use]
    pub fn with_lock_time_limit(mut self, limit: Duration) -> Self {
        self.lock_time_limit = limit;
        self
    }

    /// The same, whose records are over when nobody has used them for `lifetime`, so that a sweep removes them.
    /// It has to be at least what every other program allows that keeps its sessions in these folders.
    /// Records that are written with another lifetime are kept for theirs.
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

    /// The same, which is swept at intervals: a write that finds it is time starts a thread.
    #[must_use]
    pub fn with_upkeep(mut self, upkeep: Option<Arc<Upkeep>>) -> Self {
        self.upkeep = upkeep;
        self
    }

    /// The folder of the records.
    #[must_use]
    pub fn file_dir(&self) -> &Path {
        &self.file_dir
    }

    fn attend(&self) {
        if let Some(upkeep) = &self.upkeep {
            upkeep.attend(self);
        }
    }

    /// A sweep by `plan` instead of by the store's own lifetime.
    #[must_use]
    pub fn sweep_by(&self, plan: SweepPlan) -> FileSweep {
        FileSweep::new(self, plan)
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

    /// Sees to it that a removal survives what a save does.
    fn bring_to_disk(&self, removed: &Path) -> Result<()> {
        match removed.parent() {
            Some(folder) if self.durability == Durability::Full => match disk::sync(folder) {
                Err(error) if !is_absence(&error) => Err(Error::unavailable(REMOVING).with_source(error)),
                _ => Ok(()),
            },
            _ => Ok(()),
        }
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
}

/// What is locked while a record is replaced or removed.
struct Locks {
    own: LockFile,
    /// Of the id that has the same file, so that two ids which meet there do not write at once.
    neighbour: Option<LockFile>,
}

impl Locks {
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
        ttl: Option<Duration>,
        expect: Expect,
        _now: Timestamp,
    ) -> Result<Written> {
        // The stored shape holds text: what a codec makes, base64, always is.
        let text = std::str::from_utf8(data)
            .map_err(|error| Error::invalid("a session in a file has to be text").with_source(error))?;
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
        let allowed = may_write(expect, &found);
        if !matches!(allowed, Ok(true)) {
            locks.remove_if_without_record(&found)?;
            return allowed.map(|_| Written::Refused);
        }
        let later = Later::of(ttl, self.lifetime);
        temporary::replace(&path, &envelope::write(text, place.owner())?.bytes, later, self.durability)?;
        self.attend();
        Ok(Written::Stored(record::version_of(data)))
    }

    fn touch(
        &self,
        id: &SessionId,
        touch: &Touch<'_>,
        ttl: Option<Duration>,
        _now: Timestamp,
    ) -> Result<bool> {
        let place = Place::of(id);
        // Processes of the original read under the lock of the id alone, and the file's own tells them
        // nothing. Where there is no lock file, none of them is reading.
        let lock = place.lock_file(&self.lock_dir);
        let _lock = LockFile::acquire_existing(lock, self.lock_time_limit)?;
        let later = Later::of(ttl, self.lifetime);
        self.attend();
        record::touch(&place.data_file(&self.file_dir), &place, touch, later, self.lock_time_limit)
    }

    fn delete(&self, id: &SessionId) -> Result<()> {
        let place = Place::of(id);
        let path = place.data_file(&self.file_dir);
        let Some(locks) = self.lock_known(&place, &path, REMOVING)? else {
            return Ok(());
        };
        let found = match record::read(&path, &place, self.lock_time_limit)? {
            Found::Foreign => Found::Foreign,
            Found::Absent | Found::Unreadable(_) | Found::Ours(_) => {
                unlink(&path)?;
                self.bring_to_disk(&path)?;
                Found::Absent
            }
        };
        locks.remove_if_without_record(&found)
    }

    fn sweep(&self) -> Box<dyn Sweep + '_> {
        Box::new(self.sweep_by(SweepPlan { lifetime: self.lifetime, dry_run: false }))
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
