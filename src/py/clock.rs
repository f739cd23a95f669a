//! The time, asked of `time.time` at each use, so that whoever replaces that function moves our clock too.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::clock;
use crate::store::Timestamp;

/// A reading of the clock.
pub(crate) struct Now<'py> {
    /// What `time.time()` returned.
    pub(crate) object: Bound<'py, PyAny>,
    /// The same as a number: seconds since the epoch.
    pub(crate) seconds: Timestamp,
}

/// Reads the clock.
pub(crate) fn now(py: Python<'_>) -> PyResult<Now<'_>> {
    static TIME: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let module = TIME.get_or_try_init(py, || py.import("time").map(Bound::unbind))?.bind(py);
    let object = module.getattr(intern!(py, "time"))?.call0()?;
    let seconds = object.extract()?;
    clock::attend(seconds);
    Ok(Now { object, seconds })
}
