//! Where sessions are kept: the contract that every store obeys.
//!
//! A store keeps bytes under a [`StoreKey`]. It knows no Python, no serializer and no cookie; a session uses it through
//! a [`SessionStore`], which knows the keys of an id. Every store passes the
//! laws in `laws/`, and a law that a store cannot keep is a capability that it does not claim.
//!
//! Three outcomes never blur:
//!
//! * **absent** — `Ok(None)`, `Ok(false)` or [`Written::Refused`]: the store answered, the record is not there.
//!   A record past its lifetime is absent.
//! * **corrupt** — [`ErrorKind::Corrupt`](crate::error::ErrorKind::Corrupt): the record is there and cannot be
//!   understood.
//! * **unavailable** — [`ErrorKind::Unavailable`](crate::error::ErrorKind::Unavailable): the store did not
//!   answer; nothing is known.
//!
//! Two more say whether to ask again:
//!
//! * **busy** — [`ErrorKind::Busy`](crate::error::ErrorKind::Busy): another caller had the record or its lock for as long as
//!   the call may [wait](Call::wait). A call of one step changed nothing, and may be made again.
//! * **unknown** — [`ErrorKind::Unknown`](crate::error::ErrorKind::Unknown): the reply was lost, so that the change may have
//!   been made or not. A caller that asks again must not make it twice: it loads first, and compares.
//!
//! The time is passed in, so that a test can pass any time it likes.
//!
//! # How each kind of backend does it
//!
//! The check of [`Expect`] and the change that follows it are one step in the backend:
//!
//! | | write, delete | renew, patch | rotate | lock |
//! | --- | --- | --- | --- | --- |
//! | memory | under the lock of a shard | the same | the same, two shards | a table of the process |
//! | files | under the lock of the id, by a rename | in place, under the lock of the file | in order, under both locks | `flock` |
//! | Redis | a script compares the version, a SHA-1 of the data, and changes the record | a script: `EXPIRE` with `GT`, `SETRANGE` | a script; in a Cluster in order, since it has two slots | a lease: `SET NX PX` with a random token, renewed |
//! | memcached | a meta set with the version, its token, or a mode; a meta delete with the token | `touch`; provided | in order | a lease: `add` |
//! | SQLite | a transaction that compares the version, a random number | the same | a transaction | `flock` |
//! | SQLAlchemy, MongoDB (Python classes) | one statement or update whose condition has what was read | the same | in order | a row or document that is a lease |
//! | dbm, Python classes | under the backend's own lock | the same | in order, under both locks | the backend's own |
//! | Python classes with a method `swap` | by that method, which compares with the text that was read | the same | in order | the backend's own |
//! | asyncio clients | as their backend; the call blocks a thread of an executor | the same | as their backend | a lease |
//!
//! *In order* is the provided [`rotate`](Store::rotate): it writes the new record, then puts the redirect over the old one
//! or deletes it if it is still the expected version, and deletes the new record again if that is refused. The provided
//! [`patch`](Store::patch) loads and compares and swaps.
//!
//! A lease may lapse while its holder works. The version is the fence: a save after a lapse is refused, and merged.
//!
//! A store whose connection breaks in the middle of a change answers *unknown*. The session then loads the record, and is
//! done if it finds what it sent. If it does not, the change may still be on its way, and be made at any later time. A change
//! that expects a version is refused from the moment on when the record has another one, so a caller that goes on by what
//! it has found *fences* the record first: it writes it in the version that it has found, and with other bytes.

mod call;
#[cfg(test)]
mod doubles;
mod durability;
#[cfg(unix)]
pub mod file;
mod idle;
#[cfg(test)]
mod laws;
mod lease;
pub mod memcached;
mod memory;
mod moving;
pub mod redis;
mod scan;
#[cfg(all(test, feature = "shuttle"))]
pub(crate) mod schedules;
mod session_store;
#[cfg(unix)]
pub mod sqlite;
mod sweep;
#[cfg(unix)]
mod sweeper;
mod verbs;
mod version;

use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::id::StoreKey;

pub use self::redis::RedisStore;
pub use crate::clock::Timestamp;
pub use call::{Call, Guard, LockTarget, Locks, Taken, WAIT};
pub use durability::Durability;
#[cfg(unix)]
pub use file::FileStore;
pub use memcached::MemcachedStore;
pub use memory::MemoryStore;
pub use moving::{MovingStore, Phase};
pub use scan::Scan;
pub use session_store::{IdStorage, SessionStore};
#[cfg(unix)]
pub use sqlite::SqliteStore;
pub use sweep::{Sweep, Swept};
#[cfg(unix)]
pub use sweeper::{SweepLease, Sweeper};
pub use verbs::{Deleted, Expect, Patch, Record, Redirect, Renewal, Rotation, Write, Written};
pub use version::Version;

