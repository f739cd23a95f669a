//! The connections of a process: one for each thread that uses the database at a moment, kept for the next.

use std::sync::PoisonError;
use std::thread;
use std::time::Duration;

use super::connection::Owned;
use crate::error::{Error, Result};
use crate::sync::{Instant, Mutex, MutexGuard, Signal};

/// How many connections are kept that nobody uses.
const MOST_IDLE: usize = 16;

/// The pause between two attempts to get a lock of another process. A write has it for less than a millisecond.
const FIRST_PAUSE: Duration = Duration::from_micros(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(2);

/// The connections of one process to one database.
#[derive(Default)]
pub(super) struct Pool {
    state: Mutex<State>,
    changed: Signal,
}

#[derive(Default)]
struct State {
    /// The one that was used last comes last. Its memory has the pages that are needed next.
    idle: Vec<Owned>,
    /// How many are in use.
    lent: usize,
    /// Whether one of them writes. Others of this process would only find the database locked.
    is_written: bool,
    /// How many forks are about to happen. Until they are over none is lent.
    forks: usize,
    /// How many threads wait for a change of all this.
    waiting: usize,
}

/// The purpose of a step.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It changes nothing.
    Read,
    /// The same, and it has time.
    Checkpoint,
    /// The same, while no other thread writes.
    Restart,
    /// It changes what is there.
    Change,
    /// The same, and a power cut may undo it.
    Touch,
    /// It may need a database where there is none.
    Create,
}

impl Purpose {
    /// Whether it needs the lock of the writers.
    pub(super) fn writes(self) -> bool {
        !matches!(self, Self::Read | Self::Checkpoint)
    }

    /// Whether requests are to find the connections with the pages that they need next.
    fn leaves_the_last(self) -> bool {
        matches!(self, Self::Checkpoint | Self::Restart)
    }
}

/// The right to use a connection, and maybe to write.
pub(super) struct Turn<'a> {
    pool: &'a Pool,
    /// The connection, once it is open.
    pub(super) connection: Option<Owned>,
    purpose: Purpose,
}

impl Pool {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&'a self, mut state: MutexGuard<'a, State>, limit: Duration) -> MutexGuard<'a, State> {
        state.waiting += 1;
        let mut state = self.changed.wait(&self.state, state, limit);
        state.waiting -= 1;
        state
    }

    /// Takes a connection that is idle, or the right to open one. To write it waits until no other thread writes. A
    /// checkpoint leaves the one that was used last to requests.
    pub(super) fn take(&self, purpose: Purpose, waiting: &mut Waiting) -> Result<Turn<'_>> {
        let mut state = self.state();
        while state.forks > 0 || purpose.writes() && state.is_written {
            let left = waiting.left()?;
            state = self.wait(state, left);
        }
        state.lent += 1;
        state.is_written |= purpose.writes();
        let connection = if purpose.leaves_the_last() {
            (state.idle.len() > 1).then(|| state.idle.remove(0))
        } else {
            state.idle.pop()
        };
        Ok(Turn { pool: self, connection, purpose })
    }

    /// Takes every connection that is idle, and closes it.
    pub(super) fn close_idle(&self) {
        let idle = std::mem::take(&mut self.state().idle);
        idle.into_iter().for_each(Owned::close_quickly);
    }

    /// The same once none is in use, each as if the process ended.
    #[cfg(test)]
    pub(super) fn close(&self) {
        let mut state = self.state();
        while state.lent > 0 {
            state = self.wait(state, LONGEST_PAUSE);
        }
        let idle = std::mem::take(&mut state.idle);
        drop(state);
        drop(idle);
    }

    /// Waits until no connection is in use, closes all, and lends none until [`end_of_fork`](Self::end_of_fork).
    #[cfg(feature = "python")]
    pub(super) fn begin_fork(&self) {
        let mut state = self.state();
        state.forks += 1;
        while state.lent > 0 {
            state = self.wait(state, LONGEST_PAUSE);
        }
        drop(state);
        self.close_idle();
    }

    #[cfg(feature = "python")]
    pub(super) fn end_of_fork(&self) {
        let mut state = self.state();
        state.forks = state.forks.saturating_sub(1);
        if state.waiting > 0 {
            self.changed.notify_all();
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut connection = self.connection.take();
        let mut state = self.pool.state();
        if state.forks == 0 && state.idle.len() < MOST_IDLE {
            // The last is the next to be used.
            let place = if self.purpose.leaves_the_last() { 0 } else { state.idle.len() };
            if let Some(connection) = connection.take() {
                state.idle.insert(place, connection);
            }
        }
        if let Some(connection) = connection {
            // A fork waits for this, too.
            drop(state);
            connection.close_quickly();
            state = self.pool.state();
        }
        state.lent -= 1;
        state.is_written &= !self.purpose.writes();
        if state.waiting > 0 {
            self.pool.changed.notify_all();
        }
    }
}

/// A wait with a time limit, over all attempts.
pub(super) struct Waiting {
    limit: Duration,
    since: Option<Instant>,
    pause: Duration,
    operation: &'static str,
}

impl Waiting {
    pub(super) fn new(limit: Duration, operation: &'static str) -> Self {
        Self { limit, since: None, pause: FIRST_PAUSE, operation }
    }

    fn left(&mut self) -> Result<Duration> {
        let waited = self.since.get_or_insert_with(Instant::now).elapsed();
        self.limit.checked_sub(waited).filter(|left| !left.is_zero()).ok_or_else(|| {
            let detail = format!("others were writing the database for {:?}", self.limit);
            Error::busy(self.operation).with_detail(detail)
        })
    }

    /// Sleeps until the next attempt.
    pub(super) fn pause(&mut self) -> Result<()> {
        let left = self.left()?;
        thread::sleep(self.pause.min(left));
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Ok(())
    }
}
