//! Lists the records in memory, a shard at a time.

use super::records::Records;
use crate::error::Result;
use crate::id::StoreKey;
use crate::store::{Scan, Timestamp};

pub(super) struct MemoryScan<'a> {
    records: &'a Records,
    shard: usize,
}

impl<'a> MemoryScan<'a> {
    pub(super) fn new(records: &'a Records) -> Self {
        Self { records, shard: 0 }
    }
}

impl Scan for MemoryScan<'_> {
    fn next_page(&mut self, now: Timestamp) -> Result<Option<Vec<StoreKey>>> {
        let Some(shard) = self.records.shard(self.shard) else { return Ok(None) };
        self.shard += 1;
        let live = shard.slots().filter(|slot| !slot.expired(now));
        Ok(Some(live.map(|slot| StoreKey::of_record(&slot.id)).collect()))
    }
}
