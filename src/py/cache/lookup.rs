//! The base class of `beaker.cache.Cache`: finds a fresh value in memory.

use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString, PyTuple};

use super::stored::{Values, fresh, namespaces};
use crate::cache::escaped;
use crate::py::once::intern;

/// Looks values up in memory. Everything else is left to `_look_up` of the subclass.
#[pyclass(frozen, subclass, module = "beaker._core")]
pub(crate) struct CacheLookup {
    values: Mutex<Option<Values>>,
}

#[pymethods]
impl CacheLookup {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self { values: Mutex::new(None) }
    }

    /// Looks values up in a namespace in memory from now on, or in none.
    #[pyo3(signature = (namespace))]
    fn _follow(&self, namespace: Option<&str>) {
        let values = namespace.map(|name| namespaces().open(name));
        *self.values.lock() = values;
    }

    /// The fresh value of `key`.
    ///
    /// If there is none, `createfunc` in `kw` makes it, and one thread or process at a time calls that. Raises `KeyError`
    /// if there is no `createfunc`. `expiretime` and `starttime` in `kw` replace the cache's own.
    #[pyo3(signature = (key, **kw))]
    fn get<'py>(
        slf: &Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
        kw: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if leaves_lookup_alone(kw)?
            && let Some(found) = slf.get().fresh(key)?
        {
            return Ok(found.into_bound(slf.py()));
        }
        slf.call_method(intern!(slf.py(), "_look_up"), (key,), kw)
    }
}

impl CacheLookup {
    /// The fresh value of a key, if it is in memory.
    fn fresh(&self, key: &Bound<'_, PyAny>) -> PyResult<Option<Py<PyAny>>> {
        let Some(values) = self.values.lock().clone() else { return Ok(None) };
        if let Ok(text) = key.cast_exact::<PyString>() {
            // A lone surrogate has no UTF-8.
            let Ok(text) = text.to_str() else { return Ok(None) };
            return fresh(key.py(), &values, &escaped(text));
        }
        let Ok(bytes) = key.cast_exact::<PyBytes>() else { return Ok(None) };
        fresh(key.py(), &values, bytes.as_bytes())
    }

    /// The same for a key that is text.
    pub(super) fn fresh_text(&self, py: Python<'_>, key: &str) -> PyResult<Option<Py<PyAny>>> {
        let Some(values) = self.values.lock().clone() else { return Ok(None) };
        fresh(py, &values, &escaped(key))
    }
}

/// Whether arguments only say how to make a value. An expiry counts when it is stored.
fn leaves_lookup_alone(kw: Option<&Bound<'_, PyDict>>) -> PyResult<bool> {
    let Some(kw) = kw else { return Ok(true) };
    let mut known = usize::from(kw.contains(intern!(kw.py(), "createfunc"))?);
    if known < kw.len() {
        known += usize::from(kw.contains(intern!(kw.py(), "expiretime"))?);
    }
    Ok(known == kw.len())
}