/// The capabilities of a store beyond the contract's minimum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// Records go by themselves when their lifetime is over.
    pub native_expiry: bool,
    /// [`Expect`] is checked and the write done in one step.
    pub compare_and_swap: bool,
    /// A rotation is one step: a process that dies leaves the old record or the new one, never both.
    pub atomic_rotation: bool,
    /// How a call may block, so that the interpreter is released meanwhile.
    pub blocking: Blocking,
}

/// The reason for which a call of a store may block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Blocking {
    /// Nothing but a moment's lock.
    #[default]
    None,
    /// A disk, or a lock of another process.
    Disk,
    /// A server.
    Network,
}

/// A place for records. Object-safe; shared between threads.
pub trait Store: Send + Sync {
    /// The record of `key`, or `None` if there is none or its lifetime is over. Looking allocates nothing in
    /// the store: no file, no lock, no entry.
    ///
    /// # Errors
    /// `Corrupt` if the record cannot be understood, `Unavailable` if the store did not answer.
    fn load(&self, key: &StoreKey, call: &Call<'_>) -> Result<Option<Record>>;

    /// Stores a record if the condition holds. Other readers see the old data or the new, never a mixture and never
    /// nothing.
    ///
    /// # Errors
    /// `Unavailable` if the store did not answer, or if what is stored at this place is another id's record;
    /// what was there is then still whole. `Unknown` if the reply was lost. `Unsupported` if the store cannot check
    /// the condition.
    fn write(&self, write: &Write<'_>, call: &Call<'_>) -> Result<Written>;

    /// Renews the life of a record. Never creates one. `false` if there is none.
    ///
    /// # Errors
    /// `Unavailable` if the store did not answer, `Corrupt` if the record cannot be understood.
    fn renew(&self, renewal: &Renewal<'_>, call: &Call<'_>) -> Result<bool>;

    /// Renews the life of a record, and changes some of its bytes where it is still the one that was loaded. Never
    /// creates one. `false` if there is none.
    ///
    /// # Errors
    /// As [`renew`](Self::renew), and `Invalid` if the bytes would not lie within the data.
    fn patch(&self, patch: &Patch<'_>, call: &Call<'_>) -> Result<bool> {
        patch_in_order(self, patch, call)
    }

    /// Removes the record of `key` and everything kept for it, if `expect` holds of the record: a caller that decided by
    /// what it loaded passes that version, so that a record saved since is never lost. Deleting what is not there is
    /// success, whatever is expected. A record that cannot be understood has no version.
    ///
    /// # Errors
    /// `Unavailable` if the store did not answer; the record may then still be there. `Unknown` if the reply was lost.
    fn delete(&self, key: &StoreKey, expect: Expect, call: &Call<'_>) -> Result<Deleted>;

    /// Replaces the record of the old key, if the condition holds of it, by one of the new key: afterwards the redirect
    /// is under the old key, or nothing is, and what was under the new key is overwritten. A record that is not there is
    /// never rotated, whatever is expected: a session that was deleted meanwhile is not brought back under
    /// another id. Of a rotation that leaves nothing and a deletion of the old key at once, one finds the record and
    /// the other finds none. Where both keys are the same this is a write.
    ///
    /// # Errors
    /// As [`write`](Self::write). The record of the old key is then still whole.
    fn rotate(&self, rotation: &Rotation<'_>, call: &Call<'_>) -> Result<Written> {
        rotate_in_order(self, rotation, call)
    }

    /// Removes leftovers of a key whose record has moved, since their name reveals the id. Most stores leave none.
    ///
    /// # Errors
    /// `Unavailable` if the store did not answer.
    fn purge(&self, _key: &StoreKey, _call: &Call<'_>) -> Result<()> {
        Ok(())
    }

    /// The locks of this store, if it can lock.
    fn locks(self: Arc<Self>) -> Option<Arc<dyn Locks>> {
        None
    }

    /// A sweep through the whole store, which removes expired records, leftovers of killed writers and locks without a
    /// record. See [`Sweep`] for its guarantees.
    ///
    /// Where records go by themselves, or are for the backend alone to remove, there is nothing to do.
    fn sweep(&self) -> Box<dyn Sweep + '_> {
        Box::new(sweep::NothingToSweep)
    }

    /// A walk through the records of this store, if it can list them.
    fn scan(&self) -> Option<Box<dyn Scan + '_>> {
        None
    }

