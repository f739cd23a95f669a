//! The ways to the session's record: its stores, its lock, and the time to wait for them.

use std::sync::Arc;

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;

use super::lock::SessionLock;
use crate::py::patience::Patience;
use crate::py::store::{NamespaceSpec, NamespaceStore};
use crate::store::SessionStore;

/// The ways to the record. A method returns the objects that it replaces, which must not be dropped under the lock of
/// the fields.
pub(crate) struct RecordAccess {
    /// The store over the backend's own view of the record, once it is needed.
    namespaces: Option<Arc<NamespaceStore>>,
    /// The store, once it is needed. It is the session's own, because it remembers the key of the record.
    store: Option<Arc<SessionStore>>,
    /// While the session is locked.
    lock: Option<Arc<SessionLock>>,
    /// How long the session waits for others.
    pub(crate) patience: Arc<Patience>,
}

impl RecordAccess {
    pub(super) fn new(patience: Arc<Patience>) -> Self {
        Self { namespaces: None, store: None, lock: None, patience }
    }

    pub(super) fn store(&self) -> Option<Arc<SessionStore>> {
        self.store.clone()
    }

    /// The store of the lock, or that of the options if it is known, and how long to wait for others.
    pub(super) fn open(&mut self) -> (Option<Arc<SessionStore>>, Arc<Patience>, impl Sized + use<>) {
        let (lock, inherited) = self.own_lock();
        let store = lock.map(|lock| lock.store()).or_else(|| self.store.clone());
        (store, Arc::clone(&self.patience), inherited)
    }

    #[must_use]
    pub(super) fn set_store(&mut self, store: Arc<SessionStore>) -> impl Sized + use<> {
        self.store.replace(store)
    }

    /// The store over the backend's view of the record.
    pub(super) fn namespaces(&mut self, spec: &Arc<NamespaceSpec>) -> Arc<NamespaceStore> {
        let made = || Arc::new(NamespaceStore::new(Arc::clone(spec), Arc::clone(&self.patience)));
        Arc::clone(self.namespaces.get_or_insert_with(made))
    }

    /// The lock, if this process has it. A lock of the parent process is forgotten, and so are the stores, whose views
    /// may be open.
    pub(super) fn own_lock(&mut self) -> (Option<Arc<SessionLock>>, impl Sized + use<>) {
        let inherited = self.lock.take_if(|lock| !lock.is_ours());
        let inherited = inherited.map(|lock| (lock, self.forget_stores()));
        (self.lock.clone(), inherited)
    }

    /// Whether this process has the session's lock.
    pub(super) fn is_locked(&self) -> bool {
        self.lock.as_ref().is_some_and(|lock| lock.is_ours())
    }

    #[must_use]
    pub(super) fn set_lock(&mut self, lock: Option<Arc<SessionLock>>) -> Option<Arc<SessionLock>> {
        std::mem::replace(&mut self.lock, lock)
    }

    /// Forgets the stores of the options before. The namespace that the program has locked remains, since the program
    /// is to unlock the same.
    #[must_use]
    pub(super) fn forget_stores(&mut self) -> impl Sized + use<> {
        (self.namespaces.take_if(|_| self.lock.is_none()), self.store.take())
    }

    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.lock.as_ref().map_or(Ok(()), |lock| lock.traverse(visit))?;
        self.namespaces.as_ref().map_or(Ok(()), |namespaces| namespaces.traverse(visit))
    }
}
