//! A call of a backend written in Python, from taking its lock to releasing it.
//!
//! A signal may interrupt the call at any point. If its handler raises, the thread has the backend's lock as often as
//! before the call. If its handler uses the same session, it gets an error at once, since the thread would wait for
//! itself.

use std::collections::HashSet;
use std::sync::LazyLock;
use std::time::Duration;

use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::error::{Error, ErrorKind, Result};
use crate::py::once::{Once, intern};
use crate::py::patience::Patience;
use crate::py::runner::Runner;

/// The caller, and the name of the namespace.
type Entry = (Runner, String);

/// The calls of this moment. Its lock is only held together with the interpreter's, so that no fork finds it taken.
static CALLS: LazyLock<Mutex<HashSet<Entry>>> = LazyLock::new(Mutex::default);

/// A call of a backend, until it is dropped.
pub(crate) struct BackendCall<'a, 'py> {
    entry: Entry,
    lock: Option<ThreadLock<'py>>,
    patience: &'a Patience,
    limit: Bound<'py, PyList>,
    token: Bound<'py, PyAny>,
}

impl<'a, 'py> BackendCall<'a, 'py> {
    /// Begins a call. `key` names the namespace in this process. The inner error says that this thread is in such a call.
    pub(crate) fn begin(
        namespace: &Bound<'py, PyAny>,
        key: String,
        patience: &'a Patience,
    ) -> PyResult<Result<Self>> {
        let py = namespace.py();
        let lock = ThreadLock::of(namespace)?;
        let now: f64 = py.import("time")?.call_method0(intern!(py, "monotonic"))?.extract()?;
        let limit = PyList::new(py, [now + patience.left_for_a_moment().as_secs_f64(), 0.0])?;
        limit.append(py.None())?;
        let entry = (Runner::current(py)?, key);
        if !CALLS.lock().insert(entry.clone()) {
            return Ok(Err(Error::busy("use the session in its backend")
                .with_detail("this thread is using it at this moment, and was interrupted")));
        }
        match limits(py).and_then(|limits| limits.call_method1(intern!(py, "set"), (&limit,))) {
            Ok(token) => Ok(Ok(Self { entry, lock, patience, limit, token })),
            Err(error) => {
                CALLS.lock().remove(&entry);
                Err(error)
            }
        }
    }

    /// Gives this thread the lock as often as it had it before the call, wherever the call was interrupted. Returns
    /// whether that is not at all; then the namespace is closed.
    pub(crate) fn restore_lock(&self) -> bool {
        let Some(lock) = &self.lock else { return false };
        lock.restore(lock.count);
        lock.count == 0
    }
}

impl BackendCall<'_, '_> {
    /// The exception of a signal's handler that ended a wait for a lock.
    pub(crate) fn interruption(&self) -> Option<Error> {
        let raised = self.limit.get_item(2).ok().filter(|raised| !raised.is_none())?;
        let error = Error::new(ErrorKind::Interrupted, "wait for the session in its backend");
        Some(error.with_source(PyErr::from_value(raised)))
    }
}

impl Drop for BackendCall<'_, '_> {
    fn drop(&mut self) {
        let py = self.token.py();
        CALLS.lock().remove(&self.entry);
        // The exception's frames may keep the list, and the list must not keep the exception.
        let _ = self.limit.set_item(2, py.None());
        let waited = self.limit.get_item(1).and_then(|waited| waited.extract());
        if let Some(waited) = waited.ok().and_then(|waited| Duration::try_from_secs_f64(waited).ok()) {
            self.patience.spend(waited);
        }
        // It fails in another context, which has no limit.
        let _ = limits(py).and_then(|limits| limits.call_method1(intern!(py, "reset"), (&self.token,)));
    }
}

/// The context variable that limits the waits of `beaker.synchronization`.
fn limits(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static LIMIT: Once<Py<PyAny>> = Once::new();
    LIMIT.import(py, "beaker._locks", "LIMIT")
}

/// The lock of a namespace, as one thread has it. The lock is one of `beaker.synchronization`.
pub(crate) struct ThreadLock<'py> {
    namespace: Bound<'py, PyAny>,
    lock: Bound<'py, PyAny>,
    count: usize,
}

impl<'py> ThreadLock<'py> {
    /// The lock as this thread has it. `None` if it is of another kind, or if this thread's session has it.
    pub(crate) fn of(namespace: &Bound<'py, PyAny>) -> PyResult<Option<Self>> {
        let py = namespace.py();
        let Some(lock) = namespace.getattr_opt(intern!(py, "access_lock"))? else { return Ok(None) };
        if !lock.hasattr(intern!(py, "_restore"))? {
            return Ok(None);
        }
        let state = lock.getattr(intern!(py, "state"))?;
        if state.getattr(intern!(py, "covered"))?.is_truthy()? {
            return Ok(None);
        }
        let count = state.getattr(intern!(py, "reentrantcount"))?.extract()?;
        Ok(Some(Self { namespace: namespace.clone(), lock, count }))
    }

    /// Gives this thread the lock `count` times at the most.
    pub(crate) fn restore(&self, count: usize) {
        let py = self.lock.py();
        if count == 0 {
            // Only namespaces that are opened and closed have this method.
            let _ = self.namespace.call_method0(intern!(py, "_abandon"));
        }
        let name = intern!(py, "_restore");
        // Another signal may come in between; two are not expected at once.
        if self.lock.call_method1(name, (count,)).is_err() {
            let _ = self.lock.call_method1(name, (count,));
        }
    }

    /// The lock as this thread has taken it, for another thread to release.
    pub(crate) fn into_taken(self) -> PyResult<TakenLock> {
        let py = self.lock.py();
        let local = self.lock.getattr(intern!(py, "_state"))?.getattr(intern!(py, "_tlocal"))?.unbind();
        let state = self.lock.getattr(intern!(py, "state"))?.unbind();
        Ok(TakenLock { namespace: self.namespace.unbind(), lock: self.lock.unbind(), local, state })
    }
}

/// The lock of a namespace as a thread has taken it.
pub(crate) struct TakenLock {
    namespace: Py<PyAny>,
    lock: Py<PyAny>,
    /// The lock's thread-local data.
    local: Py<PyAny>,
    state: Py<PyAny>,
}

impl TakenLock {
    /// Runs `release` with this thread in place of the one that took the lock. The lock is released even where `release`
    /// fails, wherever it was interrupted.
    pub(crate) fn release(&self, py: Python<'_>, release: impl FnOnce() -> PyResult<()>) -> PyResult<()> {
        // No Python code runs here that a signal could interrupt.
        let (local, value) = (self.local.bind(py), intern!(py, "value"));
        let own = local.getattr_opt(value)?;
        local.setattr(value, &self.state)?;
        let released = release();
        if released.is_err() {
            let (namespace, lock) = (self.namespace.bind(py).clone(), self.lock.bind(py).clone());
            ThreadLock { namespace, lock, count: 0 }.restore(0);
        }
        match own {
            Some(own) => local.setattr(value, own)?,
            None => local.delattr(value)?,
        }
        released
    }
}
