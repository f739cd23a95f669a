//! Sessions in the memory of this process.

mod guard;
mod records;
mod shard;
#[cfg(test)]
mod tests;
mod walks;

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use guard::MemoryGuard;
use records::Records;
use shard::State;
use walks::{MemoryScan, MemorySweep};

use super::{
    Blocking, Call, Capabilities, Deleted, Expect, Guard, LockTarget, Locks, Patch, Record, Renewal,
    Rotation, Scan, Store, Sweep, Taken, Timestamp, Write, Written,
};
use crate::clock;
use crate::error::Result;
use crate::id::StoreKey;
use crate::sync::lock;

/// How many records every write looks at for having expired. More than the one that a write can add, so that
/// expired records leave faster than new ones come, and without a thread.
const INSPECTED_PER_WRITE: usize = 4;

/// Keeps sessions in this process, for as long as it lives.
///
/// Expired records are absent at once. They are dropped when they are met, and every write looks at a few others, so that
/// they go without another request; but not while the machine's clock has jumped lately and may be wrong. No call waits
/// for anything but a short lock.
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
    pub fn new() -> Self {
        Self::trusting(clock::is_steady)
    }

    /// The same, which drops a record that is over only if `clock_is_steady`; until then it is absent.
    fn trusting(clock_is_steady: fn() -> bool) -> Self {
        Self { records: Arc::new(Records::new(clock_is_steady)), most: None }
    }

    /// The same records, of which a write through this value leaves `most` at the most: it drops those that have
    /// not been used for the longest time, including those of other applications.
    #[must_use]
    pub fn bounded(&self, most: Option<NonZeroUsize>) -> Self {
        Self { records: Arc::clone(&self.records), most }
    }

    /// Whether there is a record of `id` at `now`.
    pub fn contains(&self, id: &str, now: Timestamp) -> bool {
        self.records.shard_of(id).is_some_and(|shard| shard.live(id, now).is_some())
    }

    /// The ids of all records there are at `now`, in no order. They are bearer secrets.
    pub fn ids(&self, now: Timestamp) -> Vec<String> {
        let mut ids = Vec::new();
        for shard in &self.records.shards {
            let shard = lock(shard);
            ids.extend(shard.slots().filter(|slot| !slot.expired(now)).map(|slot| slot.id.to_string()));
        }
        ids
    }

    /// How many records are held in memory, counting those that have expired and were not dropped yet.
    pub fn len(&self) -> usize {
        self.records.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    /// Whether no record at all is held in memory.
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

    /// Rotates a record, whose new id needs no lock.
    fn rotate_unlocked(&self, rotation: &Rotation<'_>, now: Timestamp) -> Result<Written> {
        let Rotation { old, new, data, ttl, expect, redirect } = *rotation;
        let (old, new) = (old.record(), new.record());
        let data = Arc::from(data);
        let redirect = redirect.map(|redirect| (Arc::from(redirect.data), expiry(Some(redirect.ttl), now)));
        let records = &*self.records;
        let mut both = records.locked_both(old, new, "rotate the session in memory")?;
        let shard = both.of_old();
        let Some(present) = records.live_or_drop(shard, old, now).map(|slot| slot.version) else {
            return Ok(Written::Refused);
        };
        if !expect.holds(Some(present)) {
            return Ok(Written::Refused);
        }
        match redirect {
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

    /// Drops what has not been used for the longest time, until there are no more records than there may be.
    fn make_room(&self) {
        let Some(most) = self.most.and_then(|most| isize::try_from(most.get()).ok()) else { return };
        while self.records.claim_one_of_more_than(most) {
            self.records.drop_oldest();
        }
    }
}

impl Store for MemoryStore {
    fn load(&self, key: &StoreKey, call: &Call<'_>) -> Result<Option<Record>> {
        let mut shard = self.records.locked(key.record(), "read the session in memory")?;
        Ok(self.records.live_or_drop(&mut shard, key.record(), call.now).map(|slot| Record {
            data: Arc::clone(&slot.data),
            version: slot.version,
            expires_at: slot.expires_at,
        }))
    }

    fn write(&self, write: &Write<'_>, call: &Call<'_>) -> Result<Written> {
        let (id, now) = (write.key.record(), call.now);
        let data = Arc::from(write.data);
        let records = &*self.records;
        let mut shard = records.locked(id, "write the session in memory")?;
        records.forget(shard.remove_some_expired(INSPECTED_PER_WRITE, now, records.clock_is_steady));
        let present = records.live_or_drop(&mut shard, id, now);
        if !write.expect.holds(present.as_ref().map(|slot| slot.version)) {
            return Ok(Written::Refused);
        }
        let version = records.next_version();
        let state = State { data, version, expires_at: expiry(write.ttl, now) };
        match present {
            Some(slot) => *slot = state,
            None => records.put(&mut shard, id, state),
        }
        drop(shard);
        self.make_room();
        Ok(Written::Stored(version))
    }

    fn renew(&self, renewal: &Renewal<'_>, call: &Call<'_>) -> Result<bool> {
        self.patch(&renewal.as_patch(), call)
    }

    fn patch(&self, patch: &Patch<'_>, call: &Call<'_>) -> Result<bool> {
        const OPERATION: &str = "renew the session in memory";
        let Renewal { key, version, ttl } = patch.renewal;
        let mut shard = self.records.locked(key.record(), OPERATION)?;
        let Some(slot) = self.records.live_or_drop(&mut shard, key.record(), call.now) else {
            return Ok(false);
        };
        let renewed = expiry(ttl, call.now);
        if slot.version == version {
            let range = patch.range(slot.data.len(), OPERATION)?;
            // A reader that still holds the bytes keeps the ones it was given: they are copied then.
            if !range.is_empty()
                && let Some(place) = Arc::make_mut(&mut slot.data).get_mut(range)
            {
                place.copy_from_slice(patch.bytes);
                // A deletion of a record that looked expired expects the version before.
                slot.version = self.records.next_version();
            }
            slot.expires_at = renewed;
        } else {
            // The writer of this state may have given it a longer life.
            slot.expires_at = slot.expires_at.and_then(|known| renewed.map(|renewed| renewed.max(known)));
        }
        Ok(true)
    }

    fn delete(&self, key: &StoreKey, expect: Expect, _call: &Call<'_>) -> Result<Deleted> {
        let mut shard = self.records.locked(key.record(), "remove the session in memory")?;
        let deleted = expect.deletes(shard.version(key.record()));
        if deleted == Deleted::Record {
            self.records.forget(usize::from(shard.remove(key.record())));
        }
        Ok(deleted)
    }

    fn rotate(&self, rotation: &Rotation<'_>, call: &Call<'_>) -> Result<Written> {
        if let Some(written) = rotation.as_write(|write| self.write(write, call)) {
            return written;
        }
        MemoryGuard::follow(rotation, call, || self.rotate_unlocked(rotation, call.now))
    }

    fn locks(self: Arc<Self>) -> Option<Arc<dyn Locks>> {
        Some(self)
    }

    fn sweep(&self) -> Box<dyn Sweep + '_> {
        Box::new(MemorySweep { records: &self.records, shard: 0, position: 0 })
    }

    fn scan(&self) -> Option<Box<dyn Scan + '_>> {
        Some(Box::new(MemoryScan { records: &self.records, shard: 0 }))
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            native_expiry: true,
            compare_and_swap: true,
            atomic_rotation: true,
            blocking: Blocking::None,
        }
    }
}

impl Locks for MemoryStore {
    fn lock(self: Arc<Self>, key: &StoreKey, target: LockTarget, call: &Call<'_>) -> Result<Taken> {
        let is_due = || target == LockTarget::Id || self.contains(key.record(), call.now);
        if !is_due() {
            return Ok(None);
        }
        let guard = MemoryGuard::acquire(&self.records, key, call.wait)?;
        // The record may have gone meanwhile.
        Ok(is_due().then(|| Arc::new(guard) as Arc<dyn Guard>))
    }
}

fn expiry(ttl: Option<Duration>, now: Timestamp) -> Option<Timestamp> {
    ttl.map(|ttl| now + ttl.as_secs_f64())
}
