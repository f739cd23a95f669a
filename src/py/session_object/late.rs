//! Changes that come after the response's headers have gone.
//!
//! Such a change need not be lost: the program may store the session itself, or begin its response anew for an error
//! page. So it is judged when the request is over and nobody has the proxy any more. The warning names the line that
//! made the change.

use parking_lot::{Mutex, MutexGuard};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use pyo3::{PyTraverseError, PyTypeInfo};

use super::state::Cell;
use super::{SessionObject, made, response, session};
use crate::py::cookie_session::CookieSession;
use crate::py::errors::BeakerWarning;
use crate::py::once::intern;
use crate::py::session::{Session, as_dict, content};

const MESSAGE: &str = "the session is changed after the response's headers have gone: the change is lost";

/// What became of the session when the headers went, and what the program did to it since.
#[derive(Default)]
pub(super) struct Watch {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    sent: Option<Sent>,
    late: Option<Late>,
}

/// What the response had.
#[derive(Default)]
struct Sent {
    cookie: Option<Py<PyAny>>,
    /// The content of a session that its cookie keeps.
    content: Option<Py<PyDict>>,
}

/// What the program did since.
struct Late {
    place: Place,
    /// Whether the session may have something to lose.
    changed: bool,
    /// Whether it is lost unless the browser gets another cookie.
    needs_cookie: bool,
    /// Whether a change was taken back that was not saved.
    discarded: bool,
    /// What was stored when a value was assigned that can be changed in place, which no comparison shows.
    assigned: Option<Option<Py<PyDict>>>,
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
struct Place {
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
    fn warn(&self, py: Python<'_>) -> PyResult<()> {
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
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    fn is_on(&self) -> bool {
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
    fn note(&self, session: &Bound<'_, Session>, change: Change) -> PyResult<()> {
        let py = session.py();
        let is_first = self.lock().late.is_none();
        let place = if is_first { Some(Place::here(py)?) } else { None };
        let saved = session.get().with(|state| state.saved.as_ref().map(|saved| saved.clone_ref(py)))?;
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

    /// Warns of a change that is lost. Nobody is there any more to whom an error could be told.
    pub(super) fn judge(&self, cell: &Cell) {
        let (sent, late) = {
            let mut state = self.lock();
            let Some(late) = state.late.take() else { return };
            (state.sent.take().unwrap_or_default(), late)
        };
        // Where the interpreter ends, nobody reads warnings.
        let _ = Python::try_attach(|py| {
            // An object may go while an exception is on its way, which is not ours to see.
            let on_its_way = PyErr::take(py);
            let (session, headers) = cell.left(py);
            let session = session.as_ref().map(|session| session.bind(py));
            let judged = is_lost(session, headers.as_ref().map(|headers| headers.bind(py)), &sent, &late);
            let warned = judged.and_then(|lost| if lost { late.place.warn(py) } else { Ok(()) });
            if let Err(error) = warned {
                error.write_unraisable(py, None);
            }
            if let Some(error) = on_its_way {
                error.restore(py);
            }
        });
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

fn is_lost(
    session: Option<&Bound<'_, PyAny>>,
    headers: Option<&Bound<'_, PyDict>>,
    sent: &Sent,
    late: &Late,
) -> PyResult<bool> {
    let Some(session) = session.and_then(|session| session.cast::<Session>().ok()) else { return Ok(false) };
    // The garbage collector may have emptied the session first. Then nobody knows.
    let Ok((saved, was_told)) = session
        .get()
        .with(|state| (state.saved.as_ref().map(|saved| saved.clone_ref(session.py())), state.told_of_loss))
    else {
        return Ok(false);
    };
    if was_told {
        return Ok(false);
    }
    let due = headers.map_or(Ok(None), response::due)?;
    let is_sent = match (&due, &sent.cookie) {
        (None, _) => true,
        (Some(due), Some(sent)) => due.eq(sent)?,
        (Some(_), None) => false,
    };
    if late.needs_cookie && !is_sent {
        return Ok(true);
    }
    if !late.changed {
        return Ok(false);
    }
    let current = as_dict(session)?;
    if session.is_instance_of::<CookieSession>() {
        let kept = sent.content.as_ref().map(|content| content.bind(session.py()));
        return Ok(late.discarded || late.assigned.is_some() || !content::is_kept(session, current, kept)?);
    }
    let saved = saved.as_ref();
    let is_saved_since = |before: &Option<Py<PyDict>>| match (before, saved) {
        (Some(before), Some(saved)) => !before.is(saved),
        (None, Some(_)) => true,
        (_, None) => false,
    };
    let assigned_is_lost = late.assigned.as_ref().is_some_and(|before| !is_saved_since(before));
    let kept = content::kept(session)?;
    Ok(!is_sent || assigned_is_lost || !content::is_kept(session, current, kept.as_ref())?)
}

/// The headers have gone, with the session's cookie if it had one to send.
pub(super) fn sent(slf: &Bound<'_, SessionObject>) -> PyResult<()> {
    let mut sent = Sent::default();
    if let Some(session) = made(slf)? {
        sent.cookie = response::cookie_due(slf.as_any())?.map(Bound::unbind);
        if let Ok(session) = session.cast::<CookieSession>() {
            sent.content = content::kept(session.as_super())?.map(Bound::unbind);
        }
    }
    let replaced = std::mem::replace(&mut *slf.get().watch.lock(), State { sent: Some(sent), late: None });
    drop(replaced);
    Ok(())
}

/// A session in a cookie is about to be renewed as it was sent, which takes back what was not saved.
pub(super) fn renewing(slf: &Bound<'_, SessionObject>, session: &Bound<'_, Session>) -> PyResult<()> {
    let watch = &slf.get().watch;
    if !watch.is_on() || !session.is_instance_of::<CookieSession>() {
        return Ok(());
    }
    let discards = !content::is_kept(session, as_dict(session)?, content::kept(session)?.as_ref())?;
    if let Some(late) = &mut watch.lock().late {
        late.discarded |= late.changed && discards;
    }
    Ok(())
}

/// Does what may change the session, and remembers that it did if the headers have gone and it was so.
pub(super) fn watched<'py, T>(
    slf: &Bound<'py, SessionObject>,
    assigned: Option<&Bound<'py, PyAny>>,
    work: impl FnOnce() -> PyResult<T>,
) -> PyResult<T> {
    if !slf.get().watch.is_on() {
        return work();
    }
    let session = session(slf)?;
    let Ok(session) = session.cast::<Session>() else { return work() };
    let before = as_dict(session)?.copy()?;
    let done = work()?;
    if assigned.is_some_and(content::is_mutable) {
        slf.get().watch.note(session, Change::Assigned)?;
    } else if !content::is_kept(session, as_dict(session)?, Some(&before))? {
        slf.get().watch.note(session, Change::Content)?;
    }
    Ok(done)
}

/// Remembers that the session is to be saved if the headers have gone. One that was not used has nothing to lose.
pub(super) fn note_save(slf: &Bound<'_, SessionObject>) -> PyResult<()> {
    match made(slf)? {
        Some(_) => note(slf, Change::Content),
        None => Ok(()),
    }
}

/// Remembers what was done to the session if the headers have gone.
pub(super) fn note(slf: &Bound<'_, SessionObject>, change: Change) -> PyResult<()> {
    if !slf.get().watch.is_on() {
        return Ok(());
    }
    match session(slf)?.cast::<Session>() {
        Ok(session) => slf.get().watch.note(session, change),
        Err(_) => Ok(()),
    }
}
