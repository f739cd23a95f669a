//! Saving a session: all of it, or only its access time.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::class::{Session, plain};
use super::saving::{self, Basis};
use super::times::beginning;
use super::{content, renew};
use crate::py::clock;
use crate::py::nesting::{self, Work};
use crate::py::once::intern;

/// `Session.save`: stores the session, or with `accessed_only` renews it as it was loaded.
pub(crate) fn save(session: &Bound<'_, Session>, accessed_only: bool) -> PyResult<()> {
    if session.get().with(|state| state.life.is_deleted())? {
        return content::warn_of_deleted(session);
    }
    let _entered = nesting::enter(session.py(), Work::Save(session.as_ptr() as usize))?;
    if accessed_only {
        return renew::renew(session);
    }
    // First, since other threads may save this session meanwhile, and their changes are not ours.
    let basis = session.get().with(|state| Basis::of(state))?;
    let data = plain(session)?;
    keep_beginning(session, &data)?;
    saving::store(session, &data, basis, true)
}

/// Keeps the creation time after `clear()` where the absolute timeout counts from it.
fn keep_beginning(session: &Bound<'_, Session>, data: &Bound<'_, PyDict>) -> PyResult<()> {
    let key = intern!(session.py(), "_creation_time");
    let limited = session.get().with(|state| state.options.settings.limits.count_from_beginning())?;
    if !limited || data.contains(key)? {
        return Ok(());
    }
    data.set_item(key, beginning(session, clock::now(session.py())?.object)?)
}
