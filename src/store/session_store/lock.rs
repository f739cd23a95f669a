//! The lock of an id, whichever key its record has.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::super::{Expect, HoldOf, Store, Timestamp};
use super::{IdStorage, Locked, SessionStore, no_id};
use crate::error::Result;
use crate::id::{SessionId, StoreKey};

impl SessionStore {
    /// Has the record of `id`, whose lock is held, under the key that it stays under, and returns that.
    ///
    /// # Errors
    /// Those of [`Store::load`] and [`Store::rotate`].
    pub fn settle(&self, id: &SessionId, ttl: Option<Duration>, now: Timestamp) -> Result<StoreKey> {
        let found = self.load(id, now)?;
        let key = self.key_of(id);
        if found.is_some()
            && self.ids == IdStorage::Hashed
            && !key.is_hashed()
            && self.settle_from(&key, &self.known(id).new, ttl, Expect::Present, now)?.is_some()
        {
            self.remember(id, false);
        }
        Ok(self.key_of(id))
    }

    /// Locks `id`; see [`Store::hold`]. What is returned is this store for the holder of the lock.
    ///
    /// # Errors
    /// Those of [`Store::hold`].
    pub fn lock(&self, id: &SessionId, of: HoldOf, limit: Duration, now: Timestamp) -> Result<Option<Self>> {
        let Some(keys) = self.keys(id) else {
            return match of {
                HoldOf::Record => Ok(None),
                HoldOf::Id => Err(no_id()),
            };
        };
        let hold = |key: &StoreKey, of| Arc::clone(&self.store).hold(key, of, limit, now);
        let other = keys.other();
        // Whichever key the record has, the lock is that of the id. A backend written in Python locks its namespace.
        let mut held = hold(&keys.new, HoldOf::Record)?;
        for key in [&other, &keys.new] {
            if held.is_none() && self.is_there(key, now)? {
                held = hold(key, HoldOf::Record)?;
            }
        }
        if held.is_none() && of == HoldOf::Id {
            held = hold(&keys.new, HoldOf::Id)?;
        }
        Ok(held.map(|held| Self {
            store: Arc::clone(&held) as Arc<dyn Store>,
            ids: self.ids,
            is_pinned: false,
            last: Arc::clone(&self.last),
            locked: Some(Locked { held, store: Arc::clone(&self.store), left: Mutex::default() }),
        }))
    }

    /// Whether the lock of `id` is held.
    #[must_use]
    pub fn has_locked(&self, id: &SessionId) -> bool {
        self.locked.as_ref().is_some_and(|locked| locked.held.holds(&self.known(id).new))
    }

    /// Releases what is locked. Releasing again does nothing.
    ///
    /// # Errors
    /// Those of [`Held::release`].
    pub fn release(&self) -> Result<()> {
        let Some(locked) = &self.locked else { return Ok(()) };
        let released = locked.held.release();
        // A thread may have had this mutex when the process was forked, and will never give it back here.
        let left = locked.left.try_lock().map(|mut left| std::mem::take(&mut *left));
        for key in left.into_iter().flatten() {
            // The session is stored. An error here is none of its, and the key has no record.
            let _ = locked.store.purge(&key);
        }
        released
    }

    /// Leaves no name behind that is the id of a session which lives on under its hash.
    pub(super) fn purge(&self, key: &StoreKey) {
        match &self.locked {
            Some(locked) if locked.held.holds(key) => {
                locked.left.lock().unwrap_or_else(PoisonError::into_inner).push(key.clone());
            }
            _ => {
                // As above.
                let _ = self.store.purge(key);
            }
        }
    }
}
