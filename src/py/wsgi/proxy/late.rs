//! Changes that come after the response's headers have gone.
//!
//! Such a change need not be lost: the program may store the session itself, or begin its response anew for an error
//! page. So it is judged when the request is over and the proxy is dropped. The warning names the line that made the
//! change.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::class::{Cell, SessionObject};
use super::headers;
use super::make::{made, session};
use super::watch::{Change, Late, Sent, State, Watch};
use crate::py::cookie_session::CookieSession;
use crate::py::dropped::at_drop;
use crate::py::session::{Session, as_dict, content};
use crate::session::finish::{self, LateChanges};

impl Drop for SessionObject {
    /// The request is over.
    fn drop(&mut self) {
        if self.watch.has_late() {
            judge(&self.watch, &self.cell);
        }
    }
}

/// Warns of a lost change. An error here has no caller to go to.
pub(super) fn judge(watch: &Watch, cell: &Cell) {
    let (sent, late) = {
        let mut state = watch.lock();
        let Some(late) = state.late.take() else { return };
        (state.sent.take().unwrap_or_default(), late)
    };
    at_drop(|py| {
        let (session, headers) = cell.left(py);
        let session = session.as_ref().map(|session| session.bind(py));
        let judged = is_lost(session, headers.as_ref().map(|headers| headers.bind(py)), &sent, &late);
        let warned = judged.and_then(|lost| if lost { late.place.warn(py) } else { Ok(()) });
        if let Err(error) = warned {
            error.write_unraisable(py, None);
        }
    });
}

fn is_lost(
    session: Option<&Bound<'_, PyAny>>,
    headers: Option<&Bound<'_, PyDict>>,
    sent: &Sent,
    late: &Late,
) -> PyResult<bool> {
    let Some(session) = session.and_then(|session| session.cast::<Session>().ok()) else { return Ok(false) };
    // The garbage collector may have emptied the session first.
    let Ok((saved, was_warned)) =
        session.get().with(|state| (state.snapshots.saved(session.py()), state.snapshots.warned_of_loss))
    else {
        return Ok(false);
    };
    if was_warned {
        return Ok(false);
    }
    let due = headers.map_or(Ok(None), headers::due)?;
    let is_sent = match (&due, &sent.cookie) {
        (None, _) => true,
        (Some(due), Some(sent)) => due.eq(sent)?,
        (Some(_), None) => false,
    };
    let in_cookie = session.is_instance_of::<CookieSession>();
    let was_saved_since = |before: &Option<Py<PyDict>>| match (before, &saved) {
        (Some(before), Some(saved)) => !before.is(saved),
        (None, Some(_)) => true,
        (_, None) => false,
    };
    let changes = LateChanges {
        changed: late.changed,
        needs_cookie: late.needs_cookie,
        discarded: late.discarded,
        assigned: late.assigned.as_ref().is_some_and(|before| in_cookie || !was_saved_since(before)),
    };
    finish::is_lost(changes, is_sent, in_cookie, || {
        let kept = match &sent.content {
            Some(content) if in_cookie => Some(content.bind(session.py()).clone()),
            _ if in_cookie => None,
            _ => content::kept(session)?,
        };
        content::is_kept(session, as_dict(session)?, kept.as_ref())
    })
}

/// The headers have gone, with the session's cookie if it had one to send.
pub(super) fn sent(slf: &Bound<'_, SessionObject>, cookie: Option<Bound<'_, PyAny>>) -> PyResult<()> {
    let mut sent = Sent { cookie: cookie.map(Bound::unbind), content: None };
    if let Some(session) = made(slf)?
        && let Ok(session) = session.cast::<CookieSession>()
    {
        sent.content = content::kept(session.as_super())?.map(Bound::unbind);
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
