//! Locks of sessions in a store written in Python: the backend's own lock is taken once, and the holder's calls take no
//! lock again until it is released.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use pyo3::prelude::*;

use super::backend_call::TakenLock;
use super::namespace_calls::failure;
use super::namespace_record;
use super::namespaces::NamespaceStore;
use crate::error::Result;
use crate::fork::Process;
use crate::id::StoreKey;
use crate::locks::Token;
use crate::py::dropped::at_drop;
use crate::py::once::intern;
use crate::store::{Expect, Guard, Rotation, Written};

const ROTATING: &str = "rotate the session in its backend";
const RELEASING: &str = "unlock the session in its backend";

struct One {
    key: StoreKey,
    namespace: Py<PyAny>,
    /// The backend's lock as the locking thread has it, if the lock is one of `beaker.synchronization`.
    lock: Option<TakenLock>,
    /// The lock against other sessions of this process, if there is one.
    reserved: Option<Token>,
    /// The rotation of its session, if there was one.
    moved: Option<Moved>,
}

/// A rotation, which some backends only store when they are released.
struct Moved {
    to: StoreKey,
    /// The old text, to be restored if that fails.
    text: Arc<[u8]>,
    lifetime: Option<Duration>,
}

/// Namespaces whose write lock this holder has.
pub(crate) struct NamespaceGuard {
    process: Process,
    store: Arc<NamespaceStore>,
    held: Mutex<Vec<One>>,
}

impl NamespaceGuard {
    /// A guard for a locked namespace. `lock` is the thread's lock of the backend, and `reserved` that of this process; both
    /// are `None` for a view that was opened under a lock of another kind.
    pub(crate) fn new(
        store: Arc<NamespaceStore>,
        key: &StoreKey,
        namespace: Py<PyAny>,
        lock: Option<TakenLock>,
        reserved: Option<Token>,
    ) -> Self {
        let one = One { key: key.clone(), namespace, lock, reserved, moved: None };
        Self { process: Process::current(), store, held: Mutex::new(vec![one]) }
    }

    fn namespace<'py>(&self, py: Python<'py>, key: &StoreKey) -> Option<Bound<'py, PyAny>> {
        let held = self.held.lock();
        let one = held.iter().find(|one| one.key.record() == key.record())?;
        Some(one.namespace.clone_ref(py).into_bound(py))
    }

    fn note_moved(&self, old: &StoreKey, moved: Moved) {
        if let Some(one) = self.held.lock().iter_mut().find(|one| one.key == *old) {
            one.moved = Some(moved);
        }
    }

    /// Releases the backend's lock, also where another thread took it.
    fn release_lock(&self, one: &One, namespace: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = namespace.py();
        let call = self.store.begin_call(&one.key, namespace);
        let release = || namespace.call_method0(intern!(py, "release_write_lock")).map(drop);
        let released = one.lock.as_ref().map_or_else(release, |lock| lock.release(py, release));
        released.and(call.map(drop))
    }

    /// Runs `work` on the namespace of `key` if it is locked, and otherwise gives it back.
    pub(super) fn on<T, W: FnOnce(&Bound<'_, PyAny>) -> PyResult<T>>(
        &self,
        key: &StoreKey,
        operation: &'static str,
        work: W,
    ) -> std::result::Result<Result<T>, W> {
        Python::attach(|py| match self.namespace(py, key) {
            Some(namespace) => Ok(self.store.within(key, &namespace, operation, || {
                self.store.alone(py, key, operation, || work(&namespace))
            })),
            None => Err(work),
        })
    }

    /// Rotates the session whose id is locked, and locks the new id too. `None` if it is not locked.
    pub(super) fn rotate(&self, rotation: &Rotation<'_>) -> Option<Result<Written>> {
        let Rotation { old, expect, .. } = *rotation;
        let found = self.on(old, ROTATING, |from| namespace_record::to_rotate(from, expect)).ok()?;
        Some(match found {
            Ok(Some(record)) => self.rotate_record(rotation, record.data),
            Ok(None) => Ok(Written::Refused),
            Err(error) => Err(error),
        })
    }

    /// Locks the new key of a rotation too, if the old one is locked.
    pub(super) fn lock_with(&self, old: &StoreKey, new: &StoreKey) -> Result<()> {
        let is_locked = |key: &StoreKey| self.held.lock().iter().any(|one| one.key.record() == key.record());
        if is_locked(old) && !is_locked(new) {
            self.lock_another(new)?;
        }
        Ok(())
    }

    fn lock_another(&self, key: &StoreKey) -> Result<Py<PyAny>> {
        let is_locked = self.holds(key);
        let (namespace, lock, reserved) = Python::attach(|py| {
            if is_locked {
                let (namespace, lock) = self.store.take_write_lock(py, key, Duration::ZERO)?;
                return Ok((namespace, lock, None));
            }
            let (namespace, lock, reserved) = self.store.reserve(py, key, Duration::ZERO)?;
            Ok((namespace, lock, Some(reserved)))
        })?;
        let locked = Python::attach(|py| namespace.clone_ref(py));
        self.held.lock().push(One { key: key.clone(), namespace, lock, reserved, moved: None });
        Ok(locked)
    }

    fn rotate_record(&self, rotation: &Rotation<'_>, text: Arc<[u8]>) -> Result<Written> {
        let Rotation { old, new, data, ttl, redirect, .. } = *rotation;
        let follower = self.lock_another(new)?;
        let lifetime = self.store.spec.lifetime(ttl);
        let written = Python::attach(|py| {
            let written = namespace_record::write_in(follower.bind(py), None, data, lifetime, Expect::Any);
            written.map_err(|error| failure(py, ROTATING, new, error))
        })?;
        self.note_moved(old, Moved { to: new.clone(), text, lifetime });
        match self.on(old, ROTATING, |from| namespace_record::leave_in(from, redirect)) {
            Ok(left) => left?,
            // It was released meanwhile.
            Err(leave) => self.store.exclusively(old, false, ROTATING, leave)?,
        }
        Ok(written)
    }
}

