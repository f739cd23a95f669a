//! The session's part in a response, be it our proxy's session or a program's own object.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::class::SessionObject;
use super::make::{made, request_options, session};
use super::{headers, late, persist as persisting};
use crate::config::CookieExpires;
use crate::cookie;
use crate::py::clock;
use crate::py::errors::IntoPyResult;
use crate::py::once::intern;
use crate::py::options::Options;
use crate::py::session::cookie::A_YEAR;
use crate::py::session::{CookieScope, Session, as_dict, cookie_scope, locking, request};
use crate::py::wsgi::options as of_request;

/// Whether the session was used, or is to be saved.
pub(crate) fn is_used(proxy: &Bound<'_, PyAny>) -> PyResult<bool> {
    match proxy.cast_exact::<SessionObject>() {
        Ok(proxy) => proxy.get().cell.is_used(proxy),
        Err(_) => proxy.call_method0(intern!(proxy.py(), "accessed"))?.is_truthy(),
    }
}

/// Stores the session.
pub(crate) fn persist(proxy: &Bound<'_, PyAny>) -> PyResult<()> {
    match proxy.cast_exact::<SessionObject>() {
        Ok(proxy) => persisting::persist(proxy),
        Err(_) => proxy.call_method0(intern!(proxy.py(), "persist")).map(drop),
    }
}

/// Lets the session go, if it was made and is held.
pub(crate) fn release(proxy: &Bound<'_, PyAny>) -> PyResult<()> {
    let Ok(proxy) = proxy.cast::<SessionObject>() else { return Ok(()) };
    match made(proxy)? {
        Some(session) => session.cast::<Session>().map_or(Ok(()), locking::release),
        None => Ok(()),
    }
}

/// Sends the headers of a response by `send`, whose session was not used.
pub(crate) fn unused<T>(proxy: &Bound<'_, SessionObject>, send: impl FnOnce() -> PyResult<T>) -> PyResult<T> {
    proxy.get().cell.drop_environ(proxy.py())?;
    let done = send()?;
    proxy.get().watch.begin();
    Ok(done)
}

/// The session needs its request's environ no more.
pub(crate) fn drop_environ(proxy: &Bound<'_, PyAny>) -> PyResult<()> {
    match proxy.cast::<SessionObject>() {
        Ok(proxy) => proxy.get().cell.drop_environ(proxy.py()),
        Err(_) => Ok(()),
    }
}

/// Remembers that the response's headers have gone, with this cookie of the session's.
pub(crate) fn headers_sent<'py>(
    proxy: &Bound<'py, PyAny>,
    cookie: Option<Bound<'py, PyAny>>,
) -> PyResult<()> {
    if let Ok(proxy) = proxy.cast::<SessionObject>() { late::sent(proxy, cookie) } else { Ok(()) }
}

/// The options of the session; those of the middleware where the session does not tell.
pub(crate) fn options(
    proxy: &Bound<'_, PyAny>,
    of_middleware: Option<&Py<PyDict>>,
) -> PyResult<Arc<Options>> {
    match (proxy.cast::<SessionObject>(), of_middleware) {
        (Err(_), Some(params)) => of_request::of(params.bind(proxy.py())),
        (proxy, _) => {
            let proxy = proxy?;
            match session(proxy)?.cast::<Session>() {
                Ok(session) => session.get().options(),
                Err(_) => request_options(proxy),
            }
        }
    }
}

/// The headers that remove what the browser still sends under older names of the cookie. Otherwise a session that
/// its cookie keeps would be there again once the cookie under the new name has gone.
pub(crate) fn retired_cookies(proxy: &Bound<'_, PyAny>, options: &Options) -> PyResult<Vec<String>> {
    let py = proxy.py();
    let settings = &options.settings;
    if settings.older_names.is_empty() {
        return Ok(Vec::new());
    }
    let Some(request) = headers::of(proxy)? else { return Ok(Vec::new()) };
    let Some(header) = request::cookie_header(request.as_any())? else { return Ok(Vec::new()) };
    let header = header.to_string_lossy();
    let was_sent = |name: &str| cookie::readings(&header, std::iter::once(name), false).next().is_some();
    let sent = settings.older_names.iter().filter(|name| was_sent(name));
    let expires = CookieExpires::After(-A_YEAR).attribute(clock::now(py)?.seconds).into_py(py)?;
    // A browser removes a cookie only with the same domain and path; the session may have had its own.
    let own = if let Ok(proxy) = proxy.cast::<SessionObject>() { own_scope(&session(proxy)?)? } else { None };
    let places = [(settings.domain.as_deref(), settings.path.as_str())];
    let own = own.as_ref().map(|(domain, path)| (domain.as_deref(), path.as_str()));
    let mut retired = Vec::new();
    for name in sent {
        for (domain, path) in places.into_iter().chain(own) {
            let attributes = settings.attributes(domain, path, expires.as_deref());
            let mut header = String::new();
            cookie::write(&mut header, name, "", &cookie::as_demanded(name, attributes));
            if !retired.contains(&header) {
                retired.push(header);
            }
        }
    }
    Ok(retired)
}

/// The domain and the path of the session's cookie, which may differ from those of the options.
fn own_scope(session: &Bound<'_, PyAny>) -> PyResult<Option<CookieScope>> {
    let Ok(session) = session.cast::<Session>() else { return Ok(None) };
    Ok(match session.get().with(|state| state.cookie.scope.clone())? {
        Some(scope) => Some(scope),
        None => cookie_scope::in_data(as_dict(session)?).ok(),
    })
}
