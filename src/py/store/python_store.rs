//! A store written in Python: a `NamespaceManager` of the application or of a third party.
//!
//! The class is used as Beaker uses it: an object for each session id, its locks around every access, the
//! session's text under the key `session`.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::held_namespace::HeldNamespace;
use super::namespace_calls::{failed, failure, locked, read, take, take_write_lock, without_id};
use super::namespace_record;
use super::stay::{Stay, TakenLock, ThreadLock};
use crate::error::{Error, Result};
use crate::id::SessionId;
use crate::locks::{LockTable, Token};
use crate::py::errors::IntoPyResult;
use crate::py::once::intern;
use crate::py::options::Options;
use crate::py::patience::Patience;
use crate::store::{
    Capabilities, Deleted, Expect, Held, HoldOf, Record, Rotation, Store, Timestamp, Touch, Written,
};

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
    patience: Arc<Patience>,
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

    /// The namespace of `id`: the one used last for it, if that was a short time ago.
    pub(crate) fn namespace<'py>(&self, py: Python<'py>, id: &str) -> PyResult<Bound<'py, PyAny>> {
        let known = {
            let recent = self.recent.lock();
            recent.iter().find(|(of, _)| of == id).map(|(_, namespace)| namespace.clone_ref(py))
        };
        if let Some(namespace) = known {
            return Ok(namespace.into_bound(py));
        }
        let namespace = self.new_namespace(py, id)?;
        self.replace(id, namespace.clone().unbind());
        Ok(namespace)
    }

    /// A namespace of `id`, made anew.
    fn new_namespace<'py>(&self, py: Python<'py>, id: &str) -> PyResult<Bound<'py, PyAny>> {
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
    fn exclusively<T>(
        &self,
        id: &SessionId,
        replace: bool,
        operation: &'static str,
        work: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<T>,
    ) -> Result<T> {
        Python::attach(|py| {
            let namespace = self.namespace(py, id.as_str()).map_err(failed(py, operation, id))?;
            self.within(id, &namespace, operation, || {
                let done =
                    locked(&namespace, replace, || Ok(self.alone(py, id, operation, || work(&namespace))));
                done.map_err(failed(py, operation, id))?
            })
        })
    }

    /// Runs `work`, which takes the lock of `namespace` and gives it back. If it fails, whatever it was interrupted at,
    /// this thread has no more of the lock than before.
    pub(super) fn within<T>(
        &self,
        id: &SessionId,
        namespace: &Bound<'_, PyAny>,
        operation: &'static str,
        work: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        let py = namespace.py();
        let stay =
            Stay::enter(namespace, self.key(id)?, &self.patience).map_err(failed(py, operation, id))??;
        let done = work();
        if done.is_err() && stay.go_back() {
            self.forget(namespace);
        }
        done.map_err(|error| stay.interruption().unwrap_or(error))
    }

    /// Enters the backend, where this thread is not there already.
    pub(super) fn stay<'a, 'py>(
        &'a self,
        id: &SessionId,
        namespace: &Bound<'py, PyAny>,
    ) -> Result<PyResult<Option<Stay<'a, 'py>>>> {
        Ok(Stay::enter(namespace, self.key(id)?, &self.patience).map(Result::ok))
    }

    /// Makes a namespace anew when it is needed next, because nobody knows how far this one came.
    fn forget(&self, namespace: &Bound<'_, PyAny>) {
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
        id: &SessionId,
        operation: &'static str,
        work: impl FnOnce() -> PyResult<T>,
    ) -> Result<T> {
        let key = self.key(id)?;
        let taken = take(py, &BUSY, &key, &self.patience, self.patience.left_for_a_moment())?;
        let done = work();
        BUSY.release(&key, taken);
        done.map_err(|error| failure(py, operation, id, error))
    }

    /// Takes the write lock of `id` after having shut the other holders of this process out, and waits at most
    /// `limit` for both.
    pub(super) fn reserve(
        &self,
        py: Python<'_>,
        id: &SessionId,
        limit: Duration,
    ) -> Result<(Py<PyAny>, Option<TakenLock>, Token)> {
        const OPERATION: &str = "lock the session in its backend";
        let key = self.key(id)?;
        let since = Instant::now();
        let reserved = take(py, &RESERVED, &key, &self.patience, limit)?;
        let namespace = self.namespace(py, id.as_str()).map_err(failed(py, OPERATION, id));
        let taken = namespace.and_then(|namespace| {
            let state = self.within(id, &namespace, OPERATION, || {
                let left = limit.saturating_sub(since.elapsed());
                take_write_lock(&namespace, id, &self.patience, left)?;
                let lock = ThreadLock::of(&namespace).map_err(failed(py, OPERATION, id))?;
                lock.map(ThreadLock::into_taken).transpose().map_err(failed(py, OPERATION, id))
            })?;
            Ok((namespace.unbind(), state))
        });
        if taken.is_err() {
            RESERVED.release(&key, reserved);
        }
        taken.map(|(namespace, state)| (namespace, state, reserved))
    }

    /// The lifetime to name to the backend for a record that is to have `ttl`: none where the backend was made with it.
    pub(super) fn lifetime(&self, ttl: Option<Duration>) -> Option<Duration> {
        ttl.filter(|_| ttl != self.options.settings.store_ttl(None))
    }

    /// Lets the other holders of this process in again.
    pub(super) fn unreserve(&self, id: &SessionId, reserved: Token) {
        if let Ok(key) = self.key(id) {
            RESERVED.release(&key, reserved);
        }
    }

    /// What names a namespace in this process: its class and its id.
    fn key(&self, id: &SessionId) -> Result<String> {
        let backend = self.options.backend();
        let class = backend.map_err(|error| Error::unsupported("lock the session").with_source(error))?;
        Ok(format!("{:x} {}", class.namespace_class.as_ptr() as usize, id.as_str()))
    }
}

