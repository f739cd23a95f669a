//! The class `SessionObject`: what an application finds in its environ. It stands for a session and makes it
//! only when it is used.

mod mapping;
mod state;

use std::sync::Arc;

use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};
use pyo3::{PyTraverseError, PyTypeInfo, intern};

use super::clock;
use super::cookie_session;
use super::errors::{self, IntoPyResult};
use super::options::{For, Options};
use super::session::{self, Session, create, is_exact};
use crate::config::{Concurrency, CookieExpires};
use crate::cookie;
use state::Cell;

/// Stands for the session of a request, which is made when it is first used.
///
/// SessionObject(environ, **options)
///
/// `environ` is the WSGI environ, whose `HTTP_COOKIE` brings the session's id; the options are those of the
/// middleware, without their prefix. Frameworks that save sessions themselves call `accessed()` and `persist()`
/// and then look at `__dict__['_headers']`.
// Without `dict`: the getter `__dict__` shows the fields, and objects of subclasses have dictionaries of their own.
#[pyclass(frozen, subclass, weakref, module = "beaker.session")]
pub(crate) struct SessionObject {
    cell: Cell,
}

impl SessionObject {
    /// The proxy that a middleware puts into an environ. Where the middleware cannot say what the options mean
    /// by now, it is worked out when the session is used.
    pub(crate) fn for_request(
        environ: Bound<'_, PyAny>,
        params: Py<PyDict>,
        prepared: Option<Arc<Options>>,
    ) -> Self {
        Self { cell: Cell::new(environ.unbind(), params, prepared) }
    }
}

/// The session, which is made if there is none yet.
pub(crate) fn session<'py>(slf: &Bound<'py, SessionObject>) -> PyResult<Bound<'py, PyAny>> {
    let py = slf.py();
    if let Some(session) = made(slf)? {
        return Ok(session);
    }
    let options = match slf.get().cell.prepared() {
        Some(options) => options,
        None => Options::of(&slf.get().cell.params(slf)?, For::Request)?,
    };
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
    let session = match &options.session_class {
        None if options.is_in_cookie() => cookie_session::create(py, request.as_any(), options)?.into_any(),
        None => create(py, request.as_any(), options)?.into_any(),
        Some(class) => class.bind(py).call((request,), Some(&slf.get().cell.params(slf)?))?,
    };
    slf.get().cell.set_session(slf, &session)?;
    Ok(session)
}

/// The session if it was made.
fn made<'py>(slf: &Bound<'py, SessionObject>) -> PyResult<Option<Bound<'py, PyAny>>> {
    slf.get().cell.session(slf)
}

/// The session if it is a `Session` itself, whose methods need no Python to be called.
pub(super) fn plain<'a, 'py>(session: &'a Bound<'py, PyAny>) -> Option<&'a Bound<'py, Session>> {
    session.cast::<Session>().ok().filter(|session| is_exact(session))
}

/// `persist()`: what the end of a request does.
pub(crate) fn persist(slf: &Bound<'_, SessionObject>) -> PyResult<()> {
    let session = session(slf)?;
    let session = session.cast::<Session>()?;
    let stored = store(slf, session);
    let released = session::hold::release(session);
    stored.and(released)
}

/// Lets the session go, if it was made and is held.
pub(crate) fn release(slf: &Bound<'_, SessionObject>) -> PyResult<()> {
    match made(slf)? {
        Some(session) => session.cast::<Session>().map_or(Ok(()), session::hold::release),
        None => Ok(()),
    }
}

/// The options of a session that stands for no request, which would not end and let it go.
pub(crate) fn apart_from_requests(params: &Bound<'_, PyDict>) -> PyResult<Arc<Options>> {
    let options = Options::of(params, For::Request)?;
    if options.settings.concurrency == Concurrency::Lock {
        params.set_item(intern!(params.py(), "concurrency"), "merge")?;
    }
    Ok(options)
}

