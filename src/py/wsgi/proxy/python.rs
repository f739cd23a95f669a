//! The methods of `SessionObject` beside those of a mapping.

use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};
use pyo3::{PyTraverseError, PyTypeInfo};

use super::class::{Cell, SessionObject};
use super::late::{judge, note, note_save, watched};
use super::make::{make, session};
use super::persist::persist;
use super::watch::{Change, Watch};
use crate::py::errors;
use crate::py::once::intern;
use crate::py::replaced;
use crate::py::session::{Session, call};
use crate::py::wsgi::options::apart_from_requests;

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

    /// The fields that programs look into: `_params`, `_environ`, `_sess`, `_headers`, and `_dirty` once it is.
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
            Ok(session) => call::delete(session),
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
        slf.get().cell.is_used(slf)
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
        let class = replaced::SESSION
            .replacement::<Session>(intern!(py, "Session"))?
            .unwrap_or_else(|| py.get_type::<Session>().into_any());
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
        judge(&self.watch, &self.cell);
        self.watch.clear();
        self.cell.clear();
    }
}
