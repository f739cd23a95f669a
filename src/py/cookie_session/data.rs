//! The data of a session that is sent.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::py::clock;
use crate::py::once::intern;
use crate::py::session::{Session, as_dict, beginning, content};

/// Adds the id and the times to `data`, which is to be sent.
pub(super) fn complete(session: &Bound<'_, Session>, data: &Bound<'_, PyDict>) -> PyResult<()> {
    let py = session.py();
    let now = clock::now(py)?.object;
    if !data.contains(intern!(py, "_creation_time"))? {
        data.set_item(intern!(py, "_creation_time"), beginning(session, now.clone())?)?;
    }
    if !data.contains(intern!(py, "_id"))? {
        let id = session.get().with(|state| state.life.id().as_str().to_owned())?;
        data.set_item(intern!(py, "_id"), id)?;
    }
    data.set_item(intern!(py, "_accessed_time"), now)
}

/// The session as it was sent in this request, else as it was loaded, else empty; complete, and a copy.
pub(super) fn stored<'py>(session: &Bound<'py, Session>) -> PyResult<Bound<'py, PyDict>> {
    let py = session.py();
    let data = match session.get().with(|state| state.snapshots.saved(py))? {
        Some(saved) => saved.copy()?,
        None => content::loaded(session)?.cast::<PyDict>()?.copy()?,
    };
    if data.is_empty() {
        data.update(session.get().options()?.initial.bind(py).as_mapping())?;
    }
    complete(session, &data)?;
    Ok(data)
}

/// The id in the session's data, or that which it gets when it is saved.
pub(super) fn id_in<'py>(session: &Bound<'py, Session>) -> PyResult<Option<Bound<'py, PyAny>>> {
    as_dict(session)?.get_item(intern!(session.py(), "_id"))
}
