//! Remembers the changes that come after the response's headers have gone.

use parking_lot::{Mutex, MutexGuard};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use pyo3::{PyTraverseError, PyTypeInfo};

use crate::py::cookie_session::CookieSession;
use crate::py::errors::BeakerWarning;
use crate::py::once::intern;
use crate::py::session::Session;

const MESSAGE: &str = "the session is changed after the response's headers have gone: the change is lost";

/// The session when the headers were sent, and the program's changes since.
#[derive(Default)]
pub(super) struct Watch {
    state: Mutex<State>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) sent: Option<Sent>,
    pub(super) late: Option<Late>,
}

/// The session's part in the response.
#[derive(Default)]
pub(super) struct Sent {
    pub(super) cookie: Option<Py<PyAny>>,
    /// The content of a session that its cookie keeps.
    pub(super) content: Option<Py<PyDict>>,
}

/// The program's changes since.
pub(super) struct Late {
    pub(super) place: Place,
    /// Whether the session may have something to lose.
    pub(super) changed: bool,
    /// Whether it is lost unless the browser gets another cookie.
    pub(super) needs_cookie: bool,
    /// Whether a change was taken back that was not saved.
    pub(super) discarded: bool,
    /// The data that was stored when a mutable value was assigned, whose later changes no comparison shows.
    pub(super) assigned: Option<Option<Py<PyDict>>>,
}

/// A kind of change.
#[derive(Clone, Copy)]
pub(super) enum Change {
    Content,
    /// A key got a value that can be changed in place.
    Assigned,
    /// The session was ended.
    Ended,
    /// It got another id.
    Moved,
}

/// A line of a program.
pub(super) struct Place {
    file: String,
    line: u32,
    module: Option<String>,
}

impl Place {
    /// The line that called us.
    fn here(py: Python<'_>) -> PyResult<Self> {
        let frame = py.import("sys")?.call_method0("_getframe")?;
        let globals = frame.getattr("f_globals")?.cast_into::<PyDict>()?;
        Ok(Self {
            file: frame.getattr("f_code")?.getattr("co_filename")?.extract()?,
            line: frame.getattr("f_lineno")?.extract()?,
            module: globals.get_item("__name__")?.and_then(|name| name.extract().ok()),
        })
    }

    /// Warns as if the line did.
    pub(super) fn warn(&self, py: Python<'_>) -> PyResult<()> {
        let arguments = PyDict::new(py);
        if let Some(module) = &self.module {
            arguments.set_item("module", module)?;
            let modules = py.import("sys")?.getattr("modules")?;
            let found = modules.call_method1("get", (module,))?;
            if !found.is_none() {
                let registry = (intern!(py, "__warningregistry__"), PyDict::new(py));
                let registry = found.getattr("__dict__")?.call_method1("setdefault", registry)?;
                arguments.set_item("registry", registry)?;
            }
        }
        let category = BeakerWarning::type_object(py);
        let what = (MESSAGE, category, &self.file, self.line);
        py.import("warnings")?.call_method("warn_explicit", what, Some(&arguments)).map(drop)
    }
}

impl Watch {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    pub(super) fn is_on(&self) -> bool {
        self.lock().sent.is_some()
    }

    /// The headers have gone without any use of the session.
    pub(super) fn begin(&self) {
        self.lock().sent.get_or_insert_default();
    }

    /// Whether there was a change that may be lost.
    pub(super) fn has_late(&mut self) -> bool {
        self.state.get_mut().late.is_some()
    }

    /// Remembers a change, and the first line that made one.
    pub(super) fn note(&self, session: &Bound<'_, Session>, change: Change) -> PyResult<()> {
        let py = session.py();
        let is_first = self.lock().late.is_none();
        let place = if is_first { Some(Place::here(py)?) } else { None };
        let saved = session.get().with(|state| state.snapshots.saved(py).map(Bound::unbind))?;
        let _dropped = {
            let mut state = self.lock();
            if let Some(place) = place {
                let late =
                    Late { place, changed: false, needs_cookie: false, discarded: false, assigned: None };
                state.late.get_or_insert(late);
            }
            let Some(late) = &mut state.late else { return Ok(()) };
            match change {
                Change::Content => {
                    late.changed = true;
                    None
                }
                Change::Assigned => {
                    late.changed = true;
                    late.assigned.replace(saved)
                }
                Change::Moved => {
                    late.needs_cookie = true;
                    None
                }
                Change::Ended => {
                    late.changed = false;
                    late.discarded = false;
                    late.needs_cookie = session.is_instance_of::<CookieSession>();
                    late.assigned.take()
                }
            }
        };
        Ok(())
    }

    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        let Some(state) = self.state.try_lock() else { return Ok(()) };
        if let Some(sent) = &state.sent {
            visit.call(&sent.cookie)?;
            visit.call(&sent.content)?;
        }
        match state.late.as_ref().and_then(|late| late.assigned.as_ref()) {
            Some(saved) => visit.call(saved),
            None => Ok(()),
        }
    }

    pub(super) fn clear(&self) {
        let dropped = std::mem::take(&mut *self.lock());
        drop(dropped);
    }
}
