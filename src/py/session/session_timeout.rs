//! The idle timeout of one session ("remember me"), which is part of the session's data.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyString};

use super::class::{Session, as_dict};
use crate::py::errors::ConfigurationError;
use crate::py::once::intern;
use crate::session::LONGEST_IDLE;

/// The key under which a session keeps it, in seconds.
fn key(py: Python<'_>) -> &Bound<'_, PyString> {
    intern!(py, "_idle_timeout")
}

/// The timeout in a session's data. Any other value is ignored.
pub(crate) fn in_data(data: &Bound<'_, PyDict>) -> PyResult<Option<i64>> {
    let Some(value) = data.get_item(key(data.py()))? else { return Ok(None) };
    let seconds = value.cast_exact::<PyInt>().ok().and_then(|seconds| seconds.extract::<i64>().ok());
    Ok(seconds.filter(|seconds| (1..=LONGEST_IDLE).contains(seconds)))
}

/// Notes the timeout in `data`, which is stored. The cookie's expiry depends on it.
pub(crate) fn note(session: &Bound<'_, Session>, data: &Bound<'_, PyDict>) -> PyResult<()> {
    let timeout = in_data(data)?;
    session.get().with(|state| state.life.set_timeout(timeout))?;
    Ok(())
}

/// `session.set_timeout(seconds)`
pub(super) fn set(session: &Bound<'_, Session>, seconds: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = session.py();
    let data = as_dict(session)?;
    if seconds.is_none() {
        return if data.contains(key(py))? { data.del_item(key(py)) } else { Ok(()) };
    }
    if !session.get().options()?.settings.save_accessed_time {
        return Err(ConfigurationError::new_err("set_timeout requires save_accessed_time"));
    }
    let Some(seconds) = whole(seconds).filter(|seconds| (1..=LONGEST_IDLE).contains(seconds)) else {
        return Err(ConfigurationError::new_err(format!(
            "set_timeout takes a whole number of seconds from 1 to {LONGEST_IDLE}, or None"
        )));
    };
    data.set_item(key(py), seconds)
}

/// A whole number, as an integer or as a float.
#[allow(clippy::cast_possible_truncation, reason = "what a cast changes is not among the numbers allowed")]
fn whole(number: &Bound<'_, PyAny>) -> Option<i64> {
    if number.is_instance_of::<PyBool>() {
        return None;
    }
    match number.cast::<PyFloat>().map(|number| number.value()) {
        Ok(number) => (number.fract() == 0.0).then_some(number as i64),
        Err(_) => number.cast::<PyInt>().ok()?.extract().ok(),
    }
}
