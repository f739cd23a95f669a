//! A part of the records, in the order in which they were used.

use std::collections::HashMap;
use std::sync::Arc;

use crate::store::{Timestamp, Version};

/// Below this many records a shard keeps the room it has.
pub(super) const SMALLEST_SHRUNK: usize = 64;

/// No slot.
const NONE: usize = usize::MAX;

/// The state of a record, its id aside.
pub(super) struct State {
    pub(super) data: Arc<[u8]>,
    pub(super) version: Version,
    pub(super) expires_at: Option<Timestamp>,
}

/// A record, and where it stands among those of its shard.
pub(super) struct Slot {
    pub(super) id: Arc<str>,
    pub(super) state: State,
    /// Grows with every use of any record of the store.
    used: u64,
    older: usize,
    newer: usize,
}

impl Slot {
    pub(super) fn expired(&self, now: Timestamp) -> bool {
        self.state.expires_at.is_some_and(|expires_at| now >= expires_at)
    }
}

/// A part of the records, under a lock of its own.
///
/// The records lie in a row, so that a cursor can go round them; the index says where each one lies, and each
/// one says which were used before and after it.
pub(super) struct Shard {
    index: HashMap<Arc<str>, usize>,
    slots: Vec<Slot>,
    /// The slot that is inspected next.
    cursor: usize,
    oldest: usize,
    newest: usize,
}

impl Default for Shard {
    fn default() -> Self {
        Self { index: HashMap::new(), slots: Vec::new(), cursor: 0, oldest: NONE, newest: NONE }
    }
}

impl Shard {
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter()
    }

    #[cfg(test)]
    /// Of the records and of the index.
    pub(super) fn capacities(&self) -> [usize; 2] {
        [self.slots.capacity(), self.index.capacity()]
    }

    /// Where the record of `id` lies, even if its lifetime is over.
    pub(super) fn position(&self, id: &str) -> Option<usize> {
        self.index.get(id).copied()
    }

    pub(super) fn live(&self, id: &str, now: Timestamp) -> Option<&Slot> {
        self.slots.get(self.position(id)?).filter(|slot| !slot.expired(now))
    }

    /// The version of the record of `id`, even if its lifetime is over.
    pub(super) fn version(&self, id: &str) -> Option<Version> {
        self.slots.get(self.position(id)?).map(|slot| slot.state.version)
    }

    /// The record at `position`, which is used now.
    pub(super) fn use_now(&mut self, position: usize, used: u64) -> Option<&mut State> {
        if self.newest != position {
            self.leave_order(position);
            self.join_as_newest(position);
        }
        let slot = self.slots.get_mut(position)?;
        slot.used = used;
        Some(&mut slot.state)
    }

    /// Stores a record, which is used now. `false` if there was one of this id, whose place it takes.
    pub(super) fn put(&mut self, id: &str, state: State, used: u64) -> bool {
        if let Some(position) = self.position(id)
            && let Some(present) = self.use_now(position, used)
        {
            *present = state;
            return false;
        }
        let position = self.slots.len();
        let id: Arc<str> = Arc::from(id);
        self.index.insert(Arc::clone(&id), position);
        self.slots.push(Slot { id, state, used, older: NONE, newer: NONE });
        self.join_as_newest(position);
        true
    }

    /// When the record was used that has not been for the longest time.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.slots.get(self.oldest).map(|slot| slot.used)
    }

    /// Removes that record if it was used at `used`; whether it was.
    pub(super) fn remove_oldest(&mut self, used: u64) -> bool {
        let oldest = self.slots.get(self.oldest).filter(|slot| slot.used == used);
        oldest.map(|slot| Arc::clone(&slot.id)).is_some_and(|id| self.remove(&id))
    }

    /// Whether there was a record of `id`.
    pub(super) fn remove(&mut self, id: &str) -> bool {
        let Some(position) = self.index.remove(id) else {
            return false;
        };
        if position < self.slots.len() {
            self.leave_order(position);
            self.slots.swap_remove(position);
        }
        // The last record now lies where the removed one lay.
        if let Some(moved) = self.slots.get(position) {
            if let Some(entry) = self.index.get_mut(&moved.id) {
                *entry = position;
            }
            let (older, newer) = (moved.older, moved.newer);
            self.set_newer(older, position);
            self.set_older(newer, position);
        }
        if self.slots.capacity() > SMALLEST_SHRUNK && self.slots.len() < self.slots.capacity() / 4 {
            self.slots.shrink_to(self.slots.len() * 2);
            self.index.shrink_to(self.slots.len() * 2);
        }
        true
    }

    /// Whether the lifetime of the record at `position` is over.
    pub(super) fn is_expired(&self, position: usize, now: Timestamp) -> bool {
        self.slots.get(position).is_some_and(|slot| slot.expired(now))
    }

    /// Looks at the next `count` records in turn and removes those that are over, if then `may_remove`. How many
    /// those were.
    pub(super) fn remove_some_expired(
        &mut self,
        count: usize,
        now: Timestamp,
        may_remove: fn() -> bool,
    ) -> usize {
        let mut cursor = self.cursor;
        let mut removed = 0;
        let mut may = None;
        for _ in 0..count {
            if cursor >= self.slots.len() {
                cursor = 0;
            }
            let Some(slot) = self.slots.get(cursor) else { break };
            if slot.expired(now) && *may.get_or_insert_with(may_remove) {
                let id = Arc::clone(&slot.id);
                removed += usize::from(self.remove(&id));
            } else {
                cursor += 1;
            }
        }
        self.cursor = cursor;
        removed
    }

    /// Removes the record at `position` if it is over; then another lies there, or none. `None` if there is none.
    pub(super) fn inspect(&mut self, position: usize, now: Timestamp) -> Option<bool> {
        let slot = self.slots.get(position)?;
        if !slot.expired(now) {
            return Some(false);
        }
        let id = Arc::clone(&slot.id);
        Some(self.remove(&id))
    }

    fn join_as_newest(&mut self, position: usize) {
        let last = self.newest;
        if let Some(slot) = self.slots.get_mut(position) {
            (slot.older, slot.newer) = (last, NONE);
        }
        self.set_newer(last, position);
        self.newest = position;
    }

    fn leave_order(&mut self, position: usize) {
        let Some(slot) = self.slots.get(position) else { return };
        let (older, newer) = (slot.older, slot.newer);
        self.set_newer(older, newer);
        self.set_older(newer, older);
    }

    /// Sets the record that was used after `position`; without such a position, the oldest of all.
    fn set_newer(&mut self, position: usize, newer: usize) {
        match self.slots.get_mut(position) {
            Some(slot) => slot.newer = newer,
            None => self.oldest = newer,
        }
    }

    /// Sets the record that was used before `position`; without such a position, the newest of all.
    fn set_older(&mut self, position: usize, older: usize) {
        match self.slots.get_mut(position) {
            Some(slot) => slot.older = older,
            None => self.newest = older,
        }
    }
}
