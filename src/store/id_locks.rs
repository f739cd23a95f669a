//! Locks of ids between the threads of a process, with a time limit.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};

/// The ids that are locked, each with the process that locked it: what a process inherits from the one that
/// forked it belongs to threads that it does not have.
#[derive(Debug, Default)]
pub(crate) struct IdLocks {
    locked: Mutex<HashMap<Arc<str>, u32>>,
    released: Condvar,
}

impl IdLocks {
    /// Waits until `id` is free, at most `limit`, and locks it. A thread that has it waits for itself.
    ///
    /// # Errors
    /// `Locked` if it was not free in that time.
    pub(crate) fn take(&self, id: &str, limit: Duration) -> Result<()> {
        let process = std::process::id();
        let mut since = None;
        let mut locked = self.table();
        while locked.get(id) == Some(&process) {
            let waited = since.get_or_insert_with(Instant::now).elapsed();
            let Some(left) = limit.checked_sub(waited).filter(|left| !left.is_zero()) else {
                return Err(Error::locked("lock the session")
                    .with_detail(format!("somebody else held it for {limit:?}")));
            };
            locked = self.released.wait_timeout(locked, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        locked.insert(Arc::from(id), process);
        Ok(())
    }

    /// Unlocks `id`, if this process has locked it.
    pub(crate) fn give_back(&self, id: &str) {
        let mut locked = self.table();
        if locked.get(id) == Some(&std::process::id()) {
            locked.remove(id);
        }
        drop(locked);
        self.released.notify_all();
    }

    fn table(&self) -> MutexGuard<'_, HashMap<Arc<str>, u32>> {
        self.locked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
