//! The times in a session's data: when it began and when it was used last.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFloat, PyString};

use super::class::Session;
use crate::py::errors::{self, CorruptSessionError};
use crate::py::once::intern;
use crate::session::Times;
use crate::store::Timestamp;

fn time(data: &Bound<'_, PyDict>, key: &Bound<'_, PyString>) -> PyResult<Option<Timestamp>> {
    let Some(time) = data.get_item(key)? else { return Ok(None) };
    time.extract().map(Some).map_err(|error| {
        if errors::is_the_programs(data.py(), &error) {
            return error;
        }
        CorruptSessionError::new_err("cannot decode the session: one of its times is no number")
    })
}

/// `_creation_time`
pub(crate) fn creation_time(data: &Bound<'_, PyDict>) -> PyResult<Option<Timestamp>> {
    time(data, intern!(data.py(), "_creation_time"))
}

/// The `_creation_time` for data that has none, as after `clear()`: `now`, unless an absolute timeout counts from the
/// beginning, which must not move.
pub(crate) fn beginning<'py>(
    session: &Bound<'py, Session>,
    now: Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let known = session
        .get()
        .with(|state| state.life.begun().filter(|_| state.options.settings.limits.count_from_beginning()))?;
    Ok(if let Some(begun) = known { PyFloat::new(session.py(), begun).into_any() } else { now })
}

/// The times in a session's data.
pub(crate) fn in_data(data: &Bound<'_, PyDict>) -> PyResult<Times> {
    let accessed = time(data, intern!(data.py(), "_accessed_time"))?;
    Ok(Times { accessed, begun: creation_time(data)? })
}
