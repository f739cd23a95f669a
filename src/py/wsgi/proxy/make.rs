//! Making the session of a proxy.

use std::sync::Arc;

use pyo3::PyTypeInfo;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::class::SessionObject;
use crate::py::cookie_session::{self, CookieSession};
use crate::py::once::intern;
use crate::py::options::Options;
use crate::py::replaced;
use crate::py::session::{self as sessions, Session, is_exact};
use crate::py::wsgi::options;

/// The session, which is made if there is none yet; by the class's own `_session()` if it has one.
pub(crate) fn session<'py>(slf: &Bound<'py, SessionObject>) -> PyResult<Bound<'py, PyAny>> {
    if makes_its_own(slf)? { slf.call_method0(intern!(slf.py(), "_session")) } else { make(slf) }
}

/// Whether the class has a way of its own to its session.
fn makes_its_own(slf: &Bound<'_, SessionObject>) -> PyResult<bool> {
    let (class, ours) = (slf.get_type(), SessionObject::type_object(slf.py()));
    if class.is(&ours) {
        return Ok(false);
    }
    let name = intern!(slf.py(), "_session");
    Ok(!class.getattr(name)?.is(&ours.getattr(name)?))
}

/// `SessionObject._session`
pub(super) fn make<'py>(slf: &Bound<'py, SessionObject>) -> PyResult<Bound<'py, PyAny>> {
    let py = slf.py();
    if let Some(session) = made(slf)? {
        return Ok(session);
    }
    let options = request_options(slf)?;
    // What is put into a second session of this proxy would be lost, and it would wait for the first one's lock.
    let _making = slf.get().cell.wait_to_make(py)?;
    if let Some(session) = made(slf)? {
        return Ok(session);
    }
    let request = PyDict::new(py);
    request.set_item(intern!(py, "cookie_out"), py.None())?;
    // A session without a cookie says nothing of it later, and frameworks look at both.
    request.set_item(intern!(py, "set_cookie"), false)?;
    request.set_item(intern!(py, "cookie"), slf.get().cell.cookie(slf)?)?;
    slf.get().cell.set_headers(slf, request.clone())?;
    let in_cookie = options.is_in_cookie();
    let own_class = match &options.session_class {
        Some(class) => Some(class.bind(py).clone()),
        None if in_cookie => replaced::SESSION.replacement::<CookieSession>(intern!(py, "CookieSession"))?,
        None => replaced::SESSION.replacement::<Session>(intern!(py, "Session"))?,
    };
    let session = match own_class {
        None if in_cookie => cookie_session::create(py, request.as_any(), options)?.into_any(),
        None => {
            let patience = slf.get().cell.patience(&options);
            sessions::create(py, request.as_any(), options, patience)?.into_any()
        }
        Some(class) => {
            let made = class.call((request,), Some(&slf.get().cell.params(slf)?))?;
            if let Ok(session) = made.cast::<Session>() {
                session.get().with(|state| state.access.patience.share())?;
            }
            made
        }
    };
    slf.get().cell.set_session(slf, &session)?;
    Ok(session)
}

/// The compiled options of the request's session.
pub(super) fn request_options(slf: &Bound<'_, SessionObject>) -> PyResult<Arc<Options>> {
    match slf.get().cell.prepared() {
        Some(options) => Ok(options),
        None => options::of(&slf.get().cell.params(slf)?),
    }
}

/// The session if it was made.
pub(super) fn made<'py>(slf: &Bound<'py, SessionObject>) -> PyResult<Option<Bound<'py, PyAny>>> {
    slf.get().cell.session(slf)
}

/// The session if it is a `Session` itself, whose methods need no Python to be called.
pub(super) fn plain<'a, 'py>(session: &'a Bound<'py, PyAny>) -> Option<&'a Bound<'py, Session>> {
    session.cast::<Session>().ok().filter(|session| is_exact(session))
}
