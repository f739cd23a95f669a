//! Giving a session a new id.

use pyo3::prelude::*;

use super::call;
use super::class::Session;
use crate::py::ids;

/// `Session._create_id`: a new id; with `set_new` for a new session, otherwise for this one.
pub(crate) fn create_id(session: &Bound<'_, Session>, set_new: bool) -> PyResult<()> {
    if !set_new && session.get().with(|state| state.life.via_old_id())? {
        return Ok(());
    }
    let id = ids::generate(session.py())?;
    session.get().with(|state| if set_new { state.life.begin_anew(id) } else { state.life.rename(id) })?;
    announce(session, set_new)
}

/// Prepares the cookie that names the session; for a new one it is sent only if the session is saved.
pub(super) fn announce(session: &Bound<'_, Session>, set_new: bool) -> PyResult<()> {
    let uses_cookies = session.get().with(|state| {
        if set_new {
            state.life.set_new(true);
        }
        state.options.settings.use_cookies
    })?;
    if set_new {
        let _dropped = session.get().with(|state| state.snapshots.set_last_accessed(None))?;
    }
    if uses_cookies { call::update_cookie_out(session, !set_new) } else { Ok(()) }
}
