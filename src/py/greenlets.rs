//! Calls that block, made by another thread while the greenlets of this one run.

use std::sync::Arc;

use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::{PyCFunction, PyDict, PyTuple};

use super::once::Once;
use crate::error::{Error, ErrorKind, Result};

/// The work, until a thread takes it; then its outcome, when there is one.
struct Place<W, T> {
    work: Option<W>,
    outcome: Option<Result<T>>,
}

/// Runs `work` in a thread of the greenlets' library, and lets other greenlets run meanwhile. Where there is no such
/// thread, this one runs it.
///
/// If an exception ends the wait, such as a timeout of gevent, work that a thread has begun goes on, and nobody sees its
/// outcome. Work that waits for a thread is not begun.
pub(crate) fn in_thread<T: Send + 'static>(
    py: Python<'_>,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let place = Arc::new(Mutex::new(Place { work: Some(work), outcome: None }));
    let theirs = Arc::clone(&place);
    let run = move |arguments: &Bound<'_, PyTuple>, _: Option<&Bound<'_, PyDict>>| {
        let work = theirs.lock().work.take();
        let outcome = work.map(|work| arguments.py().detach(work));
        theirs.lock().outcome = outcome;
    };
    let called = || -> PyResult<()> {
        let run = PyCFunction::new_closure(py, None, None, run)?;
        static CALL: Once<Py<PyAny>> = Once::new();
        CALL.import(py, "beaker._greenlets", "in_thread")?.call1((run,)).map(drop)
    };
    if let Err(error) = called() {
        let _dropped = place.lock().work.take();
        return Err(Error::new(ErrorKind::Interrupted, "wait for the session").with_source(error));
    }
    let outcome = place.lock().outcome.take();
    outcome.unwrap_or_else(|| {
        Err(Error::unavailable("use the session")
            .with_detail("the thread that worked for the greenlet is gone"))
    })
}
