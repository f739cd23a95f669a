//! A store under keys that are no ids: who reads it learns no id, and what is read there works as none.
//!
//! Around any store. What that one gets to see as an id is a *key*: the hash of the id, or the id itself where the
//! option is off or the record is from the time before. Processes on both sides of the change serve the same
//! sessions, so each of them looks in both places:
//!
//! * One that keeps records under the hash looks there first, then under the id. What it finds under the id it
//!   moves when it writes it, by [`Store::rotate`], and touches where it is.
//! * One that keeps them under the id looks there first, then under the hash, and leaves each where it is.
//!
//! Records move in one direction only, and are in the new place before they leave the old one. So whoever looks
//! under the id first needs two looks; whoever looks under the hash first looks there once more, because the
//! record may have come there meanwhile. Only an id that is not in the first place costs more than one look, and
//! the second place is never written or locked before something was seen there, since a backend may
//! allocate for that.
//!
//! An id that has the form of a stored key is no id ([`passes_for_stored_key`]): it is absent, and nothing is
//! stored under it.

mod held;
mod hold;
mod pinned;
mod places;
#[cfg(test)]
mod tests;

use std::cell::OnceCell;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub use held::HeldHashed;
pub use pinned::PinnedStore;

use super::key::{passes_for_stored_key, stored_key};
use super::{
    Capabilities, Deleted, Expect, Held, HoldOf, Record, Rotation, Store, Sweep, Timestamp, Touch, Written,
};
use crate::error::{Error, Result};
use crate::id::SessionId;

/// What a store keeps new records under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeptUnder {
    /// The id.
    Id,
    /// A hash of the id.
    Hash,
}

/// A store whose records are kept under ids or under hashes of them, and found under both.
pub struct HashedStore {
    inner: Arc<dyn Store>,
    kept_under: KeptUnder,
    /// The id whose record was met last, if it was not where new ones are kept.
    stray: Arc<Mutex<Option<SessionId>>>,
}

impl HashedStore {
    /// Keeps new records in `inner` under what is said.
    #[must_use]
    pub fn new(inner: Arc<dyn Store>, kept_under: KeptUnder) -> Self {
        Self { inner, kept_under, stray: Arc::default() }
    }

    /// Where a new record of `id` is kept: what the store underneath takes for an id. It is never what has the
    /// form of a stored key itself.
    #[must_use]
    pub fn key_of(&self, id: &SessionId) -> SessionId {
        if self.kept_under == KeptUnder::Hash || passes_for_stored_key(id.as_str()) {
            stored_key(id)
        } else {
            id.clone()
        }
    }

    /// Where the record of `id` was when this value came across it last, or else where a new one is kept.
    #[must_use]
    pub fn place_of(&self, id: &SessionId) -> SessionId {
        let stray = self.stray.lock().unwrap_or_else(PoisonError::into_inner);
        match &*stray {
            Some(stray) if stray.as_str() == id.as_str() => {
                Keys { id, kept_under: self.kept_under, hash: OnceCell::new() }.second().clone()
            }
            _ => self.key_of(id),
        }
    }

    fn remember(&self, id: &SessionId, is_stray: bool) {
        let mut stray = self.stray.lock().unwrap_or_else(PoisonError::into_inner);
        if is_stray {
            *stray = Some(id.clone());
        } else if stray.as_ref().is_some_and(|stray| stray.as_str() == id.as_str()) {
            *stray = None;
        }
    }

    /// The keys of `id`; none if it is a key itself.
    fn keys<'a>(&self, id: &'a SessionId) -> Option<Keys<'a>> {
        let is_id = !passes_for_stored_key(id.as_str());
        is_id.then(|| Keys { id, kept_under: self.kept_under, hash: OnceCell::new() })
    }
}

/// The two keys of an id. The hash is made when it is needed.
struct Keys<'a> {
    id: &'a SessionId,
    kept_under: KeptUnder,
    hash: OnceCell<SessionId>,
}

impl Keys<'_> {
    fn plain(&self) -> &SessionId {
        self.id
    }

    fn hash(&self) -> &SessionId {
        self.hash.get_or_init(|| stored_key(self.id))
    }

    /// Where new records are kept.
    fn first(&self) -> &SessionId {
        match self.kept_under {
            KeptUnder::Id => self.plain(),
            KeptUnder::Hash => self.hash(),
        }
    }

    /// Where processes on the other side of the change keep theirs.
    fn second(&self) -> &SessionId {
        match self.kept_under {
            KeptUnder::Id => self.hash(),
            KeptUnder::Hash => self.plain(),
        }
    }

    /// Whether records go from the second place to the first.
    fn come_to_first(&self) -> bool {
        self.kept_under == KeptUnder::Hash
    }
}

fn no_id(operation: &'static str) -> Error {
    Error::invalid(operation).with_detail("64 hexadecimal digits and -sha256 are a stored key and no id")
}

impl Store for HashedStore {
    fn load(&self, id: &SessionId, now: Timestamp) -> Result<Option<Record>> {
        self.load_in(&*self.inner, id, now)
    }

    fn write(
        &self,
        id: &SessionId,
        data: &[u8],
        ttl: Option<Duration>,
        expect: Expect,
        now: Timestamp,
    ) -> Result<Written> {
        self.write_in(&*self.inner, id, data, ttl, expect, now)
    }

    fn touch(
        &self,
        id: &SessionId,
        touch: &Touch<'_>,
        ttl: Option<Duration>,
        now: Timestamp,
    ) -> Result<bool> {
        self.touch_in(&*self.inner, id, touch, ttl, now)
    }

    fn delete(&self, id: &SessionId, expect: Expect) -> Result<Deleted> {
        self.delete_in(&*self.inner, id, expect)
    }

    fn rotate(&self, rotation: &Rotation<'_>, now: Timestamp) -> Result<Written> {
        self.rotate_in(&*self.inner, rotation, now)
    }

    fn hold(
        self: Arc<Self>,
        id: &SessionId,
        of: HoldOf,
        limit: Duration,
        now: Timestamp,
    ) -> Result<Option<Arc<dyn Held>>> {
        let held = self.hold_places(id, of, limit, now)?;
        Ok(held.map(|held| Arc::new(held) as Arc<dyn Held>))
    }

    fn sweep(&self) -> Box<dyn Sweep + '_> {
        self.inner.sweep()
    }

    fn without_waiting(&self) -> Option<Arc<dyn Store>> {
        let inner = self.inner.without_waiting()?;
        let hasty = Self { inner, kept_under: self.kept_under, stray: Arc::clone(&self.stray) };
        Some(Arc::new(hasty))
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }
}
