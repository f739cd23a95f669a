//! From the option `type` or `namespace_class` to the store that keeps the sessions.

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::config::Settings;
use crate::py::errors::{self, ConfigurationError, IntoPyResult};
use crate::py::once::Once;
use crate::py::wait::SLICE;
use crate::store::file::{Sweeper, default_directory, exposure};
use crate::store::{FileStore, MemoryStore, Store};

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
        Some(_) => return Err(ConfigurationError::new_err("namespace_class is a class of backends")),
        None => class_of(py, &kind)?,
    };
    let native = if namespace_class.is(container_class(py, &MEMORY_CLASS, "MemoryNamespaceManager")?) {
        Some(Arc::new(MEMORY.bounded(settings.max_sessions)) as Arc<dyn Store>)
    } else if namespace_class.is(container_class(py, &FILE_CLASS, "FileNamespaceManager")?) {
        let lifetime = settings.store_ttl(None);
        // Who asks it again hears signals in between.
        let store = file_store(given, namespace_args)?
            .with_lifetime(lifetime)
            .with_durability(settings.durability)
            .with_lock_time_limit(SLICE);
        let sweeper =
            settings.sweep_interval.map(|interval| sweeper_of(store.file_dir(), interval, lifetime));
        Some(Arc::new(store.with_sweeper(sweeper)) as Arc<dyn Store>)
    } else {
        None
    };
    Ok(Backend {
        kind: kind.into_pyobject(py)?.into_any().unbind(),
        namespace_class: namespace_class.unbind(),
        native,
    })
}

/// The sweeper of a folder, for as long as some options name the folder.
struct Swept {
    folder: PathBuf,
    interval: Duration,
    lifetime: Option<Duration>,
    sweeper: Weak<Sweeper>,
}

/// Options are worked out again for a session that has one of its own; the folder is swept as often as it was.
/// The lock is held with the interpreter's, so that no fork finds it taken.
static SWEPT: Mutex<Vec<Swept>> = Mutex::new(Vec::new());

fn sweeper_of(folder: &Path, interval: Duration, lifetime: Option<Duration>) -> Arc<Sweeper> {
    let mut swept = SWEPT.lock();
    swept.retain(|entry| entry.sweeper.strong_count() > 0);
    let known = swept
        .iter()
        .find(|entry| (entry.interval, entry.lifetime) == (interval, lifetime) && entry.folder == folder);
    if let Some(sweeper) = known.and_then(|entry| entry.sweeper.upgrade()) {
        return sweeper;
    }
    let sweeper = Arc::new(Sweeper::new(interval));
    swept.push(Swept { folder: folder.to_owned(), interval, lifetime, sweeper: Arc::downgrade(&sweeper) });
    sweeper
}

fn class_of<'py>(py: Python<'py>, kind: &str) -> PyResult<Bound<'py, PyAny>> {
    if kind == "cookie" {
        return Err(ConfigurationError::new_err(
            "type = cookie is for beaker.session.CookieSession: a Session is kept in a store",
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

/// The folders are those of the options; without any, a private one of this user's, which is named in a warning
/// because the system may empty it at a restart.
fn file_store(given: &Bound<'_, PyDict>, namespace_args: &Bound<'_, PyDict>) -> PyResult<FileStore> {
    let py = given.py();
    let files = text(namespace_args, "file_dir")?;
    let locks = text(namespace_args, "lock_dir")?;
    let data = match text(given, "data_dir")? {
        Some(data) => PathBuf::from(data),
        None if files.is_some() && locks.is_some() => PathBuf::new(),
        None => {
            let directory = default_directory().into_py(py)?;
            errors::warn(
                py,
                &format!(
                    "no data_dir is given: sessions are kept in {}, which may not outlive a restart of the machine",
                    directory.display()
                ),
            )?;
            given.set_item("data_dir", directory.to_string_lossy())?;
            directory
        }
    };
    let files = files.map_or_else(|| data.join("container_file"), PathBuf::from);
    let locks = locks.map_or_else(|| data.join("container_file_lock"), PathBuf::from);
    if let Some(exposure) = exposure([&*data, &*files, &*locks]) {
        errors::warn(
            py,
            &format!("{exposure}: who can put files there can put sessions of their own making there"),
        )?;
    }
    Ok(FileStore::new(files, locks))
}
