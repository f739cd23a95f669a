//! Sessions in the memory of this process.

mod holds;
mod shard;
mod sweep;
#[cfg(test)]
mod tests;

use std::fmt;
use std::hash::BuildHasher;
use std::num::NonZeroUsize;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use holds::HeldInMemory;
use shard::{Shard, State};
use sweep::MemorySweep;

use super::id_locks::IdLocks;
use super::{
    Capabilities, Expect, Held, HoldOf, Record, Rotation, Store, Sweep, Timestamp, Touch, Version, Written,
};
use crate::clock;
use crate::error::{Error, Result};
use crate::id::SessionId;
use crate::sync::{AtomicIsize, AtomicU64, HashKeys, Mutex, MutexGuard};

/// Enough that threads seldom meet at one lock.
const SHARDS: usize = 16;

/// How many records every write looks at for having expired. More than the one that a write can add, so that
/// expired records leave faster than new ones come, and without a thread.
const INSPECTED_PER_WRITE: usize = 4;

/// Keeps sessions in this process, for as long as it lives.
///
/// Records whose lifetime is over are absent at once. They are dropped when they are met, and every write
/// looks at a few others, so that they go even when nobody asks for them again; but not while the machine's clock
/// has jumped lately and may be wrong. No call waits for anything
/// but a moment's lock.
///
/// A clone has the same records.
#[derive(Clone)]
pub struct MemoryStore {
    records: Arc<Records>,
    most: Option<NonZeroUsize>,
}

/// The records themselves.
struct Records {
    shards: [Mutex<Shard>; SHARDS],
    /// Ids come from outside, so that the choice of the shard is keyed at random too.
    hasher: HashKeys,
    last_version: AtomicU64,
    last_use: AtomicU64,
    /// How many there are in all shards, less those that somebody is about to drop to make room. It is right when
    /// nobody is in the middle of a change, and may be negative until then.
    count: AtomicIsize,
    holds: IdLocks,
    /// Whether the clock may be trusted to end a record for good.
    clock_is_steady: fn() -> bool,
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
        let records = Records {
            shards: std::array::from_fn(|_| Mutex::default()),
            hasher: HashKeys::default(),
            last_version: AtomicU64::new(0),
            last_use: AtomicU64::new(0),
            count: AtomicIsize::new(0),
            holds: IdLocks::default(),
            clock_is_steady,
        };
        Self { records: Arc::new(records), most: None }
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

impl Records {
    fn shard(&self, number: usize) -> Option<MutexGuard<'_, Shard>> {
        self.shards.get(number).map(lock)
    }

    fn number(&self, id: &str) -> usize {
        usize::try_from(self.hasher.hash_one(id) % SHARDS as u64).unwrap_or_default()
    }

