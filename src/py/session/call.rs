//! The methods that a subclass may override, called as the object's class wants them called.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use super::{Session, as_dict, configurable, cookie, create, encode, is_exact, verbs};

/// `session.load()`
pub(crate) fn load(session: &Bound<'_, Session>) -> PyResult<()> {
    if is_exact(session) {
        return super::load::load(session);
    }
    session.call_method0(intern!(session.py(), "load")).map(drop)
}

/// `session.save()`, or `session.save(accessed_only=True)`.
pub(crate) fn save(session: &Bound<'_, Session>, accessed_only: bool) -> PyResult<()> {
    let py = session.py();
    if is_exact(session) {
        return super::save::save(session, accessed_only);
    }
    if !accessed_only {
        return session.call_method0(intern!(py, "save")).map(drop);
    }
    let kwargs = PyDict::new(py);
    kwargs.set_item(intern!(py, "accessed_only"), true)?;
    session.call_method(intern!(py, "save"), (), Some(&kwargs)).map(drop)
}

/// `session.clear()`
pub(super) fn clear(session: &Bound<'_, Session>) -> PyResult<()> {
    if is_exact(session) {
        return configurable::clear(session.as_super());
    }
    session.call_method0(intern!(session.py(), "clear")).map(drop)
}

/// `session.invalidate()`
pub(super) fn invalidate(session: &Bound<'_, Session>) -> PyResult<()> {
    if is_exact(session) {
        return verbs::invalidate(session);
    }
    session.call_method0(intern!(session.py(), "invalidate")).map(drop)
}

/// `session._create_id()`, or `session._create_id(set_new=False)`
pub(super) fn create_id(session: &Bound<'_, Session>, set_new: bool) -> PyResult<()> {
    let py = session.py();
    if is_exact(session) {
        return create::create_id(session, set_new);
    }
    if set_new {
        return session.call_method0(intern!(py, "_create_id")).map(drop);
    }
    let kwargs = PyDict::new(py);
    kwargs.set_item(intern!(py, "set_new"), false)?;
    session.call_method(intern!(py, "_create_id"), (), Some(&kwargs)).map(drop)
}

/// `session._update_cookie_out()`, or with `set_cookie=False`
pub(super) fn update_cookie_out(session: &Bound<'_, Session>, set_cookie: bool) -> PyResult<()> {
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
pub(super) fn set_cookie_values(session: &Bound<'_, Session>) -> PyResult<()> {
    if is_exact(session) {
        return cookie::set_cookie_values(session, None);
    }
    session.call_method0(intern!(session.py(), "_set_cookie_values")).map(drop)
}

/// `session._set_cookie_expires(expires)`
pub(super) fn set_cookie_expires(
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
pub(super) fn delete_cookie(session: &Bound<'_, Session>) -> PyResult<()> {
    if is_exact(session) {
        return cookie::delete_cookie(session);
    }
    session.call_method0(intern!(session.py(), "_delete_cookie")).map(drop)
}

/// `session._set_serializer(data_serializer)`; only where it is overridden, for the options have it otherwise.
pub(super) fn set_serializer(
    session: &Bound<'_, Session>,
    data_serializer: &Bound<'_, PyAny>,
) -> PyResult<()> {
    if overrides(session, intern!(session.py(), "_set_serializer"))? {
        session.call_method1(intern!(session.py(), "_set_serializer"), (data_serializer,))?;
    }
    Ok(())
}

/// `session._encrypt_data(data)`
pub(super) fn encrypt_data<'py>(
    session: &Bound<'py, Session>,
    data: &Bound<'py, PyDict>,
) -> PyResult<Vec<u8>> {
    let py = session.py();
    if !overrides(session, intern!(py, "_encrypt_data"))? {
        return encode::encode(session, data).map(String::into_bytes);
    }
    let text = session.call_method1(intern!(py, "_encrypt_data"), (data,))?;
    match text.cast::<PyString>() {
        Ok(text) => Ok(text.to_str()?.as_bytes().to_vec()),
        Err(_) => text.extract(),
    }
}

/// Whether the object's class has a method of its own in place of the one named.
pub(super) fn overrides(session: &Bound<'_, Session>, name: &Bound<'_, PyString>) -> PyResult<bool> {
    if is_exact(session) {
        return Ok(false);
    }
    let own = session.get_type().getattr(name)?;
    let ours = session.py().get_type::<Session>().getattr(name)?;
    Ok(!own.is(&ours))
}

/// The session's items as a dictionary of its own. Copied item by item: since a session iterates in a way of
/// its own, the interpreter would ask it for each key, and for each value as if a program had. And gathered
/// before they are copied: to put a key into a dictionary may call its `__hash__`, which may change the session.
pub(super) fn plain<'py>(session: &Bound<'py, Session>) -> PyResult<Bound<'py, PyDict>> {
    let copy = PyDict::new(session.py());
    let items: Vec<_> = as_dict(session)?.iter().collect();
    for (key, value) in items {
        copy.set_item(key, value)?;
    }
    Ok(copy)
}
