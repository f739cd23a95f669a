//! The lock of an id, whichever key its record has.

use std::sync::Arc;
use std::time::Duration;

use super::super::{Call, Expect, LockTarget};
use super::{IdStorage, Locked, SessionStore, no_id};
use crate::error::{Error, Result};
use crate::id::{SessionId, StoreKey};
use crate::sync::{Mutex, lock};

impl SessionStore {
    /// Moves the record of `id`, whose lock is held, to the key that it stays under, and returns that.
    ///
    /// # Errors
    /// Those of [`Store::load`](super::Store::load) and [`Store::rotate`](super::Store::rotate).
    pub fn settle(&self, id: &SessionId, ttl: Option<Duration>, call: &Call<'_>) -> Result<StoreKey> {
        let found = self.load(id, call)?;
        let (key, keys) = (self.key_of(id), self.known(id));
        if found.is_some()
            && self.ids == IdStorage::Hashed
            && !key.is_hashed()
            && self.settle_from(&key, &keys.new, ttl, Expect::Present, &self.under(call))?.is_some()
        {
            self.remember(keys, false);
        }
        Ok(self.key_of(id))
    }

    /// Locks `id`; see [`Locks::lock`](super::Locks::lock). Returns this store for the holder of the lock.
    ///
    /// # Errors
    /// Those of [`Locks::lock`](super::Locks::lock), and `Unsupported` if the store cannot lock.
    pub fn lock(&self, id: &SessionId, target: LockTarget, call: &Call<'_>) -> Result<Option<Self>> {
        let Some(keys) = self.keys(id) else {
            return match target {
                LockTarget::Record => Ok(None),
                LockTarget::Id => Err(no_id()),
            };
        };
        let locks = Arc::clone(&self.store).locks().ok_or_else(|| {
            Error::unsupported("lock the session").with_detail("this kind of store has no locks")
        })?;
        let lock = |key: &StoreKey, target| Arc::clone(&locks).lock(key, target, call);
        let other = keys.other();
        // Whichever key the record has, the lock is that of the id. A backend written in Python locks its namespace.
        let mut guard = lock(&keys.new, LockTarget::Record)?;
        for key in [&other, &keys.new] {
            if guard.is_none() && self.is_there(key, call)? {
                guard = lock(key, LockTarget::Record)?;
            }
        }
        if guard.is_none() && target == LockTarget::Id {
            guard = lock(&keys.new, LockTarget::Id)?;
        }
        Ok(guard.map(|guard| self.locked_by(Locked { guard, left: Mutex::default() })))
    }

    /// Whether the lock of `id` is held.
    #[must_use]
    pub fn has_locked(&self, id: &SessionId) -> bool {
        self.locked.as_ref().is_some_and(|locked| locked.guard.holds(&self.known(id).new))
    }

    /// Releases what is locked. Releasing again does nothing.
    ///
    /// # Errors
    /// Those of [`Guard::release`](super::Guard::release).
    pub fn release(&self, call: &Call<'_>) -> Result<()> {
        let Some(locked) = &self.locked else { return Ok(()) };
        let released = locked.guard.release();
        // A thread may have had this mutex when the process was forked, and will never give it back here.
        let left = locked.left.try_lock().map(|mut left| std::mem::take(&mut *left));
        for key in left.into_iter().flatten() {
            // The session is stored. An error here is none of its, and the key has no record.
            let _ = self.store.purge(&key, call);
        }
        released
    }

    /// Leaves no name behind that is the id of a session which lives on under its hash.
    pub(super) fn purge(&self, key: &StoreKey, call: &Call<'_>) {
        match &self.locked {
            Some(locked) if locked.guard.holds(key) => {
                lock(&locked.left).push(key.clone());
            }
            _ => {
                // As above.
                let _ = self.store.purge(key, call);
            }
        }
    }
}