fn store(slf: &Bound<'_, SessionObject>, session: &Bound<'_, Session>) -> PyResult<()> {
    let options = session.get().options()?;
    if options.settings.auto || slf.get().cell.is_dirty(slf)? {
        return session::call::save(session, false);
    }
    if options.settings.save_accessed_time || session::has_to_move(session)? {
        return session::call::save(session, true);
    }
    Ok(())
}

/// Whether the session was used, or is to be saved.
pub(crate) fn is_used(slf: &Bound<'_, SessionObject>) -> PyResult<bool> {
    slf.get().cell.is_used(slf)
}

/// The header that the session wants the response to have, if it wants one.
pub(crate) fn cookie_due<'py>(slf: &Bound<'py, SessionObject>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = slf.py();
    let Some(headers) = slf.get().cell.headers(slf)? else { return Ok(None) };
    let due = headers.get_item(intern!(py, "set_cookie"))?.map_or(Ok(false), |due| due.is_truthy())?;
    if !due {
        return Ok(None);
    }
    match headers.get_item(intern!(py, "cookie_out"))? {
        Some(cookie) if cookie.is_truthy()? => {
            // A program may have written it.
            if let Ok(text) = cookie.cast::<PyString>() {
                session::morsel::check_header(text)?;
            }
            Ok(Some(cookie))
        }
        _ => Ok(None),
    }
}

