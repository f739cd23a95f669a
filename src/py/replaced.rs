//! The classes, the function and the clock that a program put in place of ours.
//!
//! Beaker looks its own names up at each use, as every module written in Python does. A program that assigns to
//! `beaker.middleware.SessionObject` or `beaker.session.Session` is therefore heard, and is heard here too.

use crate::py::once::{Once, intern};
use pyo3::PyTypeInfo;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use super::cookie_session::CookieSession;
use super::session::{Session, text_of};
use super::session_object::SessionObject;
use crate::id::SessionId;

/// The names of a module.
struct Globals {
    module: &'static str,
    names: Once<Py<PyDict>>,
}

static MIDDLEWARE: Globals = Globals { module: "beaker.middleware", names: Once::new() };
static SESSION: Globals = Globals { module: "beaker.session", names: Once::new() };

impl Globals {
    /// What the module has under `name` in place of `Ours`; `None` if that is what it has.
    fn replacement<'py, Ours: PyTypeInfo>(
        &self,
        name: &Bound<'py, PyString>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let ours = Ours::type_object(name.py());
        Ok(self.get(name)?.filter(|found| !found.is(&ours)))
    }

    fn get<'py>(&self, name: &Bound<'py, PyString>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = name.py();
        let names =
            self.names.get_or_try_init(py, || py.import(self.module).map(|module| module.dict().unbind()))?;
        names.bind(py).get_item(name)
    }
}

/// What the middleware puts into an environ in place of a `SessionObject`.
pub(crate) fn session_object(py: Python<'_>) -> PyResult<Option<Bound<'_, PyAny>>> {
    MIDDLEWARE.replacement::<SessionObject>(intern!(py, "SessionObject"))
}

/// What the middleware makes apart from requests in place of a `Session`.
pub(crate) fn session_apart(py: Python<'_>) -> PyResult<Option<Bound<'_, PyAny>>> {
    MIDDLEWARE.replacement::<Session>(intern!(py, "Session"))
}

/// What is made in place of a `Session`.
pub(crate) fn session(py: Python<'_>) -> PyResult<Option<Bound<'_, PyAny>>> {
    SESSION.replacement::<Session>(intern!(py, "Session"))
}

/// What is made in place of a `CookieSession`.
pub(crate) fn cookie_session(py: Python<'_>) -> PyResult<Option<Bound<'_, PyAny>>> {
    SESSION.replacement::<CookieSession>(intern!(py, "CookieSession"))
}

/// A new id: from `beaker.session._session_id` where a program replaced that, else at random.
pub(crate) fn session_id(py: Python<'_>) -> PyResult<SessionId> {
    static OURS: Once<Py<PyAny>> = Once::new();
    let ours = OURS.import(py, "beaker._core", "session_id")?;
    match SESSION.get(intern!(py, "_session_id"))? {
        Some(make) if !make.is(ours) => Ok(SessionId::from_program(text_of(&make.call0()?)?)),
        _ => Ok(SessionId::generate()),
    }
}

/// The module `time`, or what a program put in its place in `beaker.session`.
pub(crate) fn time(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    let name = intern!(py, "time");
    SESSION.get(name)?.map_or_else(|| py.import(name).map(Bound::into_any), Ok)
}
