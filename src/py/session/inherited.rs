//! The locks that a forked process finds open.
//!
//! A lock of a file lasts until the last process closes it that has it open. So that a process which is killed
//! holds nothing any more, its children close what they inherited at once.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::hold::Hold;

/// What this process holds, and some of what it has held. It is locked with the interpreter's lock held and for a
/// moment, so that no fork finds it locked.
static HOLDS: Mutex<Holds> = Mutex::new(Holds { all: Vec::new(), tidied: 0 });

struct Holds {
    all: Vec<Weak<Hold>>,
    /// How many were left when those were dropped last that are over.
    tidied: usize,
}

/// How many forks lie between the first process of all and this one.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// Below this many nothing is dropped.
const FEW: usize = 32;

/// Remembers a hold for as long as it lasts.
pub(super) fn remember(hold: &Arc<Hold>) {
    let mut holds = HOLDS.lock();
    if holds.all.len() >= FEW.max(holds.tidied.saturating_mul(2)) {
        holds.all.retain(|hold| hold.strong_count() > 0);
        holds.tidied = holds.all.len();
    }
    holds.all.push(Arc::downgrade(hold));
}

/// Closes, in a process that was just forked, what its parent holds.
#[pyfunction]
fn close_inherited_locks() {
    FORKS.fetch_add(1, Ordering::Relaxed);
    let inherited = std::mem::take(&mut HOLDS.lock().all);
    for hold in inherited.iter().filter_map(Weak::upgrade) {
        hold.close_inherited();
    }
}

/// A number that is another one in a forked process. It is had for less than the number of the process.
pub(crate) fn forks() -> u32 {
    FORKS.load(Ordering::Relaxed)
}

/// Has the interpreter call it after every fork.
pub(crate) fn register(py: Python<'_>) -> PyResult<()> {
    let Some(register) = py.import("os")?.getattr_opt("register_at_fork")? else { return Ok(()) };
    let when = PyDict::new(py);
    when.set_item("after_in_child", wrap_pyfunction!(close_inherited_locks, py)?)?;
    register.call((), Some(&when)).map(drop)
}
