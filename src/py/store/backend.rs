//! From the option `type` or `namespace_class` to the store that keeps the sessions.

use std::sync::{Arc, LazyLock};

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::config::Settings;
use crate::py::errors::ConfigurationError;
use crate::py::files;
use crate::py::once::Once;
use crate::store::{MemoryStore, Store};

/// The memory store: one for the process, as `MemoryNamespaceManager.namespaces` is.
pub(crate) static MEMORY: LazyLock<MemoryStore> = LazyLock::new(MemoryStore::new);

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
    let kind = match text(given, "type")? {
        Some(kind) => kind,
        None if text(given, "data_dir")?.is_some() => "file".to_owned(),
        None => "memory".to_owned(),
    };
    let chosen = given.get_item("namespace_class")?.filter(|class| !class.is_none());
    let namespace_class = match chosen {
        Some(class) if class.is_callable() => class,
        Some(_) => return Err(ConfigurationError::new_err("namespace_class must be a class of backends")),
        None => class_of(py, &kind)?,
    };
    let native = if namespace_class.is(container_class(py, &MEMORY_CLASS, "MemoryNamespaceManager")?) {
        Some(Arc::new(MEMORY.bounded(settings.max_sessions)) as Arc<dyn Store>)
    } else if namespace_class.is(container_class(py, &FILE_CLASS, "FileNamespaceManager")?) {
        Some(files::store(given, namespace_args, settings)?)
    } else {
        None
    };
    Ok(Backend {
        kind: kind.into_pyobject(py)?.into_any().unbind(),
        namespace_class: namespace_class.unbind(),
        native,
    })
}

fn class_of<'py>(py: Python<'py>, kind: &str) -> PyResult<Bound<'py, PyAny>> {
    if kind == "cookie" {
        return Err(ConfigurationError::new_err(
            "type = cookie needs beaker.session.CookieSession: a store keeps a Session",
        ));
    }
    py.import("beaker.cache")?.getattr("clsmap")?.get_item(kind)
}

static MEMORY_CLASS: Once<Py<PyAny>> = Once::new();
static FILE_CLASS: Once<Py<PyAny>> = Once::new();

fn container_class<'a, 'py>(
    py: Python<'py>,
    cell: &'a Once<Py<PyAny>>,
    name: &str,
) -> PyResult<&'a Bound<'py, PyAny>> {
    cell.import(py, "beaker.container", name)
}

fn text(options: &Bound<'_, PyDict>, name: &str) -> PyResult<Option<String>> {
    options.get_item(name)?.filter(|value| !value.is_none()).map(|value| value.extract()).transpose()
}
