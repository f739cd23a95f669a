//! The records that every clone of a store in memory shares, parted into shards.

use std::hash::BuildHasher;
use std::sync::atomic::Ordering;

use super::shard::{Shard, State};
use crate::error::{Error, Result};
use crate::locks::LockTable;
use crate::store::{Timestamp, Version};
use crate::sync::{AtomicIsize, AtomicU64, HashKeys, Mutex, MutexGuard, lock};

/// Enough that threads seldom meet at one lock.
pub(super) const SHARDS: usize = 16;

/// The records themselves.
pub(super) struct Records {
    pub(super) shards: [Mutex<Shard>; SHARDS],
    /// Ids come from outside, so that the choice of the shard is keyed at random too.
    hasher: HashKeys,
    last_version: AtomicU64,
    last_use: AtomicU64,
    /// The number of records in all shards, less those that a write is about to drop to make room. It is exact between
    /// changes, and may be negative during one.
    pub(super) count: AtomicIsize,
    pub(super) locks: LockTable,
    /// Whether the clock may be trusted to end a record for good.
    pub(super) clock_is_steady: fn() -> bool,
}

impl Records {
    pub(super) fn new(clock_is_steady: fn() -> bool) -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            hasher: HashKeys::default(),
            last_version: AtomicU64::new(0),
            last_use: AtomicU64::new(0),
            count: AtomicIsize::new(0),
            locks: LockTable::default(),
            clock_is_steady,
        }
    }

    /// The shard of that number, if there is one.
    pub(super) fn shard(&self, number: usize) -> Option<MutexGuard<'_, Shard>> {
        self.shards.get(number).map(lock)
    }

    fn number(&self, id: &str) -> usize {
        usize::try_from(self.hasher.hash_one(id) % SHARDS as u64).unwrap_or_default()
    }

    pub(super) fn shard_of(&self, id: &str) -> Option<MutexGuard<'_, Shard>> {
        self.shard(self.number(id))
    }

    /// The shards of two ids. The one with the lower number is locked first, so that there is no deadlock.
    pub(super) fn locked_both(&self, old: &str, new: &str, operation: &'static str) -> Result<Both<'_>> {
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

    /// The shard of `id`, for what `operation` says.
    pub(super) fn locked(&self, id: &str, operation: &'static str) -> Result<MutexGuard<'_, Shard>> {
        self.shard_of(id).ok_or_else(|| Error::unavailable(operation).with_detail("no such shard"))
    }

    pub(super) fn next_version(&self) -> Version {
        Version::from(self.last_version.fetch_add(1, Ordering::Relaxed).wrapping_add(1))
    }

    pub(super) fn next_use(&self) -> u64 {
        self.last_use.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
    }

    /// So many records were removed.
    pub(super) fn forget(&self, removed: usize) {
        self.count.fetch_sub(signed(removed), Ordering::Relaxed);
    }

    /// Whether there are more than `most`. Then the caller has to drop one, which is not counted any more, so
    /// that two who find one too many do not drop two.
    pub(super) fn claim_one_of_more_than(&self, most: isize) -> bool {
        let less = |count| (count > most).then(|| count - 1);
        self.count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }

    /// The record of `id`, which is used now; one that is over is absent, and dropped if the clock can be trusted.
    pub(super) fn live_or_drop<'a>(
        &self,
        shard: &'a mut Shard,
        id: &str,
        now: Timestamp,
    ) -> Option<&'a mut State> {
        let position = shard.position(id)?;
        if shard.is_expired(position, now) {
            if (self.clock_is_steady)() {
                self.forget(usize::from(shard.remove(id)));
            }
            return None;
        }
        shard.use_now(position, self.next_use())
    }

    /// Stores a record, over the one that there is.
    pub(super) fn put(&self, shard: &mut Shard, id: &str, state: State) {
        let is_more = shard.put(id, state, self.next_use());
        self.count.fetch_add(isize::from(is_more), Ordering::Relaxed);
    }

    /// Drops the record that has not been used for the longest time; it is not counted any more.
    pub(super) fn drop_oldest(&self) {
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
            // Unless it was used since.
            if self.shard(number).is_some_and(|mut shard| shard.remove_oldest(used)) {
                return;
            }
        }
    }
}

/// The shards of two ids, which may be one.
pub(super) struct Both<'a> {
    old: MutexGuard<'a, Shard>,
    new: Option<MutexGuard<'a, Shard>>,
}

impl Both<'_> {
    pub(super) fn of_old(&mut self) -> &mut Shard {
        &mut self.old
    }

    pub(super) fn of_new(&mut self) -> &mut Shard {
        if let Some(new) = &mut self.new { new } else { &mut self.old }
    }
}

/// No shard has more records than a signed number can tell: each takes many bytes.
pub(super) fn signed(count: usize) -> isize {
    isize::try_from(count).unwrap_or(isize::MAX)
}
