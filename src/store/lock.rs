//! Locks of sessions: an optional part of the contract.

use std::sync::Arc;

use super::call::{Call, Guard};
use crate::error::Result;
use crate::id::StoreKey;

/// The target of a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockTarget {
    /// An id that has a record. One that has none is not locked, and nothing is made for it.
    Record,
    /// The id, whether or not it has a record.
    Id,
}

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
    fn lock(
        self: Arc<Self>,
        key: &StoreKey,
        target: LockTarget,
        call: &Call<'_>,
    ) -> Result<Option<Arc<dyn Guard>>>;
}
