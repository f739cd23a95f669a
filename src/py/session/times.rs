//! The times in a session's data: when it began and when it was used last.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFloat, PyString};

use super::class::Session;
use crate::config::STORE_GRACE_SECONDS;
use crate::py::clock::Now;
use crate::py::errors::{self, CorruptSessionError};
use crate::py::once::intern;
use crate::session::{Limits, Times};
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

/// What `_creation_time` has to be where a session's data has none, as after `clear()`: `now`, unless the session's
/// life counts from its beginning, which nobody is to move.
pub(crate) fn beginning<'py>(
    session: &Bound<'py, Session>,
    now: Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let known = session
        .get()
        .with(|state| state.begun.filter(|_| state.options.settings.limits.count_from_beginning()))?;
    Ok(match known {
        Some(begun) => PyFloat::new(session.py(), begun).into_any(),
        None => now,
    })
}

/// The times in what was loaded. Where it does not say when it began, it was not after `begun_by`.
pub(crate) fn loaded_times(data: &Bound<'_, PyDict>, begun_by: Option<Timestamp>) -> PyResult<Times> {
    let accessed = time(data, intern!(data.py(), "_accessed_time"))?;
    Ok(Times { accessed, begun: creation_time(data)?.or(begun_by) })
}

/// A session that says that it begins in the future was begun while a clock was ahead, and would be alive for as much
/// longer. Where its end counts from its beginning, it begins now. Whether that was so.
pub(crate) fn correct_beginning(
    limits: &Limits,
    data: &Bound<'_, PyDict>,
    times: &mut Times,
    now: &Now<'_>,
) -> PyResult<bool> {
    let key = intern!(data.py(), "_creation_time");
    if !limits.count_from_beginning() || !times.begun.is_some_and(|begun| is_to_come(begun, now.seconds)) {
        return Ok(false);
    }
    times.begun = Some(now.seconds);
    let is_told = data.contains(key)?;
    if is_told {
        data.set_item(key, &now.object)?;
    }
    Ok(is_told)
}

/// Whether a moment lies further in the future than the clocks of two machines differ.
#[allow(clippy::cast_precision_loss, reason = "a few seconds")]
pub(crate) fn is_to_come(moment: Timestamp, now: Timestamp) -> bool {
    moment - now > STORE_GRACE_SECONDS as f64
}
