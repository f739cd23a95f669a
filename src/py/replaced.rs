//! Names that a program replaced in our modules.
//!
//! Beaker looks up its own names at each use, as every module written in Python does. A program that assigns to
//! `beaker.middleware.SessionObject` or `beaker.session.Session` replaces the class there, and here too.

use pyo3::PyTypeInfo;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use super::once::{Once, intern};

/// The names of a module.
pub(crate) struct Globals {
    module: &'static str,
    names: Once<Py<PyDict>>,
}

pub(crate) static MIDDLEWARE: Globals = Globals { module: "beaker.middleware", names: Once::new() };
pub(crate) static SESSION: Globals = Globals { module: "beaker.session", names: Once::new() };

impl Globals {
    /// The class that the module has under `name`; `None` if that is `Ours`.
    pub(crate) fn replacement<'py, Ours: PyTypeInfo>(
        &self,
        name: &Bound<'py, PyString>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let ours = Ours::type_object(name.py());
        Ok(self.get(name)?.filter(|found| !found.is(&ours)))
    }

    /// The object that the module has under `name`.
    pub(crate) fn get<'py>(&self, name: &Bound<'py, PyString>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = name.py();
        let names =
            self.names.get_or_try_init(py, || py.import(self.module).map(|module| module.dict().unbind()))?;
        names.bind(py).get_item(name)
    }
}

/// The module `time`, or the replacement that a program assigned to `beaker.session.time`.
pub(crate) fn time(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    let name = intern!(py, "time");
    SESSION.get(name)?.map_or_else(|| py.import(name).map(Bound::into_any), Ok)
}
