//! Where the session's record is: the store that keeps it, and the backend's view of it.

use std::sync::Arc;

use pyo3::prelude::*;

use super::Session;
use crate::py::python_store::NamespaceStore;
use crate::store::Store;

/// The store of the session: that of its options, or as the session has it while it is held.
pub(super) fn store(session: &Bound<'_, Session>) -> PyResult<Arc<dyn Store>> {
    let (options, hold) =
        session.get().with(|state| (Arc::clone(&state.options), state.hold.as_ref().map(Arc::clone)))?;
    match (hold, &options.backend()?.native) {
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
    let (id, hold) =
        session.get().with(|state| (state.life.id().clone(), state.hold.as_ref().map(Arc::clone)))?;
    let namespace = namespaces(session)?.namespace(session.py(), id.as_str())?;
    if let Some(hold) = hold {
        hold.lend(&namespace)?;
    }
    Ok(namespace)
}
