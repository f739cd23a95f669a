//! A store written in Python: a `NamespaceManager` of the application or of a third party.
//!
//! The class is used as Beaker uses it: an object for each session id, its locks around every access, the
//! session's text under the key `session`.

use std::sync::Arc;
use std::time::Duration;

use pyo3::prelude::*;

use super::held_namespace::HeldNamespace;
use super::namespace_calls::{failed, locked, read};
use super::namespace_record;
use super::namespaces::NamespaceStore;
use crate::error::{ErrorKind, Result};
use crate::id::StoreKey;
use crate::py::errors::IntoPyResult;
use crate::py::once::intern;
use crate::store::{
    Capabilities, Deleted, Expect, Held, HoldOf, Record, Rotation, Store, Timestamp, Touch, Written,
};

impl Store for NamespaceStore {
    fn load(&self, key: &StoreKey, _now: Timestamp) -> Result<Option<Record>> {
        const OPERATION: &str = "read the session from its backend";
        Python::attach(|py| {
            let namespace = self.namespace(py, key).map_err(failed(py, OPERATION, key))?;
            self.within(key, &namespace, OPERATION, || read(&namespace).map_err(failed(py, OPERATION, key)))
        })
    }

    fn write(
        &self,
        key: &StoreKey,
        data: &[u8],
        ttl: Option<Duration>,
        expect: Expect,
        _now: Timestamp,
    ) -> Result<Written> {
        let lifetime = self.lifetime(ttl);
        let unconditional = expect == Expect::Any;
        self.exclusively(key, unconditional, "write the session to its backend", |namespace| {
            namespace_record::write_in(namespace, data, lifetime, expect)
        })
    }

    fn touch(
        &self,
        key: &StoreKey,
        touch: &Touch<'_>,
        ttl: Option<Duration>,
        _now: Timestamp,
    ) -> Result<bool> {
        let lifetime = self.lifetime(ttl);
        self.exclusively(key, false, "renew the session in its backend", |namespace| {
            namespace_record::touch_in(namespace, touch, lifetime)
        })
    }

    fn delete(&self, key: &StoreKey, expect: Expect) -> Result<Deleted> {
        self.exclusively(key, false, "remove the session from its backend", |namespace| {
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
            let to = self.new_namespace(py, new)?;
            let lifetime = self.lifetime(ttl);
            let write = || namespace_record::write_in(&to, data, lifetime, Expect::Any);
            let written = self
                .within(new, &to, OPERATION, || locked(&to, true, write).map_err(failed(py, OPERATION, new)));
            let written = written.into_py(py)?;
            namespace_record::leave_in(from, left)?;
            self.replace(new.record(), to.unbind());
            Ok(written)
        })
    }

    /// A namespace that holds nothing may still have a file or an entry that is named by it.
    fn purge(&self, key: &StoreKey) -> Result<()> {
        const OPERATION: &str = "remove the session's namespace from its backend";
        if self.load(key, Timestamp::NEG_INFINITY)?.is_some() {
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

    fn hold(
        self: Arc<Self>,
        key: &StoreKey,
        of: HoldOf,
        limit: Duration,
        now: Timestamp,
    ) -> Result<Option<Arc<dyn Held>>> {
        if of == HoldOf::Record {
            match self.load(key, now) {
                Ok(None) => return Ok(None),
                // A record that cannot be understood is one, too.
                Err(error) if error.kind() != ErrorKind::Corrupt => return Err(error),
                Ok(Some(_)) | Err(_) => {}
            }
        }
        Python::attach(|py| {
            let (namespace, lock, reserved) = self.reserve(py, key, limit)?;
            let held = HeldNamespace::reserved(Arc::clone(&self), key, namespace, lock, reserved);
            Ok(Some(Arc::new(held) as Arc<dyn Held>))
        })
    }

    fn capabilities(&self) -> Capabilities {
        // It runs Python, so there is nothing to let go of.
        Capabilities { native_expiry: false, compare_and_swap: true, blocking: false }
    }
}
