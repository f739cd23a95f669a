//! The lock of a session, and the backend's view of the record under it.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use parking_lot::Mutex;
use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use crate::error::Result;
use crate::fork::Process;
use crate::id::SessionId;
use crate::py::clock;
use crate::py::dropped::at_drop;
use crate::py::errors::IntoPyResult;
use crate::py::fork::Inherited;
use crate::py::gil;
use crate::py::once::intern;
use crate::py::patience::Patience;
use crate::py::store::{NamespaceGuard, NamespaceStore};
use crate::store::{Call, Guard, SessionStore, Timestamp};

/// The lock of a session that this session object has taken.
pub(crate) struct SessionLock {
    /// The process that holds the lock. A forked process inherits the object, but not the lock.
    process: Process,
    /// The store under the lock.
    pub(super) locked: Arc<SessionStore>,
    patience: Arc<Patience>,
    /// Whether `locked` is a store written in Rust, whose lock the backend's view would wait for.
    is_native: bool,
    /// The backend's view of the record, which `lock()` opened: then it is the only way to the record.
    view: Mutex<Option<View>>,
    /// How many calls of `lock()` by the program have had no `unlock()` yet. Functions that lock and unlock may call
    /// each other, as they may with Beaker.
    pub(super) by_program: AtomicUsize,
    /// The states, in the view's lock, of the threads that use the view under this one.
    covered: Mutex<Vec<Py<PyAny>>>,
}

/// The backend's view of a record.
struct View {
    opened: Py<PyAny>,
    guard: Arc<NamespaceGuard>,
    /// The store by way of the view.
    store: Arc<SessionStore>,
}

impl SessionLock {
    pub(super) fn new(locked: Arc<SessionStore>, patience: Arc<Patience>, is_native: bool) -> Self {
        Self {
            process: Process::current(),
            locked,
            patience,
            is_native,
            view: Mutex::new(None),
            by_program: AtomicUsize::new(0),
            covered: Mutex::default(),
        }
    }

    pub(super) fn is_ours(&self) -> bool {
        self.process.is_current()
    }

    /// The store under the lock.
    pub(super) fn store(&self) -> Arc<SessionStore> {
        self.view.lock().as_ref().map_or_else(|| Arc::clone(&self.locked), |view| Arc::clone(&view.store))
    }

    /// Allows this thread to use the backend's view of the locked session. The view locks the same file, so that the
    /// thread would wait for itself.
    pub(super) fn cover(&self, namespace: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = namespace.py();
        if !self.is_native {
            return Ok(());
        }
        let lock = namespace.getattr_opt(intern!(py, "access_lock"))?;
        let Some(state) = lock.map(|lock| lock.getattr_opt(intern!(py, "state"))).transpose()?.flatten()
        else {
            return Ok(());
        };
        let covered = intern!(py, "covered");
        // A thread that has taken the view's lock itself releases it itself.
        if !state.getattr(covered)?.is_truthy()?
            && !state.getattr(intern!(py, "reentrantcount"))?.is_truthy()?
        {
            self.covered.lock().push(state.clone().unbind());
            state.setattr(covered, true)?;
        }
        Ok(())
    }

    fn uncover(&self, py: Python<'_>) -> PyResult<()> {
        let states = std::mem::take(&mut *self.covered.lock());
        states.iter().try_for_each(|state| state.bind(py).setattr(intern!(py, "covered"), false))
    }

    /// Opens the backend's view, as programs of Beaker expect it after `lock()`.
    pub(super) fn open(
        &self,
        py: Python<'_>,
        namespaces: Arc<NamespaceStore>,
        id: &SessionId,
        ttl: Option<Duration>,
    ) -> PyResult<()> {
        if !self.is_native || self.view.lock().is_some() {
            return Ok(());
        }
        let now = clock::now(py)?.seconds;
        let id = id.clone();
        let key = self.with_locked(py, now, move |store, call| store.settle(&id, ttl, call)).into_py(py)?;
        let namespace = namespaces.namespace(py, &key)?;
        if !namespace.hasattr(intern!(py, "access_lock"))? {
            // It shows the store's records, and needs no opening.
            return Ok(());
        }
        self.cover(&namespace)?;
        namespace.call_method0(intern!(py, "acquire_write_lock"))?;
        let opened = namespace.clone().unbind();
        let guard = NamespaceGuard::new(Arc::clone(&namespaces), &key, namespace.unbind(), None, None);
        let guard = Arc::new(guard);
        let store = self.locked.pinned(namespaces, Arc::clone(&guard) as Arc<dyn Guard>, &key);
        let _dropped = self.view.lock().replace(View { opened, guard, store: Arc::new(store) });
        Ok(())
    }

    fn with_locked<T: Send + 'static>(
        &self,
        py: Python<'_>,
        now: Timestamp,
        work: impl Fn(&SessionStore, &Call<'_>) -> Result<T> + Send + Sync + 'static,
    ) -> Result<T> {
        gil::with_store(py, &self.locked, &self.patience, now, work)
    }

    /// Closes the view, which writes its changes.
    pub(super) fn close(&self, py: Python<'_>) -> PyResult<()> {
        let Some(view) = self.view.lock().take() else { return self.uncover(py) };
        // Another thread may have opened it.
        self.cover(view.opened.bind(py))?;
        let closed = view.guard.release().into_py(py);
        let uncovered = self.uncover(py);
        closed.and(uncovered)
    }

    pub(super) fn release(&self, py: Python<'_>) -> PyResult<()> {
        let closed = self.close(py);
        let released = self.with_locked(py, Timestamp::NEG_INFINITY, SessionStore::release);
        closed.and(released.into_py(py))
    }

    /// Shows the objects to the garbage collector.
    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self.covered.try_lock() {
            Some(covered) => covered.iter().try_for_each(|state| visit.call(state)),
            None => Ok(()),
        }
    }
}

impl Inherited for SessionLock {
    fn close_inherited(&self) {
        if self.is_native && !self.is_ours() {
            // The parent still holds the lock, and nothing here can fail.
            let _ = self.locked.release(&Call::at(Timestamp::NEG_INFINITY).waiting(Duration::ZERO));
        }
    }
}

impl Drop for SessionLock {
    fn drop(&mut self) {
        // Call `release` to see errors; a drop ignores them.
        at_drop(|py| drop(self.release(py)));
    }
}
