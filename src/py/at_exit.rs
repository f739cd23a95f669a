//! Calls in other threads while the process exits.
//!
//! CPython before 3.14 unwinds the stack of a daemon thread that wants the interpreter once that is being finalized. A
//! frame of Rust makes this an abort. So an exit waits until no other thread is within a call of ours, for
//! [`PATIENCE`] at the most, and calls that begin later never return.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use pyo3::prelude::*;

/// A request that takes longer is not waited for.
const PATIENCE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(1);

/// The calls of this process that are under way. It is changed with the interpreter attached, so no call begins between
/// a look at it and the end of the exit's wait.
static UNDER_WAY: AtomicUsize = AtomicUsize::new(0);
static EXITS: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// Those of this thread: one of them may have led to the exit, and greenlets of the thread wait for it.
    static OWN: Cell<usize> = const { Cell::new(0) };
    static IS_EXITING: Cell<bool> = const { Cell::new(false) };
}

/// A call that an exit waits for until this is dropped.
pub(crate) struct Call(());

/// Begins a call that may run Python code or wait for the interpreter.
pub(crate) fn begin_call(py: Python<'_>) -> Call {
    if EXITS.load(Ordering::Relaxed) && !IS_EXITING.get() {
        py.detach(|| {
            loop {
                thread::park();
            }
        })
    }
    UNDER_WAY.fetch_add(1, Ordering::Relaxed);
    OWN.set(OWN.get() + 1);
    Call(())
}

impl Drop for Call {
    fn drop(&mut self) {
        UNDER_WAY.fetch_sub(1, Ordering::Relaxed);
        OWN.set(OWN.get().saturating_sub(1));
    }
}

/// In a forked process the calls of other threads do not exist.
pub(crate) fn forked() {
    UNDER_WAY.store(OWN.get(), Ordering::Relaxed);
}

#[pyfunction]
fn await_calls(py: Python<'_>) {
    EXITS.store(true, Ordering::Relaxed);
    IS_EXITING.set(true);
    let end = Instant::now() + PATIENCE;
    while UNDER_WAY.load(Ordering::Relaxed) > OWN.get() && Instant::now() < end {
        py.detach(|| thread::sleep(PAUSE));
    }
}

/// Registers the wait at the exit, where the interpreter needs it.
pub(crate) fn register(py: Python<'_>) -> PyResult<()> {
    if py.version_info() >= (3, 14) {
        return Ok(());
    }
    py.import("atexit")?.call_method1("register", (wrap_pyfunction!(await_calls, py)?,)).map(drop)
}
