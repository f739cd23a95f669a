//! Where the session's record is: the store that keeps it, and the backend's view of it.

use std::sync::Arc;

use pyo3::prelude::*;

use super::Session;
use crate::py::python_store::NamespaceStore;
use crate::store::Store;

/// The store of the session: that of its options, or the namespace that the program has locked or brought.
pub(super) fn store(session: &Bound<'_, Session>) -> PyResult<Arc<dyn Store>> {
    let (options, locked) = session.get().with(|state| (Arc::clone(&state.options), state.locked))?;
    match &options.backend()?.native {
        Some(native) if !locked => Ok(Arc::clone(native)),
        _ => Ok(namespaces(session)? as Arc<dyn Store>),
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
    let id = session.get().with(|state| state.life.id().clone())?;
    namespaces(session)?.namespace(session.py(), id.as_str())
}