    /// The capabilities of this store.
    fn capabilities(&self) -> Capabilities;
}

/// A patch by a load, unless the caller has the data, and a compare-and-swap. Where another writer is faster the record is
/// renewed alone: that writer stored the time of its own access.
fn patch_in_order<S: Store + ?Sized>(store: &S, patch: &Patch<'_>, call: &Call<'_>) -> Result<bool> {
    let renewal = &patch.renewal;
    let (mut data, version) = match patch.loaded {
        Some(data) => (data.to_vec(), renewal.version),
        None => match store.load(renewal.key, call)? {
            Some(Record { data, version, .. }) => (data.to_vec(), version),
            None => return Ok(false),
        },
    };
    if version == renewal.version {
        let range = patch.range(data.len(), "renew the session")?;
        if let Some(place) = data.get_mut(range) {
            place.copy_from_slice(patch.bytes);
        }
        let expect = Expect::Version(version);
        let write = Write { key: renewal.key, data: &data, ttl: renewal.ttl, expect };
        if store.write(&write, call)? != Written::Refused {
            return Ok(true);
        }
    }
    store.renew(renewal, call)
}

/// A rotation by a write, and then a change of the old record if that is still the expected one. If it is not,
/// the new record is deleted. A process that dies in between leaves both records, and so does a store of which it is not
/// known whether it makes the change of the old record: the new one may be the only one later.
pub(crate) fn rotate_in_order<S: Store + ?Sized>(
    store: &S,
    rotation: &Rotation<'_>,
    call: &Call<'_>,
) -> Result<Written> {
    if let Some(written) = rotation.as_write(|write| store.write(write, call)) {
        return written;
    }
    let expect = match store.load(rotation.old, call) {
        Ok(None) => return Ok(Written::Refused),
        Ok(Some(record)) if rotation.expect.holds(Some(record.version)) => Expect::Version(record.version),
        Ok(Some(_)) => return Ok(Written::Refused),
        // Such a record has no version.
        Err(error) if error.kind() == ErrorKind::Corrupt => match rotation.expect {
            Expect::Any | Expect::Present => Expect::Present,
            Expect::Absent | Expect::Version(_) => return Ok(Written::Refused),
        },
        Err(error) => return Err(error),
    };
    let Written::Stored(version) = write_new(store, rotation, call)? else { return Ok(Written::Refused) };
    let ended = match rotation.redirect {
        Some(redirect) => {
            let write = Write { key: rotation.old, data: redirect.data, ttl: Some(redirect.ttl), expect };
            store.write(&write, call).map(|written| written != Written::Refused)
        }
        None => store.delete(rotation.old, expect, call).map(|deleted| deleted == Deleted::Record),
    };
    let is_undone = match &ended {
        Ok(is_ended) => !is_ended,
        Err(error) => stays(store, rotation, expect, error, call),
    };
    if is_undone {
        // The session keeps its old id and must not have both. The error of the step above is the one to tell.
        let _ = store.delete(rotation.new, Expect::Version(version), call);
    }
    Ok(if ended? { Written::Stored(version) } else { Written::Refused })
}

/// Writes the new record in place of what it finds, so that a request that is made late overwrites nothing newer.
fn write_new<S: Store + ?Sized>(store: &S, rotation: &Rotation<'_>, call: &Call<'_>) -> Result<Written> {
    let write = |expect| store.write(&Write { expect, ..rotation.write() }, call);
    let written = write(Expect::Absent)?;
    if written != Written::Refused {
        return Ok(written);
    }
    match store.load(rotation.new, call) {
        Ok(found) => write(found.map_or(Expect::Absent, |found| Expect::Version(found.version))),
        Err(error) if error.kind() == ErrorKind::Corrupt => write(Expect::Any),
        Err(error) => Err(error),
    }
}

/// Whether the old record stays as it was expected, though its change ended in `error`. If the store may still make that
/// change, the record is given another version, so that it is refused. Where this cannot be told, the new record is left,
/// which may be the only one later, and expires.
fn stays<S: Store + ?Sized>(
    store: &S,
    rotation: &Rotation<'_>,
    expect: Expect,
    error: &Error,
    call: &Call<'_>,
) -> bool {
    let Ok(Some(old)) = store.load(rotation.old, call) else { return false };
    if expect.version() != Some(old.version) {
        return false;
    }
    let fence = Write { key: rotation.old, data: &old.data, ttl: rotation.ttl, expect };
    let is_other = |written| matches!(written, Written::Stored(version) if version != old.version);
    error.kind() != ErrorKind::Unknown || store.write(&fence, call).is_ok_and(is_other)
}
