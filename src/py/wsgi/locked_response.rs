//! The body of a response whose request locks its session.
//!
//! An application that is a generator uses its session while the server iterates. If it raises, its frames live as long
//! as the exception, and the session with them; so the session is unlocked here.

use parking_lot::Mutex;
use pyo3::PyTraverseError;
use pyo3::exceptions::PyStopIteration;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple, PyType};

use super::proxy::response;
use crate::py::at_exit;
use crate::py::once::intern;

/// An iterable of an application (PEP 3333), and the session that is unlocked when it ends, raises or is closed.
#[pyclass(frozen, subclass, weakref, module = "beaker._core")]
pub(crate) struct LockedResponse {
    session: Py<PyAny>,
    inner: Py<PyAny>,
    /// Made when the server asks for the first part.
    parts: Mutex<Option<Py<PyAny>>>,
}

/// The same of one that knows its length: servers ask whether it has one.
#[pyclass(frozen, extends = LockedResponse, module = "beaker._core")]
pub(crate) struct SizedLockedResponse;

/// `answer`, at whose end the session of `proxy` is unlocked. An answer that the server sends in a way of its own stays
/// as it is, and so does one that is already complete.
pub(crate) fn wrap<'py>(
    proxy: &Bound<'py, PyAny>,
    answer: Bound<'py, PyAny>,
    file_wrapper: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = answer.py();
    let is_sent_by_server = file_wrapper
        .and_then(|wrapper| wrapper.cast_into::<PyType>().ok())
        .is_some_and(|class| answer.is_instance(&class).unwrap_or(false));
    let is_made = answer.is_exact_instance_of::<PyList>() || answer.is_exact_instance_of::<PyTuple>();
    if is_sent_by_server || is_made || answer.is_none() {
        return Ok(answer);
    }
    let is_sized = answer.hasattr(intern!(py, "__len__"))?;
    let wrapped =
        LockedResponse { session: proxy.clone().unbind(), inner: answer.unbind(), parts: Mutex::new(None) };
    if is_sized {
        let sized = PyClassInitializer::from(wrapped).add_subclass(SizedLockedResponse);
        return Ok(Bound::new(py, sized)?.into_any());
    }
    Ok(Bound::new(py, wrapped)?.into_any())
}

impl LockedResponse {
    fn parts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let known = self.parts.lock().as_ref().map(|parts| parts.clone_ref(py));
        if let Some(known) = known {
            return Ok(known.into_bound(py));
        }
        let parts = self.inner.bind(py).try_iter()?.into_any();
        let _dropped = self.parts.lock().replace(parts.clone().unbind());
        Ok(parts)
    }
}

#[pymethods]
impl LockedResponse {
    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let _call = at_exit::begin_call(py);
        let part = self.parts(py).and_then(|parts| parts.call_method0(intern!(py, "__next__")));
        if let Err(error) = &part {
            let released = response::release(self.session.bind(py));
            if error.is_instance_of::<PyStopIteration>(py) {
                released?;
            }
        }
        part
    }

    /// Called by the server at the end of every request.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let _call = at_exit::begin_call(py);
        let closed = match self.inner.bind(py).getattr_opt(intern!(py, "close")) {
            Ok(Some(close)) => close.call0().map(drop),
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        let released = response::release(self.session.bind(py));
        closed.and(released)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.session)?;
        visit.call(&self.inner)?;
        if let Some(parts) = self.parts.try_lock() { visit.call(&*parts) } else { Ok(()) }
    }

    fn __clear__(&self) {
        let _dropped = self.parts.lock().take();
    }
}

#[pymethods]
impl SizedLockedResponse {
    fn __len__(slf: PyRef<'_, Self>) -> PyResult<usize> {
        slf.as_super().inner.bind(slf.py()).len()
    }
}