/// The headers that remove what the browser still sends under older names of the cookie. Otherwise a session that
/// its cookie keeps would be there again once the cookie under the new name has gone.
pub(crate) fn retired_cookies(slf: &Bound<'_, SessionObject>, options: &Options) -> PyResult<Vec<String>> {
    let py = slf.py();
    let settings = &options.settings;
    if settings.older_names.is_empty() {
        return Ok(Vec::new());
    }
    let Some(request) = slf.get().cell.headers(slf)? else { return Ok(Vec::new()) };
    let Some(header) = create::cookie_header(request.as_any())? else { return Ok(Vec::new()) };
    let header = header.to_string_lossy();
    let sent = settings.older_names.iter().filter(|name| cookie::values(&header, name).next().is_some());
    let expires =
        CookieExpires::After(-session::cookie::A_YEAR).attribute(clock::now(py)?.seconds).into_py(py)?;
    // A browser takes away what has the very domain and path; the session may have had its own.
    let session = session(slf)?;
    let session = session.cast::<Session>()?;
    let own = match session.get().with(|state| state.brought_from.clone())? {
        Some(place) => Some(place),
        None => session::place::in_data(session::as_dict(session)?).ok(),
    };
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

/// Remembers that the response's headers have gone.
pub(crate) fn headers_sent(slf: &Bound<'_, SessionObject>) -> PyResult<()> {
    slf.get().cell.set_sent(slf.py())
}

/// Says that a change came too late to be stored.
pub(super) fn note_change(slf: &Bound<'_, SessionObject>) -> PyResult<()> {
    if slf.get().cell.take_late_warning() {
        errors::warn(
            slf.py(),
            "the session is changed after the response's headers have gone: the change is lost",
        )?;
    }
    Ok(())
}

#[pymethods]
impl SessionObject {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self { cell: Cell::default() }
    }

    #[pyo3(signature = (environ, **params))]
    fn __init__(
        slf: &Bound<'_, Self>,
        environ: Bound<'_, PyAny>,
        params: Option<Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        let params = params.unwrap_or_else(|| PyDict::new(slf.py()));
        slf.get().cell.begin(environ.unbind(), params.unbind());
        if !slf.get_type().is(Self::type_object(slf.py())) {
            // An object of a subclass has a dictionary of its own, and programs look into it.
            slf.get().cell.expose(slf)?;
        }
        Ok(())
    }

    /// What programs look into: `_params`, `_environ`, `_sess`, `_headers`, and `_dirty` once it is.
    #[getter]
    fn __dict__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyDict>> {
        slf.get().cell.expose(slf)
    }

    /// The session itself, which is made if it was not used before.
    fn _session<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        session(slf)
    }

    /// Asks for the session to be stored, all of it, when the request ends.
    fn save(slf: &Bound<'_, Self>) -> PyResult<()> {
        note_change(slf)?;
        slf.get().cell.set_dirty(slf)
    }

    /// Removes the session from its store and the cookie from the browser.
    fn delete(slf: &Bound<'_, Self>) -> PyResult<()> {
        note_change(slf)?;
        slf.get().cell.set_dirty(slf)?;
        let session = session(slf)?;
        session::call::delete(session.cast::<Session>()?)
    }

    /// Ends the session, removes its record, and begins an empty one under a new id.
    fn invalidate<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        note_change(slf)?;
        session(slf)?.call_method0(intern!(slf.py(), "invalidate"))
    }

    /// Gives the session a new id and keeps its content, as one should when a user logs in.
    fn regenerate_id<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        note_change(slf)?;
        session(slf)?.call_method0(intern!(slf.py(), "regenerate_id"))
    }

    /// Takes back every change since the session was loaded.
    fn revert<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        note_change(slf)?;
        session(slf)?.call_method0(intern!(slf.py(), "revert"))
    }

    /// Gives the session an idle timeout of its own, in place of the option `timeout`: "remember me". It takes effect
    /// when the session is saved; the browser then keeps the cookie for as long. `None` goes back to the option.
    fn set_timeout<'py>(slf: &Bound<'py, Self>, seconds: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        note_change(slf)?;
        session(slf)?.call_method1(intern!(slf.py(), "set_timeout"), (seconds,))
    }

    /// Stores the session now: all of it after `save()` or `delete()` or with the option `auto`, else its access
    /// time, unless `save_accessed_time` is off.
    ///
    /// Raises `StoreUnavailableError` if it could not be stored.
    #[pyo3(name = "persist")]
    fn py_persist(slf: &Bound<'_, Self>) -> PyResult<()> {
        persist(slf)
    }

    /// Whether `save()` or `delete()` was called.
    fn dirty(slf: &Bound<'_, Self>) -> PyResult<bool> {
        slf.get().cell.is_dirty(slf)
    }

    /// Whether the session was used, or is to be saved.
    fn accessed(slf: &Bound<'_, Self>) -> PyResult<bool> {
        is_used(slf)
    }

    /// The stored session of that id, or `None`. It sends no cookie.
    fn get_by_id<'py>(
        slf: &Bound<'py, Self>,
        id: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, Session>>> {
        let py = slf.py();
        let params = slf.get().cell.params(slf)?.copy()?;
        if apart_from_requests(&params)?.is_in_cookie() {
            return Err(errors::BeakerException::new_err(
                "a session that its cookie keeps cannot be found by its id",
            ));
        }
        params.set_item(intern!(py, "use_cookies"), false)?;
        params.set_item(intern!(py, "id"), id)?;
        let found =
            py.get_type::<Session>().call((PyDict::new(py),), Some(&params))?.cast_into::<Session>()?;
        let is_new: bool = found.getattr(intern!(py, "is_new"))?.extract()?;
        Ok((!is_new).then_some(found))
    }

    fn __getattr__<'py>(slf: &Bound<'py, Self>, name: Bound<'py, PyString>) -> PyResult<Bound<'py, PyAny>> {
        if matches!(name.to_str()?, "invalidate" | "regenerate_id" | "revert" | "set_timeout") {
            note_change(slf)?;
        }
        session(slf)?.getattr(name)
    }

    fn __setattr__(
        slf: &Bound<'_, Self>,
        name: Bound<'_, PyString>,
        value: Bound<'_, PyAny>,
    ) -> PyResult<()> {
        note_change(slf)?;
        session(slf)?.setattr(name, value)
    }

    fn __delattr__(slf: &Bound<'_, Self>, name: Bound<'_, PyString>) -> PyResult<()> {
        note_change(slf)?;
        session(slf)?.delattr(name)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.cell.traverse(visit)
    }

    fn __clear__(&self) {
        self.cell.clear();
    }
}

/// The options of the proxy's session.
pub(crate) fn options(slf: &Bound<'_, SessionObject>) -> PyResult<Arc<Options>> {
    session(slf)?.cast::<Session>()?.get().options()
}
