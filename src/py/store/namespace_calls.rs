//! The calls of a namespace's methods, and the errors for their exceptions.

use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict};

use super::namespace_record;
use crate::error::{Error, ErrorKind, Result};
use crate::id::StoreKey;
use crate::py::errors::{self, StoreUnavailableError};
use crate::py::once::intern;
use crate::py::patience::Patience;
use crate::py::wait;
use crate::store::Record;

/// Runs `work` under the write lock of `namespace`.
pub(super) fn locked<T>(
    namespace: &Bound<'_, PyAny>,
    replace: bool,
    work: impl FnOnce() -> PyResult<T>,
) -> PyResult<T> {
    let py = namespace.py();
    let kwargs = PyDict::new(py);
    if replace {
        kwargs.set_item(intern!(py, "replace"), true)?;
    }
    namespace.call_method(intern!(py, "acquire_write_lock"), (), Some(&kwargs))?;
    let done = work();
    let released = namespace.call_method0(intern!(py, "release_write_lock"));
    let done = done?;
    released?;
    Ok(done)
}

/// Reads the record of `namespace` under its read lock.
pub(super) fn read(namespace: &Bound<'_, PyAny>) -> PyResult<Option<Record>> {
    shared(namespace, || namespace_record::record_in(namespace))
}

/// Runs `work` under the read lock of `namespace`.
pub(super) fn shared<T>(namespace: &Bound<'_, PyAny>, work: impl FnOnce() -> PyResult<T>) -> PyResult<T> {
    let py = namespace.py();
    namespace.call_method0(intern!(py, "acquire_read_lock"))?;
    let done = work();
    let released = namespace.call_method0(intern!(py, "release_read_lock"));
    let done = done?;
    released?;
    Ok(done)
}

/// Takes the write lock of `namespace`, in repeated attempts until `limit` is over.
pub(super) fn take_write_lock(
    namespace: &Bound<'_, PyAny>,
    key: &StoreKey,
    patience: &Patience,
    limit: Duration,
) -> Result<()> {
    const OPERATION: &str = "lock the session in its backend";
    let py = namespace.py();
    let kwargs = PyDict::new(py);
    let name = intern!(py, "acquire_write_lock");
    kwargs.set_item(intern!(py, "wait"), false).map_err(failed(py, OPERATION, key))?;
    // An exception ends the wait, also a `LockError`.
    wait::by_asking(py, patience, limit, || match namespace.call_method(name, (), Some(&kwargs)) {
        Ok(taken) if taken.cast::<PyBool>().is_ok_and(|taken| !taken.is_true()) => {
            Err(Error::busy(OPERATION))
        }
        // A backend without locks may return `None`.
        Ok(_) => Ok(Ok(())),
        Err(error) => Ok(Err(failure(py, OPERATION, key, error))),
    })?
}

/// The error for an exception of the backend, for `map_err`.
pub(super) fn failed<'a>(
    py: Python<'a>,
    operation: &'static str,
    key: &'a StoreKey,
) -> impl FnOnce(PyErr) -> Error + use<'a> {
    move |error| failure(py, operation, key, error)
}

/// The error for an exception of the backend. The exception, without the id that it may show, is the cause; our own
/// message does not repeat its text.
pub(super) fn failure(py: Python<'_>, operation: &'static str, key: &StoreKey, error: PyErr) -> Error {
    let error = without_id(py, error, key.record());
    let kind = errors::kind(py, &error).unwrap_or(ErrorKind::Unavailable);
    let error = if error.is_instance_of::<StoreUnavailableError>(py) {
        error.cause(py).unwrap_or(error)
    } else {
        error
    };
    let name =
        error.get_type(py).name().map_or_else(|_| String::from("an exception"), |name| name.to_string());
    let detail = match kind {
        // The words are ours.
        ErrorKind::Busy => error.value(py).to_string(),
        _ => format!("the backend raised {name}"),
    };
    Error::new(kind, operation).with_detail(detail).with_source(error)
}

/// The same exception, and its causes, with `id` shortened. Programs log exceptions, and an id in a log gives away the
/// session.
pub(super) fn without_id(py: Python<'_>, error: PyErr, id: &str) -> PyErr {
    let shortened = || {
        let redaction = py.import(intern!(py, "beaker._redaction"))?;
        redaction.call_method1(intern!(py, "without_id"), (error.value(py), id)).map(PyErr::from_value)
    };
    shortened().unwrap_or_else(|failed| failed)
}
