//! Session ids that come from Python.

use pyo3::prelude::*;

use super::errors::ConfigurationError;
use super::once::{Once, intern};
use super::replaced;
use crate::id::SessionId;

/// A new id: random, or from `beaker.session._session_id` where a program replaced that function.
pub(crate) fn generate(py: Python<'_>) -> PyResult<SessionId> {
    static OURS: Once<Py<PyAny>> = Once::new();
    let ours = OURS.import(py, "beaker._core", "session_id")?;
    match replaced::SESSION.get(intern!(py, "_session_id"))? {
        Some(make) if !make.is(ours) => Ok(SessionId::from_program(text_of(&make.call0()?)?)),
        _ => Ok(SessionId::generate()),
    }
}

/// The text of an id that a program gives.
pub(crate) fn text_of(id: &Bound<'_, PyAny>) -> PyResult<String> {
    let text = id.str()?;
    // Replacing a lone surrogate would make two ids equal.
    let text = text.to_str().map_err(|_| ConfigurationError::new_err("a session id must be Unicode text"))?;
    Ok(text.to_owned())
}
