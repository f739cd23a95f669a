//! The cookie that the session sends to the browser.
//!
//! As long as no program asks for `session.cookie`, the header is written directly. After that the `Morsel`, which the
//! program may have changed, prints the header.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyString, PyTuple};

use super::class::{Session, as_dict, is_exact};
use super::cookie_state::CookieValue;
use super::{call, cookie_scope, morsel, request};
use crate::config::CookieExpires;
use crate::cookie;
use crate::py::clock;
use crate::py::errors::IntoPyResult;
use crate::py::once::intern;
use crate::py::options::cookie_expires_of;

/// How long ago a cookie that deletes itself claims to have expired, in seconds.
pub(crate) const A_YEAR: f64 = 365.0 * 86_400.0;

/// `_update_cookie_out`: writes `cookie_out` and `set_cookie` into the request.
pub(crate) fn update_cookie_out(session: &Bound<'_, Session>, set_cookie: bool) -> PyResult<()> {
    call::set_cookie_values(session, None)?;
    publish(session, set_cookie)
}

/// Writes the current cookie into the request.
pub(crate) fn publish(session: &Bound<'_, Session>, set_cookie: bool) -> PyResult<()> {
    let py = session.py();
    if session.get().with(|state| state.life.via_old_id())? {
        // The new id is in the cookie of the response that gave it to the session, and in no other.
        return request::withdraw(session);
    }
    let header = match materialised(session)? {
        None => write(session)?.into_pyobject(py)?.into_any(),
        Some(cookie) => morsel::print(&morsel_of(session, &cookie)?)?.into_any(),
    };
    request::set(session, intern!(py, "cookie_out"), &header)?;
    request::set_cookie(session, set_cookie)
}

/// Updates the cookie of a cookie session.
pub(crate) fn refresh(session: &Bound<'_, Session>) -> PyResult<()> {
    // The methods of a subclass find the `Morsel` that they may change.
    let cookie = if is_exact(session) { materialised(session)? } else { Some(object(session)?) };
    let Some(cookie) = cookie else { return call::set_cookie_expires(session, None) };
    let morsel = set_value(session, &cookie)?;
    call::set_cookie_expires(session, None)?;
    fill_place(session, &morsel)?;
    set_http_only(session, &morsel)
}

/// `_set_cookie_http_only`
fn set_http_only(session: &Bound<'_, Session>, morsel: &Bound<'_, PyAny>) -> PyResult<()> {
    if is_exact(session) { fill_http_only(session, morsel) } else { call::set_cookie_http_only(session) }
}

/// `_set_cookie_values`
pub(crate) fn set_cookie_values(
    session: &Bound<'_, Session>,
    expires: Option<&Bound<'_, PyAny>>,
) -> PyResult<()> {
    if let Some(cookie) = materialised(session)? {
        let morsel = set_value(session, &cookie)?;
        fill_place(session, &morsel)?;
        set_http_only(session, &morsel)?;
    } else if expires.is_none() && is_exact(session) {
        return Ok(());
    }
    call::set_cookie_expires(session, expires)
}

/// Writes the session's value and every attribute but the expiry into its `Morsel`.
fn fill_morsel<'py>(session: &Bound<'py, Session>, cookie: &Bound<'py, PyAny>) -> PyResult<()> {
    let morsel = set_value(session, cookie)?;
    fill_place(session, &morsel)?;
    fill_http_only(session, &morsel)
}

fn fill_http_only<'py>(session: &Bound<'py, Session>, morsel: &Bound<'py, PyAny>) -> PyResult<()> {
    if session.get().options()?.settings.http_only {
        morsel.set_item("httponly", true)?;
    }
    Ok(())
}

/// Where the cookie is sent.
fn fill_place<'py>(session: &Bound<'py, Session>, morsel: &Bound<'py, PyAny>) -> PyResult<()> {
    let options = session.get().options()?;
    let settings = &options.settings;
    let (domain, path) = cookie_scope::checked(session)?;
    if let Some(domain) = domain.filter(|domain| !domain.is_empty()) {
        morsel.set_item("domain", domain)?;
    }
    if settings.secure {
        morsel.set_item("secure", true)?;
    }
    if let Some(same_site) = &settings.same_site {
        morsel.set_item("samesite", same_site)?;
    }
    if settings.partitioned {
        morsel.set_item("partitioned", true)?;
    }
    morsel.set_item("path", path)
}

