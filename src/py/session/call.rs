//! The methods that a subclass may override, called as the object's class wants them called.
//!
//! An object of one of our classes has the methods of its table. For an object of a subclass Python looks them up.

use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyString};

use super::class::{Method, Methods, Session, is_exact};
use super::configurable;
use crate::py::once::intern;

/// The table of the session's class, unless a subclass may have overridden some of it.
fn own(session: &Bound<'_, Session>) -> Option<&'static Methods> {
    is_exact(session).then(|| session.get().methods())
}

/// Calls a method without arguments.
fn call(
    session: &Bound<'_, Session>,
    of: fn(&Methods) -> Option<Method>,
    name: fn(Python<'_>) -> &Bound<'_, PyString>,
) -> PyResult<()> {
    match own(session).and_then(of) {
        Some(method) => method(session),
        None => session.call_method0(name(session.py())).map(drop),
    }
}

/// Calls a method of a subclass, with an argument by keyword unless that is the usual one.
fn call_with<'py>(
    session: &Bound<'py, Session>,
    names: impl FnOnce(Python<'py>) -> [&'py Bound<'py, PyString>; 2],
    argument: bool,
    usual: bool,
) -> PyResult<()> {
    let [method, keyword] = names(session.py());
    let kwargs = (argument != usual).then(|| [(keyword, argument)].into_py_dict(session.py())).transpose()?;
    session.call_method(method, (), kwargs.as_ref()).map(drop)
}

/// `session.load()`
pub(crate) fn load(session: &Bound<'_, Session>) -> PyResult<()> {
    call(session, |own| Some(own.load), |py| intern!(py, "load"))
}

/// `session.save()`, or `session.save(accessed_only=True)`.
pub(crate) fn save(session: &Bound<'_, Session>, accessed_only: bool) -> PyResult<()> {
    let names = |py| [intern!(py, "save"), intern!(py, "accessed_only")];
    match own(session) {
        Some(own) => (own.save)(session, accessed_only),
        None => call_with(session, names, accessed_only, false),
    }
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
    call(session, |own| Some(own.invalidate), |py| intern!(py, "invalidate"))
}

/// `session.delete()`
pub(crate) fn delete(session: &Bound<'_, Session>) -> PyResult<()> {
    call(session, |own| Some(own.delete), |py| intern!(py, "delete"))
}

/// `session._create_cookie()`, of a session that its cookie keeps.
pub(crate) fn create_cookie(session: &Bound<'_, Session>) -> PyResult<()> {
    call(session, |own| own.create_cookie, |py| intern!(py, "_create_cookie"))
}

/// `session._create_id()`, or `session._create_id(set_new=False)`
pub(crate) fn create_id(session: &Bound<'_, Session>, set_new: bool) -> PyResult<()> {
    let names = |py| [intern!(py, "_create_id"), intern!(py, "set_new")];
    match own(session) {
        Some(own) => (own.create_id)(session, set_new),
        None => call_with(session, names, set_new, true),
    }
}

/// `session._update_cookie_out()`, or with `set_cookie=False`
pub(crate) fn update_cookie_out(session: &Bound<'_, Session>, set_cookie: bool) -> PyResult<()> {
    let names = |py| [intern!(py, "_update_cookie_out"), intern!(py, "set_cookie")];
    match own(session) {
        Some(own) => (own.update_cookie_out)(session, set_cookie),
        None => call_with(session, names, set_cookie, true),
    }
}

/// `session._set_cookie_values()`, or with the expiry.
pub(crate) fn set_cookie_values(
    session: &Bound<'_, Session>,
    expires: Option<&Bound<'_, PyAny>>,
) -> PyResult<()> {
    let name = intern!(session.py(), "_set_cookie_values");
    match (own(session), expires) {
        (Some(own), expires) => (own.set_cookie_values)(session, expires),
        (None, None) => session.call_method0(name).map(drop),
        (None, Some(expires)) => session.call_method1(name, (expires,)).map(drop),
    }
}

/// `session._set_cookie_expires(expires)`
pub(crate) fn set_cookie_expires(
    session: &Bound<'_, Session>,
    expires: Option<&Bound<'_, PyAny>>,
) -> PyResult<()> {
    match own(session) {
        Some(own) => (own.set_cookie_expires)(session, expires).map(drop),
        None => session.call_method1(intern!(session.py(), "_set_cookie_expires"), (expires,)).map(drop),
    }
}

/// `session._set_cookie_http_only()`, of an object of a subclass.
pub(crate) fn set_cookie_http_only(session: &Bound<'_, Session>) -> PyResult<()> {
    session.call_method0(intern!(session.py(), "_set_cookie_http_only")).map(drop)
}

/// `session._delete_cookie()`
pub(crate) fn delete_cookie(session: &Bound<'_, Session>) -> PyResult<()> {
    call(session, |own| Some(own.delete_cookie), |py| intern!(py, "_delete_cookie"))
}

/// `session._set_serializer(data_serializer)`, where a subclass overrides it. Otherwise the options have the serializer.
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

/// Whether the object's class overrides the method `name`.
pub(crate) fn overrides(session: &Bound<'_, Session>, name: &Bound<'_, PyString>) -> PyResult<bool> {
    if is_exact(session) {
        return Ok(false);
    }
    let base = (session.get().methods().class)(session.py());
    Ok(!session.get_type().getattr(name)?.is(&base.getattr(name)?))
}
