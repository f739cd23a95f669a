//! Sessions in one SQLite database, for all processes of a machine.
//!
//! A session is a row. Every change is a transaction that begins with the lock of the writers, checks what it expects and
//! changes the row, so that no other writer comes between. The database has a write-ahead log: readers wait for no
//! writer, and a process that is killed at any point loses nothing that was committed.
//!
//! The lock of a session is a file beside the database, which exists while it is held. The kernel gives it back when the
//! process is gone. Who does not ask for the lock may change the session meanwhile, and the holder's save is then refused.
//!
//! The option [`Durability`] says what a save survives: `synchronous` is `OFF`, `NORMAL` or `FULL`. A touch is not
//! flushed to the disk before it returns. A thread writes the log into the file.

mod checkpoint;
mod connection;
mod database;
mod failure;
mod flush;
mod guard;
mod open;
mod place;
mod pool;
mod records;
mod scan;
mod schema;
mod sweep;
#[cfg(test)]
mod tests;
mod transaction;
mod values;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::types::ValueRef;

pub use database::Database;
#[cfg(feature = "python")]
pub(crate) use database::{after_fork, before_fork};
use failure::Failure;
use guard::SqliteGuard;
use place::Place;
use pool::Purpose;
pub use records::Value;
use records::{Found, expiry, new_version};
use scan::SqliteScan;
use sweep::SqliteSweep;
pub use values::Stored;

use super::{
    Blocking, Call, Capabilities, Deleted, Expect, Guard, LockTarget, Locks, Patch, Record, Renewal,
    Rotation, Scan, Store, Sweep, Sweeper, Timestamp, Write, Written,
};
use crate::clock;
use crate::error::{Error, Result};
use crate::id::StoreKey;

const READING: &str = "read the session in its database";
const WRITING: &str = "write the session to its database";
const RENEWING: &str = "renew the session in its database";
const REMOVING: &str = "remove the session from its database";

/// A record that was found.
enum Loaded {
    Live(Record),
    Over,
}

/// Keeps sessions in a database.
#[derive(Clone)]
pub struct SqliteStore {
    database: Arc<Database>,
    locks: PathBuf,
    lifetime: Option<Duration>,
    sweeper: Option<Arc<Sweeper>>,
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("database", &self.database).finish_non_exhaustive()
    }
}

impl SqliteStore {
    /// A store of the sessions in `database`, which is not opened yet.
    #[must_use]
    pub fn new(database: Arc<Database>) -> Self {
        Self { locks: database.locks(), database, lifetime: None, sweeper: None }
    }

    /// The same, whose locks are in the folder `locks`, if that is given, and not beside the database.
    #[must_use]
    pub fn with_locks(self, locks: Option<PathBuf>) -> Self {
        Self { locks: locks.unwrap_or(self.locks), ..self }
    }

    /// The same, whose sessions live for `lifetime` after a use. After a jump of the clock, sweeps remove nothing for so long.
    #[must_use]
    pub fn with_lifetime(self, lifetime: Option<Duration>) -> Self {
        Self { lifetime, ..self }
    }

    /// The same, which is swept at intervals: a write or a touch that finds a sweep due starts a thread.
    #[must_use]
    pub fn with_sweeper(mut self, sweeper: Option<Arc<Sweeper>>) -> Self {
        self.sweeper = sweeper;
        self
    }

    fn maybe_sweep(&self, now: Timestamp) {
        if let Some(sweeper) = &self.sweeper {
            sweeper.maybe_sweep(now, || self.whole_sweep().into_job(self.lifetime));
        }
    }

    fn whole_sweep(&self) -> SqliteSweep {
        SqliteSweep::new(Arc::clone(&self.database), self.locks.clone())
    }

    /// Removes a record that was found past its lifetime, unless the clock may be wrong or others are writing. One that
    /// stays is swept.
    fn remove_expired(&self, place: Place<'_>, now: Timestamp) {
        if !clock::is_steady() {
            return;
        }
        let _ =
            self.database.change(Purpose::Touch, Duration::ZERO, REMOVING, |connection| match records::find(
                connection, place,
            )? {
                Some(found) if found.is_over(now) => Ok(records::remove(connection, found.id)?),
                _ => Ok(()),
            });
    }