impl Drop for NamespaceGuard {
    fn drop(&mut self) {
        // Call `release` to see errors; a drop ignores them.
        at_drop(|_| drop(self.release()));
    }
}

impl Guard for NamespaceGuard {
    fn holds(&self, key: &StoreKey) -> bool {
        self.held.lock().iter().any(|one| one.key.lock() == key.lock())
    }

    fn release(&self) -> Result<()> {
        let all = std::mem::take(&mut *self.held.lock());
        if !self.process.is_current() {
            Python::attach(|py| abandon(py, &all));
            return Ok(());
        }
        Python::attach(|py| {
            let mut outcome = Ok(());
            let mut lost: Vec<StoreKey> = Vec::new();
            let is_new = |key: &StoreKey| {
                all.iter().filter_map(|one| one.moved.as_ref()).any(|moved| moved.to == *key)
            };
            // The new record is stored before the old one is removed.
            for one in all.iter().rev() {
                let namespace = one.namespace.bind(py);
                if let Some(moved) = one.moved.as_ref().filter(|moved| lost.contains(&moved.to)) {
                    let undone = if is_new(&one.key) {
                        lost.push(one.key.clone());
                        namespace_record::delete_in(namespace, None, Expect::Any).map(|_deleted| ())
                    } else {
                        namespace_record::write_in(namespace, None, &moved.text, moved.lifetime, Expect::Any)
                            .map(drop)
                    };
                    outcome = outcome.and(undone.map_err(|error| failure(py, RELEASING, &one.key, error)));
                }
                let released = self.release_lock(one, namespace);
                if let Some(reserved) = one.reserved {
                    self.store.unreserve(&one.key, reserved);
                }
                if released.is_err() {
                    lost.push(one.key.clone());
                }
                let released = released.map_err(|error| failure(py, RELEASING, &one.key, error));
                outcome = outcome.and(released);
            }
            outcome
        })
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Forgets the parent's namespaces in a forked process. Nothing is written, and the parent keeps its locks.
fn abandon(py: Python<'_>, all: &[One]) {
    for one in all.iter().filter(|one| one.reserved.is_some()) {
        let lock = one.namespace.bind(py).getattr_opt(intern!(py, "access_lock"));
        if let Ok(Some(lock)) = lock {
            // The lock of the thread that forked. Beaker's own locks know that the file lock is the parent's.
            let _ = lock.call_method0(intern!(py, "release_write_lock"));
        }
    }
}
