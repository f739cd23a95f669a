//! From the option `type` or `namespace_class` to the store that keeps the sessions.

use std::sync::{Arc, LazyLock};

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};

use super::{memcached, redis};
use crate::config::Settings;
use crate::py::errors::ConfigurationError;
use crate::py::once::intern;
use crate::py::values::{self, given_as};
use crate::py::{files, sqlite};
use crate::store::{MemoryStore, Store};

/// The memory store: one for the process, as `MemoryNamespaceManager.namespaces` is.
pub(crate) static MEMORY: LazyLock<MemoryStore> = LazyLock::new(MemoryStore::new);

type Open = fn(&Bound<'_, PyDict>, &Bound<'_, PyDict>, &Settings) -> PyResult<Option<Arc<dyn Store>>>;

/// A backend whose records a store in Rust keeps.
struct Native {
    /// The class that options name, and that shows the records to programs. A subclass may override anything, so its
    /// sessions are kept by calls of its methods.
    module: &'static str,
    class: &'static str,
    /// Opens the store of the session's options, the backend's options and what they mean. `None` where only the class can
    /// keep the sessions.
    open: Open,
}

/// Every backend in Rust.
static NATIVE: [Native; 5] = [
    Native {
        module: "beaker._memory_namespace",
        class: "MemoryNamespaceManager",
        open: |_, _, settings| Ok(Some(Arc::new(MEMORY.bounded(settings.max_sessions)))),
    },
    Native { module: "beaker._file_namespace", class: "FileNamespaceManager", open: files::store },
    Native { module: "beaker.ext.redisnm", class: "RedisNamespaceManager", open: redis::open },
    Native { module: "beaker._sqlite_namespace", class: "SqliteNamespaceManager", open: sqlite::store },
    Native { module: "beaker.ext.memcached", class: "MemcachedNamespaceManager", open: memcached::open },
];

/// Where sessions are kept.
pub(crate) struct Backend {
    /// `session.type`, worked out.
    pub(crate) kind: Py<PyAny>,
    /// The class that shows a record to programs; for a store that is not written in Rust, the store itself.
    pub(crate) namespace_class: Py<PyAny>,
    /// The store, where it is written in Rust.
    pub(crate) native: Option<Arc<dyn Store>>,
}

/// Finds the backend. `given` are the session's options and `namespace_args` the backend's; `settings` are what they
/// mean.
pub(crate) fn resolve(
    given: &Bound<'_, PyDict>,
    namespace_args: &Bound<'_, PyDict>,
    settings: &Settings,
) -> PyResult<Backend> {
    let py = given.py();
    let kind = match given_as(given, "type")? {
        Some(kind) => kind,
        None if given_as::<String>(given, "data_dir")?.is_some() => "file".to_owned(),
        None => "memory".to_owned(),
    };
    let namespace_class = match values::given(given, "namespace_class")? {
        Some(class) if class.is_callable() => class,
        Some(_) => return Err(ConfigurationError::new_err("namespace_class must be a class of backends")),
        None => class_of(py, &kind)?,
    };
    check(&namespace_class, namespace_args)?;
    let native = match native_of(&namespace_class)? {
        Some(native) => (native.open)(given, namespace_args, settings)?,
        None => None,
    };
    Ok(Backend {
        kind: kind.into_pyobject(py)?.into_any().unbind(),
        namespace_class: namespace_class.unbind(),
        native,
    })
}

/// Lets one of our classes judge its options, without a connection. A subclass may have others.
fn check(class: &Bound<'_, PyAny>, namespace_args: &Bound<'_, PyDict>) -> PyResult<()> {
    let name = intern!(class.py(), "_check_options");
    let is_own = class.is_instance_of::<PyType>() && class.getattr("__dict__")?.contains(name)?;
    if is_own { class.call_method(name, (), Some(namespace_args)).map(drop) } else { Ok(()) }
}

fn class_of<'py>(py: Python<'py>, kind: &str) -> PyResult<Bound<'py, PyAny>> {
    if kind == "cookie" {
        return Err(ConfigurationError::new_err(
            "type = cookie needs beaker.session.CookieSession: a store keeps a Session",
        ));
    }
    py.import("beaker.cache")?.getattr("clsmap")?.get_item(kind)
}

/// The row of [`NATIVE`] of this very class. Only a class of that name is imported.
fn native_of(class: &Bound<'_, PyAny>) -> PyResult<Option<&'static Native>> {
    let py = class.py();
    let Ok(class) = class.cast::<PyType>() else { return Ok(None) };
    let (module, name) = (class.module()?, class.name()?);
    let Some(native) = NATIVE.iter().find(|native| module == native.module && name == native.class) else {
        return Ok(None);
    };
    let ours = py.import(native.module)?.getattr(native.class)?;
    Ok(ours.is(class).then_some(native))
}
