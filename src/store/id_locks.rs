//! Locks of ids between the threads of a process, with a time limit.

use std::collections::HashSet;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};

/// The ids that are locked, in a table for each process: what a process inherits from the one that forked it
/// belongs to threads that it does not have. That goes for the mutex of the table too, which one of them may
/// have locked at the moment of the fork, and which nobody would ever unlock here.
#[derive(Debug, Default)]
pub(crate) struct IdLocks {
    first: OnceLock<Table>,
}

#[derive(Debug)]
struct Table {
    process: u32,
    locked: Mutex<HashSet<Arc<str>>>,
    released: Condvar,
    /// That of a process which was forked from this one.
    next: OnceLock<Box<Table>>,
}

impl Table {
    fn of(process: u32) -> Self {
        Self { process, locked: Mutex::default(), released: Condvar::new(), next: OnceLock::new() }
    }

    fn ids(&self) -> MutexGuard<'_, HashSet<Arc<str>>> {
        self.locked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl IdLocks {
    /// Waits until `id` is free, at most `limit`, and locks it. A thread that has it waits for itself.
    ///
    /// # Errors
    /// `Locked` if it was not free in that time.
    pub(crate) fn take(&self, id: &str, limit: Duration) -> Result<()> {
        let table = self.table(std::process::id());
        let mut since = None;
        let mut locked = table.ids();
        while locked.contains(id) {
            let waited = since.get_or_insert_with(Instant::now).elapsed();
            let Some(left) = limit.checked_sub(waited).filter(|left| !left.is_zero()) else {
                return Err(Error::locked("lock the session")
                    .with_detail(format!("somebody else held it for {limit:?}")));
            };
            locked = table.released.wait_timeout(locked, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        locked.insert(Arc::from(id));
        Ok(())
    }

    /// Unlocks `id`, if this process has locked it.
    pub(crate) fn give_back(&self, id: &str) {
        let table = self.table(std::process::id());
        table.ids().remove(id);
        table.released.notify_all();
    }

    fn table(&self, process: u32) -> &Table {
        let mut table = self.first.get_or_init(|| Table::of(process));
        while table.process != process {
            table = table.next.get_or_init(|| Box::new(Table::of(process)));
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forked_process_waits_for_no_thread_of_its_parent() {
        let locks = IdLocks::default();
        let mut parents = locks.table(1).ids();
        parents.insert(Arc::from("id"));
        for process in [2, 3, 2] {
            assert!(locks.table(process).locked.try_lock().is_ok_and(|ids| !ids.contains("id")));
        }
        assert!(locks.table(1).locked.try_lock().is_err());
    }
}
