//! Closing inherited locks after a fork, and databases before it.
//!
//! A forked process gets a copy of this one's memory and its open files. A file lock lasts until every process that
//! has the file open closes it. So a child closes the locks that it inherited at once; otherwise a parent that is
//! killed would leave them locked.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::fork;
use crate::py::{at_exit, sqlite};

/// A lock that a fork copies.
pub(crate) trait Inherited: Send + Sync {
    /// Closes the lock in the child.
    fn close_inherited(&self);
}

/// The locks of this process. The mutex is held only with the interpreter attached, so a fork never copies it locked.
static LOCKS: Mutex<Locks> = Mutex::new(Locks { all: Vec::new(), kept: 0 });

struct Locks {
    all: Vec<Weak<dyn Inherited>>,
    /// How many remained after the last cleaning.
    kept: usize,
}

/// Below this number the list is not cleaned.
const FEW: usize = 32;

/// Closes `lock` in every child that is forked while it lives.
pub(crate) fn close_in_children(lock: &Arc<dyn Inherited>) {
    let mut locks = LOCKS.lock();
    if locks.all.len() >= FEW.max(locks.kept.saturating_mul(2)) {
        locks.all.retain(|lock| lock.strong_count() > 0);
        locks.kept = locks.all.len();
    }
    locks.all.push(Arc::downgrade(lock));
}

#[pyfunction]
fn after_fork_in_child() {
    fork::forked();
    at_exit::forked();
    let inherited = std::mem::take(&mut LOCKS.lock().all);
    for lock in inherited.iter().filter_map(Weak::upgrade) {
        lock.close_inherited();
    }
}

/// Closes every database, since a forked process must not inherit one that is open. Calls in other threads end first, which
/// need no interpreter for that.
#[pyfunction]
fn before_fork() {
    sqlite::before_fork();
}

#[pyfunction]
fn after_fork_in_parent() {
    sqlite::after_fork();
}

/// Registers the hooks that run around every fork.
pub(crate) fn register(py: Python<'_>) -> PyResult<()> {
    let Some(register) = py.import("os")?.getattr_opt("register_at_fork")? else { return Ok(()) };
    let when = PyDict::new(py);
    when.set_item("before", wrap_pyfunction!(before_fork, py)?)?;
    when.set_item("after_in_parent", wrap_pyfunction!(after_fork_in_parent, py)?)?;
    when.set_item("after_in_child", wrap_pyfunction!(after_fork_in_child, py)?)?;
    register.call((), Some(&when)).map(drop)
}
