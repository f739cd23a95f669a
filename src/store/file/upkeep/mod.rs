//! Sweeping at intervals, beside the requests.
//!
//! A write now and then finds that it is time, and starts a thread that sweeps and ends. Nothing runs between
//! sweeps, nothing is started by making a store, and no lock is shared that a fork could leave locked: a process
//! that was forked sweeps when its own writes find that it is time. Where nobody writes, nothing grows.
//!
//! Among all processes and machines that share a folder one sweeps at a time, and all share the interval; the
//! [`Claim`] sees to it. Within a process one folder is swept at a time. What applications with other lifetimes keep
//! in the folder is left to them: see [`promise`].

mod claim;
mod clock;
pub(super) mod promise;
#[cfg(all(test, feature = "shuttle"))]
mod schedules;

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process;
use std::sync::LazyLock;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

pub use claim::Claim;
use clock::{Note, Reading, Verdict, judge};
use promise::Keeping;
use rustix::fs::OFlags;

use super::FileStore;
use super::sweep::LEFTOVER_AGE;
use crate::error::Result;
use crate::store::Store;
use crate::sync::{AtomicU32, AtomicU64};

/// How long a process is at work before it sweeps for the first time, so that it neither makes the start
/// slower nor begins what a short life does not let it end.
const FIRST_DELAY: Duration = Duration::from_secs(60);

/// When to come back while another folder is being swept.
const RETRY: Duration = Duration::from_secs(10);

/// The entries of a step: a millisecond or less.
const STEP: usize = 64;

/// How many times as long as a step took is waited after it, so that a sweep takes a tenth of a processor at the
/// most, and of a slow disk as much.
const REST: u32 = 9;
const SHORTEST_REST: Duration = Duration::from_millis(1);
const LONGEST_REST: Duration = Duration::from_secs(1);

const PRIVATE: u32 = 0o600;

const THREAD_NAME: &str = "beaker-sweep";
const STACK: usize = 256 * 1024;

/// The process that is sweeping, in its own view. A forked one sees its parent's number, which is not its own.
static SWEEPING: AtomicU32 = AtomicU32::new(0);

static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);

/// When a folder is to be swept, in this process's knowledge. Stores of the same folder share it.
#[derive(Debug)]
pub struct Upkeep {
    interval: Option<Duration>,
    /// In milliseconds of this process, or before the first write 0.
    due: AtomicU64,
    /// When to say again how long records are kept; likewise.
    promise_due: AtomicU64,
}

impl Upkeep {
    /// Every `interval`, or never.
    #[must_use]
    pub fn new(interval: Option<Duration>) -> Self {
        // Here, so that no two threads do it at once.
        LazyLock::force(&BEGINNING);
        Self { interval, due: AtomicU64::new(0), promise_due: AtomicU64::new(0) }
    }

    /// Says how long the records of `store` are kept, and starts a sweep, each if it is time. Waits for nothing;
    /// that either cannot be done is no reason for a request to fail.
    pub(super) fn attend(&self, store: &FileStore) {
        let now = milliseconds(BEGINNING.elapsed()).max(1);
        let promise_due = self.promise_due.load(Ordering::Relaxed);
        if promise_due <= now {
            let next = now.saturating_add(milliseconds(promise::RENEWAL));
            self.promise_due.store(next, Ordering::Relaxed);
            let _ = promise::renew(&store.file_dir, Keeping(store.lifetime));
        }
        if let Some(interval) = self.interval {
            self.attend_to_sweeps(store, interval, now);
        }
    }

    fn attend_to_sweeps(&self, store: &FileStore, interval: Duration, now: u64) {
        if !self.is_time(interval, now) {
            return;
        }
        let started = match Turn::take(&SWEEPING, process::id()) {
            Some(turn) => start(store.clone(), interval, turn),
            None => false,
        };
        if !started {
            self.due.store(now.saturating_add(milliseconds(RETRY.min(interval))), Ordering::Relaxed);
        }
    }

    /// Whether it is time at `now`, in milliseconds of this process. Of all who ask at once one is told so, and it is
    /// time again after an interval.
    fn is_time(&self, interval: Duration, now: u64) -> bool {
        let due = self.due.load(Ordering::Relaxed);
        if due != 0 && now < due {
            return false;
        }
        let pause = if due == 0 { interval.min(FIRST_DELAY) } else { interval };
        let next = now.saturating_add(milliseconds(pause));
        self.due.compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed).is_ok() && due != 0
    }
}

fn start(store: FileStore, interval: Duration, turn: Turn) -> bool {
    let work = move || {
        let _turn = turn;
        // What a sweep cannot do, the next one tries again. Its own file says when the last one was.
        let _ = sweep(&store, interval);
    };
    thread::Builder::new().name(THREAD_NAME.to_owned()).stack_size(STACK).spawn(work).is_ok()
}

fn sweep(store: &FileStore, interval: Duration) -> Result<()> {
    let Some(claim) = Claim::on(&store.file_dir)? else { return Ok(()) };
    let patience = store.lifetime.unwrap_or_default().max(Duration::from_secs_f64(LEFTOVER_AGE));
    let note = match judge(claim.read().as_ref(), Reading::now(), interval, patience) {
        Verdict::NotDue => return Ok(()),
        Verdict::Look(note) => return claim.write(&note),
        Verdict::Sweep(note) => note,
    };
    claim.write(&note)?;
    let mut sweep = store.sweep();
    loop {
        let begun = Instant::now();
        let now = Reading::now();
        if !note.at.clocks.went_on_steadily_to(&now.clocks) {
            return claim.write(&Note { steady_since: Some(now.clocks.uptime), at: now });
        }
        if sweep.step(STEP, now.clocks.wall)?.finished {
            return Ok(());
        }
        thread::sleep((begun.elapsed() * REST).clamp(SHORTEST_REST, LONGEST_REST));
    }
}

/// That this process sweeps one folder at a time.
struct Turn(&'static AtomicU32);

impl Turn {
    /// For the process `me`, unless one of its threads has it. What it inherited is not its own.
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

/// Opens a note that the applications of a folder leave each other, and makes it if it is missing. No link is followed,
/// and no pipe waited for.
fn open_note(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(PRIVATE)
        .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
        .open(path)
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
