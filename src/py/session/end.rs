//! Ending a session.

use pyo3::prelude::*;

use super::class::{Session, is_exact};
use super::{call, ending, load, request};
use crate::py::clock;
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
    if !is_exact(session) {
        return call::load(session);
    }
    // A store need not be asked about an id that was made a moment ago.
    if session.get().with(|state| state.options.settings.use_cookies)? {
        request::set_cookie(session, true)?;
    }
    load::begin(session, &clock::now(session.py())?)
}
