//! What the options of a process have in common.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use pyo3::PyResult;

/// Objects by what they are made of, for as long as something uses them. Options are worked out again for a session that
/// has one of its own, and must not open connections or sweep by themselves.
///
/// The lock is held with the interpreter's, so that no fork finds it taken.
pub(crate) struct Shared<K, T>(Mutex<Vec<(K, Weak<T>)>>);

impl<K: PartialEq, T> Shared<K, T> {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// The object that is made of `key`.
    pub(crate) fn get(&self, key: K, make: impl FnOnce(&K) -> PyResult<T>) -> PyResult<Arc<T>> {
        let mut all = self.0.lock();
        all.retain(|(_, one)| one.strong_count() > 0);
        let known = all.iter().find(|(of, _)| *of == key);
        if let Some(known) = known.and_then(|(_, one)| one.upgrade()) {
            return Ok(known);
        }
        let made = Arc::new(make(&key)?);
        all.push((key, Arc::downgrade(&made)));
        Ok(made)
    }
}
