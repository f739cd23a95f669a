//! Sweeps: the removal of expired records and of leftovers.

use std::ops::AddAssign;

use crate::clock::Timestamp;
use crate::error::Result;

/// A sweep through a store, in steps.
///
/// Its guarantees:
///
/// * **No live record is removed.** A record is removed only if its lifetime is over at `now`, checked again under a
///   lock. A record that is being read, written or is locked is passed over; but a record under a hash does not
///   show its lock, so that an expired one is removed though its session is locked.
/// * **Steps are bounded.** A step looks at `limit` entries at the most and waits for no lock, so that a sweep can be
///   spread over any time.
/// * **It goes on where it stopped**, and after its end begins anew. Dropped or killed at any point, it leaves a sound
///   store behind, and the next sweep does the rest.
/// * **Absence is no error.** An empty store is swept at once, and nothing is created for it.
pub trait Sweep: Send {
    /// Looks at the next entries, `limit` at the most and one at the least, and removes those that are over
    /// at `now`. An entry that cannot be looked at or removed is counted, and the sweep goes on.
    ///
    /// # Errors
    /// `Unavailable` if the store as a whole does not answer. The sweep may be tried again from there.
    fn step(&mut self, limit: usize, now: Timestamp) -> Result<Swept>;
}

/// The work of a step of a sweep, or of several together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// The entries that were looked at.
    pub examined: u64,
    /// The records that were removed because their lifetime was over.
    pub expired: u64,
    /// The temporary files that were removed, left behind by writers that were killed.
    pub temporaries: u64,
    /// The lock files that were removed because they were free and had no record.
    pub locks: u64,
    /// The entries that are due and were left: in use, or not to be read or removed by this process.
    pub skipped: u64,
    /// Whether the sweep has been through the whole store.
    pub finished: bool,
}

impl AddAssign for Swept {
    fn add_assign(&mut self, more: Self) {
        self.examined += more.examined;
        self.expired += more.expired;
        self.temporaries += more.temporaries;
        self.locks += more.locks;
        self.skipped += more.skipped;
        self.finished = more.finished;
    }
}

/// The sweep of a store whose records go by themselves, or whose backend alone may remove them.
pub(super) struct NothingToSweep;

impl Sweep for NothingToSweep {
    fn step(&mut self, _limit: usize, _now: Timestamp) -> Result<Swept> {
        Ok(Swept { finished: true, ..Swept::default() })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

    use super::*;

    #[test]
    fn the_work_of_steps_is_added_and_the_last_one_says_whether_they_are_all() {
        let swept = |number, finished| Swept {
            examined: number,
            expired: 2 * number,
            temporaries: 3 * number,
            locks: 4 * number,
            skipped: 5 * number,
            finished,
        };
        let mut sum = swept(10, true);
        sum += swept(7, false);
        assert_eq!(sum, swept(17, false));
        sum += swept(1, true);
        assert_eq!(sum, swept(18, true));
    }

    #[test]
    fn a_store_with_nothing_to_sweep_is_swept_at_once() {
        let swept = NothingToSweep.step(1, 0.0).unwrap();
        assert_eq!(swept, Swept { finished: true, ..Swept::default() });
    }
}
