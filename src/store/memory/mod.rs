//! Sessions in the memory of this process.

mod holds;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use holds::HeldInMemory;

use super::id_locks::IdLocks;
use super::{Capabilities, Expect, Held, HoldOf, Record, Store, Timestamp, Touch, Version, Written};
use crate::error::{Error, Result};
use crate::id::SessionId;

/// Enough that threads seldom meet at one lock.
const SHARDS: usize = 16;

/// How many records every write looks at for having expired. More than the one that a write can add, so that
/// expired records leave faster than new ones come, and without a thread.
const INSPECTED_PER_WRITE: usize = 4;

/// Below this many records a shard keeps the room it has.
const SMALLEST_SHRUNK: usize = 64;

/// Keeps sessions in this process, for as long as it lives.
///
/// Records whose lifetime is over are absent at once. They are dropped when they are met, and every write
/// looks at a few others, so that they go even when nobody asks for them again. No call waits for anything
/// but a moment's lock.
pub struct MemoryStore {
    shards: [Mutex<Shard>; SHARDS],
    /// Ids come from outside, so that the choice of the shard is keyed at random too.
    hasher: RandomState,
    last_version: AtomicU64,
    holds: IdLocks,
}

impl fmt::Debug for MemoryStore {
    /// Neither ids nor data belong in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("records", &self.len()).finish()
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            hasher: RandomState::new(),
            last_version: AtomicU64::new(0),
            holds: IdLocks::default(),
        }
    }

    /// Whether there is a record of `id` at `now`.
    #[must_use]
    pub fn contains(&self, id: &str, now: Timestamp) -> bool {
        self.shard(id).is_some_and(|shard| shard.live(id, now).is_some())
    }

    /// The ids of all records there are at `now`, in no order. They are bearer secrets.
    #[must_use]
    pub fn ids(&self, now: Timestamp) -> Vec<String> {
        let mut ids = Vec::new();
        for shard in &self.shards {
            let shard = lock(shard);
            ids.extend(shard.slots.iter().filter(|slot| !slot.expired(now)).map(|slot| slot.id.to_string()));
        }
        ids
    }

    /// How many records are held in memory, counting those that have expired and were not dropped yet.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).slots.len()).sum()
    }

    /// Whether no record at all is held in memory.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets every record.
    pub fn clear(&self) {
        for shard in &self.shards {
            let forgotten = std::mem::take(&mut *lock(shard));
            drop(forgotten);
        }
    }

    fn number(&self, id: &str) -> usize {
        usize::try_from(self.hasher.hash_one(id) % SHARDS as u64).unwrap_or_default()
    }

    fn shard(&self, id: &str) -> Option<MutexGuard<'_, Shard>> {
        self.shards.get(self.number(id)).map(lock)
    }

    /// The shards of two ids. The one of the lower number is locked first, so that nobody waits in a circle.
    fn locked_both(&self, old: &str, new: &str, operation: &'static str) -> Result<Both<'_>> {
        let (of_old, of_new) = (self.number(old), self.number(new));
        let locked = |number: usize| {
            let shard = self.shards.get(number).map(lock);
            shard.ok_or_else(|| Error::unavailable(operation).with_detail("no such shard"))
        };
        if of_old == of_new {
            return Ok(Both { old: locked(of_old)?, new: None });
        }
        let lower = locked(of_old.min(of_new))?;
        let higher = locked(of_old.max(of_new))?;
        let (old, new) = if of_old < of_new { (lower, higher) } else { (higher, lower) };
        Ok(Both { old, new: Some(new) })
    }

    fn locked(&self, id: &str, operation: &'static str) -> Result<MutexGuard<'_, Shard>> {
        self.shard(id).ok_or_else(|| Error::unavailable(operation).with_detail("no such shard"))
    }

    fn next_version(&self) -> Version {
        Version(self.last_version.fetch_add(1, Ordering::Relaxed).wrapping_add(1))
    }
}

impl Store for MemoryStore {
    fn load(&self, id: &SessionId, now: Timestamp) -> Result<Option<Record>> {
        let mut shard = self.locked(id.as_str(), "read the session in memory")?;
        Ok(shard.live_or_drop(id.as_str(), now).map(|slot| Record {
            data: Arc::clone(&slot.data),
            version: slot.version,
            expires_at: slot.expires_at,
        }))
    }

    fn write(
        &self,
        id: &SessionId,
        data: &[u8],
        ttl: Option<Duration>,
        expect: Expect,
        now: Timestamp,
    ) -> Result<Written> {
        let id = id.as_str();
        let data = Arc::from(data);
        let mut shard = self.locked(id, "write the session in memory")?;
        shard.drop_some_expired(now);
        let present = shard.live_or_drop(id, now);
        if !expect.holds(present.as_ref().map(|slot| slot.version)) {
            return Ok(Written::Refused);
        }
        let version = self.next_version();
        let expires_at = expiry(ttl, now);
        match present {
            Some(slot) => slot.replace(data, version, expires_at),
            None => shard.insert(Slot { id: Arc::from(id), data, version, expires_at }),
        }
        Ok(Written::Stored(version))
    }

    fn touch(
        &self,
        id: &SessionId,
        touch: &Touch<'_>,
        ttl: Option<Duration>,
        now: Timestamp,
    ) -> Result<bool> {
        const OPERATION: &str = "touch the session in memory";
        let mut shard = self.locked(id.as_str(), OPERATION)?;
        let Some(slot) = shard.live_or_drop(id.as_str(), now) else {
            return Ok(false);
        };
        if slot.version == touch.version {
            let range = touch.range(slot.data.len(), OPERATION)?;
            // A reader that still holds the bytes keeps the ones it was given: they are copied then.
            if let Some(place) = Arc::make_mut(&mut slot.data).get_mut(range) {
                place.copy_from_slice(touch.bytes);
            }
        }
        slot.expires_at = expiry(ttl, now);
        Ok(true)
    }

    fn delete(&self, id: &SessionId) -> Result<bool> {
        Ok(self.locked(id.as_str(), "remove the session in memory")?.remove(id.as_str()))
    }

    fn rotate(
        &self,
        old: &SessionId,
        new: &SessionId,
        data: &[u8],
        ttl: Option<Duration>,
        expect: Expect,
        now: Timestamp,
    ) -> Result<Written> {
        let (old, new) = (old.as_str(), new.as_str());
        let data = Arc::from(data);
        let mut both = self.locked_both(old, new, "rotate the session in memory")?;
        let shard = both.of_old();
        let Some(present) = shard.live_or_drop(old, now).map(|slot| slot.version) else {
            return Ok(Written::Refused);
        };
        if !expect.holds(Some(present)) {
            return Ok(Written::Refused);
        }
        shard.remove(old);
        let version = self.next_version();
        both.of_new().put(new, data, version, expiry(ttl, now));
        Ok(Written::Stored(version))
    }

    fn hold(
        self: Arc<Self>,
        id: &SessionId,
        of: HoldOf,
        limit: Duration,
        now: Timestamp,
    ) -> Result<Option<Arc<dyn Held>>> {
        if of == HoldOf::Record && !self.contains(id.as_str(), now) {
            return Ok(None);
        }
        self.holds.take(id.as_str(), limit)?;
        Ok(Some(Arc::new(HeldInMemory::new(self, id))))
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { native_expiry: true, compare_and_swap: true, blocking: false }
    }
}

/// The shards of two ids, which may be one.
struct Both<'a> {
    old: MutexGuard<'a, Shard>,
    new: Option<MutexGuard<'a, Shard>>,
}

