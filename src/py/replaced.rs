//! Names that a program replaced in our modules.
//!
//! Beaker looks up its own names at each use, as every module written in Python does. A program that assigns to
//! `beaker.middleware.SessionObject` or `beaker.session.Session` replaces the class there, and here too.

use pyo3::PyTypeInfo;
use pyo3::prelude::*;
use pyo3::types::{PyCFunction, PyDict, PyString};

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

/// A function of the interpreter's own, which gevent and eventlet replace in its module.
pub(crate) struct BuiltIn {
    module: &'static str,
    /// The module that defines the function.
    home: &'static str,
    names: Once<Py<PyDict>>,
    own: Once<Py<PyAny>>,
}

impl BuiltIn {
    pub(crate) const fn new(module: &'static str, home: &'static str) -> Self {
        Self { module, home, names: Once::new(), own: Once::new() }
    }

    /// The function that a program put in its place; `None` as long as the module has its own. It is asked for every
    /// request, so the function that was found to be the module's own is remembered.
    pub(crate) fn replacement<'py>(
        &self,
        name: &Bound<'py, PyString>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = name.py();
        let names =
            self.names.get_or_try_init(py, || py.import(self.module).map(|module| module.dict().unbind()))?;
        let Some(found) = names.bind(py).get_item(name)? else { return Ok(None) };
        if self.own.get().is_some_and(|own| found.is(own)) {
            return Ok(None);
        }
        let is_own = found.is_instance_of::<PyCFunction>()
            && found.getattr(intern!(py, "__module__"))?.eq(self.home)?;
        if is_own {
            self.own.get_or_init(py, || found.unbind());
            return Ok(None);
        }
        Ok(Some(found))
    }
}

/// The module `time`, or the replacement that a program assigned to `beaker.session.time`.
pub(crate) fn time(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    let name = intern!(py, "time");
    SESSION.get(name)?.map_or_else(|| py.import(name).map(Bound::into_any), Ok)
}
