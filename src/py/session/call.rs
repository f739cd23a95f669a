//! The methods that a subclass may override, called as the object's class wants them called.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use super::{Methods, Session, as_dict, configurable, cookie, create, encode, is_exact, methods, verbs};
use crate::py::cookie_session::{self, CookieSession};
use crate::py::nesting::{self, Work};
use crate::py::once::intern;

/// `session.load()`
pub(crate) fn load(session: &Bound<'_, Session>) -> PyResult<()> {
    match methods(session) {
        Methods::Session => super::load::load(session),
        Methods::CookieSession => cookie_session::load(session),
        Methods::Subclass => session.call_method0(intern!(session.py(), "load")).map(drop),
    }
}

/// `session.save()`, or `session.save(accessed_only=True)`.
pub(crate) fn save(session: &Bound<'_, Session>, accessed_only: bool) -> PyResult<()> {
    let py = session.py();
    match methods(session) {
        Methods::Session => return super::save::save(session, accessed_only),
        Methods::CookieSession => return cookie_session::save(session, accessed_only),
        Methods::Subclass => {}
    }
    if !accessed_only {
        return session.call_method0(intern!(py, "save")).map(drop);
    }
    let kwargs = PyDict::new(py);
    kwargs.set_item(intern!(py, "accessed_only"), true)?;
    session.call_method(intern!(py, "save"), (), Some(&kwargs)).map(drop)
}

/// `session.clear()`
pub(crate) fn clear(session: &Bound<'_, Session>) -> PyResult<()> {
    if is_exact(session) {
        return configurable::clear(session.as_super());
    }
    session.call_method0(intern!(session.py(), "clear")).map(drop)
}

/// `session.invalidate()`
pub(crate) fn invalidate(session: &Bound<'_, Session>) -> PyResult<()> {
    match methods(session) {
        Methods::Session => verbs::invalidate(session),
        Methods::CookieSession => cookie_session::invalidate(session),
        Methods::Subclass => session.call_method0(intern!(session.py(), "invalidate")).map(drop),
    }
}

/// `session.delete()`
pub(crate) fn delete(session: &Bound<'_, Session>) -> PyResult<()> {
    match methods(session) {
        Methods::Session => verbs::delete(session),
        Methods::CookieSession => cookie_session::delete(session),
        Methods::Subclass => session.call_method0(intern!(session.py(), "delete")).map(drop),
    }
}

/// `session._create_cookie()`, of a session that its cookie keeps.
pub(crate) fn create_cookie(session: &Bound<'_, Session>) -> PyResult<()> {
    if is_exact(session) {
        return cookie_session::create_cookie(session);
    }
    session.call_method0(intern!(session.py(), "_create_cookie")).map(drop)
}

/// `session._create_id()`, or `session._create_id(set_new=False)`
pub(crate) fn create_id(session: &Bound<'_, Session>, set_new: bool) -> PyResult<()> {
    let py = session.py();
    match methods(session) {
        Methods::Session => return create::create_id(session, set_new),
        Methods::CookieSession => return cookie_session::create_id(session, set_new),
        Methods::Subclass => {}
    }
    if set_new {
        return session.call_method0(intern!(py, "_create_id")).map(drop);
    }
    let kwargs = PyDict::new(py);
    kwargs.set_item(intern!(py, "set_new"), false)?;
    session.call_method(intern!(py, "_create_id"), (), Some(&kwargs)).map(drop)
}

/// `session._update_cookie_out()`, or with `set_cookie=False`
pub(crate) fn update_cookie_out(session: &Bound<'_, Session>, set_cookie: bool) -> PyResult<()> {
    let py = session.py();
    if is_exact(session) {
        return cookie::update_cookie_out(session, set_cookie);
    }
    let kwargs = PyDict::new(py);
    if !set_cookie {
        kwargs.set_item(intern!(py, "set_cookie"), false)?;
    }
    session.call_method(intern!(py, "_update_cookie_out"), (), Some(&kwargs)).map(drop)
}

