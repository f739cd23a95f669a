//! Sending the session in its cookie.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use super::data::complete;
use super::value;
use crate::codec;
use crate::py::errors::{self, BeakerException, UnstorableValueError};
use crate::py::once::intern;
use crate::py::session::{
    CookieValue, Session, as_dict, call, content, cookie, is_exact, plain, session_timeout,
};

/// `CookieSession.save`: sends the session, or with `accessed_only` renews it as it was loaded.
pub(crate) fn save(session: &Bound<'_, Session>, accessed_only: bool) -> PyResult<()> {
    if session.get().with(|state| state.life.is_deleted())? {
        return content::warn_of_deleted(session);
    }
    if accessed_only { renew(session) } else { call::create_cookie(session) }
}

/// `_create_cookie`: sends the session as it is.
pub(crate) fn create_cookie(session: &Bound<'_, Session>) -> PyResult<()> {
    complete(session, as_dict(session)?)?;
    let data = plain(session)?;
    send_data(session, data)?;
    session.get().with(|state| state.life.settled())
}

/// Sends `data`, which replaces the loaded data.
pub(super) fn send_data(session: &Bound<'_, Session>, data: Bound<'_, PyDict>) -> PyResult<()> {
    let value = value::of_data(session, &data)?;
    session_timeout::note(session, &data)?;
    send(session, value)?;
    let saved = Some(data.unbind());
    let _dropped =
        session.get().with(|state| (state.snapshots.set_saved(saved), state.cookie.payload.take()))?;
    Ok(())
}

fn send(session: &Bound<'_, Session>, value: CookieValue) -> PyResult<()> {
    session.get().with(|state| {
        state.cookie.value = Some(Arc::new(value));
        state.life.set_stale(false);
    })?;
    cookie::refresh(session)?;
    cookie::publish(session, true)
}

/// Sends a session again that was only read, with the new access time. Unsaved changes are not sent, except those made
/// in place to nested values.
fn renew(session: &Bound<'_, Session>) -> PyResult<()> {
    let py = session.py();
    let (is_new, is_due, maybe_mutated, saved, payload) = session.get().with(|state| {
        (
            state.life.is_new(),
            state.life.is_stale() || state.options.settings.save_accessed_time,
            state.snapshots.maybe_mutated,
            state.snapshots.saved(py),
            state.cookie.payload.clone(),
        )
    })?;
    if is_new || !is_due {
        return Ok(());
    }
    if let Some(saved) = saved.as_ref().filter(|_| !maybe_mutated) {
        // It has been sent in this request, as it is.
        call::clear(session)?;
        return as_dict(session)?.update(saved.as_mapping());
    }
    let accessed = if let Some(saved) = saved { saved.into_any() } else { content::loaded(session)? };
    let payload = match payload.filter(|_| is_exact(session)) {
        Some(payload) if maybe_mutated && !is_as_it_came(session, &accessed, payload.bind(py))? => None,
        payload => payload,
    };
    call::clear(session)?;
    as_dict(session)?.update(accessed.cast::<PyDict>()?.as_mapping())?;
    let sent = match payload {
        Some(payload) => touch(session, payload.bind(py).as_bytes()),
        None => call::create_cookie(session),
    };
    match sent {
        // The program's own value is at fault, and the failure concerns more than an access time.
        Err(error) if error.is_instance_of::<UnstorableValueError>(py) => Err(error),
        Err(error) if error.is_instance_of::<BeakerException>(py) => {
            errors::log_warning(py, &format!("the session's access time is not sent: {error}"))
        }
        sent => sent,
    }
}

/// Whether `data`, which may have been mutated, still equals the data in `payload`. Asked where another serializer wrote
/// `payload`: the current one may be unable to store the data, and a request that only reads must not fail for that.
fn is_as_it_came(
    session: &Bound<'_, Session>,
    data: &Bound<'_, PyAny>,
    payload: &Bound<'_, PyBytes>,
) -> PyResult<bool> {
    let py = session.py();
    let options = session.get().options()?;
    let accessed = session.get().with(|state| state.snapshots.last_accessed(py))?;
    let Some(accessed) = accessed.filter(|_| !options.serializer.writes(payload.as_bytes())) else {
        return Ok(false);
    };
    let data = data.cast::<PyDict>()?.copy()?;
    data.set_item(intern!(py, "_accessed_time"), accessed)?;
    Ok(options.serializer.dumps_like(payload.as_bytes(), &data)?.as_bytes() == payload.as_bytes())
}

/// Sends the payload that was loaded with another access time in it; where that cannot be found, encodes anew.
fn touch(session: &Bound<'_, Session>, payload: &[u8]) -> PyResult<()> {
    let dict = as_dict(session)?;
    complete(session, dict)?;
    let accessed = dict.get_item(intern!(session.py(), "_accessed_time"))?;
    let accessed = accessed.and_then(|accessed| accessed.extract::<f64>().ok());
    let touched = accessed.and_then(|accessed| codec::with_access_time(payload, accessed));
    let Some(touched) = touched else { return create_cookie(session) };
    session_timeout::note(session, dict)?;
    send(session, value::of_payload(session, dict, &touched)?)
}
