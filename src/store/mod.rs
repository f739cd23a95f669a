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
//! A store that may have to wait for somebody else waits for as long as it was made to, and then answers with an error
//! that [`is_busy`](crate::error::Error::is_busy). The same may be asked again: what was done is not done twice.
//!
//! The time is passed in, so that a test can pass any time it likes.
//!
//! # Stores on a network
//!
//! Each check of [`Expect`] and the change that follows it are one step in the backend:
//!
//! | | write, delete | rotate |
//! | --- | --- | --- |
//! | Redis | one script compares the version and changes the record | one script; in a Cluster two slots, so in order |
//! | memcached | `cas`, `add`, and a meta delete with the token | in order |
//! | SQLite, SQLAlchemy | one transaction | one transaction |
//! | MongoDB | one `findAndModify` | in order |
//! | asyncio client | as its backend; calls block on an executor thread | as its backend |
//!
//! *In order* is what files do: write the new record, put the redirect over the old one or delete it if it is still the
//! expected version, and delete the new record again if that is refused.
//!
//! A lock on a network is a lease and may lapse. The version is the fence: a save after a lapse is refused, and merged.

mod durability;
#[cfg(unix)]
pub mod file;
#[cfg(test)]
mod laws;
mod memory;
#[cfg(all(test, feature = "shuttle"))]
pub(crate) mod schedules;
mod session_store;
mod sweep;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::id::StoreKey;

pub use crate::clock::Timestamp;
pub use durability::Durability;
#[cfg(unix)]
pub use file::FileStore;
pub use memory::MemoryStore;
pub use session_store::{IdStorage, SessionStore};
pub use sweep::{Sweep, Swept};

/// Identifies one state of a record. It changes with every write that changes the data; it need not change
/// with a touch, but may. It is meaningful only to the store, and within the process, that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Version(pub u64);

/// What a store holds under an id.
#[derive(Clone, Debug)]
pub struct Record {
    /// The session as the codec encoded it.
    pub data: Arc<[u8]>,
    /// The state that `data` is.
    pub version: Version,
    /// When the store will forget it, if it will and knows.
    pub expires_at: Option<Timestamp>,
}

/// What must hold of the stored record for a write to take place. The check and the write are one step:
/// no other writer comes between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Anything: the last writer wins.
    Any,
    /// No record: a create that never overwrites.
    Absent,
    /// Some record: a save that never brings a deleted session back.
    Present,
    /// This very state: compare and swap.
    Version(Version),
}

impl<'a, K> Rotation<'a, K> {
    /// One that leaves nothing under the old id, and whose record is kept until it is deleted.
    #[must_use]
    pub fn new(old: &'a K, new: &'a K, data: &'a [u8], expect: Expect) -> Self {
        Self { old, new, data, ttl: None, expect, left: None }
    }
}

impl Rotation<'_> {
    /// Where both ids are the same, what becomes of the write that it then is. `write` is told what to expect.
    pub(crate) fn as_write(&self, write: impl FnOnce(Expect) -> Result<Written>) -> Option<Result<Written>> {
        let is_write = self.old.record() == self.new.record();
        is_write.then(|| self.expect.of_what_is_there().map_or(Ok(Written::Refused), write))
    }
}

impl Expect {
    /// What a write expects that replaces a record and never creates one; `None` if it expects that there is none.
    pub(crate) fn of_what_is_there(self) -> Option<Self> {
        match self {
            Self::Any | Self::Present => Some(Self::Present),
            Self::Absent => None,
            Self::Version(version) => Some(Self::Version(version)),
        }
    }

    /// What a deletion leads to where the record is in the state `present`, or there is none.
    pub(crate) fn deletes(self, present: Option<Version>) -> Deleted {
        match present {
            None => Deleted::Nothing,
            Some(_) if self.holds(present) => Deleted::Record,
            Some(_) => Deleted::Refused,
        }
    }

    /// Whether it holds where the record is in the state `present`, or there is none.
    pub(crate) fn holds(self, present: Option<Version>) -> bool {
        match self {
            Self::Any => true,
            Self::Absent => present.is_none(),
            Self::Present => present.is_some(),
            Self::Version(version) => present == Some(version),
        }
    }
}

