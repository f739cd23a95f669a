//! Ending a session.

use pyo3::prelude::*;
use pyo3::types::PyBool;

use super::class::{Session, is_exact};
use super::{call, ending, load, request};
use crate::py::clock;
use crate::py::once::intern;
use crate::session::end::Reason;

/// `Session.invalidate`: ends the session, removes its record, and begins another.
pub(crate) fn invalidate(session: &Bound<'_, Session>) -> PyResult<()> {
    ending::run(session, Reason::Invalidate, begin)
}

/// `Session.delete`: removes the record and sends a cookie that has expired.
pub(crate) fn delete(session: &Bound<'_, Session>) -> PyResult<()> {
    ending::run(session, Reason::Delete, begin)
}

/// Fills the session that takes the place of the one that has ended.
fn begin(session: &Bound<'_, Session>) -> PyResult<()> {
    let py = session.py();
    if !is_exact(session) {
        return call::load(session);
    }
    // A store need not be asked about an id that was made a moment ago.
    if session.get().with(|state| state.options.settings.use_cookies)? {
        request::set(session, intern!(py, "set_cookie"), PyBool::new(py, true).as_any())?;
    }
    load::begin(session, &clock::now(py)?)
}
