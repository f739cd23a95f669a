//! Waiting for a lock that another thread or process holds.
//!
//! A thread waits in the kernel. Where the program has replaced `time.sleep`, as gevent and eventlet do, the holder may
//! be a greenlet of this very thread, which runs only if the waiting greenlet sleeps by that function.

use std::thread;
use std::time::Duration;

use pyo3::prelude::*;

use super::once::intern;
use super::patience::{Patience, Wait};
use super::replaced::BuiltIn;
use crate::error::{Error, ErrorKind, Result};

/// The longest wait without a look at signals. A store may take several locks one after the other, and signals are
/// handled ten times a second even so.
pub(crate) const SLICE: Duration = Duration::from_millis(25);

/// Between two attempts.
const FIRST_PAUSE: Duration = Duration::from_micros(100);
const LONGEST_PAUSE: Duration = Duration::from_millis(5);

/// Pauses that grow.
pub(crate) struct Pauses(Duration);

impl Pauses {
    pub(crate) fn new() -> Self {
        Self(FIRST_PAUSE)
    }

    /// Sleeps for the next pause, and handles signals.
    pub(crate) fn pause(&mut self, py: Python<'_>) -> PyResult<()> {
        let pause = self.0;
        self.0 = (self.0 * 2).min(LONGEST_PAUSE);
        match replaced_sleep(py)? {
            Some(sleep) => sleep.call1((pause.as_secs_f64(),)).map(drop),
            None => {
                py.detach(|| thread::sleep(pause));
                py.check_signals()
            }
        }
    }
}

/// `time.sleep`, if a program replaced it.
fn replaced_sleep(py: Python<'_>) -> PyResult<Option<Bound<'_, PyAny>>> {
    static SLEEP: BuiltIn = BuiltIn::new("time", "time");
    SLEEP.replacement(intern!(py, "sleep"))
}

/// Takes a lock: asks once without waiting, and then waits at most `limit`, which counts for `patience`.
///
/// `ask` gets the time that it may wait, at most a [`SLICE`], and returns an error that [`is_busy`](Error::is_busy) if
/// that was not enough. With no time to wait it may keep the interpreter. Signals are handled between the calls.
pub(crate) fn take<T>(
    py: Python<'_>,
    patience: &Patience,
    limit: Duration,
    mut ask: impl FnMut(Duration) -> Result<T>,
) -> Result<T> {
    match ask(Duration::ZERO) {
        Err(error) if error.is_busy() && !limit.is_zero() => {}
        answer => return answer,
    }
    if is_green(py)? {
        return by_asking(py, patience, limit, || ask(Duration::ZERO));
    }
    let wait = patience.begin(limit);
    let mut left = limit;
    loop {
        py.check_signals().map_err(ended)?;
        match (ask(left.min(SLICE)), wait.left()) {
            (Err(error), None) if error.is_busy() => return Err(in_vain(error, &wait)),
            (Err(error), Some(still)) if error.is_busy() => left = still,
            (answer, _) => return answer,
        }
    }
}

/// Whether others may run in this thread while one of them sleeps.
pub(crate) fn is_green(py: Python<'_>) -> Result<bool> {
    replaced_sleep(py).map(|sleep| sleep.is_some()).map_err(ended)
}

/// Asks repeatedly until `limit` is over, which counts for `patience`. Other threads run in between.
pub(crate) fn by_asking<T>(
    py: Python<'_>,
    patience: &Patience,
    limit: Duration,
    mut ask: impl FnMut() -> Result<T>,
) -> Result<T> {
    match ask() {
        Err(error) if error.is_busy() && !limit.is_zero() => {}
        answer => return answer,
    }
    let wait = patience.begin(limit);
    let mut pauses = Pauses::new();
    loop {
        pauses.pause(py).map_err(ended)?;
        match ask() {
            Err(error) if error.is_busy() && wait.left().is_none() => return Err(in_vain(error, &wait)),
            Err(error) if error.is_busy() => {}
            answer => return answer,
        }
    }
}

fn in_vain(error: Error, wait: &Wait<'_>) -> Error {
    error.with_detail(format!("it was held for {:.1?}", wait.lasted()))
}

/// The program's own exception, from the handler of a signal or from its way to sleep.
fn ended(error: PyErr) -> Error {
    Error::new(ErrorKind::Interrupted, "wait for the session").with_source(error)
}