/// What is to be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldOf {
    /// An id that has a record. One that has none is not held, and nothing is made for it.
    Record,
    /// The id, whether or not it has a record.
    Id,
}

/// What became of a write. A refusal is an answer, not an error, and has to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Written {
    /// Stored, as this state.
    Stored(Version),
    /// What was expected did not hold; nothing was changed.
    Refused,
}

/// The outcome of a deletion. A refusal is an answer, not an error, and has to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Deleted {
    /// There was a record, and it is gone.
    Record,
    /// There was no record.
    Nothing,
    /// There is a record, but not the expected one. Nothing was changed.
    Refused,
}

/// A renewal of a record's life that leaves its data alone, but for the bytes in which the data itself
/// carries the time of its last access.
#[derive(Clone, Copy, Debug)]
pub struct Touch<'a> {
    /// The state that was loaded. If the record has another by now, somebody renewed it since; then its bytes
    /// stay as they are, and its lifetime is renewed but never made shorter: it may be another's to say.
    pub version: Version,
    /// Where in the data the new bytes go. `offset + bytes.len()` lies within the data of that version.
    pub offset: usize,
    /// The new bytes, as many as the old.
    pub bytes: &'a [u8],
}

impl Touch<'_> {
    /// Which bytes of a record of `length` bytes are replaced.
    ///
    /// # Errors
    /// `Invalid` if they do not lie within it.
    pub(crate) fn range(&self, length: usize, operation: &'static str) -> Result<Range<usize>> {
        match self.offset.checked_add(self.bytes.len()) {
            Some(end) if end <= length => Ok(self.offset..end),
            _ => Err(Error::invalid(operation).with_detail("the new bytes do not lie within the record")),
        }
    }
}

/// A record that gets another id, or another key of the same id.
#[derive(Clone, Copy, Debug)]
pub struct Rotation<'a, K = StoreKey> {
    /// The one that it has.
    pub old: &'a K,
    /// The one that it gets.
    pub new: &'a K,
    /// What is stored under the new id.
    pub data: &'a [u8],
    /// For how long; see [`Store::write`].
    pub ttl: Option<Duration>,
    /// What has to hold of the record of the old id.
    pub expect: Expect,
    /// What takes its place under the old id; nothing if `None`.
    pub left: Option<Left<'a>>,
}

/// A record that a rotation leaves under the old id.
#[derive(Clone, Copy, Debug)]
pub struct Left<'a> {
    /// What it holds. To the store it is data like any other.
    pub data: &'a [u8],
    /// How long after the rotation it may be forgotten.
    pub ttl: Duration,
}

/// What a store can do beyond the contract's minimum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// Records go by themselves when their lifetime is over.
    pub native_expiry: bool,
    /// [`Expect`] is checked and the write done in one step.
    pub compare_and_swap: bool,
    /// A call may wait for a disk, a lock or a network, so the interpreter is let go meanwhile.
    pub blocking: bool,
}

/// A place for sessions. Object-safe; shared between threads.
pub trait Store: Send + Sync {
    /// The record of `key`, or `None` if there is none or its lifetime is over. Looking allocates nothing in
    /// the store: no file, no lock, no entry.
    ///
    /// # Errors
    /// `Corrupt` if the record cannot be understood, `Unavailable` if the store did not answer.
    fn load(&self, key: &StoreKey, now: Timestamp) -> Result<Option<Record>>;

    /// Stores `data` under `key` if `expect` holds. With `ttl` the record may be forgotten that long after
    /// `now`; without, it is kept until it is deleted. Other readers see the old data or the new, never a
    /// mixture and never nothing.
    ///
    /// # Errors
    /// `Unavailable` if the store did not answer, or if what is stored at this place is another id's record;
    /// what was there is then still whole. `Unsupported` if the store cannot check `expect`.
    fn write(
        &self,
        key: &StoreKey,
        data: &[u8],
        ttl: Option<Duration>,
        expect: Expect,
        now: Timestamp,
    ) -> Result<Written>;

