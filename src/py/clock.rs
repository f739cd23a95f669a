//! The time, read from `time.time` at each use, so that replacing that function, or `beaker.session.time`, moves our
//! clock too.

use pyo3::prelude::*;

use super::replaced;
use crate::clock;
use crate::py::once::intern;
use crate::store::Timestamp;

/// A reading of the clock.
pub(crate) struct Now<'py> {
    /// The result of `time.time()`.
    pub(crate) object: Bound<'py, PyAny>,
    /// The same as a number: seconds since the epoch.
    pub(crate) seconds: Timestamp,
}

/// Whether the machine's clock has not jumped for an hour. Otherwise what looks expired may not be, and is not deleted.
#[pyfunction]
pub(crate) fn clock_is_steady() -> bool {
    clock::is_steady()
}

/// Reads the clock.
pub(crate) fn now(py: Python<'_>) -> PyResult<Now<'_>> {
    let object = replaced::time(py)?.getattr(intern!(py, "time"))?.call0()?;
    let seconds = object.extract()?;
    clock::attend(seconds);
    Ok(Now { object, seconds })
}
