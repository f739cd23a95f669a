//! The connections of a process to one server. They are opened when they are needed, and a forked process has none of
//! its parent's.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use redis::Connection;

use crate::store::idle::take_outdated;

/// The connections of one process.
#[derive(Default)]
pub(super) struct Pool {
    connections: Mutex<Connections>,
    freed: Condvar,
}

#[derive(Default)]
struct Connections {
    idle: Vec<Idle>,
    /// How many are in use or are being opened.
    taken: usize,
}

/// A connection that nobody uses.
pub(super) struct Idle {
    pub(super) connection: Connection,
    /// Since when.
    pub(super) since: Instant,
}

/// Room for one connection in a pool, until it is dropped.
pub(super) struct Room<'a> {
    pool: &'a Pool,
}

impl Pool {
    /// Makes room for one connection, and returns the one that was used last, if any is idle. Where there may be `most`
    /// connections and all are in use, it waits for one; `None` if that took longer than `wait`.
    pub(super) fn take(&self, most: Option<usize>, wait: Duration) -> Option<(Room<'_>, Option<Idle>)> {
        let mut connections = self.lock();
        if let Some(most) = most {
            let (waited, result) = self
                .freed
                .wait_timeout_while(connections, wait, |connections| connections.taken >= most)
                .unwrap_or_else(PoisonError::into_inner);
            if result.timed_out() {
                return None;
            }
            connections = waited;
        }
        connections.taken += 1;
        let idle = connections.idle.pop();
        Some((Room { pool: self }, idle))
    }

    /// Closes the idle connections: they lead to where one has just broken.
    pub(super) fn clear(&self) {
        let _dropped = std::mem::take(&mut self.lock().idle);
    }

    fn lock(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Room<'_> {
    /// Leaves a connection for the next caller, and closes those that have been idle for too long.
    pub(super) fn keep(self, connection: Connection) {
        let _outdated: Vec<_> = {
            let idle = &mut self.pool.lock().idle;
            let since = Instant::now();
            let outdated = take_outdated(idle, since, |idle| idle.since);
            idle.push(Idle { connection, since });
            outdated
        };
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        self.pool.lock().taken -= 1;
        self.pool.freed.notify_one();
    }
}