/// Puts the value into the session's `Morsel`, as it is sent.
fn set_value<'py>(session: &Bound<'py, Session>, cookie: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let key = session.get().options()?.settings.key.clone();
    let value = value(session)?;
    if !cookie.contains(&key)? {
        cookie.set_item(&key, value.plain())?;
    }
    let morsel = cookie.get_item(&key)?;
    morsel.call_method1(intern!(session.py(), "set"), (key, value.plain(), &value.coded))?;
    Ok(morsel)
}

/// The value of the cookie: the one that is to be sent, else one from the session as it is.
fn value(session: &Bound<'_, Session>) -> PyResult<Arc<CookieValue>> {
    match session.get().with(|state| state.cookie.value.clone())? {
        Some(value) => Ok(value),
        None => (session.get().methods().cookie_value)(session).map(Arc::new),
    }
}

/// The id as a cookie's value, signed where the options have a secret.
pub(super) fn id_value(session: &Bound<'_, Session>) -> PyResult<CookieValue> {
    let py = session.py();
    let (options, id) =
        session.get().with(|state| (Arc::clone(&state.options), state.life.id().as_str().to_owned()))?;
    cookie::validate_value(&id).into_py(py)?;
    Ok(match &options.settings.signer {
        Some(signer) => {
            let coded = signer.sign(&id, clock::now(py)?.seconds);
            CookieValue { plain: Some(id), coded }
        }
        None => CookieValue { plain: None, coded: id },
    })
}

/// `_set_cookie_expires`: sets the cookie's expiry, if `expires` is given, and returns it.
pub(crate) fn set_cookie_expires(
    session: &Bound<'_, Session>,
    expires: Option<&Bound<'_, PyAny>>,
) -> PyResult<CookieExpires> {
    let py = session.py();
    let meant = match expires.filter(|expires| !expires.is_none()) {
        None => current_expires(session)?,
        Some(object) => set_expires(session, object)?,
    };
    if let Some(cookie) = materialised(session)? {
        let date = meant.attribute(clock::now(py)?.seconds).into_py(py)?;
        morsel_of(session, &cookie)?.set_item("expires", date.unwrap_or_default())?;
    }
    Ok(meant)
}

/// Sets the attribute `cookie_expires`.
pub(super) fn set_expires(
    session: &Bound<'_, Session>,
    object: &Bound<'_, PyAny>,
) -> PyResult<CookieExpires> {
    let meant = cookie_expires_of(object)?;
    let object = object.clone().unbind();
    let _dropped = session.get().with(|state| state.cookie.set_expires(object, meant))?;
    Ok(meant)
}

/// The moment that `expires` means, as Beaker returns it: a `datetime`, or `True` for none.
pub(crate) fn moment<'py>(
    session: &Bound<'py, Session>,
    meant: CookieExpires,
) -> PyResult<Bound<'py, PyAny>> {
    let py = session.py();
    match meant {
        CookieExpires::WithBrowser => Ok(PyBool::new(py, true).to_owned().into_any()),
        CookieExpires::Never => utc(py, f64::from(i32::MAX)),
        CookieExpires::After(seconds) => utc(py, clock::now(py)?.seconds + seconds),
        CookieExpires::At(_) => session.get().with(|state| state.cookie.expires(py, &state.options)),
    }
}

fn utc(py: Python<'_>, seconds: f64) -> PyResult<Bound<'_, PyAny>> {
    let datetime = py.import("datetime")?;
    let utc = datetime.getattr("timezone")?.getattr("utc")?;
    datetime.getattr("datetime")?.call_method1("fromtimestamp", (seconds, utc))
}

/// `_delete_cookie`: a cookie that has expired.
pub(crate) fn delete_cookie(session: &Bound<'_, Session>) -> PyResult<()> {
    let py = session.py();
    request::set_cookie(session, true)?;
    let past = utc(py, clock::now(py)?.seconds - A_YEAR)?;
    call::set_cookie_values(session, Some(&past))?;
    call::update_cookie_out(session, true)
}

/// The cookies as an `http.cookies` object, made when a program first asks.
pub(crate) fn object<'py>(session: &Bound<'py, Session>) -> PyResult<Bound<'py, PyAny>> {
    let py = session.py();
    if let Some(cookie) = materialised(session)? {
        return Ok(cookie);
    }
    let options = session.get().options()?;
    let request = session.get().with(|state| state.request.clone_ref(py))?;
    let header = request.bind(py).call_method1(intern!(py, "get"), (intern!(py, "cookie"), ""))?;
    let header = if header.is_none() { PyString::new(py, "").into_any() } else { header };
    let module = py.import("beaker.cookie")?;
    let cookie = if options.settings.signing_keys().is_empty() {
        module.getattr("SimpleCookie")?.call1((header,))?
    } else {
        let keys = options.settings.signing_keys().iter().map(|key| PyBytes::new(py, key));
        module.getattr("SignedCookie")?.call1((PyTuple::new(py, keys)?, header))?
    };
    let kept = cookie.clone().unbind();
    let _dropped = session.get().with(|state| state.cookie.set_object(kept))?;
    let written = request.bind(py).call_method1(intern!(py, "get"), (intern!(py, "cookie_out"),))?;
    if !written.is_none() {
        // Not through a subclass's methods: they were called when the header was written.
        fill_morsel(session, &cookie)?;
        set_cookie_expires(session, None)?;
    } else if cookie.contains(&options.settings.key)? {
        show_chosen(session, &cookie)?;
    }
    Ok(cookie)
}

