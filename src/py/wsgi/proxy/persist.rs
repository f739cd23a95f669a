//! Storing the session of a proxy when its request ends.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::class::SessionObject;
use super::late;
use super::make::{request_options, session};
use crate::py::once::intern;
use crate::py::session::{Session, call, has_to_move, hold};

/// `persist()`: what the end of a request does.
pub(super) fn persist(slf: &Bound<'_, SessionObject>) -> PyResult<()> {
    let session = session(slf)?;
    let Ok(session) = session.cast::<Session>() else { return persist_foreign(slf, &session) };
    let stored = store(slf, session);
    let released = hold::release(session);
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

fn store(slf: &Bound<'_, SessionObject>, session: &Bound<'_, Session>) -> PyResult<()> {
    let options = session.get().options()?;
    if options.settings.auto || slf.get().cell.is_dirty(slf)? {
        return call::save(session, false);
    }
    if options.settings.save_accessed_time || has_to_move(session)? {
        late::renewing(slf, session)?;
        return call::save(session, true);
    }
    Ok(())
}

/// Whether the session was used, or is to be saved.
pub(crate) fn is_used(slf: &Bound<'_, SessionObject>) -> PyResult<bool> {
    slf.get().cell.is_used(slf)
}
