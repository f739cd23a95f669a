//! Locks by key between the threads of a process, with a time limit.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::fork::{ForkLocal, Process};
use crate::sync::{Instant, Mutex, Signal, lock};

/// A table of locked keys. It is not reentrant: a thread that asks again for its own key waits for itself.
///
/// Each process has a table of its own: nothing would release the locks that a forked process inherits from threads
/// that do not exist in it.
#[derive(Debug, Default)]
pub(crate) struct LockTable {
    tables: ForkLocal<Table>,
}

#[derive(Debug, Default)]
struct Table {
    locked: Mutex<HashSet<Arc<str>>>,
    released: Signal,
}

/// Proof of a locked key, and of the process that locked it: a forked process must not release it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) struct Token {
    process: Process,
}

impl LockTable {
    /// Waits until `key` is free, at most `limit`, and locks it.
    ///
    /// # Errors
    /// `Locked` if it was not free in that time.
    pub(crate) fn acquire(&self, key: &str, limit: Duration) -> Result<Token> {
        self.acquire_in(Process::current(), key, limit)
    }

    /// Unlocks `key`, unless another process locked it.
    pub(crate) fn release(&self, key: &str, token: Token) {
        self.release_in(Process::current(), key, token);
    }

    pub(crate) fn acquire_in(&self, process: Process, key: &str, limit: Duration) -> Result<Token> {
        let table = self.tables.of(process);
        let mut since = None;
        let mut locked = lock(&table.locked);
        while locked.contains(key) {
            let waited = since.get_or_insert_with(Instant::now).elapsed();
            let Some(left) = limit.checked_sub(waited).filter(|left| !left.is_zero()) else {
                return Err(Error::busy("lock the session").with_detail(format!("it was held for {limit:?}")));
            };
            locked = table.released.wait(&table.locked, locked, left);
        }
        locked.insert(Arc::from(key));
        Ok(Token { process })
    }

    pub(crate) fn release_in(&self, process: Process, key: &str, token: Token) {
        if token.process == process {
            let table = self.tables.of(process);
            lock(&table.locked).remove(key);
            table.released.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, reason = "a test says what it expects by failing")]

    use super::*;

    const PARENT: Process = Process::numbered(1);
    const CHILD: Process = Process::numbered(2);

    #[test]
    fn a_forked_process_does_not_wait_for_threads_of_its_parent() {
        let locks = LockTable::default();
        let mut parents = lock(&locks.tables.of(PARENT).locked);
        parents.insert(Arc::from("key"));
        assert!(locks.tables.of(CHILD).locked.try_lock().is_ok_and(|keys| !keys.contains("key")));
        assert!(locks.tables.of(PARENT).locked.try_lock().is_err());
    }

    #[test]
    fn a_forked_process_does_not_release_inherited_locks() {
        let locks = LockTable::default();
        let parents = locks.acquire_in(PARENT, "key", Duration::ZERO).expect("it is free");
        let childs = locks.acquire_in(CHILD, "key", Duration::ZERO).expect("it is free in the child");
        locks.release_in(CHILD, "key", parents);
        assert!(locks.acquire_in(CHILD, "key", Duration::ZERO).is_err());
        locks.release_in(CHILD, "key", childs);
        assert!(locks.acquire_in(CHILD, "key", Duration::ZERO).is_ok());
        assert!(locks.acquire_in(PARENT, "key", Duration::ZERO).is_err());
    }
}
