//! A store written in Python as the holder of a session has it: the backend's own lock is taken once, and what is
//! done until it is given back takes no lock again.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use pyo3::prelude::*;

use super::namespace_calls::failure;
use super::namespace_record;
use super::namespaces::NamespaceStore;
use super::stay::TakenLock;
use crate::error::Result;
use crate::fork::Process;
use crate::id::StoreKey;
use crate::locks::Token;
use crate::py::errors::IntoPyResult;
use crate::py::once::intern;
use crate::store::{
    Capabilities, Deleted, Expect, Held, HoldOf, Record, Rotation, Store, Timestamp, Touch, Written,
};

const READING: &str = "read the session from its backend";
const WRITING: &str = "write the session to its backend";
const REMOVING: &str = "remove the session from its backend";
const RELEASING: &str = "unlock the session in its backend";

struct One {
    key: StoreKey,
    namespace: Py<PyAny>,
    /// What the thread that took the backend's lock has of it, if the lock is one of ours.
    lock: Option<TakenLock>,
    /// What shuts the other holders of this process out, if anything does.
    reserved: Option<Token>,
    /// Where its session has gone, if that was given another id.
    moved: Option<Moved>,
}

/// A rotation that backends which write when they are let go have yet to store.
struct Moved {
    to: StoreKey,
    /// What to go back to if that cannot be done.
    text: Arc<[u8]>,
    lifetime: Option<Duration>,
}

/// Namespaces whose write lock this holder has.
pub(crate) struct HeldNamespace {
    process: Process,
    store: Arc<NamespaceStore>,
    held: Mutex<Vec<One>>,
}

impl HeldNamespace {
    fn new(store: Arc<NamespaceStore>, one: One) -> Self {
        Self { process: Process::current(), store, held: Mutex::new(vec![one]) }
    }

    /// Of a namespace whose lock was taken, and whose id this process reserved.
    pub(crate) fn reserved(
        store: Arc<NamespaceStore>,
        key: &StoreKey,
        namespace: Py<PyAny>,
        lock: Option<TakenLock>,
        reserved: Token,
    ) -> Self {
        Self::new(store, One { key: key.clone(), namespace, lock, reserved: Some(reserved), moved: None })
    }

