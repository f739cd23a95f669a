//! The `NamespaceManager` class of a set of options, and how its objects are made.

use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::namespace_calls::without_id;
use crate::id::StoreKey;
use crate::py::once::intern;

/// A `NamespaceManager` class and its arguments.
pub(crate) struct NamespaceSpec {
    /// The class; `None` for sessions in cookies, which have no namespaces.
    pub(crate) class: Py<PyAny>,
    /// The keyword arguments. A program may change a copy for its session alone.
    pub(crate) arguments: Py<PyDict>,
    pub(crate) data_dir: Option<Py<PyAny>>,
    /// Whether sessions are pickles. A record's envelope is a pickle that is read in the same way, or not at all.
    pub(crate) uses_pickle: bool,
    /// The function that reads pickles, where it is not `pickle.loads`.
    pub(crate) pickle_loads: Option<Py<PyAny>>,
    /// The lifetime of records in `arguments`.
    pub(crate) lifetime: Option<Duration>,
    /// Whether a store written in Rust keeps the records, and the class only shows them.
    pub(crate) is_view: bool,
}

impl NamespaceSpec {
    /// A new namespace for `key`, made with `arguments`.
    pub(super) fn make<'py>(
        &self,
        key: &StoreKey,
        arguments: &Bound<'py, PyDict>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, id) = (arguments.py(), key.record());
        let arguments = arguments.copy()?;
        arguments.set_item(intern!(py, "data_dir"), &self.data_dir)?;
        arguments.set_item(intern!(py, "digest_filenames"), false)?;
        let made = self.class.bind(py).call((id,), Some(&arguments));
        let namespace = made.map_err(|error| without_id(py, error, id))?;
        if namespace.hasattr(intern!(py, "allow_pickle"))? {
            if !self.uses_pickle {
                namespace.setattr(intern!(py, "allow_pickle"), false)?;
            } else if let Some(loads) = &self.pickle_loads {
                namespace.setattr(intern!(py, "pickle_loads"), loads)?;
            }
        }
        let lock_as = intern!(py, "_lock_as");
        if key.is_hashed() && self.is_view && namespace.hasattr(lock_as)? {
            // The store locks the id, whichever key the record has.
            namespace.call_method1(lock_as, (key.lock(),))?;
        }
        Ok(namespace)
    }

    /// The lifetime to name to the backend for a record with `ttl`; `None` if the class was made with it.
    pub(super) fn lifetime(&self, ttl: Option<Duration>) -> Option<Duration> {
        ttl.filter(|_| ttl != self.lifetime)
    }

    /// A name for a record or a lock in this process, which no other class has.
    pub(super) fn name(&self, text: &str) -> String {
        format!("{:x} {text}", self.class.as_ptr() as usize)
    }
}