    /// Renews the life of the record of `key`, and splices the bytes of `touch` in where the record is still the one that
    /// was loaded. Never creates a record, never changes its version's data otherwise. `false` if there is
    /// no record. Without `ttl` the record is then kept until it is deleted.
    ///
    /// # Errors
    /// `Unavailable` if the store did not answer, `Corrupt` if the record cannot be understood, `Invalid` if
    /// the bytes would not lie within the data.
    fn touch(&self, key: &StoreKey, touch: &Touch<'_>, ttl: Option<Duration>, now: Timestamp)
    -> Result<bool>;

    /// Removes the record of `key` and everything kept for it, if `expect` holds of its record: a caller that decided by what it
    /// loaded passes that version, so that a record saved since is never lost. Deleting what is not there is success,
    /// whatever is expected. A record that cannot be understood has no version.
    ///
    /// # Errors
    /// `Unavailable` if the store did not answer; the record may then still be there.
    fn delete(&self, key: &StoreKey, expect: Expect) -> Result<Deleted>;

    /// Replaces the record of `old`, of which `expect` has to hold, by one of `new` with `data`: afterwards what
    /// is to be left under `old` is there, or nothing is, and what was under `new` is overwritten. A record that is not there is
    /// never rotated, whatever is expected: a session that was deleted meanwhile is not brought back under
    /// another id. Of a rotation that leaves nothing and a deletion of `old` at once, one finds the record and
    /// the other finds none. Where both ids are the same this is a write.
    ///
    /// # Errors
    /// As [`write`](Self::write). The record of `old` is then still whole.
    fn rotate(&self, rotation: &Rotation<'_>, now: Timestamp) -> Result<Written>;

    /// Removes leftovers of a key whose record has moved, since their name reveals the id. Most stores leave none.
    ///
    /// # Errors
    /// `Unavailable` if the store did not answer.
    fn purge(&self, _key: &StoreKey) -> Result<()> {
        Ok(())
    }

    /// Locks the id of `key`, whichever key of it the record has: every other process and thread that asks for the lock
    /// waits, until what is returned is released or dropped, or this process is gone. Reading takes no lock; whether
    /// writing does is the store's affair, but a write always changes the version. `None` if [`HoldOf::Record`] was
    /// asked for and `key` has no record.
    ///
    /// It waits at most `limit`, and always may wait, whatever [`Capabilities::blocking`] says. Locks are not
    /// reentrant: a second request times out.
    ///
    /// # Errors
    /// `Locked` if the lock was taken all that time, `Unavailable` if the store did not answer.
    fn hold(
        self: Arc<Self>,
        key: &StoreKey,
        of: HoldOf,
        limit: Duration,
        now: Timestamp,
    ) -> Result<Option<Arc<dyn Held>>>;

    /// A sweep through the whole store, which removes what nobody will ask for again: records that are over,
    /// what writers left that were killed, locks without a record. See [`Sweep`] for what it promises.
    ///
    /// Where records go by themselves, or are for the backend alone to remove, there is nothing to do.
    fn sweep(&self) -> Box<dyn Sweep + '_> {
        Box::new(sweep::NothingToSweep)
    }

    /// The same store that does not wait for what somebody else has for a moment or holds. `None` if it never does, or
    /// cannot do without.
    fn without_waiting(&self) -> Option<Arc<dyn Store>> {
        None
    }

    /// What this store can do.
    fn capabilities(&self) -> Capabilities;
}

/// A store as the holder of a session has it: what is held is read and written without waiting for oneself.
/// Every other id is as in the store itself. A rotation of what is held holds the new id too.
///
/// Dropping it releases it, without telling what went wrong.
pub trait Held: Store {
    /// Whether the lock of `key` is held.
    fn holds(&self, key: &StoreKey) -> bool;

    /// Lets go of all that is held. Releasing again does nothing.
    ///
    /// # Errors
    /// `Unavailable` if what the store keeps for the hold could not be put away. It is let go all the same.
    fn release(&self) -> Result<()>;
}
