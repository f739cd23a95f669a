//! Sessions that move from one store to another while they are used.
//!
//! A fleet moves in two steps. First every process [knows](Phase::Prepare) the new store: it uses a session where it is,
//! and moves none. Then every process [moves](Phase::Move) what it finds in the old store. Sessions move in one direction
//! only, so that processes of both phases may serve the same ones. A move has three steps:
//!
//! 1. The old record becomes a [record that leaves](transit), if it is still the one that was read. From now on it is
//!    no session: who finds it goes on with the move.
//! 2. The new store gets the record, if it has nothing under the key.
//! 3. What leaves is deleted.
//!
//! A session is in the new store from step 2 on, and in the old one until step 1. In between the old store has the only
//! copy, and a process that dies there leaves the rest to whoever looks next.
//!
//! What the new store has under a key always counts. A session that ends there leaves a [dead pointer](pointer::nowhere)
//! for an hour, so that a process which has read the old record before, and was slow since, cannot bring it back.

mod look;
mod side;
mod steps;
#[cfg(test)]
mod tests;
mod verbs;

use std::sync::Arc;
use std::time::Duration;

use side::Side;

use super::Store;
use crate::codec::{pointer, transit};
use crate::id::{IdSource, StoreKey};

/// How far a fleet is with its move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Every process learns of the new store. New sessions begin in the old one.
    Prepare,
    /// Sessions move when they are found. New ones begin in the new store.
    Move,
}

/// Keeps sessions in two stores, between which they move.
///
/// A lock is that of the store in which a process looks first. Between processes of the two phases the versions of the
/// records keep one save from overwriting another.
pub struct MovingStore {
    old: Arc<dyn Store>,
    new: Arc<dyn Store>,
    phase: Phase,
    /// The lifetime of a record that moves, where the old store does not know it.
    lifetime: Option<Duration>,
}

impl MovingStore {
    /// Sessions that move from `old` to `new`. `lifetime` is that of a record whose store knows none.
    pub fn new(old: Arc<dyn Store>, new: Arc<dyn Store>, phase: Phase, lifetime: Option<Duration>) -> Self {
        Self { old, new, phase, lifetime }
    }

    /// Where sessions begin.
    fn home(&self) -> Side {
        match self.phase {
            Phase::Prepare => Side::Old,
            Phase::Move => Side::New,
        }
    }

    fn on(&self, side: Side) -> &Arc<dyn Store> {
        match side {
            Side::Old => &self.old,
            Side::New => &self.new,
        }
    }
}

/// Whether either store may know this key.
fn may_be_known(key: &StoreKey) -> bool {
    key.source() != IdSource::Generated
}
