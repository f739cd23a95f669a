//! The objects of a `NamespaceManager` class that a session uses, and the locks around their use.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::backend_call::{BackendCall, TakenLock, ThreadLock};
use super::namespace_calls::{failed, failure, locked, shared, take_write_lock};
use super::namespace_spec::NamespaceSpec;
use super::swap;
use crate::error::Result;
use crate::id::StoreKey;
use crate::locks::{LockTable, Token};
use crate::py::gil;
use crate::py::patience::Patience;

/// The namespaces that a thread of this process works on at this moment.
static BUSY: LazyLock<LockTable> = LazyLock::new(LockTable::default);
/// The sessions that this process has locked.
static RESERVED: LazyLock<LockTable> = LazyLock::new(LockTable::default);

/// The number of namespaces that a session keeps: those of two ids around a rotation, each under its plain and its hashed
/// key.
const RECENT: usize = 4;

/// A namespace that was used.
struct Recent {
    id: String,
    namespace: Py<PyAny>,
    /// The text that its record was seen with last.
    seen: Option<Arc<[u8]>>,
}

/// A store over objects of a `NamespaceManager` class.
pub(crate) struct NamespaceStore {
    pub(super) spec: Arc<NamespaceSpec>,
    patience: Arc<Patience>,
    /// The namespaces that were used last, the last one first.
    recent: Mutex<Vec<Recent>>,
    /// This session's own copy of the class's keyword arguments, once it is needed.
    arguments: Mutex<Option<Py<PyDict>>>,
}

impl NamespaceStore {
    /// A store for a session that waits as long as `patience` allows.
    pub(crate) fn new(spec: Arc<NamespaceSpec>, patience: Arc<Patience>) -> Self {
        Self { spec, patience, recent: Mutex::new(Vec::new()), arguments: Mutex::new(None) }
    }