impl Store for NamespaceStore {
    fn load(&self, id: &SessionId, _now: Timestamp) -> Result<Option<Record>> {
        const OPERATION: &str = "read the session from its backend";
        Python::attach(|py| {
            let namespace = self.namespace(py, id.as_str()).map_err(failed(py, OPERATION, id))?;
            self.within(id, &namespace, OPERATION, || read(&namespace).map_err(failed(py, OPERATION, id)))
        })
    }

    fn write(
        &self,
        id: &SessionId,
        data: &[u8],
        ttl: Option<Duration>,
        expect: Expect,
        _now: Timestamp,
    ) -> Result<Written> {
        let lifetime = self.lifetime(ttl);
        let unconditional = expect == Expect::Any;
        self.exclusively(id, unconditional, "write the session to its backend", |namespace| {
            namespace_record::write_in(namespace, data, lifetime, expect)
        })
    }

    fn touch(
        &self,
        id: &SessionId,
        touch: &Touch<'_>,
        ttl: Option<Duration>,
        _now: Timestamp,
    ) -> Result<bool> {
        let lifetime = self.lifetime(ttl);
        self.exclusively(id, false, "renew the session in its backend", |namespace| {
            namespace_record::touch_in(namespace, touch, lifetime)
        })
    }

    fn delete(&self, id: &SessionId, expect: Expect) -> Result<Deleted> {
        self.exclusively(id, false, "remove the session from its backend", |namespace| {
            namespace_record::delete_in(namespace, expect)
        })
    }

    /// As good as a backend can: both write locks are held, so that nobody comes between who takes them, but a
    /// process that dies between the two steps leaves both records.
    fn rotate(&self, rotation: &Rotation<'_>, now: Timestamp) -> Result<Written> {
        const OPERATION: &str = "rotate the session in its backend";
        let Rotation { old, new, data, ttl, expect, left } = *rotation;
        let write = |expect| self.write(old, data, ttl, expect, now);
        if let Some(written) = rotation.as_write(write) {
            return written;
        }
        self.exclusively(old, false, OPERATION, |from| {
            if !namespace_record::may_rotate(from, expect)? {
                return Ok(Written::Refused);
            }
            let py = from.py();
            let to = self.new_namespace(py, new.as_str())?;
            let lifetime = self.lifetime(ttl);
            let write = || namespace_record::write_in(&to, data, lifetime, Expect::Any);
            let written = self
                .within(new, &to, OPERATION, || locked(&to, true, write).map_err(failed(py, OPERATION, new)));
            let written = written.into_py(py)?;
            namespace_record::leave_in(from, left)?;
            self.replace(new.as_str(), to.unbind());
            Ok(written)
        })
    }

    /// A namespace that holds nothing may still have a file or an entry that is named by it.
    fn put_away(&self, id: &SessionId) -> Result<()> {
        const OPERATION: &str = "remove the session's namespace from its backend";
        if self.load(id, Timestamp::NEG_INFINITY)?.is_some() {
            return Ok(());
        }
        Python::attach(|py| {
            let namespace = self.namespace(py, id.as_str()).map_err(failed(py, OPERATION, id))?;
            self.within(id, &namespace, OPERATION, || {
                let removed = namespace.call_method0(intern!(py, "remove"));
                removed.map(drop).map_err(failed(py, OPERATION, id))
            })
        })
    }

    fn hold(
        self: Arc<Self>,
        id: &SessionId,
        of: HoldOf,
        limit: Duration,
        now: Timestamp,
    ) -> Result<Option<Arc<dyn Held>>> {
        if of == HoldOf::Record && self.load(id, now)?.is_none() {
            return Ok(None);
        }
        Python::attach(|py| {
            let (namespace, lock, reserved) = self.reserve(py, id, limit)?;
            let held = HeldNamespace::reserved(Arc::clone(&self), id, namespace, lock, reserved);
            Ok(Some(Arc::new(held) as Arc<dyn Held>))
        })
    }

    fn capabilities(&self) -> Capabilities {
        // It runs Python, so there is nothing to let go of.
        Capabilities {
            native_expiry: false,
            compare_and_swap: true,
            blocking: false,
            hold_excludes_writers: true,
        }
    }
}
