//! A number that threads add to.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use pyo3::prelude::*;

/// A number that threads add to, without a lock that a fork could find taken.
#[pyclass(frozen, from_py_object, module = "beaker._core")]
#[derive(Clone, Default)]
pub(crate) struct Counter(Arc<AtomicU64>);

#[pymethods]
impl Counter {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    /// Adds to the number.
    #[pyo3(signature = (amount = 1))]
    pub(super) fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    /// The number.
    #[getter]
    fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Sets the number to 0.
    fn reset(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}
