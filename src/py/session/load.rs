//! Loading a session from its store.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyString};

use super::class::{Session, as_dict, is_exact};
use super::stored::{Base, Content, Loaded};
use super::times::{correct_beginning, loaded_times};
use super::{call, candidates, encode, hold, own_timeout, record, request, rotated};
use crate::clock as machine;
use crate::codec::RecordFormat;
use crate::codec::pointer::{self, Pointer};
use crate::id::SessionId;
use crate::py::clock::{self, Now};
use crate::py::errors::{CorruptSessionError, IntoPyResult};
use crate::py::gil;
use crate::py::nesting::{self, Work};
use crate::py::once::intern;
use crate::session::Span;
use crate::store::{Record, Timestamp};

/// Where asking the store about an id leads to, and when it was asked.
enum Outcome<'py> {
    /// To a session, which is loaded.
    Alive,
    /// To none.
    Absent(Now<'py>),
    /// To one that is over.
    Over(Now<'py>),
}

/// `Session.load`: what the store has becomes the session's content.
pub(crate) fn load(session: &Bound<'_, Session>) -> PyResult<()> {
    let _entered = nesting::enter(session.py(), Work::Load(session.as_ptr() as usize))?;
    rotated::give_up(session)?;
    let loaded = load_chosen(session);
    if loaded.is_err() {
        // Whoever has the exception may keep the session with it.
        let _failed = hold::release(session);
    }
    loaded
}

/// Loads the session. While it is made from a cookie that leads to none, another cookie's may take its place.
fn load_chosen(session: &Bound<'_, Session>) -> PyResult<()> {
    let py = session.py();
    let first = attempt(session);
    if !is_dead(py, &first) {
        return first.map(drop);
    }
    let mut first_tried = None;
    for candidate in candidates::others(session)? {
        let tried = session.get().with(|state| candidates::turn_to(state, candidate))?;
        first_tried.get_or_insert(tried);
        let next = attempt(session);
        if !is_dead(py, &next) {
            return next.map(drop);
        }
    }
    if let Some(tried) = first_tried {
        session.get().with(|state| tried.restore(state))?;
        hold::release(session)?;
    }
    match first? {
        Outcome::Alive => Ok(()),
        Outcome::Absent(now) => absent(session, &now),
        Outcome::Over(_) if machine::is_steady() => call::invalidate(session),
        Outcome::Over(now) => set_aside(session, &now),
    }
}

/// Whether an attempt found no session, or one that cannot be decoded. That a store does not answer says nothing.
fn is_dead(py: Python<'_>, attempt: &PyResult<Outcome<'_>>) -> bool {
    match attempt {
        Ok(outcome) => !matches!(outcome, Outcome::Alive),
        Err(error) => error.is_instance_of::<CorruptSessionError>(py),
    }
}

/// Loads the session if there is one under its id.
fn attempt<'py>(session: &Bound<'py, Session>) -> PyResult<Outcome<'py>> {
    let py = session.py();
    let (options, id) =
        session.get().with(|state| (Arc::clone(&state.options), state.life.record_id().clone()))?;
    hold::acquire_for_request(session, &id)?;
    // Now, and not before others have let it go.
    let now = clock::now(py)?;
    if options.settings.use_cookies {
        request::set(session, intern!(py, "set_cookie"), PyBool::new(py, true).as_any())?;
    }
    let found = find(session, &id, now.seconds)?;
    call::clear(session)?;
    let _dropped = session.get().with(|state| {
        state.handed_out = false;
        state.own_timeout = None;
        (state.saved.take(), state.base.take())
    })?;
    let Some((record, led_to)) = found else { return Ok(Outcome::Absent(now)) };
    let id = match led_to {
        Some(new) => {
            rotated::follow(session, new.clone())?;
            new
        }
        None => id,
    };
    let signed_at = session.get().with(|state| {
        state.life.found(record.version);
        state.base = Some(Base::Loaded(Arc::clone(&record.data), id.clone()));
        state.found_format = RecordFormat::of(&record.data);
        state.begun
    })?;
    let decoded = encode::decode(session, Content::Record(&record.data, &id))?;
    let Some(data) = decoded.data else { return Ok(Outcome::Absent(now)) };
    let mut times = loaded_times(&data, signed_at)?;
    let limits = options.settings.limits.with_idle(own_timeout::in_data(&data)?);
    if limits.judge(now.seconds, times) == Span::Expired {
        return Ok(Outcome::Over(now));
    }
    let is_corrected = correct_beginning(&limits, &data, &mut times, &now)?;
    let last_accessed = data.get_item(intern!(py, "_accessed_time"))?;
    // What was corrected is not what the record has, so that the record is written anew.
    let payload = decoded.payload.filter(|_| !is_corrected);
    let loaded = payload.map(|payload| {
        Arc::new(Loaded {
            record,
            payload: payload.bytes.unbind(),
            accessed: payload.accessed.map(Bound::unbind),
            in_place: payload.in_place,
        })
    });
    let _dropped = session.get().with(|state| {
        state.begun = times.begun;
        state.is_stale |= !decoded.is_current || is_corrected;
        let last_accessed = if state.life.is_new() { None } else { last_accessed.map(Bound::unbind) };
        (
            std::mem::replace(&mut state.last_accessed, last_accessed),
            std::mem::replace(&mut state.loaded, loaded),
        )
    })?;
    fill(session, &data, &now)?;
    Ok(Outcome::Alive)
}

