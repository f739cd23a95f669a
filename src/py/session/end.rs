//! Ending a session.

use pyo3::prelude::*;
use pyo3::types::PyBool;

use super::class::{Session, is_exact};
use super::{call, load, request, rotated};
use crate::py::clock;
use crate::py::once::intern;

/// `Session.invalidate`: ends the session, removes its record, and begins another.
pub(crate) fn invalidate(session: &Bound<'_, Session>) -> PyResult<()> {
    let py = session.py();
    let ended = session.get().with(|state| {
        state.life.set_timeout(None);
        let ended = state.life.stored_as().cloned();
        state.life.end();
        ended
    })?;
    if let Some(ended) = ended {
        rotated::remove(session, &ended)?;
    }
    call::clear(session)?;
    call::create_id(session, true)?;
    if !is_exact(session) {
        return call::load(session);
    }
    // A store need not be asked about an id that was made a moment ago.
    if session.get().with(|state| state.options.settings.use_cookies)? {
        request::set(session, intern!(py, "set_cookie"), PyBool::new(py, true).as_any())?;
    }
    load::begin(session, &clock::now(py)?)
}

/// `Session.delete`: removes the record and sends a cookie that has expired.
pub(crate) fn delete(session: &Bound<'_, Session>) -> PyResult<()> {
    let ended = session.get().with(|state| state.life.delete())?;
    rotated::remove(session, &ended)?;
    if session.get().with(|state| state.options.settings.use_cookies)? {
        call::delete_cookie(session)?;
    }
    call::clear(session)
}
