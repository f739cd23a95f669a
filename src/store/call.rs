//! The circumstances of a call, and the lock that its caller may hold. Locks are an optional part of the contract.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::StoreKey;

/// How long a call waits for others, unless its caller says.
pub const WAIT: Duration = Duration::from_secs(30);

/// The circumstances of a call.
#[derive(Clone, Copy)]
#[must_use]
pub struct Call<'a> {
    /// The time. A store reads no clock for what it decides about records.
    pub now: Timestamp,
    /// How long the call may wait for others at each lock that it takes. Then it answers with an error that
    /// [`is_busy`](crate::error::Error::is_busy).
    pub wait: Duration,
    /// The lock that the caller holds. Without it a call waits for every holder of a lock, the caller included.
    pub guard: Option<&'a dyn Guard>,
}

impl Call<'_> {
    /// A call at `now`, which waits for 30 seconds and whose caller holds no lock.
    pub fn at(now: Timestamp) -> Self {
        Self { now, wait: WAIT, guard: None }
    }

    /// The same, waiting for `wait` at most.
    pub fn waiting(self, wait: Duration) -> Self {
        Self { wait, ..self }
    }
}

impl<'a> Call<'a> {
    /// The same by the holder of `guard`.
    pub fn under<'b>(self, guard: Option<&'b dyn Guard>) -> Call<'b>
    where
        'a: 'b,
    {
        Call { guard, ..self }
    }

    /// The caller's guard, if it is one of the type that the store makes.
    pub(crate) fn guard_of<G: Guard + 'static>(&self) -> Option<&'a G> {
        self.guard.and_then(|guard| guard.as_any().downcast_ref())
    }
}

/// Locks that are held. Calls of the store that are made [under](Call::guard) it do not wait for them, and a rotation
/// locks the new id, too. Other ids are as without it. A guard is for calls of the store that made it.
///
/// A drop releases it and ignores errors.
pub trait Guard: Send + Sync {
    /// Whether the lock of `key` is held.
    fn holds(&self, key: &StoreKey) -> bool;

    /// Releases all locks. Releasing again does nothing.
    ///
    /// # Errors
    /// `Unavailable` if what the store keeps for a lock could not be removed. The lock is released all the same.
    fn release(&self) -> Result<()>;

    /// The guard as the type that the store made.
    fn as_any(&self) -> &dyn Any;
}

/// The target of a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockTarget {
    /// An id that has a record. One that has none is not locked, and nothing is made for it.
    Record,
    /// The id, whether or not it has a record.
    Id,
}

/// A lock that was taken; `None` if the target is a record, and there is none.
pub type Taken = Option<Arc<dyn Guard>>;

/// A store that can lock a session for one caller.
pub trait Locks: Send + Sync {
    /// Locks the id of `key`, whichever key of it the record has: every other process and thread that asks for the lock
    /// waits, until the guard is released or dropped, or this process is gone. Reading takes no lock. Whether writing
    /// does is the store's affair: it waits for a holder, or changes the version so that the holder's save is refused.
    /// `None` if the target is a record and `key` has none.
    ///
    /// It waits for [`Call::wait`] at most, and may wait whatever [`Capabilities::blocking`](super::Capabilities) says.
    /// Locks are not reentrant: a second request times out.
    ///
    /// A lock on a network is a lease, which may lapse while its holder is still at work. The version is the fence: a
    /// save after a lapse is refused where another was made meanwhile.
    ///
    /// # Errors
    /// `Busy` if the lock was taken all that time, `Unavailable` if the store did not answer.
    fn lock(self: Arc<Self>, key: &StoreKey, target: LockTarget, call: &Call<'_>) -> Result<Taken>;
}