    fn shard_of(&self, id: &str) -> Option<MutexGuard<'_, Shard>> {
        self.shard(self.number(id))
    }

    /// The shards of two ids. The one of the lower number is locked first, so that nobody waits in a circle.
    fn locked_both(&self, old: &str, new: &str, operation: &'static str) -> Result<Both<'_>> {
        let (of_old, of_new) = (self.number(old), self.number(new));
        let locked = |number: usize| {
            let shard = self.shard(number);
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
        self.shard_of(id).ok_or_else(|| Error::unavailable(operation).with_detail("no such shard"))
    }

    fn next_version(&self) -> Version {
        Version(self.last_version.fetch_add(1, Ordering::Relaxed).wrapping_add(1))
    }

    fn next_use(&self) -> u64 {
        self.last_use.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
    }

    /// So many records were removed.
    fn forget(&self, removed: usize) {
        self.count.fetch_sub(signed(removed), Ordering::Relaxed);
    }

    /// Whether there are more than `most`. Then the caller has to drop one, which is not counted any more, so
    /// that two who find one too many do not drop two.
    fn claim_one_of_more_than(&self, most: isize) -> bool {
        let less = |count| (count > most).then(|| count - 1);
        self.count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }

    /// The record of `id`, which is used now; one that is over is absent, and dropped if the clock can be trusted.
    fn live_or_drop<'a>(&self, shard: &'a mut Shard, id: &str, now: Timestamp) -> Option<&'a mut State> {
        if shard.is_expired(id, now) {
            if (self.clock_is_steady)() {
                self.forget(usize::from(shard.remove(id)));
            }
            return None;
        }
        shard.use_live(id, now, self.next_use())
    }

    /// Stores a record, over the one that there is.
    fn put(&self, shard: &mut Shard, id: &str, state: State) {
        let is_more = shard.put(id, state, self.next_use());
        self.count.fetch_add(isize::from(is_more), Ordering::Relaxed);
    }

    /// Drops the record that has not been used for the longest time; it is not counted any more.
    fn drop_oldest(&self) {
        loop {
            let oldest = self
                .shards
                .iter()
                .enumerate()
                .filter_map(|(number, shard)| Some((lock(shard).oldest()?, number)));
            let Some((used, number)) = oldest.min() else {
                // Somebody else removed them all, and counted the one that was claimed too.
                self.count.fetch_add(1, Ordering::Relaxed);
                return;
            };
            // Unless somebody has used it since.
            if self.shard(number).is_some_and(|mut shard| shard.remove_oldest(used)) {
                return;
            }
        }
    }
}

impl Store for MemoryStore {
    fn load(&self, id: &SessionId, now: Timestamp) -> Result<Option<Record>> {
        let mut shard = self.records.locked(id.as_str(), "read the session in memory")?;
        Ok(self.records.live_or_drop(&mut shard, id.as_str(), now).map(|slot| Record {
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
        id: &SessionId,
        touch: &Touch<'_>,
        ttl: Option<Duration>,
        now: Timestamp,
    ) -> Result<bool> {
        const OPERATION: &str = "touch the session in memory";
        let mut shard = self.records.locked(id.as_str(), OPERATION)?;
        let Some(slot) = self.records.live_or_drop(&mut shard, id.as_str(), now) else {
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

    fn delete(&self, id: &SessionId) -> Result<bool> {
        let mut shard = self.records.locked(id.as_str(), "remove the session in memory")?;
        let removed = shard.remove(id.as_str());
        self.records.forget(usize::from(removed));
        Ok(removed)
    }

    fn rotate(&self, rotation: &Rotation<'_>, now: Timestamp) -> Result<Written> {
        let Rotation { old, new, data, ttl, expect, left } = *rotation;
        let write = |expect| self.write(old, data, ttl, expect, now);
        if let Some(written) = rotation.as_write(write) {
            return written;
        }
        let (old, new) = (old.as_str(), new.as_str());
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
        id: &SessionId,
        of: HoldOf,
        limit: Duration,
        now: Timestamp,
    ) -> Result<Option<Arc<dyn Held>>> {
        if of == HoldOf::Record && !self.contains(id.as_str(), now) {
            return Ok(None);
        }
        let taken = self.records.holds.take(id.as_str(), limit)?;
        let held = HeldInMemory::new(Arc::clone(&self), id, taken);
        // It may have gone while its holder was waited for.
        if of == HoldOf::Record && !self.contains(id.as_str(), now) {
            return held.release().map(|()| None);
        }
        Ok(Some(Arc::new(held)))
    }

    fn sweep(&self) -> Box<dyn Sweep + '_> {
        Box::new(MemorySweep::new(self))
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            native_expiry: true,
            compare_and_swap: true,
            blocking: false,
            hold_excludes_writers: false,
        }
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

/// No code that may panic runs under these locks, so that a poisoned one still guards a sound shard.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// No shard has more records than a signed number can tell: each takes many bytes.
fn signed(count: usize) -> isize {
    isize::try_from(count).unwrap_or(isize::MAX)
}

fn expiry(ttl: Option<Duration>, now: Timestamp) -> Option<Timestamp> {
    ttl.map(|ttl| now + ttl.as_secs_f64())
}
