//! Walks through the records in memory.

use super::records::{Records, SHARDS};
use crate::error::Result;
use crate::id::StoreKey;
use crate::store::{Scan, Sweep, Swept, Timestamp};

/// Removes expired records. Writes do it too, a little each, so that this is for who cannot wait for them.
pub(super) struct MemorySweep<'a> {
    pub(super) records: &'a Records,
    pub(super) shard: usize,
    pub(super) position: usize,
}

impl Sweep for MemorySweep<'_> {
    fn step(&mut self, limit: usize, now: Timestamp) -> Result<Swept> {
        let limit = u64::try_from(limit.max(1)).unwrap_or(u64::MAX);
        let mut swept = Swept::default();
        while swept.examined < limit {
            let Some(mut shard) = self.records.shard(self.shard) else { break };
            match shard.inspect(self.position, now) {
                None => {
                    self.shard += 1;
                    self.position = 0;
                    continue;
                }
                Some(true) => {
                    self.records.forget(1);
                    swept.expired += 1;
                }
                Some(false) => self.position += 1,
            }
            swept.examined += 1;
        }
        if self.shard >= SHARDS {
            (self.shard, self.position) = (0, 0);
            swept.finished = true;
        }
        Ok(swept)
    }
}

/// Lists the records, a shard at a time.
pub(super) struct MemoryScan<'a> {
    pub(super) records: &'a Records,
    pub(super) shard: usize,
}

impl Scan for MemoryScan<'_> {
    fn next_page(&mut self, now: Timestamp) -> Result<Option<Vec<StoreKey>>> {
        let Some(shard) = self.records.shard(self.shard) else { return Ok(None) };
        self.shard += 1;
        let live = shard.slots().filter(|slot| !slot.expired(now));
        Ok(Some(live.map(|slot| StoreKey::of_record(&slot.id)).collect()))
    }
}