    /// The namespace of `key`, which is made unless it was used recently.
    pub(crate) fn namespace<'py>(&self, py: Python<'py>, key: &StoreKey) -> PyResult<Bound<'py, PyAny>> {
        let known = {
            let recent = self.recent.lock();
            recent.iter().find(|known| known.id == key.record()).map(|known| known.namespace.clone_ref(py))
        };
        if let Some(namespace) = known {
            return Ok(namespace.into_bound(py));
        }
        let namespace = self.new_namespace(py, key)?;
        self.replace(key.record(), namespace.clone().unbind());
        Ok(namespace)
    }

    /// A namespace of `key`, made anew.
    pub(super) fn new_namespace<'py>(&self, py: Python<'py>, key: &StoreKey) -> PyResult<Bound<'py, PyAny>> {
        self.spec.make(key, &self.arguments(py)?)
    }

    /// The keyword arguments of the class, which a program may change for its session alone.
    pub(crate) fn arguments<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let own = self.arguments.lock().as_ref().map(|arguments| arguments.clone_ref(py));
        if let Some(own) = own {
            return Ok(own.into_bound(py));
        }
        let copy = self.spec.arguments.bind(py).copy()?;
        self.set_arguments(copy.clone().unbind());
        Ok(copy)
    }

    /// Sets the arguments for the next namespaces.
    pub(crate) fn set_arguments(&self, arguments: Py<PyDict>) {
        let _dropped = self.arguments.lock().replace(arguments);
    }

    /// Sets the namespace of `id`.
    pub(crate) fn replace(&self, id: &str, namespace: Py<PyAny>) {
        let dropped: Vec<_> = {
            let mut recent = self.recent.lock();
            let known = recent.iter().position(|known| known.id == id).map(|at| recent.remove(at));
            recent.insert(0, Recent { id: id.to_owned(), namespace, seen: None });
            let rest = recent.len().min(RECENT);
            recent.drain(rest..).chain(known).collect()
        };
        // It may run Python, which must not happen under the lock.
        drop(dropped);
    }

    /// The text that the record of `key` was seen with last.
    pub(super) fn seen(&self, key: &StoreKey) -> Option<Arc<[u8]>> {
        self.recent.lock().iter().find(|known| known.id == key.record())?.seen.clone()
    }

    /// Notes the text that the record of `key` was seen with.
    pub(super) fn note_seen(&self, key: &StoreKey, seen: Option<Arc<[u8]>>) {
        if let Some(known) = self.recent.lock().iter_mut().find(|known| known.id == key.record()) {
            known.seen = seen;
        }
    }

    /// Whether the class of `key`'s namespace compares and changes in one step.
    pub(super) fn can_swap(&self, key: &StoreKey, operation: &'static str) -> Result<bool> {
        Python::attach(|py| {
            let can_swap = self.namespace(py, key).and_then(|namespace| swap::is_offered(&namespace));
            can_swap.map_err(failed(py, operation, key))
        })
    }

    /// Shows the objects to the garbage collector.
    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> std::result::Result<(), PyTraverseError> {
        if let Some(recent) = self.recent.try_lock() {
            for known in &*recent {
                visit.call(&known.namespace)?;
            }
        }
        match self.arguments.try_lock().as_deref() {
            Some(Some(arguments)) => visit.call(arguments),
            _ => Ok(()),
        }
    }

    /// Runs `work` on a namespace of `id` under its write lock, or under its read lock if its class compares and changes in
    /// one step.
    pub(super) fn exclusively<T>(
        &self,
        key: &StoreKey,
        replace: bool,
        operation: &'static str,
        work: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<T>,
    ) -> Result<T> {
        Python::attach(|py| {
            let namespace = self.namespace(py, key).map_err(failed(py, operation, key))?;
            self.within(key, &namespace, operation, || {
                let work = || Ok(self.alone(py, key, operation, || work(&namespace)));
                let done = match swap::is_offered(&namespace) {
                    Ok(true) => shared(&namespace, work),
                    Ok(false) => locked(&namespace, replace, work),
                    Err(error) => Err(error),
                };
                done.map_err(failed(py, operation, key))?
            })
        })
    }

    /// Runs `work`, which takes and releases the lock of `namespace`. If it fails, wherever it was interrupted, this
    /// thread has the lock no more often than before.
    pub(super) fn within<T>(
        &self,
        key: &StoreKey,
        namespace: &Bound<'_, PyAny>,
        operation: &'static str,
        work: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        let py = namespace.py();
        let call = self.begin_call(key, namespace).map_err(failed(py, operation, key))??;
        let done = work();
        if done.is_err() && call.restore_lock() {
            self.forget(namespace);
        }
        done.map_err(|error| call.interruption().unwrap_or(error))
    }

    /// Begins a call of the backend. An error in the inner result says that this thread is in such a call already.
    pub(super) fn begin_call<'a, 'py>(
        &'a self,
        key: &StoreKey,
        namespace: &Bound<'py, PyAny>,
    ) -> PyResult<Result<BackendCall<'a, 'py>>> {
        BackendCall::begin(namespace, self.spec.name(key.record()), &self.patience)
    }

    /// Forgets a namespace that was interrupted at an unknown point; another is made when it is needed.
    pub(super) fn forget(&self, namespace: &Bound<'_, PyAny>) {
        let forgotten = {
            let mut recent = self.recent.lock();
            let at = recent.iter().position(|known| known.namespace.is(namespace));
            at.map(|at| recent.remove(at))
        };
        // It may run Python, which must not happen under the lock.
        drop(forgotten);
    }

    /// Runs `work` while no other thread of this process works on the namespace of `key`: a backend need not have
    /// locks of its own, and the interpreter may switch threads at any time.
    pub(super) fn alone<T>(
        &self,
        py: Python<'_>,
        key: &StoreKey,
        operation: &'static str,
        work: impl FnOnce() -> PyResult<T>,
    ) -> Result<T> {
        let name = self.spec.name(key.record());
        let taken = gil::acquire(py, &BUSY, &name, &self.patience, self.patience.left_for_a_moment())?;
        let done = work();
        BUSY.release(&name, taken);
        done.map_err(|error| failure(py, operation, key, error))
    }

    /// Locks the id of `key` in this process and then its namespace, and waits at most `limit` for both.
    pub(super) fn reserve(
        &self,
        py: Python<'_>,
        key: &StoreKey,
        limit: Duration,
    ) -> Result<(Py<PyAny>, Option<TakenLock>, Token)> {
        let name = self.spec.name(key.lock());
        let since = Instant::now();
        let reserved = gil::acquire(py, &RESERVED, &name, &self.patience, limit)?;
        let left = limit.saturating_sub(since.elapsed());
        let taken = self.take_write_lock(py, key, left);
        if taken.is_err() {
            RESERVED.release(&name, reserved);
        }
        taken.map(|(namespace, state)| (namespace, state, reserved))
    }

    /// Takes the write lock of the namespace of `key`.
    pub(super) fn take_write_lock(
        &self,
        py: Python<'_>,
        key: &StoreKey,
        limit: Duration,
    ) -> Result<(Py<PyAny>, Option<TakenLock>)> {
        const OPERATION: &str = "lock the session in its backend";
        let namespace = self.namespace(py, key).map_err(failed(py, OPERATION, key))?;
        let state = self.within(key, &namespace, OPERATION, || {
            take_write_lock(&namespace, key, &self.patience, limit)?;
            let lock = ThreadLock::of(&namespace).map_err(failed(py, OPERATION, key))?;
            lock.map(ThreadLock::into_taken).transpose().map_err(failed(py, OPERATION, key))
        })?;
        Ok((namespace.unbind(), state))
    }

    /// Unlocks the id of `key` in this process.
    pub(super) fn unreserve(&self, key: &StoreKey, reserved: Token) {
        RESERVED.release(&self.spec.name(key.lock()), reserved);
    }
}
