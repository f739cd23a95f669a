//! The base of `Session`: a dictionary with keys that survive `clear()`.

use parking_lot::Mutex;
use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

/// A dictionary that keeps `_domain` and `_path` when it is cleared.
#[pyclass(name = "_ConfigurableSession", frozen, subclass, dict, weakref, extends = PyDict, module = "beaker.session")]
#[derive(Default)]
pub(crate) struct ConfigurableSession {
    config: Mutex<Option<Py<PyDict>>>,
    /// What a class of sessions does where its subclass calls this constructor in the place of its own.
    begin: Option<Begin>,
}

/// Begins a session whose domain and path are in a dictionary of options.
type Begin = fn(&Bound<'_, ConfigurableSession>, &Bound<'_, PyDict>) -> PyResult<()>;

impl ConfigurableSession {
    /// One that calls `begin` when it is constructed.
    pub(super) fn beginning(begin: Begin) -> Self {
        Self { begin: Some(begin), ..Self::default() }
    }

    /// Sets the keys that survive.
    pub(crate) fn set_config(&self, config: Py<PyDict>) {
        let _dropped = self.config.lock().replace(config);
    }

    fn config(&self, py: Python<'_>) -> Option<Py<PyDict>> {
        self.config.lock().as_ref().map(|config| config.clone_ref(py))
    }
}

/// Removes everything but the keys that survive.
pub(crate) fn clear(session: &Bound<'_, ConfigurableSession>) -> PyResult<()> {
    let py = session.py();
    let dict = session.cast::<PyDict>()?;
    dict.clear();
    if let Some(config) = session.get().config(py) {
        dict.update(config.bind(py).as_mapping())?;
    }
    Ok(())
}

#[pymethods]
impl ConfigurableSession {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self::default()
    }

    #[pyo3(signature = (cookie_domain = None, cookie_path = None))]
    fn __init__(
        slf: &Bound<'_, Self>,
        cookie_domain: Option<Bound<'_, PyAny>>,
        cookie_path: Option<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let py = slf.py();
        let path = cookie_path.unwrap_or_else(|| PyString::intern(py, "/").into_any());
        let (config, options) = (PyDict::new(py), PyDict::new(py));
        config.set_item("_domain", &cookie_domain)?;
        config.set_item("_path", &path)?;
        slf.get().set_config(config.unbind());
        let Some(begin) = slf.get().begin else { return Ok(()) };
        options.set_item("cookie_domain", cookie_domain)?;
        options.set_item("cookie_path", path)?;
        begin(slf, &options)
    }

    /// The keys that survive `clear()`.
    #[getter]
    fn _config(&self, py: Python<'_>) -> Option<Py<PyDict>> {
        self.config(py)
    }

    #[setter(_config)]
    fn assign_config(&self, config: Py<PyDict>) {
        self.set_config(config);
    }

    /// Removes everything but the domain and the path of the cookie.
    #[pyo3(name = "clear")]
    fn clear_(slf: &Bound<'_, Self>) -> PyResult<()> {
        clear(slf)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        if let Some(config) = self.config.try_lock() { visit.call(&*config) } else { Ok(()) }
    }

    fn __clear__(&self) {
        let _dropped = self.config.lock().take();
    }
}
