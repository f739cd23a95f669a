//! Sessions in the memory of this process.

mod holds;
mod records;
mod shard;
mod sweep;
#[cfg(test)]
mod tests;

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use holds::HeldInMemory;
use records::{Records, lock};
use shard::State;
use sweep::MemorySweep;

use super::{
    Capabilities, Deleted, Expect, Held, HoldOf, Record, Rotation, Store, Sweep, Timestamp, Touch, Written,
};
use crate::clock;
use crate::error::Result;
use crate::id::StoreKey;

/// How many records every write looks at for having expired. More than the one that a write can add, so that
/// expired records leave faster than new ones come, and without a thread.
const INSPECTED_PER_WRITE: usize = 4;

/// Keeps sessions in this process, for as long as it lives.
///
/// Records whose lifetime is over are absent at once. They are dropped when they are met, and every write
/// looks at a few others, so that they go even when nobody asks for them again; but not while the machine's clock
/// has jumped lately and may be wrong. No call waits for anything but a moment's lock.
///
/// A clone has the same records.
#[derive(Clone)]
pub struct MemoryStore {
    records: Arc<Records>,
    most: Option<NonZeroUsize>,
}

impl fmt::Debug for MemoryStore {
    /// Neither ids nor data belong in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("records", &self.len()).field("most", &self.most).finish()
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
        Self::trusting(clock::is_steady)
    }

    /// The same, which drops a record that is over only if `clock_is_steady`; until then it is absent.
    fn trusting(clock_is_steady: fn() -> bool) -> Self {
        Self { records: Arc::new(Records::new(clock_is_steady)), most: None }
    }

    /// The same records, of which a write through this value leaves `most` at the most: it drops those that have
    /// not been used for the longest time, whoever wrote them.
    #[must_use]
    pub fn bounded(&self, most: Option<NonZeroUsize>) -> Self {
        Self { records: Arc::clone(&self.records), most }
    }

    /// Whether there is a record of `id` at `now`.
    #[must_use]
    pub fn contains(&self, id: &str, now: Timestamp) -> bool {
        self.records.shard_of(id).is_some_and(|shard| shard.live(id, now).is_some())
    }

    /// The ids of all records there are at `now`, in no order. They are bearer secrets.
    #[must_use]
    pub fn ids(&self, now: Timestamp) -> Vec<String> {
        let mut ids = Vec::new();
        for shard in &self.records.shards {
            let shard = lock(shard);
            ids.extend(shard.slots().filter(|slot| !slot.expired(now)).map(|slot| slot.id.to_string()));
        }
        ids
    }

    /// How many records are held in memory, counting those that have expired and were not dropped yet.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    /// Whether no record at all is held in memory.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets every record.
    pub fn clear(&self) {
        for shard in &self.records.shards {
            let forgotten = std::mem::take(&mut *lock(shard));
            self.records.forget(forgotten.len());
        }
    }

    /// Drops what has not been used for the longest time, until there are no more records than there may be.
    fn make_room(&self) {
        let Some(most) = self.most.and_then(|most| isize::try_from(most.get()).ok()) else { return };
        while self.records.claim_one_of_more_than(most) {
            self.records.drop_oldest();
        }
    }
}

impl Store for MemoryStore {
    fn load(&self, key: &StoreKey, now: Timestamp) -> Result<Option<Record>> {
        let mut shard = self.records.locked(key.record(), "read the session in memory")?;
        Ok(self.records.live_or_drop(&mut shard, key.record(), now).map(|slot| Record {
            data: Arc::clone(&slot.data),
            version: slot.version,
            expires_at: slot.expires_at,
        }))
    }

    fn write(
        &self,
        key: &StoreKey,
        data: &[u8],
        ttl: Option<Duration>,
        expect: Expect,
        now: Timestamp,
    ) -> Result<Written> {
        let id = key.record();
        let data = Arc::from(data);
        let records = &*self.records;
        let mut shard = records.locked(id, "write the session in memory")?;
        records.forget(shard.remove_some_expired(INSPECTED_PER_WRITE, now, records.clock_is_steady));
        let present = records.live_or_drop(&mut shard, id, now);
        if !expect.holds(present.map(|slot| slot.version)) {
            return Ok(Written::Refused);
        }
        let version = records.next_version();
        records.put(&mut shard, id, State { data, version, expires_at: expiry(ttl, now) });
        drop(shard);
        self.make_room();
        Ok(Written::Stored(version))
    }