/// The record of `id`, or of the id that it leads to, with that id.
fn find(
    session: &Bound<'_, Session>,
    id: &SessionId,
    now: Timestamp,
) -> PyResult<Option<(Record, Option<SessionId>)>> {
    let py = session.py();
    let mut led_to = None;
    let mut first = None;
    for _ in 0..=rotated::LONGEST_CHAIN {
        let at = led_to.as_ref().unwrap_or(id);
        let store = record::store(session)?;
        let found = gil::with_store(py, &*store, &*record::patience(session)?, |store| store.load(at, now))
            .into_py(py)?;
        let read = |record: &Record| Some((pointer::read(at, &record.data, now)?, record.version));
        match found.as_ref().and_then(read) {
            Some((Pointer::To(new), version)) => {
                first.get_or_insert(version);
                hold::follow(session, &new)?;
                led_to = Some(new);
            }
            Some((Pointer::Over, version)) => {
                rotated::tidy(session, at, version)?;
                return Ok(None);
            }
            None => {
                if let (None, Some(version)) = (&found, first) {
                    rotated::tidy(session, id, version)?;
                }
                return Ok(found.map(|record| (record, led_to)));
            }
        }
    }
    Ok(None)
}

/// There is no such record: the session is new, and if a browser made its id up it gets one from here.
fn absent(session: &Bound<'_, Session>, now: &Now<'_>) -> PyResult<()> {
    let py = session.py();
    if session.get().with(|state| state.life.not_found())? {
        call::create_id(session, true)?;
    }
    begin(session, now, py)
}

/// The session is over, but by a clock that jumped a moment ago and may be wrong. It is not given to this request; its
/// record stays, and the browser keeps its cookie unless the session that begins here is saved, so that it is there
/// again when the clock is right again.
fn set_aside(session: &Bound<'_, Session>, now: &Now<'_>) -> PyResult<()> {
    session.get().with(|state| state.life.disown())?;
    call::create_id(session, true)?;
    begin(session, now, session.py())
}

/// What a session without a record begins with.
pub(super) fn begin(session: &Bound<'_, Session>, now: &Now<'_>, py: Python<'_>) -> PyResult<()> {
    let _dropped = session.get().with(|state| {
        state.begun = None;
        state.found_format = RecordFormat::One;
        (state.last_accessed.take(), state.loaded.take(), state.saved.take(), state.base.take())
    })?;
    let data = PyDict::new(py);
    data.set_item(intern!(py, "_creation_time"), &now.object)?;
    fill(session, &data, now)
}

/// Whether the domain and the path of the cookie come first in `data`, as they do in a session.
fn begins_with_place(data: &Bound<'_, PyDict>) -> bool {
    let mut keys = data.iter().map(|(key, _)| key);
    let mut is =
        |name: &str| keys.next().is_some_and(|key| key.cast::<PyString>().is_ok_and(|key| key == name));
    is("_domain") && is("_path")
}

/// Makes `data` the session's content, and the copy that `revert()` goes back to.
fn fill(session: &Bound<'_, Session>, data: &Bound<'_, PyDict>, now: &Now<'_>) -> PyResult<()> {
    own_timeout::note(session, data)?;
    data.set_item(intern!(session.py(), "_accessed_time"), &now.object)?;
    let dict = as_dict(session)?;
    if begins_with_place(data) && is_exact(session) {
        // Nothing of what `clear()` put there remains, and a copy of a whole dictionary is the cheaper one.
        dict.clear();
    }
    dict.update(data.as_mapping())?;
    let kept = data.clone().into_any().unbind();
    let _dropped = session.get().with(|state| state.accessed_dict.replace(kept))?;
    Ok(())
}
