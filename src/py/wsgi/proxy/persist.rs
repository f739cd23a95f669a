//! Storing the session of a proxy when its request ends.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::class::SessionObject;
use super::late;
use super::make::{request_options, session};
use crate::py::once::intern;
use crate::py::session::{Session, call, locking};
use crate::session::finish::{self, AtEnd, Facts};

/// `persist()`: stores the session at the end of a request.
pub(super) fn persist(slf: &Bound<'_, SessionObject>) -> PyResult<()> {
    let session = session(slf)?;
    let Ok(session) = session.cast::<Session>() else { return persist_foreign(slf, &session) };
    let stored = store(slf, session);
    let released = locking::release(session);
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
    let is_dirty = slf.get().cell.is_dirty(slf)?;
    let at_end = session.get().with(|state| {
        let settings = &state.options.settings;
        let facts = Facts {
            is_to_be_saved: settings.auto || is_dirty,
            keeps_access_time: settings.save_accessed_time,
            is_stale: state.life.is_stale(),
        };
        finish::at_end(&state.life, facts)
    })?;
    match at_end {
        AtEnd::Save => call::save(session, false),
        AtEnd::Renew => {
            late::renewing(slf, session)?;
            call::save(session, true)
        }
        AtEnd::Leave => Ok(()),
    }
}