    fn touch(
        &self,
        key: &StoreKey,
        touch: &Touch<'_>,
        ttl: Option<Duration>,
        now: Timestamp,
    ) -> Result<bool> {
        const OPERATION: &str = "touch the session in memory";
        let mut shard = self.records.locked(key.record(), OPERATION)?;
        let Some(slot) = self.records.live_or_drop(&mut shard, key.record(), now) else {
            return Ok(false);
        };
        if slot.version == touch.version {
            let range = touch.range(slot.data.len(), OPERATION)?;
            // A reader that still holds the bytes keeps the ones it was given: they are copied then.
            if let Some(place) = Arc::make_mut(&mut slot.data).get_mut(range) {
                place.copy_from_slice(touch.bytes);
            }
        }
        let renewed = expiry(ttl, now);
        slot.expires_at = if slot.version == touch.version {
            renewed
        } else {
            // Who wrote it since may have given it a longer life than the one that was loaded had.
            slot.expires_at.and_then(|known| renewed.map(|renewed| renewed.max(known)))
        };
        Ok(true)
    }

    fn delete(&self, key: &StoreKey, expect: Expect) -> Result<Deleted> {
        let mut shard = self.records.locked(key.record(), "remove the session in memory")?;
        let deleted = expect.deletes(shard.version(key.record()));
        if deleted == Deleted::Record {
            self.records.forget(usize::from(shard.remove(key.record())));
        }
        Ok(deleted)
    }

    fn rotate(&self, rotation: &Rotation<'_>, now: Timestamp) -> Result<Written> {
        let Rotation { old, new, data, ttl, expect, left } = *rotation;
        let write = |expect| self.write(old, data, ttl, expect, now);
        if let Some(written) = rotation.as_write(write) {
            return written;
        }
        let (old, new) = (old.record(), new.record());
        let data = Arc::from(data);
        let left = left.map(|left| (Arc::from(left.data), expiry(Some(left.ttl), now)));
        let records = &*self.records;
        let mut both = records.locked_both(old, new, "rotate the session in memory")?;
        let shard = both.of_old();
        let Some(present) = records.live_or_drop(shard, old, now).map(|slot| slot.version) else {
            return Ok(Written::Refused);
        };
        if !expect.holds(Some(present)) {
            return Ok(Written::Refused);
        }
        match left {
            Some((data, expires_at)) => {
                let version = records.next_version();
                records.put(shard, old, State { data, version, expires_at });
            }
            None => records.forget(usize::from(shard.remove(old))),
        }
        let version = records.next_version();
        records.put(both.of_new(), new, State { data, version, expires_at: expiry(ttl, now) });
        drop(both);
        self.make_room();
        Ok(Written::Stored(version))
    }

    fn hold(
        self: Arc<Self>,
        key: &StoreKey,
        of: HoldOf,
        limit: Duration,
        now: Timestamp,
    ) -> Result<Option<Arc<dyn Held>>> {
        if of == HoldOf::Record && !self.contains(key.record(), now) {
            return Ok(None);
        }
        let taken = self.records.holds.acquire(key.lock(), limit)?;
        let held = HeldInMemory::new(Arc::clone(&self), key, taken);
        // It may have gone while its holder was waited for.
        if of == HoldOf::Record && !self.contains(key.record(), now) {
            return held.release().map(|()| None);
        }
        Ok(Some(Arc::new(held)))
    }

    fn sweep(&self) -> Box<dyn Sweep + '_> {
        Box::new(MemorySweep::new(self))
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { native_expiry: true, compare_and_swap: true, blocking: false }
    }
}

fn expiry(ttl: Option<Duration>, now: Timestamp) -> Option<Timestamp> {
    ttl.map(|ttl| now + ttl.as_secs_f64())
}
