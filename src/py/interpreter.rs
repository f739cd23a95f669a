//! The one interpreter of this process that may use the library.
//!
//! The classes of PyO3 and the sessions in memory belong to the process. In a second interpreter they would be the
//! first one's: its sessions would be seen in both, its exceptions caught in neither, and all of it gone once the first
//! has ended. So a second import is refused.

use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;

use super::once::Once;

/// The module `sys` of the interpreter that came first. It is kept for ever, so that no other has its address.
static FIRST: Once<Py<PyModule>> = Once::new();

/// Raises `ImportError` in every interpreter but the first.
pub(super) fn claim(py: Python<'_>) -> PyResult<()> {
    let own = py.import("sys")?;
    if FIRST.get_or_init(py, || own.clone().unbind()).is(&own) {
        return Ok(());
    }
    Err(PyImportError::new_err(
        "beaker is in use by another interpreter of this process, and can be by one alone: give each application a \
         process of its own. Under mod_wsgi, set WSGIApplicationGroup %{GLOBAL} for an application that is alone in its \
         processes, and a WSGIDaemonProcess with WSGIProcessGroup for each of several",
    ))
}
