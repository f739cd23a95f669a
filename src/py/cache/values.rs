//! Functions for `beaker.container.MemoryNamespaceManager`: records by namespace and key.

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::stored::{namespaces, put, size_of};
use crate::cache::{Bounds, Margins, locked};

/// The record of `key`, or else `default`.
#[pyfunction]
pub(crate) fn cache_get(py: Python<'_>, namespace: &str, key: &[u8], default: Py<PyAny>) -> Py<PyAny> {
    let Some(values) = namespaces().find(namespace) else { return default };
    let found = locked(&values).get(key).map(|entry| entry.value.record.clone_ref(py));
    found.unwrap_or(default)
}

/// Stores a record. It is kept for `kept` seconds at least. In the `early` seconds before it expires, it is left to the caller
/// whether it is fresh.
#[pyfunction]
#[pyo3(signature = (namespace, key, record, kept = 0.0, early = 0.0))]
pub(crate) fn cache_put(
    namespace: &str,
    key: &[u8],
    record: &Bound<'_, PyAny>,
    kept: f64,
    early: f64,
) -> PyResult<()> {
    let values = namespaces().open(namespace);
    put(&values, key, record, Margins { early, kept })
}

/// Removes a record. Returns whether it was there.
#[pyfunction]
pub(crate) fn cache_delete(namespace: &str, key: &[u8]) -> bool {
    let Some(values) = namespaces().find(namespace) else { return false };
    let removed = locked(&values).remove(key);
    removed.is_some()
}

/// The keys of a namespace.
#[pyfunction]
pub(crate) fn cache_keys<'py>(py: Python<'py>, namespace: &str) -> Vec<Bound<'py, PyBytes>> {
    let Some(values) = namespaces().find(namespace) else { return Vec::new() };
    let keys = locked(&values).keys();
    keys.iter().map(|key| PyBytes::new(py, key)).collect()
}

/// The names of the namespaces that have records.
#[pyfunction]
pub(crate) fn cache_names() -> Vec<String> {
    namespaces().names()
}

/// Removes all records of a namespace.
#[pyfunction]
pub(crate) fn cache_clear(namespace: &str) {
    let Some(values) = namespaces().find(namespace) else { return };
    let _dropped = locked(&values).take_all();
}

/// Removes all records.
#[pyfunction]
pub(crate) fn cache_clear_all() {
    let _dropped = namespaces().take_all();
}

/// Bounds a namespace from now on: by its number of records, and by their bytes as far as Python tells them.
#[pyfunction]
pub(crate) fn cache_bound(
    py: Python<'_>,
    namespace: &str,
    max_entries: Option<u64>,
    max_bytes: Option<u64>,
) -> PyResult<()> {
    let values = namespaces().open(namespace);
    // Measuring runs Python, so it comes before the lock.
    let mut sizes = Vec::new();
    if max_bytes.is_some() {
        let keys = locked(&values).keys();
        for key in keys {
            let record = locked(&values).get(&key).map(|entry| entry.value.record.clone_ref(py));
            if let Some(record) = record {
                sizes.push((record.as_ptr() as usize, size_of(record.bind(py))?, record));
            }
        }
        sizes.sort_unstable_by_key(|(address, ..)| *address);
    }
    let bounds = Bounds { max_entries, max_bytes };
    let removed = locked(&values).bound(bounds, |stored| {
        let found = sizes.binary_search_by_key(&(stored.record.as_ptr() as usize), |(address, ..)| *address);
        found.ok().and_then(|at| sizes.get(at)).map_or(0, |(_, size, _)| *size)
    });
    drop(removed);
    Ok(())
}
