//! Sweeping at intervals, beside the requests.
//!
//! A write or a touch that finds that a sweep is due starts a thread, which sweeps and ends. Nothing runs between
//! sweeps, nothing is started by making a store, and no lock is shared that a fork could leave locked: a forked
//! process sweeps when its own writes find that a sweep is due. Without writes, nothing grows.
//!
//! Of all processes and machines that share a store one sweeps at a time, and all share the interval; see
//! [`SweepLease`]. A process sweeps one store at a time.

mod lease;
#[cfg(all(test, feature = "shuttle"))]
mod schedules;

use std::path::PathBuf;
use std::sync::LazyLock;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

pub use lease::SweepLease;
use lease::{Note, Verdict, judge};

use super::{Sweep, Timestamp};
use crate::clock::Reading;
use crate::error::Result;
use crate::fork::Process;
use crate::sync::{AtomicU32, AtomicU64};

/// The age of a process at its first sweep, so that a sweep neither slows the start down nor is begun by a process that
/// ends soon.
const FIRST_DELAY: Duration = Duration::from_secs(60);

/// The pause before the next attempt while another store is being swept.
const RETRY: Duration = Duration::from_secs(10);

const SHORTEST_REST: Duration = Duration::from_millis(1);
const LONGEST_REST: Duration = Duration::from_secs(1);

const THREAD_NAME: &str = "beaker-sweep";
const STACK: usize = 256 * 1024;

/// The id of the process that is sweeping. A forked process finds its parent's id, and counts it for nothing.
static SWEEPING: AtomicU32 = AtomicU32::new(0);

static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);

/// A sweep that is due.
pub(super) struct Job {
    pub(super) sweep: Box<dyn Sweep>,
    /// The file of the lease.
    pub(super) lease: PathBuf,
    /// After a jump of the clock nothing is removed for so long.
    pub(super) patience: Duration,
    /// The entries of a step, which takes a millisecond or so.
    pub(super) step: usize,
    /// The rest after a step, as a multiple of its time.
    pub(super) rest: u32,
}

/// Starts the sweeps of a store in this process. Values for the same store share it.
#[derive(Debug)]
pub struct Sweeper {
    interval: Duration,
    /// When the next sweep is due, in milliseconds of this process; 0 before the first write.
    due: AtomicU64,
}

impl Sweeper {
    /// Sweeps every `interval`.
    pub fn new(interval: Duration) -> Self {
        // Here, so that no two threads do it at once.
        LazyLock::force(&BEGINNING);
        Self { interval, due: AtomicU64::new(0) }
    }

    /// Starts a sweep if one is due. Waits for nothing, and a sweep that cannot be started is no reason for a
    /// request to fail.
    ///
    /// A program whose clock, `now`, is not the machine's sweeps nothing: its records end by a clock of its own.
    pub(super) fn maybe_sweep(&self, now: Timestamp, job: impl FnOnce() -> Job) {
        let at = milliseconds(BEGINNING.elapsed()).max(1);
        if !self.is_due(at) || !Reading::now().is_near(now) {
            return;
        }
        let started = match Turn::take(&SWEEPING, Process::current().id()) {
            Some(turn) => start(job(), self.interval, turn),
            None => false,
        };
        if !started {
            let retry = milliseconds(RETRY.min(self.interval));
            self.due.store(at.saturating_add(retry), Ordering::Relaxed);
        }
    }

    /// Whether a sweep is due at `now`, in milliseconds of this process. Of all who ask at once one gets a yes, and the
    /// next is due after an interval.
    fn is_due(&self, now: u64) -> bool {
        let due = self.due.load(Ordering::Relaxed);
        if due != 0 && now < due {
            return false;
        }
        let pause = if due == 0 { self.interval.min(FIRST_DELAY) } else { self.interval };
        let next = now.saturating_add(milliseconds(pause));
        self.due.compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed).is_ok() && due != 0
    }
}

fn start(job: Job, interval: Duration, turn: Turn) -> bool {
    let work = move || {
        let _turn = turn;
        // What a sweep cannot do, the next one tries again.
        let _ = run(job, interval);
    };
    thread::Builder::new().name(THREAD_NAME.to_owned()).stack_size(STACK).spawn(work).is_ok()
}

fn run(mut job: Job, interval: Duration) -> Result<()> {
    let Some(lease) = SweepLease::take(&job.lease)? else { return Ok(()) };
    let note = match judge(lease.read().as_ref(), Note::now(), interval, job.patience) {
        Verdict::NotDue => return Ok(()),
        Verdict::Wait(note) => return lease.write(&note),
        Verdict::Sweep(note) => note,
    };
    lease.write(&note)?;
    loop {
        let begun = Instant::now();
        let now = Reading::now();
        if !note.clocks.went_on_steadily_to(&now) {
            return lease.write(&Note::now().after_a_jump());
        }
        if job.sweep.step(job.step, now.wall)?.finished {
            return Ok(());
        }
        thread::sleep((begun.elapsed() * job.rest).clamp(SHORTEST_REST, LONGEST_REST));
    }
}

/// Keeps the process from sweeping two stores at a time.
struct Turn(&'static AtomicU32);

impl Turn {
    /// Takes it for the process `me`, unless one of its threads has it. A forked process does not inherit it.
    fn take(sweeping: &'static AtomicU32, me: u32) -> Option<Self> {
        let before = sweeping.load(Ordering::Relaxed);
        let is_mine = before != me
            && sweeping.compare_exchange(before, me, Ordering::Acquire, Ordering::Relaxed).is_ok();
        // Not before it is known: a turn that is dropped is over.
        is_mine.then(|| Self(sweeping))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.store(0, Ordering::Release);
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(all(test, not(feature = "shuttle")))]
mod tests {
    use super::*;

    #[test]
    fn a_turn_that_is_refused_leaves_the_one_that_is_taken() {
        static SWEEPING: AtomicU32 = AtomicU32::new(0);
        let turn = Turn::take(&SWEEPING, 1);
        assert!(turn.is_some());
        for _ in 0..2 {
            assert!(Turn::take(&SWEEPING, 1).is_none());
        }
        drop(turn);
        assert!(Turn::take(&SWEEPING, 1).is_some());
    }
}
