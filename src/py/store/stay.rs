//! A thread in the backend of a session: from the taking of its lock to the giving back.
//!
//! The backend is written in Python, so that a signal may come at any point of it. Its handler may raise, and then the
//! backend's lock is as it was before; or it may use the same session, and then it is told at once that this thread
//! has it, for it would wait for itself.

use std::collections::HashSet;
use std::sync::LazyLock;
use std::time::Duration;

use crate::py::once::{Once, intern};
use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::error::{Error, ErrorKind, Result};
use crate::py::patience::Patience;
use crate::py::runner::Runner;

/// Who is in a backend, and the namespace.
type Entry = (Runner, String);

/// The lock is held with the interpreter's, so that no fork finds it taken.
static STAYS: LazyLock<Mutex<HashSet<Entry>>> = LazyLock::new(Mutex::default);

/// While it lives, this thread is in a backend.
pub(crate) struct Stay<'a, 'py> {
    entry: Entry,
    lock: Option<ThreadLock<'py>>,
    patience: &'a Patience,
    limit: Bound<'py, PyList>,
    token: Bound<'py, PyAny>,
}

impl<'a, 'py> Stay<'a, 'py> {
    /// Enters. `key` names the namespace in this process.
    pub(crate) fn enter(
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
        if !STAYS.lock().insert(entry.clone()) {
            return Ok(Err(Error::busy("use the session in its backend")
                .with_detail("this thread is using it at this moment, and was interrupted")));
        }
        match limits(py).and_then(|limits| limits.call_method1(intern!(py, "set"), (&limit,))) {
            Ok(token) => Ok(Ok(Self { entry, lock, patience, limit, token })),
            Err(error) => {
                STAYS.lock().remove(&entry);
                Err(error)
            }
        }
    }

    /// Has this thread have the lock as often as when it came, whatever it was interrupted at. Returns whether that is
    /// never; then nothing is open any more.
    pub(crate) fn go_back(&self) -> bool {
        let Some(lock) = &self.lock else { return false };
        lock.restore(lock.count);
        lock.count == 0
    }
}

impl Stay<'_, '_> {
    /// What the handler of a signal raised while a lock was waited for.
    pub(crate) fn interruption(&self) -> Option<Error> {
        let raised = self.limit.get_item(2).ok().filter(|raised| !raised.is_none())?;
        let error = Error::new(ErrorKind::Interrupted, "wait for the session in its backend");
        Some(error.with_source(PyErr::from_value(raised)))
    }
}

impl Drop for Stay<'_, '_> {
    fn drop(&mut self) {
        let py = self.token.py();
        STAYS.lock().remove(&self.entry);
        // It has frames that have the list.
        let _ = self.limit.set_item(2, py.None());
        let waited = self.limit.get_item(1).and_then(|waited| waited.extract());
        if let Some(waited) = waited.ok().and_then(|waited| Duration::try_from_secs_f64(waited).ok()) {
            self.patience.spend(waited);
        }
        // Where it fails, the context is another one by now, which has no limit.
        let _ = limits(py).and_then(|limits| limits.call_method1(intern!(py, "reset"), (&self.token,)));
    }
}

/// What tells the waits of `beaker.synchronization` until when they may last.
fn limits(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static LIMIT: Once<Py<PyAny>> = Once::new();
    LIMIT.import(py, "beaker._locks", "LIMIT")
}

/// The lock of a namespace, if it is one of `beaker.synchronization`, and what a thread does with it.
pub(crate) struct ThreadLock<'py> {
    namespace: Bound<'py, PyAny>,
    lock: Bound<'py, PyAny>,
    count: usize,
}

impl<'py> ThreadLock<'py> {
    /// The lock as this thread has it. `None` if this thread's session has it instead.
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

    /// Has this thread have it `count` times at the most.
    pub(crate) fn restore(&self, count: usize) {
        let py = self.lock.py();
        if count == 0 {
            // It is a method of those that are opened and closed.
            let _ = self.namespace.call_method0(intern!(py, "_abandon"));
        }
        let name = intern!(py, "_restore");
        // Another signal may come in between; two are not expected at once.
        if self.lock.call_method1(name, (count,)).is_err() {
            let _ = self.lock.call_method1(name, (count,));
        }
    }

    /// What this thread has of it, which another thread may give back.
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
    /// Where the lock keeps what each thread does with it.
    local: Py<PyAny>,
    state: Py<PyAny>,
}

impl TakenLock {
    /// Runs `give_back` with this thread in the place of the one that took the lock. If it fails, whatever it was
    /// interrupted at, the lock is given back even so.
    pub(crate) fn give_back(&self, py: Python<'_>, give_back: impl FnOnce() -> PyResult<()>) -> PyResult<()> {
        // Nothing of Python's code runs here that a signal could interrupt.
        let (local, value) = (self.local.bind(py), intern!(py, "value"));
        let own = local.getattr_opt(value)?;
        local.setattr(value, &self.state)?;
        let given_back = give_back();
        if given_back.is_err() {
            let (namespace, lock) = (self.namespace.bind(py).clone(), self.lock.bind(py).clone());
            ThreadLock { namespace, lock, count: 0 }.restore(0);
        }
        match own {
            Some(own) => local.setattr(value, own)?,
            None => local.delattr(value)?,
        }
        given_back
    }
}
