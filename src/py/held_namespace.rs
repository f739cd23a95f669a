//! A store written in Python as the holder of a session has it: the backend's own lock is taken once, and what is
//! done until it is given back takes no lock again.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use pyo3::intern;
use pyo3::prelude::*;

use super::namespace_record;
use super::python_store::{self, NamespaceStore};
use crate::error::Result;
use crate::id::SessionId;
use crate::store::id_locks::Taken;
use crate::store::{Capabilities, Expect, Held, HoldOf, Record, Rotation, Store, Timestamp, Touch, Written};

const READING: &str = "read the session from its backend";
const WRITING: &str = "write the session to its backend";
const REMOVING: &str = "remove the session from its backend";
const RELEASING: &str = "unlock the session in its backend";

struct One {
    id: SessionId,
    namespace: Py<PyAny>,
    /// What shuts the other holders of this process out, if anything does.
    reserved: Option<Taken>,
}

/// Namespaces whose write lock this holder has.
pub(crate) struct HeldNamespace {
    process: u32,
    store: Arc<NamespaceStore>,
    held: Mutex<Vec<One>>,
    emptied: Mutex<Vec<SessionId>>,
    /// The lifetimes of what was written, where they are not those of every session.
    lifetimes: Mutex<Vec<(SessionId, Duration)>>,
}

impl HeldNamespace {
    fn new(store: Arc<NamespaceStore>, one: One) -> Self {
        let (emptied, lifetimes) = Default::default();
        Self { process: std::process::id(), store, held: Mutex::new(vec![one]), emptied, lifetimes }
    }

    /// Of a namespace whose lock was taken, and whose id this process reserved.
    pub(crate) fn reserved(
        store: Arc<NamespaceStore>,
        id: &SessionId,
        namespace: Py<PyAny>,
        reserved: Taken,
    ) -> Self {
        Self::new(store, One { id: id.clone(), namespace, reserved: Some(reserved) })
    }

    /// Of a namespace that was opened under a lock of another kind.
    pub(crate) fn opened(store: Arc<NamespaceStore>, id: &SessionId, namespace: Bound<'_, PyAny>) -> Self {
        Self::new(store, One { id: id.clone(), namespace: namespace.unbind(), reserved: None })
    }

    /// The ids that had no record when they were released.
    pub(crate) fn take_emptied(&self) -> Vec<SessionId> {
        std::mem::take(&mut *self.emptied.lock())
    }

    /// The ids whose records live for another time than every session, with that time.
    pub(crate) fn take_lifetimes(&self) -> Vec<(SessionId, Duration)> {
        std::mem::take(&mut *self.lifetimes.lock())
    }

    /// The lifetime to name to the backend for a record of `id` that is to have `ttl`.
    fn lifetime(&self, id: &SessionId, ttl: Option<Duration>) -> Option<Duration> {
        let lifetime = self.store.lifetime(ttl);
        let mut lifetimes = self.lifetimes.lock();
        lifetimes.retain(|(known, _)| known.as_str() != id.as_str());
        lifetimes.extend(lifetime.map(|lifetime| (id.clone(), lifetime)));
        lifetime
    }

    fn namespace<'py>(&self, py: Python<'py>, id: &SessionId) -> Option<Bound<'py, PyAny>> {
        let held = self.held.lock();
        let one = held.iter().find(|one| one.id.as_str() == id.as_str())?;
        Some(one.namespace.clone_ref(py).into_bound(py))
    }

    /// Runs `work` on the namespace of `id` if it is held, and otherwise gives it back.
    fn on<T, W: FnOnce(&Bound<'_, PyAny>) -> PyResult<T>>(
        &self,
        id: &SessionId,
        operation: &'static str,
        work: W,
    ) -> std::result::Result<Result<T>, W> {
        Python::attach(|py| match self.namespace(py, id) {
            Some(namespace) => Ok(self.store.alone(py, id, operation, || work(&namespace))),
            None => Err(work),
        })
    }
}

impl Drop for HeldNamespace {
    fn drop(&mut self) {
        // Whoever wants to know what went wrong releases in so many words.
        let _ = Python::try_attach(|_| self.release());
    }
}

