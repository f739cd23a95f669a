//! A cached value in memory: the record as Python stored it, and the parts that a reader needs.
//!
//! No Python runs while a lock is held here, so no other thread can fork meanwhile, and a destructor may use the cache.

use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::cache::{Lifetime, Margins, Namespaces, Shared, locked};
use crate::clock::{lately, wall};
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
pub(super) fn put(values: &Values, key: &[u8], record: &Bound<'_, PyAny>, margins: Margins) -> PyResult<()> {
    let py = record.py();
    let counts = locked(values).counts_bytes();
    let size = if counts { size_of(record)?.saturating_add(key.len() as u64) } else { 0 };
    let (lifetime, value) = read(record, margins);
    let stored = Stored { record: record.clone().unbind(), value };
    let _dropped = locked(values).put(key, stored, lifetime, size);
    let is_time = namespaces().count_write();
    if is_time {
        let now = now(py)?;
        let _dropped = namespaces().sweep(now);
    }
    Ok(())
}

/// The value of a key, and the end of its freshness. One from before `start` is not fresh at all.
pub(super) fn find(
    py: Python<'_>,
    values: &Values,
    key: &[u8],
    start: Option<f64>,
) -> Option<(Py<PyAny>, Option<f64>)> {
    let entries = locked(values);
    let entry = entries.get(key)?;
    let (value, lifetime) = (entry.value.value.as_ref()?, entry.lifetime?);
    let is_early = start.is_some_and(|start| lifetime.stored < start);
    (!is_early).then(|| (value.clone_ref(py), lifetime.end()))
}

/// Whether a moment has come.
pub(super) fn is_over(py: Python<'_>, end: Option<f64>) -> PyResult<bool> {
    /// More seconds than the cheap clock is behind.
    const LAG: f64 = 0.1;
    let Some(end) = end else { return Ok(false) };
    if let Some(replacement) = CLOCK.replacement(intern!(py, "time"))? {
        return Ok(replacement.call0()?.extract::<f64>()? >= end);
    }
    Ok(lately() + LAG >= end && wall() >= end)
}

/// The bytes of a value, as far as `sys.getsizeof` tells.
pub(super) fn size_of(value: &Bound<'_, PyAny>) -> PyResult<u64> {
    static SIZE_OF: Once<Py<PyAny>> = Once::new();
    SIZE_OF.import(value.py(), "beaker._sizes", "size_of")?.call1((value,))?.extract()
}

fn read(record: &Bound<'_, PyAny>, margins: Margins) -> (Option<Lifetime>, Option<Py<PyAny>>) {
    let Ok(parts) = record.cast_exact::<PyTuple>() else { return (None, None) };
    let (Ok(stored), Ok(expires), Ok(value), 3) =
        (parts.get_item(0), parts.get_item(1), parts.get_item(2), parts.len())
    else {
        return (None, None);
    };
    let (Ok(stored), Ok(expires)) = (stored.extract::<f64>(), expires.extract::<Option<f64>>()) else {
        return (None, None);
    };
    (Some(Lifetime { stored, expires, margins }), Some(value.unbind()))
}

static CLOCK: BuiltIn = BuiltIn::new("time", "time");

/// `time.time()`, which a program may replace.
pub(super) fn now(py: Python<'_>) -> PyResult<f64> {
    if let Some(replacement) = CLOCK.replacement(intern!(py, "time"))? {
        return replacement.call0()?.extract();
    }
    Ok(wall())
}
