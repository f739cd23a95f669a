//! The objects of a `NamespaceManager` class that a session uses, and the locks around their use.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::namespace_calls::{failed, failure, locked, take, take_write_lock, without_id};
use super::stay::{Stay, TakenLock, ThreadLock};
use crate::error::{Error, Result};
use crate::id::StoreKey;
use crate::locks::{LockTable, Token};
use crate::py::once::intern;
use crate::py::options::Options;
use crate::py::patience::Patience;

/// The namespaces that a thread of this process works on at this moment.
static BUSY: LazyLock<LockTable> = LazyLock::new(LockTable::default);
/// The namespaces that somebody in this process holds.
static RESERVED: LazyLock<LockTable> = LazyLock::new(LockTable::default);

/// How many namespaces a session keeps: before and after it gets another id, each with the place where the record is
/// and the one where it is looked for besides.
const RECENT: usize = 4;

/// A store over objects of a `NamespaceManager` class.
pub(crate) struct NamespaceStore {
    options: Arc<Options>,
    pub(super) patience: Arc<Patience>,
    /// The namespaces that were used last, the last one first.
    recent: Mutex<Vec<(String, Py<PyAny>)>>,
    /// This session's own copy of the class's keyword arguments, once somebody asked for them.
    arguments: Mutex<Option<Py<PyDict>>>,
}

impl NamespaceStore {
    /// A store over the class that the options name, for a session that waits as long as `patience` says.
    pub(crate) fn new(options: Arc<Options>, patience: Arc<Patience>) -> Self {
        Self { options, patience, recent: Mutex::new(Vec::new()), arguments: Mutex::new(None) }
    }

