//! Locks of ids between the threads of a process, with a time limit.

use std::collections::HashSet;
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::sync::{Instant, Mutex, MutexGuard, Signal};

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
    released: Signal,
    /// That of a process which was forked from this one.
    next: OnceLock<Box<Table>>,
}

impl Table {
    fn of(process: u32) -> Self {
        Self { process, locked: Mutex::default(), released: Signal::default(), next: OnceLock::new() }
    }

    fn ids(&self) -> MutexGuard<'_, HashSet<Arc<str>>> {
        self.locked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// That an id is locked, and in which process: what a process inherits is not its own to give back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) struct Taken {
    process: u32,
}

impl IdLocks {
    /// Waits until `id` is free, at most `limit`, and locks it. A thread that has it waits for itself.
    ///
    /// # Errors
    /// `Locked` if it was not free in that time.
    pub(crate) fn take(&self, id: &str, limit: Duration) -> Result<Taken> {
        self.take_in(std::process::id(), id, limit)
    }

    /// Unlocks `id`, unless it was another process that locked it.
    pub(crate) fn give_back(&self, id: &str, taken: Taken) {
        self.give_back_in(std::process::id(), id, taken);
    }

    pub(super) fn take_in(&self, process: u32, id: &str, limit: Duration) -> Result<Taken> {
        let table = self.table(process);
        let mut since = None;
        let mut locked = table.ids();
        while locked.contains(id) {
            let waited = since.get_or_insert_with(Instant::now).elapsed();
            let Some(left) = limit.checked_sub(waited).filter(|left| !left.is_zero()) else {
                return Err(Error::locked("lock the session")
                    .with_detail(format!("somebody else held it for {limit:?}")));
            };
            locked = table.released.wait(&table.locked, locked, left);
        }
        locked.insert(Arc::from(id));
        Ok(Taken { process })
    }

    pub(super) fn give_back_in(&self, process: u32, id: &str, taken: Taken) {
        if taken.process == process {
            let table = self.table(process);
            table.ids().remove(id);
            table.released.notify_all();
        }
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
    #![allow(clippy::expect_used, reason = "a test says what it expects by failing")]

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

    #[test]
    fn what_a_process_inherited_is_not_given_back_by_it() {
        let locks = IdLocks::default();
        let parents = locks.take_in(1, "id", Duration::ZERO).expect("it is free");
        let childs = locks.take_in(2, "id", Duration::ZERO).expect("it is free in the child");
        locks.give_back_in(2, "id", parents);
        assert!(locks.take_in(2, "id", Duration::ZERO).is_err());
        locks.give_back_in(2, "id", childs);
        assert!(locks.take_in(2, "id", Duration::ZERO).is_ok());
        assert!(locks.take_in(1, "id", Duration::ZERO).is_err());
    }
}
