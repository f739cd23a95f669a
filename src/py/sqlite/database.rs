//! The database as a Python object.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};

use super::place::database_file;
use crate::error::Result;
use crate::py::errors::{ConfigurationError, IntoPyResult};
use crate::py::files::sweep_to_the_end;
use crate::py::patience::Patience;
use crate::py::values::duration;
use crate::py::{clock, gil, wait};
use crate::store::sqlite::{Database, Stored, Value};
use crate::store::{Call, Durability, SqliteStore, Store, SweepLease, WAIT};

/// A database of namespaces. Each has values by name: text, which is a session under the name `session`, or bytes.
///
/// Every method raises `StoreUnavailableError` if the database cannot be used, and `LockError` if others write to it for
/// 30 seconds.
#[pyclass(frozen, module = "beaker._core")]
pub(crate) struct SqliteDatabase(Arc<Database>);

#[pymethods]
impl SqliteDatabase {
    /// The database that `url` names, or the one in the folder `data_dir`. `durability` is `beaker`, `process` or `full`.
    ///
    /// Raises `ConfigurationError` if neither is given, or one is not valid.
    #[new]
    #[pyo3(signature = (url = None, data_dir = None, durability = "beaker"))]
    fn new(py: Python<'_>, url: Option<&str>, data_dir: Option<&str>, durability: &str) -> PyResult<Self> {
        let path = database_file(url, data_dir)?
            .ok_or_else(|| ConfigurationError::new_err("url and data_dir are missing: set one"))?;
        let durability = match durability.trim().to_ascii_lowercase().as_str() {
            "beaker" => Durability::Beaker,
            "process" => Durability::Process,
            "full" => Durability::Full,
            _ => return Err(ConfigurationError::new_err("durability must be beaker, process or full")),
        };
        Ok(Self(Database::at(&path, durability).into_py(py)?))
    }

    /// The path of the file.
    #[getter]
    fn path(&self) -> OsString {
        self.0.path().as_os_str().to_owned()
    }

    /// The folder of the lock files, unless an option names another.
    #[getter]
    fn lock_dir(&self) -> OsString {
        self.0.locks().into_os_string()
    }

    /// A value: text, bytes, or `None` if there is none or its lifetime is over.
    fn get<'py>(&self, py: Python<'py>, namespace: &str, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        let found = self.call(py, |database, call| database.value(namespace, name, call))?;
        Ok(match found {
            None => None,
            Some(Stored::Text(text)) => Some(PyString::new(py, &text).into_any()),
            Some(Stored::Pickle(bytes)) => Some(PyBytes::new(py, &bytes).into_any()),
        })
    }

    /// Sets a value, text or bytes, which is over after `lifetime` seconds, if that is given.
    ///
    /// Raises `TypeError` for another value, `ValueError` for a lifetime that is no time.
    #[pyo3(signature = (namespace, name, value, lifetime = None))]
    fn set(
        &self,
        py: Python<'_>,
        namespace: &str,
        name: &str,
        value: &Bound<'_, PyAny>,
        lifetime: Option<f64>,
    ) -> PyResult<()> {
        let ttl = lifetime.map(duration).transpose()?;
        let value = if let Ok(text) = value.cast::<PyString>() {
            Value::Text(text.to_str()?)
        } else if let Ok(bytes) = value.cast::<PyBytes>() {
            Value::Pickle(bytes.as_bytes())
        } else {
            return Err(PyTypeError::new_err("a stored value is text or bytes"));
        };
        self.call(py, |database, call| database.set_value(namespace, name, value, ttl, call))
    }

    /// Removes a value. `False` if there was none.
    fn delete(&self, py: Python<'_>, namespace: &str, name: &str) -> PyResult<bool> {
        self.call(py, |database, call| database.remove_value(namespace, name, call))
    }

    /// Removes all values of a namespace.
    fn clear(&self, py: Python<'_>, namespace: &str) -> PyResult<()> {
        self.call(py, |database, call| database.remove_namespace(namespace, call))
    }

    /// The names of all values of a namespace.
    fn names(&self, py: Python<'_>, namespace: &str) -> PyResult<Vec<String>> {
        self.call(py, |database, call| database.names(namespace, call))
    }

    /// The namespaces that have values, in their order. It reads the whole database.
    fn namespaces(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        self.call(py, Database::namespaces)
    }

    /// Removes what is over, the lock files that killed processes left in `lock_dir`, and free pages. Returns the counts, as
    /// `sweep_files` does. `None` if another process is sweeping the database, or there is none.
    #[pyo3(signature = (lock_dir = None))]
    fn sweep<'py>(&self, py: Python<'py>, lock_dir: Option<PathBuf>) -> PyResult<Option<Bound<'py, PyDict>>> {
        if !self.0.path().exists() {
            return Ok(None);
        }
        let Some(_lease) = SweepLease::take(&self.0.lease()).into_py(py)? else { return Ok(None) };
        let store = SqliteStore::new(Arc::clone(&self.0)).with_locks(lock_dir);
        sweep_to_the_end(py, &mut *store.sweep()).map(Some)
    }

    /// The number of values that are over and were not removed yet.
    fn expired(&self, py: Python<'_>) -> PyResult<u64> {
        self.call(py, Database::expired)
    }
}

impl SqliteDatabase {
    /// Makes a call, and waits for those who write.
    fn call<T: Send>(
        &self,
        py: Python<'_>,
        work: impl Fn(&Database, &Call<'_>) -> Result<T> + Send + Sync,
    ) -> PyResult<T> {
        let call = Call::at(clock::now(py)?.seconds);
        let ask = |limit| gil::detached(py, || work(&self.0, &call.waiting(limit)));
        wait::take(py, &Patience::new(WAIT), WAIT, ask).into_py(py)
    }
}
