//! Locks by key between the threads of a process, with a time limit.

use std::collections::HashSet;
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::sync::{Instant, Mutex, MutexGuard, Signal};

/// A table of locked keys. It is not reentrant: a thread that asks again for its own key waits for itself.
///
/// Each process has a table of its own. A forked process inherits the locks of threads that do not exist in it, and
/// a thread may have had the mutex of the table at the moment of the fork; nothing would ever release either.
#[derive(Debug, Default)]
pub(crate) struct LockTable {
    first: OnceLock<Table>,
}

#[derive(Debug)]
struct Table {
    process: u32,
    locked: Mutex<HashSet<Arc<str>>>,
    released: Signal,
    /// The table of a process that was forked from this one.
    next: OnceLock<Box<Table>>,
}

impl Table {
    fn of(process: u32) -> Self {
        Self { process, locked: Mutex::default(), released: Signal::default(), next: OnceLock::new() }
    }

    fn keys(&self) -> MutexGuard<'_, HashSet<Arc<str>>> {
        self.locked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Proof of a locked key, and of the process that locked it: a forked process must not release it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) struct Token {
    process: u32,
}

impl LockTable {
    /// Waits until `key` is free, at most `limit`, and locks it.
    ///
    /// # Errors
    /// `Locked` if it was not free in that time.
    pub(crate) fn acquire(&self, key: &str, limit: Duration) -> Result<Token> {
        self.acquire_in(std::process::id(), key, limit)
    }

    /// Unlocks `key`, unless another process locked it.
    pub(crate) fn release(&self, key: &str, token: Token) {
        self.release_in(std::process::id(), key, token);
    }

    pub(crate) fn acquire_in(&self, process: u32, key: &str, limit: Duration) -> Result<Token> {
        let table = self.table(process);
        let mut since = None;
        let mut locked = table.keys();
        while locked.contains(key) {
            let waited = since.get_or_insert_with(Instant::now).elapsed();
            let Some(left) = limit.checked_sub(waited).filter(|left| !left.is_zero()) else {
                return Err(Error::locked("lock the session")
                    .with_detail(format!("somebody else held it for {limit:?}")));
            };
            locked = table.released.wait(&table.locked, locked, left);
        }
        locked.insert(Arc::from(key));
        Ok(Token { process })
    }

    pub(crate) fn release_in(&self, process: u32, key: &str, token: Token) {
        if token.process == process {
            let table = self.table(process);
            table.keys().remove(key);
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
    fn a_forked_process_does_not_wait_for_threads_of_its_parent() {
        let locks = LockTable::default();
        let mut parents = locks.table(1).keys();
        parents.insert(Arc::from("key"));
        for process in [2, 3, 2] {
            assert!(locks.table(process).locked.try_lock().is_ok_and(|keys| !keys.contains("key")));
        }
        assert!(locks.table(1).locked.try_lock().is_err());
    }

    #[test]
    fn a_forked_process_does_not_release_inherited_locks() {
        let locks = LockTable::default();
        let parents = locks.acquire_in(1, "key", Duration::ZERO).expect("it is free");
        let childs = locks.acquire_in(2, "key", Duration::ZERO).expect("it is free in the child");
        locks.release_in(2, "key", parents);
        assert!(locks.acquire_in(2, "key", Duration::ZERO).is_err());
        locks.release_in(2, "key", childs);
        assert!(locks.acquire_in(2, "key", Duration::ZERO).is_ok());
        assert!(locks.acquire_in(1, "key", Duration::ZERO).is_err());
    }
}