    fn rotate_in_one_step(&self, rotation: &Rotation<'_>, call: &Call<'_>) -> Result<Written> {
        let Rotation { old, new, data, ttl, expect, redirect } = *rotation;
        let (old, new) = (Place::of_session(old.record()), Place::of_session(new.record()));
        let (version, of_redirect) = (new_version(WRITING)?, new_version(WRITING)?);
        let rotated = self.database.change(Purpose::Change, call.wait, WRITING, |connection| {
            let Some(found) = live(connection, old, call.now)? else { return Ok(Written::Refused) };
            if !expect.holds(Some(found.version())) {
                return Ok(Written::Refused);
            }
            let text = text_of(data)?;
            match redirect {
                Some(redirect) => {
                    let expires_at = expiry(Some(redirect.ttl), call.now)?;
                    let text = Value::Text(text_of(redirect.data)?);
                    records::put(connection, old, Some(&found), text, of_redirect, expires_at, call.now)?;
                }
                None => records::remove(connection, found.id)?,
            }
            let there = records::find(connection, new)?;
            let expires_at = expiry(ttl, call.now)?;
            records::put(connection, new, there.as_ref(), Value::Text(text), version, expires_at, call.now)?;
            Ok(Written::Stored(records::version_of(version)))
        });
        Ok(rotated?.unwrap_or(Written::Refused))
    }
}

impl Store for SqliteStore {
    fn load(&self, key: &StoreKey, call: &Call<'_>) -> Result<Option<Record>> {
        let place = Place::of_session(key.record());
        let loaded = self.database.read(call.wait, READING, |connection| {
            let found = records::load(connection, place, |value, version, expires_at| match value {
                _ if records::is_over(expires_at, call.now) => Ok(Loaded::Over),
                ValueRef::Text(text) => Ok(Loaded::Live(Record {
                    data: Arc::from(text),
                    version: records::version_of(version),
                    expires_at,
                })),
                _ => Err(Error::corrupt(READING).with_detail("another value is in the place of its text")),
            })?;
            found.transpose().map_err(Failure::Other)
        });
        Ok(match loaded?.flatten() {
            Some(Loaded::Live(record)) => Some(record),
            Some(Loaded::Over) => {
                self.remove_expired(place, call.now);
                None
            }
            None => None,
        })
    }

    fn write(&self, write: &Write<'_>, call: &Call<'_>) -> Result<Written> {
        let Write { key, data, ttl, expect } = *write;
        let (place, text) = (Place::of_session(key.record()), text_of(data)?);
        let purpose = match expect {
            Expect::Any | Expect::Absent => Purpose::Create,
            Expect::Present | Expect::Version(_) => Purpose::Change,
        };
        let version = new_version(WRITING)?;
        // A program may have a clock of its own, and the machine's may be wrong.
        let may_remove = clock::is_settled_at(call.now);
        let written = self.database.change(purpose, call.wait, WRITING, |connection| {
            let found = records::find(connection, place)?;
            let live = found.filter(|found| !found.is_over(call.now));
            if !expect.holds(live.map(|found| found.version())) {
                return Ok(Written::Refused);
            }
            let expires_at = expiry(ttl, call.now)?;
            records::put(
                connection,
                place,
                found.as_ref(),
                Value::Text(text),
                version,
                expires_at,
                call.now,
            )?;
            if found.is_none() && may_remove {
                records::remove_some(connection, call.now)?;
            }
            Ok(Written::Stored(records::version_of(version)))
        });
        let written = written?.unwrap_or(Written::Refused);
        if written != Written::Refused {
            self.maybe_sweep(call.now);
        }
        Ok(written)
    }

    fn renew(&self, renewal: &Renewal<'_>, call: &Call<'_>) -> Result<bool> {
        self.patch(&renewal.as_patch(), call)
    }

