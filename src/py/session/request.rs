//! The mapping through which a session and its request talk: `cookie`, `cookie_out` and `set_cookie`.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyString};

use super::class::Session;
use crate::py::once::intern;

/// The request's Cookie header, if there is one.
pub(crate) fn cookie_header<'py>(request: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyString>>> {
    let name = intern!(request.py(), "cookie");
    let header = match request.cast::<PyDict>() {
        Ok(request) => request.get_item(name)?,
        Err(_) => Some(request.call_method1(intern!(request.py(), "get"), (name,))?),
    };
    Ok(header.and_then(|header| header.cast_into::<PyString>().ok()))
}

/// Writes a key of the request.
pub(crate) fn set(
    session: &Bound<'_, Session>,
    key: &Bound<'_, PyString>,
    value: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let py = session.py();
    let request = session.get().with(|state| state.request.clone_ref(py))?;
    match request.bind(py).cast::<PyDict>() {
        Ok(request) => request.set_item(key, value),
        Err(_) => request.bind(py).set_item(key, value),
    }
}

/// Sets whether the response sends the cookie.
pub(crate) fn set_cookie(session: &Bound<'_, Session>, is_sent: bool) -> PyResult<()> {
    let py = session.py();
    set(session, intern!(py, "set_cookie"), PyBool::new(py, is_sent).as_any())
}

/// Has the response send no cookie.
pub(super) fn withdraw(session: &Bound<'_, Session>) -> PyResult<()> {
    let py = session.py();
    set(session, intern!(py, "cookie_out"), py.None().bind(py))?;
    set_cookie(session, false)
}
