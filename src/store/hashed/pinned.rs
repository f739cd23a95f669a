//! A backend's view of one record that is held, for a program that uses it by itself.

use std::sync::Arc;
use std::time::Duration;

use super::HashedStore;
use crate::error::Result;
use crate::id::SessionId;
use crate::store::{
    Capabilities, Deleted, Expect, Held, HoldOf, Record, Rotation, Store, Timestamp, Touch, Written,
};

/// A store in which an id has the one place that is known, and every other id the place where new records go.
///
/// No other place is looked at: whoever holds a session knows that its record is nowhere else.
pub struct PinnedStore {
    keys: Arc<HashedStore>,
    inner: Arc<dyn Store>,
    id: SessionId,
    place: SessionId,
}

impl PinnedStore {
    /// `inner`, in which the record of `id` is in `place`. `keys` tells the places of others.
    #[must_use]
    pub fn new(keys: Arc<HashedStore>, inner: Arc<dyn Store>, id: SessionId, place: SessionId) -> Self {
        Self { keys, inner, id, place }
    }

    /// The place of `id`.
    #[must_use]
    pub fn place_of(&self, id: &SessionId) -> SessionId {
        if id.as_str() == self.id.as_str() { self.place.clone() } else { self.keys.key_of(id) }
    }

    /// The id whose one place this is.
    #[must_use]
    pub fn id_in(&self, place: &SessionId) -> Option<&SessionId> {
        (place.as_str() == self.place.as_str()).then_some(&self.id)
    }
}

impl Store for PinnedStore {
    fn load(&self, id: &SessionId, now: Timestamp) -> Result<Option<Record>> {
        self.inner.load(&self.place_of(id), now)
    }

    fn write(
        &self,
        id: &SessionId,
        data: &[u8],
        ttl: Option<Duration>,
        expect: Expect,
        now: Timestamp,
    ) -> Result<Written> {
        self.inner.write(&self.place_of(id), data, ttl, expect, now)
    }

    fn touch(
        &self,
        id: &SessionId,
        touch: &Touch<'_>,
        ttl: Option<Duration>,
        now: Timestamp,
    ) -> Result<bool> {
        self.inner.touch(&self.place_of(id), touch, ttl, now)
    }

    fn delete(&self, id: &SessionId, expect: Expect) -> Result<Deleted> {
        self.inner.delete(&self.place_of(id), expect)
    }

    fn rotate(&self, rotation: &Rotation<'_>, now: Timestamp) -> Result<Written> {
        let (old, new) = (self.place_of(rotation.old), self.place_of(rotation.new));
        self.inner.rotate(&Rotation { old: &old, new: &new, ..*rotation }, now)
    }

    fn hold(
        self: Arc<Self>,
        id: &SessionId,
        of: HoldOf,
        limit: Duration,
        now: Timestamp,
    ) -> Result<Option<Arc<dyn Held>>> {
        let place = self.place_of(id);
        Arc::clone(&self.inner).hold(&place, of, limit, now)
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }
}
