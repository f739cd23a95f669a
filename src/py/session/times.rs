//! The times in a session's data: when it began and when it was used last.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::py::errors::CorruptSessionError;
use crate::session::Times;
use crate::store::Timestamp;

fn time(data: &Bound<'_, PyDict>, key: &Bound<'_, PyString>) -> PyResult<Option<Timestamp>> {
    let Some(time) = data.get_item(key)? else { return Ok(None) };
    time.extract()
        .map(Some)
        .map_err(|_| CorruptSessionError::new_err("cannot decode the session: one of its times is no number"))
}

/// `_creation_time`
pub(crate) fn creation_time(data: &Bound<'_, PyDict>) -> PyResult<Option<Timestamp>> {
    time(data, intern!(data.py(), "_creation_time"))
}

/// The times in what was loaded. Where it does not say when it began, it was not after `begun_by`.
pub(crate) fn loaded_times(data: &Bound<'_, PyDict>, begun_by: Option<Timestamp>) -> PyResult<Times> {
    let accessed = time(data, intern!(data.py(), "_accessed_time"))?;
    Ok(Times { accessed, begun: creation_time(data)?.or(begun_by) })
}
