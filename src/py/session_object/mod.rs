//! The class `SessionObject`: what an application finds in its environ. It stands for a session and makes it
//! only when it is used.

mod late;
mod mapping;
pub(crate) mod response;
mod state;

use std::sync::Arc;

use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};
use pyo3::{PyTraverseError, PyTypeInfo};

use super::cookie_session;
use super::errors;
use super::options::{For, Options};
use super::replaced;
use super::session::{self, Session, create, is_exact};
use crate::config::Concurrency;
use crate::py::once::intern;
use late::{Change, Watch, note, note_save, watched};
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
    watch: Watch,
}

impl Drop for SessionObject {
    /// The request is over.
    fn drop(&mut self) {
        if self.watch.has_late() {
            self.watch.judge(&self.cell);
        }
    }
}

impl SessionObject {
    /// The proxy that a middleware puts into an environ. Where the middleware cannot say what the options mean
    /// by now, it is worked out when the session is used.
    pub(crate) fn for_request(
        environ: Bound<'_, PyAny>,
        params: Py<PyDict>,
        prepared: Option<Arc<Options>>,
    ) -> Self {
        Self { cell: Cell::new(environ.unbind(), params, prepared), watch: Watch::default() }
    }
}

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
fn make<'py>(slf: &Bound<'py, SessionObject>) -> PyResult<Bound<'py, PyAny>> {
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
        None if in_cookie => replaced::cookie_session(py)?,
        None => replaced::session(py)?,
    };
    let session = match own_class {
        None if in_cookie => cookie_session::create(py, request.as_any(), options)?.into_any(),
        None => {
            let patience = slf.get().cell.patience(&options);
            create(py, request.as_any(), options, patience)?.into_any()
        }
        Some(class) => {
            let made = class.call((request,), Some(&slf.get().cell.params(slf)?))?;
            if let Ok(session) = made.cast::<Session>() {
                session.get().with(|state| state.patience.share())?;
            }
            made
        }
    };
    slf.get().cell.set_session(slf, &session)?;
    Ok(session)
}

/// What the options of the request's session mean.
fn request_options(slf: &Bound<'_, SessionObject>) -> PyResult<Arc<Options>> {
    match slf.get().cell.prepared() {
        Some(options) => Ok(options),
        None => Options::of(&slf.get().cell.params(slf)?, For::Request),
    }
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
fn persist(slf: &Bound<'_, SessionObject>) -> PyResult<()> {
    let session = session(slf)?;
    let Ok(session) = session.cast::<Session>() else { return persist_foreign(slf, &session) };
    let stored = store(slf, session);
    let released = session::hold::release(session);
    stored.and(released)
}

/// The same for a session of a class of the program's own, which has a `save` and need have nothing else.
fn persist_foreign(slf: &Bound<'_, SessionObject>, session: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = slf.py();
    let options = request_options(slf)?;
    if options.settings.auto || slf.get().cell.is_dirty(slf)? {
        return session.call_method0(intern!(py, "save")).map(drop);
    }
    if options.settings.save_accessed_time {
        let arguments = PyDict::new(py);
        arguments.set_item(intern!(py, "accessed_only"), true)?;
        return session.call_method(intern!(py, "save"), (), Some(&arguments)).map(drop);
    }
    Ok(())
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
        late::renewing(slf, session)?;
        return session::call::save(session, true);
    }
    Ok(())
}

/// Whether the session was used, or is to be saved.
pub(crate) fn is_used(slf: &Bound<'_, SessionObject>) -> PyResult<bool> {
    slf.get().cell.is_used(slf)
}

#[pymethods]
impl SessionObject {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self { cell: Cell::default(), watch: Watch::default() }
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
        make(slf)
    }

    /// Asks for the session to be stored, all of it, when the request ends.
    fn save(slf: &Bound<'_, Self>) -> PyResult<()> {
        note_save(slf)?;
        slf.get().cell.set_dirty(slf)
    }

    /// Removes the session from its store and the cookie from the browser.
    fn delete(slf: &Bound<'_, Self>) -> PyResult<()> {
        note(slf, Change::Ended)?;
        slf.get().cell.set_dirty(slf)?;
        let session = session(slf)?;
        match session.cast::<Session>() {
            Ok(session) => session::call::delete(session),
            Err(_) => session.call_method0(intern!(slf.py(), "delete")).map(drop),
        }
    }

    /// Ends the session, removes its record, and begins an empty one under a new id.
    fn invalidate<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        note(slf, Change::Ended)?;
        session(slf)?.call_method0(intern!(slf.py(), "invalidate"))
    }

    /// Gives the session a new id and keeps its content, as one should when a user logs in.
    fn regenerate_id<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        note(slf, Change::Moved)?;
        session(slf)?.call_method0(intern!(slf.py(), "regenerate_id"))
    }

    /// Takes back every change since the session was loaded.
    fn revert<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        watched(slf, None, || session(slf)?.call_method0(intern!(slf.py(), "revert")))
    }

    /// Gives the session an idle timeout of its own, in place of the option `timeout`: "remember me". It takes effect
    /// when the session is saved; the browser then keeps the cookie for as long. `None` goes back to the option.
    fn set_timeout<'py>(slf: &Bound<'py, Self>, seconds: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        watched(slf, None, || session(slf)?.call_method1(intern!(slf.py(), "set_timeout"), (seconds,)))
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
    fn get_by_id<'py>(slf: &Bound<'py, Self>, id: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = slf.py();
        let params = slf.get().cell.params(slf)?.copy()?;
        if apart_from_requests(&params)?.is_in_cookie() {
            return Err(errors::BeakerException::new_err(
                "a session that its cookie keeps cannot be found by its id",
            ));
        }
        params.set_item(intern!(py, "use_cookies"), false)?;
        params.set_item(intern!(py, "id"), id)?;
        let class = replaced::session(py)?.unwrap_or_else(|| py.get_type::<Session>().into_any());
        let found = class.call((PyDict::new(py),), Some(&params))?;
        let is_new = found.getattr(intern!(py, "is_new"))?.is_truthy()?;
        Ok((!is_new).then_some(found))
    }

    fn __getattr__<'py>(slf: &Bound<'py, Self>, name: Bound<'py, PyString>) -> PyResult<Bound<'py, PyAny>> {
        if let Some(field) = slf.get().cell.attribute(slf, &name)? {
            return Ok(field);
        }
        session(slf)?.getattr(name)
    }

    fn __setattr__(
        slf: &Bound<'_, Self>,
        name: Bound<'_, PyString>,
        value: Bound<'_, PyAny>,
    ) -> PyResult<()> {
        watched(slf, None, || session(slf)?.setattr(name, value))
    }

    fn __delattr__(slf: &Bound<'_, Self>, name: Bound<'_, PyString>) -> PyResult<()> {
        watched(slf, None, || session(slf)?.delattr(name))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.watch.traverse(&visit)?;
        self.cell.traverse(&visit)
    }

    fn __clear__(&self) {
        self.watch.judge(&self.cell);
        self.watch.clear();
        self.cell.clear();
    }
}
