//! A store written in Python: a `NamespaceManager` of the application or of a third party.
//!
//! The class is used as Beaker uses it: an object for each session id, its locks around every access, the
//! session's text under the key `session`.

use std::sync::Arc;

use pyo3::prelude::*;

use super::guard::NamespaceGuard;
use super::namespace_calls::{failed, locked, read};
use super::namespace_record;
use super::namespaces::NamespaceStore;
use crate::error::{ErrorKind, Result};
use crate::id::StoreKey;
use crate::py::errors::IntoPyResult;
use crate::py::once::intern;
use crate::store::{
    Call, Capabilities, Deleted, Expect, Guard, LockTarget, Locks, Patch, Record, Renewal, Rotation, Store,
    Taken, Timestamp, Write, Written, rotate_in_order,
};

impl Store for NamespaceStore {
    fn load(&self, key: &StoreKey, call: &Call<'_>) -> Result<Option<Record>> {
        const OPERATION: &str = "read the session from its backend";
        if let Some(guard) = call.guard_of::<NamespaceGuard>()
            && let Ok(found) = guard.on(key, OPERATION, namespace_record::record_in)
        {
            return self.note_loaded(key, found);
        }
        let found = Python::attach(|py| {
            let namespace = self.namespace(py, key).map_err(failed(py, OPERATION, key))?;
            self.within(key, &namespace, OPERATION, || read(&namespace).map_err(failed(py, OPERATION, key)))
        });
        self.note_loaded(key, found)
    }

    fn write(&self, write: &Write<'_>, call: &Call<'_>) -> Result<Written> {
        let lifetime = self.spec.lifetime(write.ttl);
        let replaces = write.expect == Expect::Any;
        let seen = self.seen(write.key);
        let written =
            self.change(call, write.key, replaces, "write the session to its backend", |namespace| {
                namespace_record::write_in(namespace, seen.as_deref(), write.data, lifetime, write.expect)
            });
        let is_stored = matches!(written, Ok(Written::Stored(_)));
        self.note_seen(write.key, is_stored.then(|| write.data.into()));
        written
    }

    fn renew(&self, renewal: &Renewal<'_>, call: &Call<'_>) -> Result<bool> {
        self.patch(&renewal.as_patch(), call)
    }

    fn patch(&self, patch: &Patch<'_>, call: &Call<'_>) -> Result<bool> {
        let Renewal { key, ttl, .. } = patch.renewal;
        let lifetime = self.spec.lifetime(ttl);
        let seen = self.seen(key);
        self.note_seen(key, None);
        self.change(call, key, false, "renew the session in its backend", |namespace| {
            namespace_record::patch_in(namespace, seen.as_deref(), patch, lifetime)
        })
    }

    fn delete(&self, key: &StoreKey, expect: Expect, call: &Call<'_>) -> Result<Deleted> {
        let seen = self.seen(key);
        self.note_seen(key, None);
        self.change(call, key, false, "remove the session from its backend", |namespace| {
            namespace_record::delete_in(namespace, seen.as_deref(), expect)
        })
    }

    /// Not atomic: a process that dies between the two steps leaves both records. Both write locks are held, which keeps out
    /// others that take them, or each step compares and changes.
    fn rotate(&self, rotation: &Rotation<'_>, call: &Call<'_>) -> Result<Written> {
        const OPERATION: &str = "rotate the session in its backend";
        let Rotation { old, new, data, ttl, expect, redirect } = *rotation;
        if let Some(written) = rotation.as_write(|write| self.write(write, call)) {
            return written;
        }
        if self.can_swap(old, OPERATION)? {
            if let Some(guard) = call.guard_of::<NamespaceGuard>() {
                guard.lock_with(old, new)?;
            }
            return rotate_in_order(self, rotation, call);
        }
        if let Some(rotated) = call.guard_of::<NamespaceGuard>().and_then(|guard| guard.rotate(rotation)) {
            return rotated;
        }
        self.exclusively(old, false, OPERATION, |from| {
            if namespace_record::to_rotate(from, expect)?.is_none() {
                return Ok(Written::Refused);
            }
            let py = from.py();
            let to = self.new_namespace(py, new)?;
            let lifetime = self.spec.lifetime(ttl);
            let write = || namespace_record::write_in(&to, None, data, lifetime, Expect::Any);
            let written = self
                .within(new, &to, OPERATION, || locked(&to, true, write).map_err(failed(py, OPERATION, new)));
            let written = written.into_py(py)?;
            namespace_record::leave_in(from, redirect)?;
            self.replace(new.record(), to.unbind());
            Ok(written)
        })
    }

    /// An empty namespace may still have a file or an entry that shows its name.
    fn purge(&self, key: &StoreKey, call: &Call<'_>) -> Result<()> {
        const OPERATION: &str = "remove the session's namespace from its backend";
        // What a swap removed leaves nothing.
        if self.can_swap(key, OPERATION)?
            || self.load(key, &Call { now: Timestamp::NEG_INFINITY, ..*call })?.is_some()
        {
            return Ok(());
        }
        Python::attach(|py| {
            let namespace = self.namespace(py, key).map_err(failed(py, OPERATION, key))?;
            self.within(key, &namespace, OPERATION, || {
                let removed = namespace.call_method0(intern!(py, "remove"));
                removed.map(drop).map_err(failed(py, OPERATION, key))
            })
        })
    }

    fn locks(self: Arc<Self>) -> Option<Arc<dyn Locks>> {
        Some(self)
    }

    fn capabilities(&self) -> Capabilities {
        // It runs Python, so it cannot release the interpreter.
        Capabilities { compare_and_swap: true, ..Capabilities::default() }
    }
}

impl NamespaceStore {
    fn note_loaded(&self, key: &StoreKey, found: Result<Option<Record>>) -> Result<Option<Record>> {
        let text = found.as_ref().ok().and_then(Option::as_ref).map(|record| Arc::clone(&record.data));
        self.note_seen(key, text);
        found
    }

    /// Runs `work` on the namespace of `key` under its write lock, or under that of the caller.
    fn change<T>(
        &self,
        call: &Call<'_>,
        key: &StoreKey,
        replaces: bool,
        operation: &'static str,
        work: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<T>,
    ) -> Result<T> {
        let Some(guard) = call.guard_of::<NamespaceGuard>() else {
            return self.exclusively(key, replaces, operation, work);
        };
        guard.on(key, operation, work).unwrap_or_else(|work| self.exclusively(key, replaces, operation, work))
    }
}

impl Locks for NamespaceStore {
    fn lock(self: Arc<Self>, key: &StoreKey, target: LockTarget, call: &Call<'_>) -> Result<Taken> {
        if target == LockTarget::Record {
            match self.load(key, call) {
                Ok(None) => return Ok(None),
                // A corrupt record is one, too.
                Err(error) if error.kind() != ErrorKind::Corrupt => return Err(error),
                Ok(Some(_)) | Err(_) => {}
            }
        }
        Python::attach(|py| {
            let (namespace, lock, reserved) = self.reserve(py, key, call.wait)?;
            let guard = NamespaceGuard::new(Arc::clone(&self), key, namespace, lock, Some(reserved));
            Ok(Some(Arc::new(guard) as Arc<dyn Guard>))
        })
    }
}
