//! Compares the session's content with its stored data.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyString};

use super::class::{Session, as_dict};
use crate::py::errors;

/// The keys that a session writes into its data itself.
const OWN: [&str; 3] = ["_accessed_time", "_creation_time", "_id"];

/// Whether a value can be changed in place.
pub(crate) fn is_mutable(value: &Bound<'_, PyAny>) -> bool {
    !(value.is_exact_instance_of::<PyString>()
        || value.is_none()
        || value.is_exact_instance_of::<PyInt>()
        || value.is_exact_instance_of::<PyBool>()
        || value.is_exact_instance_of::<PyFloat>()
        || value.is_exact_instance_of::<PyBytes>())
}

fn is_own(key: &Bound<'_, PyAny>) -> bool {
    key.cast::<PyString>().is_ok_and(|key| key.to_str().is_ok_and(|key| OWN.contains(&key)))
}

/// The session as it was loaded.
pub(crate) fn loaded<'py>(session: &Bound<'py, Session>) -> PyResult<Bound<'py, PyAny>> {
    let py = session.py();
    let loaded = session.get().with(|state| state.snapshots.loaded(py))?;
    Ok(loaded.unwrap_or_else(|| PyDict::new(py).into_any()))
}

/// The data that the session's store or cookie keeps at this time.
pub(crate) fn kept<'py>(session: &Bound<'py, Session>) -> PyResult<Option<Bound<'py, PyDict>>> {
    let py = session.py();
    session.get().with(|state| if state.life.is_deleted() { None } else { state.snapshots.kept(py) })
}

/// Whether `data` equals `kept`, the times and the id aside.
pub(crate) fn is_kept(
    session: &Bound<'_, Session>,
    data: &Bound<'_, PyDict>,
    kept: Option<&Bound<'_, PyDict>>,
) -> PyResult<bool> {
    let options = session.get().options()?;
    let initial = options.initial.bind(session.py());
    // Gathered first, since comparing may run Python.
    let items: Vec<_> = data.iter().filter(|(key, _)| !is_own(key)).collect();
    for (key, value) in &items {
        let before = if let Some(kept) = kept { kept.get_item(key)? } else { None };
        let before = if let Some(before) = before { Some(before) } else { initial.get_item(key)? };
        let is_same = before.is_some_and(|before| before.is(value) || before.eq(value).unwrap_or(false));
        if !is_same {
            return Ok(false);
        }
    }
    let Some(kept) = kept else { return Ok(true) };
    let keys: Vec<_> = kept.keys().iter().filter(|key| !is_own(key)).collect();
    for key in keys {
        if !data.contains(&key)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Gives the session the content `before` back.
pub(crate) fn restore(session: &Bound<'_, Session>, before: &Bound<'_, PyDict>) -> PyResult<()> {
    let dict = as_dict(session)?;
    dict.clear();
    dict.update(before.as_mapping())
}

/// Warns once that values put into a deleted session are lost.
pub(crate) fn warn_of_deleted(session: &Bound<'_, Session>) -> PyResult<()> {
    let py = session.py();
    if is_kept(session, as_dict(session)?, None)? {
        return Ok(());
    }
    let (id, was_warned) = session.get().with(|state| {
        (state.life.id().abbreviated(), std::mem::replace(&mut state.snapshots.warned_of_loss, true))
    })?;
    if was_warned {
        return Ok(());
    }
    errors::warn(
        py,
        &format!(
            "session {id} was deleted in this request, so that what was put into it afterwards is lost: \
             invalidate() begins another in its place"
        ),
    )
}