impl Both<'_> {
    fn of_old(&mut self) -> &mut Shard {
        &mut self.old
    }

    fn of_new(&mut self) -> &mut Shard {
        match &mut self.new {
            Some(new) => new,
            None => &mut self.old,
        }
    }
}

/// A part of the records, under a lock of its own.
///
/// The records lie in a row, so that a cursor can go round them; the index says where each one lies.
#[derive(Default)]
struct Shard {
    index: HashMap<Arc<str>, usize>,
    slots: Vec<Slot>,
    /// The slot that is inspected next.
    cursor: usize,
}

struct Slot {
    id: Arc<str>,
    data: Arc<[u8]>,
    version: Version,
    expires_at: Option<Timestamp>,
}

impl Slot {
    fn replace(&mut self, data: Arc<[u8]>, version: Version, expires_at: Option<Timestamp>) {
        self.data = data;
        self.version = version;
        self.expires_at = expires_at;
    }

    fn expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|expires_at| now >= expires_at)
    }
}

impl Shard {
    fn live(&self, id: &str, now: Timestamp) -> Option<&Slot> {
        let position = *self.index.get(id)?;
        self.slots.get(position).filter(|slot| !slot.expired(now))
    }

    fn live_or_drop(&mut self, id: &str, now: Timestamp) -> Option<&mut Slot> {
        let position = *self.index.get(id)?;
        if self.slots.get(position)?.expired(now) {
            self.remove(id);
            return None;
        }
        self.slots.get_mut(position)
    }

    fn insert(&mut self, slot: Slot) {
        self.index.insert(Arc::clone(&slot.id), self.slots.len());
        self.slots.push(slot);
    }

    /// Stores a record, over the one that there is.
    fn put(&mut self, id: &str, data: Arc<[u8]>, version: Version, expires_at: Option<Timestamp>) {
        let position = self.index.get(id).copied();
        match position.and_then(|position| self.slots.get_mut(position)) {
            Some(slot) => slot.replace(data, version, expires_at),
            None => self.insert(Slot { id: Arc::from(id), data, version, expires_at }),
        }
    }

    fn remove(&mut self, id: &str) -> bool {
        let Some(position) = self.index.remove(id) else {
            return false;
        };
        if position < self.slots.len() {
            self.slots.swap_remove(position);
        }
        // The last record now lies where the removed one lay.
        if let Some(moved) = self.slots.get(position)
            && let Some(entry) = self.index.get_mut(&moved.id)
        {
            *entry = position;
        }
        if self.slots.capacity() > SMALLEST_SHRUNK && self.slots.len() < self.slots.capacity() / 4 {
            self.slots.shrink_to(self.slots.len() * 2);
            self.index.shrink_to(self.slots.len() * 2);
        }
        true
    }

    fn drop_some_expired(&mut self, now: Timestamp) {
        for _ in 0..INSPECTED_PER_WRITE {
            if self.cursor >= self.slots.len() {
                self.cursor = 0;
            }
            let Some(slot) = self.slots.get(self.cursor) else {
                return;
            };
            if slot.expired(now) {
                let id = Arc::clone(&slot.id);
                let _was_there = self.remove(&id);
            } else {
                self.cursor += 1;
            }
        }
    }
}

/// No code that may panic runs under these locks, so that a poisoned one still guards a sound shard.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

fn expiry(ttl: Option<Duration>, now: Timestamp) -> Option<Timestamp> {
    ttl.map(|ttl| now + ttl.as_secs_f64())
}