    /// Of a namespace that was opened under a lock of another kind.
    pub(crate) fn opened(store: Arc<NamespaceStore>, key: &StoreKey, namespace: Bound<'_, PyAny>) -> Self {
        let namespace = namespace.unbind();
        Self::new(store, One { key: key.clone(), namespace, lock: None, reserved: None, moved: None })
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

    /// Gives the backend's lock back, also where another thread took it.
    fn let_go(&self, one: &One, namespace: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = namespace.py();
        let (_stay, entered) =
            match self.store.stay(&one.key, namespace).into_py(py).and_then(|entered| entered) {
                Ok(stay) => (stay, Ok(())),
                Err(error) => (None, Err(error)),
            };
        let give_back = || namespace.call_method0(intern!(py, "release_write_lock")).map(drop);
        let given_back = match &one.lock {
            Some(lock) => lock.give_back(py, give_back),
            None => give_back(),
        };
        given_back.and(entered)
    }

    /// Runs `work` on the namespace of `id` if it is held, and otherwise gives it back.
    fn on<T, W: FnOnce(&Bound<'_, PyAny>) -> PyResult<T>>(
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
}

fn has(keys: &[StoreKey], key: &StoreKey) -> bool {
    keys.contains(key)
}

impl Drop for HeldNamespace {
    fn drop(&mut self) {
        // Call `release` to see errors; a drop ignores them.
        let _ = Python::try_attach(|_| self.release());
    }
}

impl Held for HeldNamespace {
    fn holds(&self, key: &StoreKey) -> bool {
        self.held.lock().iter().any(|one| one.key.lock() == key.lock())
    }

    fn release(&self) -> Result<()> {
        let all = std::mem::take(&mut *self.held.lock());
        if !self.process.is_current() {
            return Python::attach(|py| abandon(py, &all));
        }
        Python::attach(|py| {
            let mut outcome = Ok(());
            let mut lost: Vec<StoreKey> = Vec::new();
            let is_new = |key: &StoreKey| {
                all.iter().filter_map(|one| one.moved.as_ref()).any(|moved| moved.to == *key)
            };
            // A session is stored under its new id before anything says that it is not under the old one any more.
            for one in all.iter().rev() {
                let namespace = one.namespace.bind(py);
                if let Some(moved) = one.moved.as_ref().filter(|moved| has(&lost, &moved.to)) {
                    let undone = if is_new(&one.key) {
                        lost.push(one.key.clone());
                        namespace_record::delete_in(namespace, Expect::Any).map(|_deleted| ())
                    } else {
                        namespace_record::write_in(namespace, &moved.text, moved.lifetime, Expect::Any)
                            .map(drop)
                    };
                    outcome = outcome.and(undone.map_err(|error| failure(py, RELEASING, &one.key, error)));
                }
                let released = self.let_go(one, namespace);
                if let Some(reserved) = one.reserved {
                    self.store.unreserve(&one.key, reserved);
                }
                if released.is_err() {
                    lost.push(one.key.clone());
                }
                let released = released.map(drop).map_err(|error| failure(py, RELEASING, &one.key, error));
                outcome = outcome.and(released);
            }
            outcome
        })
    }
}

/// Forgets what the process has that this one was forked from: nothing is written, and nobody is let in there.
fn abandon(py: Python<'_>, all: &[One]) -> Result<()> {
    for one in all.iter().filter(|one| one.reserved.is_some()) {
        let lock = one.namespace.bind(py).getattr_opt(intern!(py, "access_lock"));
        if let Ok(Some(lock)) = lock {
            // The lock of the thread that forked: beaker's own know that the file's is not theirs to let go.
            let _ = lock.call_method0(intern!(py, "release_write_lock"));
        }
    }
    Ok(())
}

impl Store for HeldNamespace {
    fn load(&self, key: &StoreKey, now: Timestamp) -> Result<Option<Record>> {
        match self.on(key, READING, namespace_record::record_in) {
            Ok(found) => found,
            Err(_) => self.store.load(key, now),
        }
    }

    fn write(
        &self,
        key: &StoreKey,
        data: &[u8],
        ttl: Option<Duration>,
        expect: Expect,
        now: Timestamp,
    ) -> Result<Written> {
        let lifetime = self.store.lifetime(ttl);
        match self.on(key, WRITING, |namespace| namespace_record::write_in(namespace, data, lifetime, expect))
        {
            Ok(written) => written,
            Err(_) => self.store.write(key, data, ttl, expect, now),
        }
    }

    fn touch(
        &self,
        key: &StoreKey,
        touch: &Touch<'_>,
        ttl: Option<Duration>,
        now: Timestamp,
    ) -> Result<bool> {
        let lifetime = self.store.lifetime(ttl);
        match self.on(key, WRITING, |namespace| namespace_record::touch_in(namespace, touch, lifetime)) {
            Ok(touched) => touched,
            Err(_) => self.store.touch(key, touch, ttl, now),
        }
    }

    fn delete(&self, key: &StoreKey, expect: Expect) -> Result<Deleted> {
        match self.on(key, REMOVING, |namespace| namespace_record::delete_in(namespace, expect)) {
            Ok(deleted) => deleted,
            Err(_) => self.store.delete(key, expect),
        }
    }

    fn rotate(&self, rotation: &Rotation<'_>, now: Timestamp) -> Result<Written> {
        let Rotation { old, new, data, ttl, expect, left } = *rotation;
        let write = |expect| self.write(old, data, ttl, expect, now);
        if let Some(written) = rotation.as_write(write) {
            return written;
        }
        let Ok(found) = self.on(old, READING, |from| namespace_record::to_rotate(from, expect)) else {
            return self.store.rotate(rotation, now);
        };
        let Some(record) = found? else { return Ok(Written::Refused) };
        let is_locked = self.holds(new);
        let (follower, lock, reserved) = Python::attach(|py| {
            if is_locked {
                let (follower, lock) = self.store.take_write_lock(py, new, Duration::ZERO)?;
                return Ok((follower, lock, None));
            }
            let (follower, lock, reserved) = self.store.reserve(py, new, Duration::ZERO)?;
            Ok((follower, lock, Some(reserved)))
        })?;
        let lifetime = self.store.lifetime(ttl);
        let written = Python::attach(|py| {
            let follower = follower.bind(py);
            let written = namespace_record::write_in(follower, data, lifetime, Expect::Any);
            written.map_err(|error| failure(py, WRITING, new, error))
        });
        let one = One { key: new.clone(), namespace: follower, lock, reserved, moved: None };
        self.held.lock().push(one);
        let written = written?;
        self.note_moved(old, Moved { to: new.clone(), text: record.data, lifetime });
        match self.on(old, WRITING, |from| namespace_record::leave_in(from, left)) {
            Ok(left) => left?,
            // It was released meanwhile.
            Err(_) => {
                let _ = self.store.delete(old, Expect::Any)?;
            }
        }
        Ok(written)
    }

    fn hold(
        self: Arc<Self>,
        key: &StoreKey,
        of: HoldOf,
        limit: Duration,
        now: Timestamp,
    ) -> Result<Option<Arc<dyn Held>>> {
        Arc::clone(&self.store).hold(key, of, limit, now)
    }

    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }
}