impl Held for HeldNamespace {
    fn holds(&self, id: &SessionId) -> bool {
        self.held.lock().iter().any(|one| one.id.as_str() == id.as_str())
    }

    fn release(&self) -> Result<()> {
        let all = std::mem::take(&mut *self.held.lock());
        if std::process::id() != self.process {
            return Python::attach(|py| abandon(py, &all));
        }
        Python::attach(|py| {
            let mut outcome = Ok(());
            for one in all {
                let namespace = one.namespace.bind(py);
                if namespace_record::record_in(namespace).is_ok_and(|record| record.is_none()) {
                    self.emptied.lock().push(one.id.clone());
                }
                let released = namespace.call_method0(intern!(py, "release_write_lock"));
                if let Some(reserved) = one.reserved {
                    self.store.unreserve(&one.id, reserved);
                }
                let released =
                    released.map(drop).map_err(|error| python_store::failure(py, RELEASING, error));
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
    fn load(&self, id: &SessionId, now: Timestamp) -> Result<Option<Record>> {
        match self.on(id, READING, namespace_record::record_in) {
            Ok(found) => found,
            Err(_) => self.store.load(id, now),
        }
    }

    fn write(
        &self,
        id: &SessionId,
        data: &[u8],
        ttl: Option<Duration>,
        expect: Expect,
        now: Timestamp,
    ) -> Result<Written> {
        let lifetime = self.lifetime(id, ttl);
        match self.on(id, WRITING, |namespace| namespace_record::write_in(namespace, data, lifetime, expect))
        {
            Ok(written) => written,
            Err(_) => self.store.write(id, data, ttl, expect, now),
        }
    }

    fn touch(
        &self,
        id: &SessionId,
        touch: &Touch<'_>,
        ttl: Option<Duration>,
        now: Timestamp,
    ) -> Result<bool> {
        let lifetime = self.lifetime(id, ttl);
        match self.on(id, WRITING, |namespace| namespace_record::touch_in(namespace, touch, lifetime)) {
            Ok(touched) => touched,
            Err(_) => self.store.touch(id, touch, ttl, now),
        }
    }

    fn delete(&self, id: &SessionId) -> Result<bool> {
        match self.on(id, REMOVING, namespace_record::delete_in) {
            Ok(deleted) => deleted,
            Err(_) => self.store.delete(id),
        }
    }

    fn rotate(&self, rotation: &Rotation<'_>, now: Timestamp) -> Result<Written> {
        let Rotation { old, new, data, ttl, expect, left } = *rotation;
        let write = |expect| self.write(old, data, ttl, expect, now);
        if let Some(written) = rotation.as_write(write) {
            return written;
        }
        if !self.holds(old) {
            return self.store.rotate(rotation, now);
        }
        let allowed = self.on(old, READING, |from| namespace_record::may_rotate(from, expect));
        if !matches!(allowed, Ok(Ok(true))) {
            return allowed.unwrap_or(Ok(false)).map(|_| Written::Refused);
        }
        let (follower, reserved) = Python::attach(|py| self.store.reserve(py, new, Duration::ZERO))?;
        let written = Python::attach(|py| {
            let follower = follower.bind(py);
            let lifetime = self.lifetime(new, ttl);
            let written = namespace_record::write_in(follower, data, lifetime, Expect::Any);
            written.map_err(|error| python_store::failure(py, WRITING, error))
        });
        self.held.lock().push(One { id: new.clone(), namespace: follower, reserved: Some(reserved) });
        let written = written?;
        match self.on(old, WRITING, |from| namespace_record::leave_in(from, left)) {
            Ok(left) => left?,
            // It was released meanwhile.
            Err(_) => drop(self.store.delete(old)?),
        }
        Ok(written)
    }

    fn hold(
        self: Arc<Self>,
        id: &SessionId,
        of: HoldOf,
        limit: Duration,
        now: Timestamp,
    ) -> Result<Option<Arc<dyn Held>>> {
        Arc::clone(&self.store).hold(id, of, limit, now)
    }

    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }
}