    /// The namespace of `key`: the one used last for it, if that was a short time ago.
    pub(crate) fn namespace<'py>(&self, py: Python<'py>, key: &StoreKey) -> PyResult<Bound<'py, PyAny>> {
        let known = {
            let recent = self.recent.lock();
            recent.iter().find(|(of, _)| of == key.record()).map(|(_, namespace)| namespace.clone_ref(py))
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
        let id = key.record();
        let arguments = self.arguments(py)?.copy()?;
        arguments.set_item(intern!(py, "data_dir"), self.options.given(py, "data_dir")?)?;
        arguments.set_item(intern!(py, "digest_filenames"), false)?;
        let class = self.options.backend()?.namespace_class.bind(py);
        let namespace = class.call((id,), Some(&arguments)).map_err(|error| without_id(py, error, id))?;
        if namespace.hasattr(intern!(py, "allow_pickle"))? {
            // The record's envelope is a pickle, and is read as the sessions' pickles are, or as none.
            if !self.options.serializer.uses_pickle() {
                namespace.setattr(intern!(py, "allow_pickle"), false)?;
            } else if let Some(loads) = self.options.serializer.guard() {
                namespace.setattr(intern!(py, "pickle_loads"), loads)?;
            }
        }
        let lock_as = intern!(py, "_lock_as");
        if key.is_hashed() && self.options.backend()?.native.is_some() && namespace.hasattr(lock_as)? {
            // The store that is written in Rust locks the id, whichever key the record has.
            namespace.call_method1(lock_as, (key.lock(),))?;
        }
        Ok(namespace)
    }

    /// The keyword arguments of the class, which a program may change for its session alone.
    pub(crate) fn arguments<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let own = self.arguments.lock().as_ref().map(|arguments| arguments.clone_ref(py));
        if let Some(own) = own {
            return Ok(own.into_bound(py));
        }
        let copy = self.options.namespace_args.bind(py).copy()?;
        self.set_arguments(copy.clone().unbind());
        Ok(copy)
    }

    /// Takes `arguments` for the namespaces that are yet to be made.
    pub(crate) fn set_arguments(&self, arguments: Py<PyDict>) {
        let replaced = self.arguments.lock().replace(arguments);
        drop(replaced);
    }

    /// Takes `namespace` as that of `id`.
    pub(crate) fn replace(&self, id: &str, namespace: Py<PyAny>) {
        let dropped: Vec<_> = {
            let mut recent = self.recent.lock();
            let known = recent.iter().position(|(of, _)| of == id).map(|at| recent.remove(at));
            recent.insert(0, (id.to_owned(), namespace));
            let rest = recent.len().min(RECENT);
            recent.drain(rest..).chain(known).collect()
        };
        // It may run Python, which must not happen under the lock.
        drop(dropped);
    }

    /// Shows the garbage collector what is held.
    pub(crate) fn traverse(&self, visit: PyVisit<'_>) -> std::result::Result<(), PyTraverseError> {
        if let Some(recent) = self.recent.try_lock() {
            for (_, namespace) in &*recent {
                visit.call(namespace)?;
            }
        }
        match self.arguments.try_lock().as_deref() {
            Some(Some(arguments)) => visit.call(arguments),
            _ => Ok(()),
        }
    }

    /// Runs `work` on a namespace of `id` under its write lock.
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
                let done =
                    locked(&namespace, replace, || Ok(self.alone(py, key, operation, || work(&namespace))));
                done.map_err(failed(py, operation, key))?
            })
        })
    }

    /// Runs `work`, which takes the lock of `namespace` and gives it back. If it fails, whatever it was interrupted at,
    /// this thread has no more of the lock than before.
    pub(super) fn within<T>(
        &self,
        key: &StoreKey,
        namespace: &Bound<'_, PyAny>,
        operation: &'static str,
        work: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        let py = namespace.py();
        let stay = Stay::enter(namespace, self.name(key.record())?, &self.patience)
            .map_err(failed(py, operation, key))??;
        let done = work();
        if done.is_err() && stay.go_back() {
            self.forget(namespace);
        }
        done.map_err(|error| stay.interruption().unwrap_or(error))
    }

    /// Enters the backend, where this thread is not there already.
    pub(super) fn stay<'a, 'py>(
        &'a self,
        key: &StoreKey,
        namespace: &Bound<'py, PyAny>,
    ) -> Result<PyResult<Option<Stay<'a, 'py>>>> {
        Ok(Stay::enter(namespace, self.name(key.record())?, &self.patience).map(Result::ok))
    }

    /// Makes a namespace anew when it is needed next, because nobody knows how far this one came.
    pub(super) fn forget(&self, namespace: &Bound<'_, PyAny>) {
        let forgotten = {
            let mut recent = self.recent.lock();
            let at = recent.iter().position(|(_, known)| known.is(namespace));
            at.map(|at| recent.remove(at))
        };
        // It may run Python, which must not happen under the lock.
        drop(forgotten);
    }

    /// Runs `work` while no other thread of this process works on the namespace of `id`: a backend need not have
    /// locks of its own, and the interpreter turns to another thread whenever it likes.
    pub(super) fn alone<T>(
        &self,
        py: Python<'_>,
        key: &StoreKey,
        operation: &'static str,
        work: impl FnOnce() -> PyResult<T>,
    ) -> Result<T> {
        let name = self.name(key.record())?;
        let taken = take(py, &BUSY, &name, &self.patience, self.patience.left_for_a_moment())?;
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
        let name = self.name(key.lock())?;
        let since = Instant::now();
        let reserved = take(py, &RESERVED, &name, &self.patience, limit)?;
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

    /// The lifetime to name to the backend for a record that is to have `ttl`: none where the backend was made with it.
    pub(super) fn lifetime(&self, ttl: Option<Duration>) -> Option<Duration> {
        ttl.filter(|_| ttl != self.options.settings.store_ttl(None))
    }

    /// Lets the other holders of this process in again.
    pub(super) fn unreserve(&self, key: &StoreKey, reserved: Token) {
        if let Ok(name) = self.name(key.lock()) {
            RESERVED.release(&name, reserved);
        }
    }

    /// The name of a record or a lock in this process, beside those of other classes.
    pub(super) fn name(&self, text: &str) -> Result<String> {
        let backend = self.options.backend();
        let class = backend.map_err(|error| Error::unsupported("lock the session").with_source(error))?;
        Ok(format!("{:x} {}", class.namespace_class.as_ptr() as usize, text))
    }
}
