//! How long a request waits in all.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// The shortest wait for a record's lock, also where no time is left, so that saves which meet by chance do not fail. A
/// save holds the lock for less.
const A_MOMENT: Duration = Duration::from_millis(100);

/// The time that a session may spend on waiting for others, and how much of it is spent.
///
/// All waits of a request share it. A session that a program makes by hand has it anew for each of its methods.
#[derive(Debug)]
pub(crate) struct Patience {
    limit: Duration,
    is_of_request: AtomicBool,
    waited: Mutex<Duration>,
}

impl Patience {
    /// At most `limit`.
    pub(crate) fn new(limit: Duration) -> Self {
        Self { limit, is_of_request: AtomicBool::new(false), waited: Mutex::default() }
    }

    /// The time left.
    pub(crate) fn left(&self) -> Duration {
        self.limit.saturating_sub(*self.waited.lock())
    }

    /// The time left to wait for a lock that is held briefly.
    pub(crate) fn left_for_a_moment(&self) -> Duration {
        self.left().max(A_MOMENT)
    }

    /// From now on all waits share the time.
    pub(crate) fn share(&self) {
        self.is_of_request.store(true, Ordering::Relaxed);
    }

    /// A method of the session begins.
    pub(crate) fn renew(&self) {
        if !self.is_of_request.load(Ordering::Relaxed) {
            *self.waited.lock() = Duration::ZERO;
        }
    }

    /// Counts a wait that is over.
    pub(crate) fn spend(&self, waited: Duration) {
        *self.waited.lock() += waited;
    }

    /// Begins a wait, which counts until what is returned is dropped.
    pub(crate) fn begin(&self, limit: Duration) -> Wait<'_> {
        Wait { patience: self, limit, since: Instant::now() }
    }
}

/// A wait that is going on.
pub(crate) struct Wait<'a> {
    patience: &'a Patience,
    limit: Duration,
    since: Instant,
}

impl Wait<'_> {
    /// The time left; `None` if it is over.
    pub(crate) fn left(&self) -> Option<Duration> {
        self.limit.checked_sub(self.since.elapsed()).filter(|left| !left.is_zero())
    }

    /// How long it has lasted.
    pub(crate) fn lasted(&self) -> Duration {
        self.since.elapsed()
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        self.patience.spend(self.since.elapsed());
    }
}