/// `session._set_cookie_values()`
pub(crate) fn set_cookie_values(session: &Bound<'_, Session>) -> PyResult<()> {
    if is_exact(session) {
        return cookie::set_cookie_values(session, None);
    }
    session.call_method0(intern!(session.py(), "_set_cookie_values")).map(drop)
}

/// `session._set_cookie_expires(expires)`
pub(crate) fn set_cookie_expires(
    session: &Bound<'_, Session>,
    expires: Option<&Bound<'_, PyAny>>,
) -> PyResult<()> {
    let py = session.py();
    if is_exact(session) {
        return cookie::set_cookie_expires(session, expires).map(drop);
    }
    session.call_method1(intern!(py, "_set_cookie_expires"), (expires,)).map(drop)
}

/// `session._delete_cookie()`
pub(crate) fn delete_cookie(session: &Bound<'_, Session>) -> PyResult<()> {
    if is_exact(session) {
        return cookie::delete_cookie(session);
    }
    session.call_method0(intern!(session.py(), "_delete_cookie")).map(drop)
}

/// `session._set_serializer(data_serializer)`; only where it is overridden, for the options have it otherwise.
pub(crate) fn set_serializer(
    session: &Bound<'_, Session>,
    data_serializer: &Bound<'_, PyAny>,
) -> PyResult<()> {
    if overrides(session, intern!(session.py(), "_set_serializer"))? {
        session.call_method1(intern!(session.py(), "_set_serializer"), (data_serializer,))?;
    }
    Ok(())
}

/// Whether the class has a way of its own from the data to the text.
pub(crate) fn encrypts_itself(session: &Bound<'_, Session>) -> PyResult<bool> {
    overrides(session, intern!(session.py(), "_encrypt_data"))
}

/// Whether the class has a way of its own from the data to the text or back, so that both go through the text.
pub(crate) fn has_own_text(session: &Bound<'_, Session>) -> PyResult<bool> {
    Ok(encrypts_itself(session)? || overrides(session, intern!(session.py(), "_decrypt_data"))?)
}

/// `session._encrypt_data(data)`
pub(crate) fn encrypt_data<'py>(
    session: &Bound<'py, Session>,
    data: &Bound<'py, PyDict>,
) -> PyResult<Vec<u8>> {
    let py = session.py();
    let _entered = nesting::enter(py, Work::Write(session.as_ptr() as usize))?;
    if !encrypts_itself(session)? {
        return encode::encode(session, data).map(String::into_bytes);
    }
    let text = session.call_method1(intern!(py, "_encrypt_data"), (data,))?;
    match text.cast::<PyString>() {
        Ok(text) => Ok(text.to_str()?.as_bytes().to_vec()),
        Err(_) => text.extract(),
    }
}

/// Whether the object's class has a method of its own in place of the one named.
pub(crate) fn overrides(session: &Bound<'_, Session>, name: &Bound<'_, PyString>) -> PyResult<bool> {
    if is_exact(session) {
        return Ok(false);
    }
    let own = session.get_type().getattr(name)?;
    let py = session.py();
    let base = if session.is_instance_of::<CookieSession>() {
        py.get_type::<CookieSession>()
    } else {
        py.get_type::<Session>()
    };
    Ok(!own.is(&base.getattr(name)?))
}

/// The session's items as a dictionary of its own. Copied item by item: since a session iterates in a way of
/// its own, the interpreter would ask it for each key, and for each value as if a program had. And gathered
/// before they are copied: to put a key into a dictionary may call its `__hash__`, which may change the session.
pub(crate) fn plain<'py>(session: &Bound<'py, Session>) -> PyResult<Bound<'py, PyDict>> {
    let copy = PyDict::new(session.py());
    let items: Vec<_> = as_dict(session)?.iter().collect();
    for (key, value) in items {
        copy.set_item(key, value)?;
    }
    Ok(copy)
}
