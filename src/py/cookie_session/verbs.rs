//! Beginning, rotating and ending a session that its cookie keeps. Each takes effect at once: there is no record
//! that could stay behind, only a cookie to be replaced.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyString;

use super::data::{self, id_in};
use super::save;
use crate::id::SessionId;
use crate::py::ids;
use crate::py::once::intern;
use crate::py::session::{Session, as_dict, call, content};

/// `CookieSession.id`
pub(super) fn id<'py>(session: &Bound<'py, Session>) -> PyResult<Bound<'py, PyAny>> {
    if let Some(id) = id_in(session)? {
        return Ok(id);
    }
    let id = session.get().with(|state| state.life.id().as_str().to_owned())?;
    Ok(PyString::new(session.py(), &id).into_any())
}

/// Sets `CookieSession.id`; the cookie has it when the session is saved.
pub(super) fn set_id(session: &Bound<'_, Session>, id: &Bound<'_, PyAny>) -> PyResult<()> {
    let id = ids::text_of(id)?;
    as_dict(session)?.set_item(intern!(session.py(), "_id"), &id)?;
    session.get().with(|state| state.life.turn_to(SessionId::from_program(id)))
}

pub(super) fn rename<'py>(session: &Bound<'py, Session>, set_new: bool) -> PyResult<Bound<'py, PyString>> {
    let id = ids::generate(session.py())?;
    let text = PyString::new(session.py(), id.as_str());
    session.get().with(|state| if set_new { state.life.begin_anew(id) } else { state.life.rename(id) })?;
    as_dict(session)?.set_item(intern!(session.py(), "_id"), &text)?;
    Ok(text)
}

/// `CookieSession._create_id`: a new id. With `set_new` for a new session, otherwise for this one, whose stored data is
/// sent again under the new id.
pub(crate) fn create_id(session: &Bound<'_, Session>, set_new: bool) -> PyResult<()> {
    let id = rename(session, set_new)?;
    if set_new {
        let _dropped = session.get().with(|state| state.snapshots.set_last_accessed(None))?;
        return Ok(());
    }
    if session.get().with(|state| state.life.is_deleted())? {
        // The old data must not be sent again, not even in an expired cookie.
        return Ok(());
    }
    let data = data::stored(session)?;
    let accessed = content::loaded(session)?;
    for dict in [data.as_any(), &accessed] {
        dict.set_item(intern!(session.py(), "_id"), &id)?;
    }
    save::send_data(session, data)
}

/// `CookieSession.invalidate`: ends the session and begins another, whose cookie takes its place.
pub(crate) fn invalidate(session: &Bound<'_, Session>) -> PyResult<()> {
    let id = ids::generate(session.py())?;
    session.get().with(|state| {
        state.life.end();
        state.life.rename(id);
    })?;
    begin_anew(session)
}

/// Empties the session, which keeps its id.
pub(super) fn empty(session: &Bound<'_, Session>) -> PyResult<()> {
    call::clear(session)?;
    let id = session.get().with(|state| state.life.id().as_str().to_owned())?;
    as_dict(session)?.set_item(intern!(session.py(), "_id"), id)
}

/// Begins an empty session under the current id. Its cookie replaces the one that was sent or received.
pub(super) fn begin_anew(session: &Bound<'_, Session>) -> PyResult<()> {
    empty(session)?;
    // Under another domain or path the new cookie would stand beside the old one, which would still be good.
    if let Some((domain, path)) = session.get().with(|state| state.cookie.scope.clone())? {
        as_dict(session)?.set_item(intern!(session.py(), "_domain"), domain)?;
        as_dict(session)?.set_item(intern!(session.py(), "_path"), path)?;
    }
    let _dropped = session.get().with(|state| {
        state.life.set_new(true);
        state.life.opened(None, None, false);
        (state.snapshots.clear(), state.cookie.payload.take())
    })?;
    // A subclass may have a way of its own to make the cookie.
    call::create_cookie(session)
}

/// `CookieSession.delete`: sends a cookie that has expired and holds nothing.
pub(crate) fn delete(session: &Bound<'_, Session>) -> PyResult<()> {
    let _ended = session.get().with(|state| {
        state.cookie.value = Some(Arc::default());
        state.life.delete()
    })?;
    call::delete_cookie(session)?;
    call::clear(session)
}
