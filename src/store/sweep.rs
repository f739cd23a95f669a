//! Removing what nobody will ask for again.

use std::ops::AddAssign;

use crate::clock::Timestamp;
use crate::error::Result;

/// A sweep through a store, in steps.
///
/// What it may be relied on for:
///
/// * **Nothing that lives is removed.** A record goes only if its lifetime is over at `now`, found so again
///   once nobody else can change it. What somebody is reading, writing or holding locked is passed over; but a
///   record under a hash does not tell its lock, so that one which is over goes though its session is locked.
/// * **Steps are bounded.** One looks at `limit` entries at the most and waits for nobody, so that a sweep
///   can be spread over as much time as it is given.
/// * **It goes on where it stopped**, and after its end begins anew. Dropped at any point, or killed, it
///   leaves a sound store behind; what it did not get to is the next one's.
/// * **Absence is no error.** A store that holds nothing is swept at once, and nothing is made for it.
pub trait Sweep: Send {
    /// Looks at the next entries, `limit` at the most and one at the least, and removes those that are over
    /// at `now`. An entry that cannot be looked at or removed is counted, and the sweep goes on.
    ///
    /// # Errors
    /// `Unavailable` if the store as a whole does not answer. The sweep may be tried again from there.
    fn step(&mut self, limit: usize, now: Timestamp) -> Result<Swept>;
}

/// What a step of a sweep, or several together, did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// The entries that were looked at.
    pub examined: u64,
    /// The records that were removed because their lifetime was over.
    pub expired: u64,
    /// The temporary files that were removed, left behind by writers that were killed.
    pub temporaries: u64,
    /// The lock files that were removed because nobody holds them and no record is theirs.
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
