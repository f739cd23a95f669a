//! Reading the session out of the request's cookie.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::value::{self, Received};
use super::verbs;
use crate::clock as machine;
use crate::id::SessionId;
use crate::py::clock::{self, Now};
use crate::py::errors::CorruptSessionError;
use crate::py::ids;
use crate::py::nesting::{self, Work};
use crate::py::once::intern;
use crate::py::options::Options;
use crate::py::session::encode::Payload;
use crate::py::session::{
    Session, as_dict, call, content, cookie_scope, encode, plain, session_timeout, times,
};
use crate::session::{Beginning, Facts};

/// `CookieSession.load`: fills the session with the data that this request has sent, or else with that of the request's
/// cookie. A session that the program has ended stays empty.
pub(crate) fn load(session: &Bound<'_, Session>) -> PyResult<()> {
    let py = session.py();
    let _entered = nesting::enter(py, Work::Load(session.as_ptr() as usize))?;
    let (is_deleted, forgets, was_received, sent) = session.get().with(|state| {
        let sent = state.snapshots.saved(py);
        (state.life.is_deleted(), state.life.forgets(), state.cookie.scope.is_some(), sent)
    })?;
    if is_deleted {
        session.get().with(|state| state.life.set_new(true))?;
        return verbs::empty(session);
    }
    if forgets && (was_received || sent.is_some()) {
        return verbs::begin_anew(session);
    }
    if let Some(sent) = sent {
        return fill_again(session, &sent);
    }
    let before = as_dict(session)?.copy()?;
    let life = session.get().with(|state| state.life.clone())?;
    match verbs::empty(session).and_then(|()| received(session)) {
        Ok(received) => {
            session.get().with(|state| state.snapshots.maybe_mutated = false)?;
            fill_with(session, received)
        }
        Err(error) => {
            if session.get().with(|state| state.life.go_back(life))? {
                content::restore(session, &before)?;
            }
            Err(error)
        }
    }
}

/// Fills the session with the data that this request has sent.
fn fill_again(session: &Bound<'_, Session>, sent: &Bound<'_, PyDict>) -> PyResult<()> {
    call::clear(session)?;
    as_dict(session)?.update(sent.as_mapping())?;
    let accessed = sent.copy()?.into_any().unbind();
    let _dropped = session.get().with(|state| {
        state.life.revert();
        state.snapshots.set_loaded(Some(accessed))
    })?;
    Ok(())
}

/// Fills a session that has nothing but its id.
pub(super) fn fill(session: &Bound<'_, Session>) -> PyResult<()> {
    fill_with(session, received(session)?)
}

/// Fills a session that has nothing but its id. Without a cookie it remains so, and is new.
fn fill_with<'py>(session: &Bound<'py, Session>, received: Option<(Read<'py>, Now<'py>)>) -> PyResult<()> {
    match received {
        None => session.get().with(|state| state.life.set_new(true)),
        Some((read, now)) => begin(session, read, &now),
    }
}

/// The session in the request's cookies, and when it was read.
fn received<'py>(session: &Bound<'py, Session>) -> PyResult<Option<(Read<'py>, Now<'py>)>> {
    let py = session.py();
    let options = session.get().options()?;
    let Some(header) = value::header(session)? else { return Ok(None) };
    let header = header.to_string_lossy();
    let now = clock::now(py)?;
    let mut first = None;
    let mut chosen = None;
    value::receive(py, &options, &header, |received| {
        session.get().with(|state| state.life.set_new(false))?;
        match read(session, &options, received, &now) {
            Ok(Some(read)) if read.beginning.is_some() => chosen = Some(read),
            Err(error) if !error.is_instance_of::<CorruptSessionError>(py) => return Err(error),
            dead => {
                first.get_or_insert(dead);
            }
        }
        Ok(chosen.is_some())
    })?;
    // If none may go on, the first is as good as alone.
    let read = chosen.map_or_else(|| first.unwrap_or(Ok(None)), |read| Ok(Some(read)))?;
    Ok(read.map(|read| (read, now)))
}

