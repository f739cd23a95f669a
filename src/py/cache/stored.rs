//! What is kept of a value: the record as Python stored it, and what a reader needs of it.
//!
//! No Python runs while a lock is held here, so no other thread can fork meanwhile, and a destructor may use the cache.

use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::cache::{Lifetime, Namespaces, Shared, locked};
use crate::py::once::{Once, intern};
use crate::py::replaced::BuiltIn;

/// A record of a namespace.
pub(super) struct Stored {
    /// The object that was stored.
    pub(super) record: Py<PyAny>,
    /// The value in it, if it is `(stored at, expires after, value)`.
    value: Option<Py<PyAny>>,
}

pub(super) type Values = Shared<Stored>;

static NAMESPACES: LazyLock<Mutex<Namespaces<Stored>>> = LazyLock::new(Mutex::default);

/// The namespaces of this process.
pub(super) fn namespaces() -> MutexGuard<'static, Namespaces<Stored>> {
    NAMESPACES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Stores a record.
pub(super) fn put(values: &Values, key: &[u8], record: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = record.py();
    let counts = locked(values).counts_bytes();
    let size = if counts { size_of(record)?.saturating_add(key.len() as u64) } else { 0 };
    let (lifetime, value) = read(record);
    let stored = Stored { record: record.clone().unbind(), value };
    let removed = locked(values).put(key, stored, lifetime, size);
    drop(removed);
    let is_time = namespaces().count_write();
    if is_time {
        let now = now(py)?;
        let removed = namespaces().sweep(now);
        drop(removed);
    }
    Ok(())
}

/// The value of a key, if it is fresh.
pub(super) fn fresh(py: Python<'_>, values: &Values, key: &[u8]) -> PyResult<Option<Py<PyAny>>> {
    let (value, end) = {
        let entries = locked(values);
        let Some(entry) = entries.get(key) else { return Ok(None) };
        let (Some(value), Some(lifetime)) = (&entry.value.value, entry.lifetime) else { return Ok(None) };
        (value.clone_ref(py), lifetime.end())
    };
    match end {
        Some(end) if now(py)? >= end => Ok(None),
        _ => Ok(Some(value)),
    }
}

/// The bytes of a value, as far as `sys.getsizeof` tells.
pub(super) fn size_of(value: &Bound<'_, PyAny>) -> PyResult<u64> {
    static SIZE_OF: Once<Py<PyAny>> = Once::new();
    SIZE_OF.import(value.py(), "beaker._sizes", "size_of")?.call1((value,))?.extract()
}

fn read(record: &Bound<'_, PyAny>) -> (Option<Lifetime>, Option<Py<PyAny>>) {
    let Ok(parts) = record.cast_exact::<PyTuple>() else { return (None, None) };
    let (Ok(stored), Ok(expires), Ok(value), 3) =
        (parts.get_item(0), parts.get_item(1), parts.get_item(2), parts.len())
    else {
        return (None, None);
    };
    let (Ok(stored), Ok(expires)) = (stored.extract::<f64>(), expires.extract::<Option<f64>>()) else {
        return (None, None);
    };
    (Some(Lifetime { stored, expires }), Some(value.unbind()))
}

/// `time.time()`, which a program may replace.
fn now(py: Python<'_>) -> PyResult<f64> {
    static CLOCK: BuiltIn = BuiltIn::new("time", "time");
    if let Some(replacement) = CLOCK.replacement(intern!(py, "time"))? {
        return replacement.call0()?.extract();
    }
    Ok(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64()))
}
