//! Which places are held, so that holders on both sides of the change keep each other out.
//!
//! Whoever holds a session holds the place where its record is. Where there is none, processes that keep records
//! under the id hold both places, since the others will make theirs under the hash; a record that is under the id
//! has both held by those who will move it. Where two places are held, the one under the id is taken first, as
//! by a move.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::places::is_there;
use super::{HashedStore, HeldHashed, KeptUnder, Keys, no_id};
use crate::error::Result;
use crate::id::SessionId;
use crate::store::{Held, HoldOf, Timestamp};

/// How long is left to wait.
struct Patience {
    limit: Duration,
    since: Instant,
}

impl Patience {
    fn left(&self) -> Duration {
        self.limit.saturating_sub(self.since.elapsed())
    }
}

impl HashedStore {
    /// [`hold`](crate::store::Store::hold), as what it is.
    ///
    /// # Errors
    /// The same.
    pub fn hold_places(
        self: Arc<Self>,
        id: &SessionId,
        of: HoldOf,
        limit: Duration,
        now: Timestamp,
    ) -> Result<Option<HeldHashed>> {
        let Some(keys) = self.keys(id) else {
            return match of {
                HoldOf::Record => Ok(None),
                HoldOf::Id => Err(no_id("lock a session")),
            };
        };
        let patience = Patience { limit, since: Instant::now() };
        let held = if !self.inner.capabilities().hold_excludes_writers {
            // The record may be moved while it is held, so one place is never enough.
            self.hold_both(&keys, of, &patience, now)?
        } else if self.kept_under == KeptUnder::Id {
            self.hold_under_id(&keys, of, &patience, now)?
        } else {
            self.hold_under_hash(&keys, of, &patience, now)?
        };
        Ok((!held.is_empty()).then(|| HeldHashed::new(self, held)))
    }

    fn take(
        &self,
        key: &SessionId,
        of: HoldOf,
        patience: &Patience,
        now: Timestamp,
    ) -> Result<Option<Arc<dyn Held>>> {
        Arc::clone(&self.inner).hold(key, of, patience.left(), now)
    }

    fn hold_both(
        &self,
        keys: &Keys<'_>,
        of: HoldOf,
        patience: &Patience,
        now: Timestamp,
    ) -> Result<Vec<Arc<dyn Held>>> {
        let raw = &*self.inner;
        let is_missing = || -> Result<bool> {
            let is_there = is_there(raw, keys.plain(), now)? || is_there(raw, keys.hash(), now)?;
            Ok(of == HoldOf::Record && !is_there)
        };
        if is_missing()? {
            return Ok(Vec::new());
        }
        let plain = self.take(keys.plain(), HoldOf::Id, patience, now)?;
        let hash = self.take(keys.hash(), HoldOf::Id, patience, now)?;
        // It may have gone while its holder was waited for.
        if is_missing()? {
            return Ok(Vec::new());
        }
        Ok(plain.into_iter().chain(hash).collect())
    }

    fn hold_under_id(
        &self,
        keys: &Keys<'_>,
        of: HoldOf,
        patience: &Patience,
        now: Timestamp,
    ) -> Result<Vec<Arc<dyn Held>>> {
        let plain = self.take(keys.plain(), of, patience, now)?;
        // Nobody can move it away any more.
        if let Some(plain) = &plain
            && is_there(&**plain, keys.plain(), now)?
        {
            return Ok(vec![Arc::clone(plain)]);
        }
        let hash = self.take(keys.hash(), of, patience, now)?;
        Ok(plain.into_iter().chain(hash).collect())
    }

    fn hold_under_hash(
        &self,
        keys: &Keys<'_>,
        of: HoldOf,
        patience: &Patience,
        now: Timestamp,
    ) -> Result<Vec<Arc<dyn Held>>> {
        loop {
            if let Some(hash) = self.take(keys.hash(), HoldOf::Record, patience, now)? {
                if self.is_enough(&*hash, keys, now)? {
                    return Ok(vec![hash]);
                }
                hash.release()?;
            }
            if let Some(plain) = self.take(keys.plain(), HoldOf::Record, patience, now)? {
                let hash = self.take(keys.hash(), HoldOf::Id, patience, now)?;
                return Ok(std::iter::once(plain).chain(hash).collect());
            }
            // There is no record, or it has moved meanwhile.
            let Some(hash) = self.take(keys.hash(), of, patience, now)? else { return Ok(Vec::new()) };
            if self.is_enough(&*hash, keys, now)? {
                return Ok(vec![hash]);
            }
            hash.release()?;
        }
    }

    /// Whether who holds the place under the hash needs no other. Whoever held it before may have made the record
    /// under the id, and that place is to be taken first.
    fn is_enough(&self, hash: &dyn Held, keys: &Keys<'_>, now: Timestamp) -> Result<bool> {
        Ok(is_there(hash, keys.hash(), now)? || !is_there(&*self.inner, keys.plain(), now)?)
    }
}
