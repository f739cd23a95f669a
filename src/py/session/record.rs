//! Where the session's record is: the store that keeps it, and the backend's view of it.

use std::sync::Arc;

use pyo3::prelude::*;

use super::{Session, hold};
use crate::py::python_store::NamespaceStore;
use crate::store::Store;

/// The store of the session: that of its options, or as the session has it while it is held.
pub(super) fn store(session: &Bound<'_, Session>) -> PyResult<Arc<dyn Store>> {
    let options = session.get().with(|state| Arc::clone(&state.options))?;
    match (hold::of(session)?, &options.backend()?.native) {
        (Some(hold), _) => Ok(hold.store()),
        (None, Some(native)) => Ok(Arc::clone(native)),
        (None, None) => Ok(namespaces(session)? as Arc<dyn Store>),
    }
}

/// The store over the backend's view, which is made when it is first needed.
pub(super) fn namespaces(session: &Bound<'_, Session>) -> PyResult<Arc<NamespaceStore>> {
    session.get().with(|state| {
        let options = &state.options;
        Arc::clone(state.namespaces.get_or_insert_with(|| Arc::new(NamespaceStore::new(Arc::clone(options)))))
    })
}

/// `session.namespace`: the backend's view of the session's record.
pub(super) fn namespace<'py>(session: &Bound<'py, Session>) -> PyResult<Bound<'py, PyAny>> {
    let hold = hold::of(session)?;
    let id = session.get().with(|state| state.life.id().clone())?;
    let namespace = namespaces(session)?.namespace(session.py(), id.as_str())?;
    if let Some(hold) = hold {
        hold.lend(&namespace)?;
    }
    Ok(namespace)
}