/// The session in one of the values.
struct Read<'py> {
    data: Bound<'py, PyDict>,
    payload: Option<Payload<'py>>,
    timeout: Option<i64>,
    /// When the session began; `None` if it is expired.
    beginning: Option<Beginning>,
    /// Whether the cookie is as it would be written today.
    is_current: bool,
}

/// The session in `received`; `None` if it is empty.
fn read<'py>(
    session: &Bound<'py, Session>,
    options: &Options,
    received: &Received<'_>,
    now: &Now<'_>,
) -> PyResult<Option<Read<'py>>> {
    let decoded = encode::decode(session, received.content(session)?)?;
    let Some(data) = decoded.data else { return Ok(None) };
    if let Some(id) = data.get_item(intern!(session.py(), "_id"))? {
        ids::text_of(&id)?;
    }
    let (payload, is_current) = (decoded.payload, received.is_current && decoded.is_current);
    let timeout = session_timeout::in_data(&data)?;
    let facts = Facts { times: times::in_data(&data)?, timeout, is_current };
    let is_in_time = received.expires.is_none_or(|expires| now.seconds <= expires);
    let beginning = options.settings.limits.admit(now.seconds, facts, None).filter(|_| is_in_time);
    Ok(Some(Read { data, payload, timeout, beginning, is_current }))
}

/// Fills the session with what was read. An expired session is replaced by a new one.
fn begin(session: &Bound<'_, Session>, read: Read<'_>, now: &Now<'_>) -> PyResult<()> {
    let (py, options) = (session.py(), session.get().options()?);
    let Read { data, payload, timeout, beginning, is_current } = read;
    let scope = cookie_scope::in_data(&data).ok();
    session.get().with(|state| {
        state.cookie.scope = scope;
        state.life.set_stale(!is_current || options.settings.rolls());
    })?;
    if let Some(id) = data.get_item(intern!(py, "_id"))? {
        let id = ids::text_of(&id)?;
        session.get().with(|state| state.life.turn_to(SessionId::from_program(id)))?;
    }
    let Some(beginning) = beginning else {
        return if machine::is_steady() { verbs::invalidate(session) } else { set_aside(session) };
    };
    if beginning.is_corrected {
        data.set_item(intern!(py, "_creation_time"), &now.object)?;
    }
    let dict = as_dict(session)?;
    dict.update(data.as_mapping())?;
    let last_accessed = data.get_item(intern!(py, "_accessed_time"))?.map(Bound::unbind);
    let accessed = plain(session)?.into_any().unbind();
    // Corrected data differs from the cookie's, so that the cookie is written anew.
    let payload = payload.filter(|_| !beginning.is_corrected);
    let payload = payload.map(|payload| Arc::new(payload.bytes.unbind()));
    let _dropped = session.get().with(|state| {
        state.life.settled();
        state.life.opened(beginning.at, timeout, beginning.is_corrected);
        (
            state.snapshots.set_last_accessed(last_accessed),
            state.snapshots.set_loaded(Some(accessed)),
            state.snapshots.set_saved(None),
            std::mem::replace(&mut state.cookie.payload, payload),
        )
    })?;
    dict.set_item(intern!(py, "_accessed_time"), &now.object)?;
    if options.settings.save_accessed_time && call::overrides(session, intern!(py, "_create_cookie"))? {
        // A subclass with a way of its own to send the cookie has it called as soon as the session is loaded.
        call::create_cookie(session)?;
        // The program has saved nothing.
        let _dropped = session.get().with(|state| state.snapshots.set_saved(None))?;
    }
    Ok(())
}

/// The session is over, but by a clock that jumped a moment ago and may be wrong. It is not given to this request; the
/// browser keeps it unless the session that begins here is saved.
fn set_aside(session: &Bound<'_, Session>) -> PyResult<()> {
    session.get().with(|state| {
        state.life.set_invalidated(true);
        state.life.set_stale(false);
    })?;
    verbs::rename(session, true)?;
    // The browser keeps its cookie.
    session.get().with(|state| state.life.settled())
}