/// Puts the session's own cookie into `cookie`, which has the last of several with our name.
fn show_chosen<'py>(session: &Bound<'py, Session>, cookie: &Bound<'py, PyAny>) -> PyResult<()> {
    let (key, id) = session.get().with(|state| {
        let is_told = state.life.is_from_cookie() && !state.life.via_old_id();
        (state.options.settings.key.clone(), is_told.then(|| state.life.id().as_str().to_owned()))
    })?;
    let Some(id) = id else { return Ok(()) };
    if cookie.get_item(key)?.getattr(intern!(session.py(), "value"))?.eq(id)? {
        return Ok(());
    }
    set_value(session, cookie).map(drop)
}

fn materialised<'py>(session: &Bound<'py, Session>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = session.py();
    session.get().with(|state| state.cookie.object(py))
}

fn morsel_of<'py>(session: &Bound<'py, Session>, cookie: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let key = session.get().options()?.settings.key.clone();
    if cookie.contains(&key)? { cookie.get_item(key) } else { set_value(session, cookie) }
}

/// Takes an attribute that a program sets to nothing out of the `Morsel`, if there is one.
pub(crate) fn set_attribute(
    session: &Bound<'_, Session>,
    name: &str,
    value: &Bound<'_, PyAny>,
) -> PyResult<()> {
    match materialised(session)? {
        Some(cookie) if !value.is_truthy()? => morsel_of(session, &cookie)?.set_item(name, ""),
        _ => Ok(()),
    }
}

/// The expiry that the program set on this session, else the option's, which a session timeout may prolong.
fn current_expires(session: &Bound<'_, Session>) -> PyResult<CookieExpires> {
    let (own, option, timeout) = session.get().with(|state| {
        let own = state.cookie.own_expires();
        (own, state.options.settings.cookie_expires, state.life.timeout())
    })?;
    match (own, timeout) {
        (Some(own), _) => Ok(own),
        (None, None) => Ok(option),
        #[allow(clippy::cast_precision_loss, reason = "the longest timeout is below 2^53 seconds")]
        (None, Some(seconds)) => Ok(option.at_least(seconds as f64, clock::now(session.py())?.seconds)),
    }
}

fn write(session: &Bound<'_, Session>) -> PyResult<String> {
    let py = session.py();
    let options = session.get().options()?;
    let settings = &options.settings;
    let (domain, path) = cookie_scope::checked(session)?;
    let expires = match current_expires(session)? {
        CookieExpires::WithBrowser => None,
        other => other.attribute(clock::now(py)?.seconds).into_py(py)?,
    };
    let value = value(session)?;
    let mut header = String::new();
    let attributes = settings.attributes(domain.as_deref(), &path, expires.as_deref());
    cookie::write(&mut header, &settings.key, &value.coded, &attributes);
    Ok(header)
}

/// Sets the domain; an error if no cookie can carry it.
pub(crate) fn set_domain(session: &Bound<'_, Session>, domain: &Bound<'_, PyAny>) -> PyResult<()> {
    let options = session.get().options()?;
    let text: Option<String> = domain.extract()?;
    let attributes = options.settings.attributes(text.as_deref(), &options.settings.path, None);
    cookie::validate(&options.settings.key, &attributes).into_py(session.py())?;
    as_dict(session)?.set_item(intern!(session.py(), "_domain"), domain)?;
    set_attribute(session, "domain", domain)
}

/// Sets the path; an error if no cookie can carry it.
pub(crate) fn set_path(session: &Bound<'_, Session>, path: &Bound<'_, PyAny>) -> PyResult<()> {
    let options = session.get().options()?;
    let text: String = path.extract()?;
    let attributes = options.settings.attributes(None, &text, None);
    cookie::validate(&options.settings.key, &attributes).into_py(session.py())?;
    as_dict(session)?.set_item(intern!(session.py(), "_path"), path)
}