    fn patch(&self, patch: &Patch<'_>, call: &Call<'_>) -> Result<bool> {
        let Renewal { key, version, ttl } = patch.renewal;
        let place = Place::of_session(key.record());
        let renewed = expiry(ttl, call.now)?;
        let next = new_version(RENEWING)?;
        let patched = self.database.change(Purpose::Touch, call.wait, RENEWING, |connection| {
            let Some(found) = live(connection, place, call.now)? else { return Ok(false) };
            if found.version() != version {
                // The writer of this state may have given it a longer life.
                let known = found.expires_at;
                let later = known.and_then(|known| renewed.map(|renewed| renewed.max(known)));
                records::renew(connection, &found, later, call.now)?;
                return Ok(true);
            }
            let mut text = records::text_of(connection, found.id)?.into_bytes();
            let range = patch.range(text.len(), RENEWING)?;
            if range.is_empty() {
                records::renew(connection, &found, renewed, call.now)?;
                return Ok(true);
            }
            if let Some(bytes) = text.get_mut(range) {
                bytes.copy_from_slice(patch.bytes);
            }
            records::put(
                connection,
                place,
                Some(&found),
                Value::Text(text_of(&text)?),
                next,
                renewed,
                call.now,
            )?;
            Ok(true)
        });
        let patched = patched?.unwrap_or(false);
        if patched {
            self.maybe_sweep(call.now);
        }
        Ok(patched)
    }

    fn delete(&self, key: &StoreKey, expect: Expect, call: &Call<'_>) -> Result<Deleted> {
        let place = Place::of_session(key.record());
        let deleted = self.database.change(Purpose::Change, call.wait, REMOVING, |connection| {
            let Some(found) = records::find(connection, place)? else { return Ok(Deleted::Nothing) };
            let deleted = expect.deletes(Some(found.version()));
            if deleted == Deleted::Record {
                records::remove(connection, found.id)?;
            }
            Ok(deleted)
        });
        Ok(deleted?.unwrap_or(Deleted::Nothing))
    }

    fn rotate(&self, rotation: &Rotation<'_>, call: &Call<'_>) -> Result<Written> {
        if let Some(written) = rotation.as_write(|write| self.write(write, call)) {
            return written;
        }
        let rotate = || self.rotate_in_one_step(rotation, call);
        let written = match call.guard_of::<SqliteGuard>() {
            Some(guard) => guard.follow(rotation, call.wait, rotate)?,
            None => rotate()?,
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
        Some(Box::new(SqliteScan::new(&self.database)))
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            native_expiry: true,
            compare_and_swap: true,
            atomic_rotation: true,
            blocking: Blocking::Disk,
        }
    }
}

impl Locks for SqliteStore {
    fn lock(
        self: Arc<Self>,
        key: &StoreKey,
        target: LockTarget,
        call: &Call<'_>,
    ) -> Result<Option<Arc<dyn Guard>>> {
        let is_due = || Ok::<_, Error>(target == LockTarget::Id || self.is_there(key, call)?);
        if !is_due()? {
            return Ok(None);
        }
        let guard = SqliteGuard::acquire(self.locks.clone(), key, call.wait)?;
        // The record may have gone meanwhile.
        Ok(is_due()?.then(|| Arc::new(guard) as Arc<dyn Guard>))
    }
}

impl SqliteStore {
    /// Whether there is a record, be it one that cannot be understood.
    fn is_there(&self, key: &StoreKey, call: &Call<'_>) -> Result<bool> {
        let place = Place::of_session(key.record());
        let there = self
            .database
            .read(call.wait, READING, |connection| Ok(live(connection, place, call.now)?.is_some()));
        Ok(there?.unwrap_or(false))
    }
}

fn live(connection: &Connection, place: Place<'_>, now: Timestamp) -> rusqlite::Result<Option<Found>> {
    Ok(records::find(connection, place)?.filter(|found| !found.is_over(now)))
}

/// What a codec makes, base64, is always text.
fn text_of(data: &[u8]) -> Result<&str> {
    str::from_utf8(data)
        .map_err(|error| Error::invalid("a session in a database has to be text").with_source(error))
}
