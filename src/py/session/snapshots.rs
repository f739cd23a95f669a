//! Copies of the session's data: as it was loaded, and as the program saved it.

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// The copies. A method returns the objects that it replaces, which must not be dropped under the lock of the fields.
#[derive(Default)]
pub(crate) struct Snapshots {
    last_accessed: Option<Py<PyAny>>,
    loaded: Option<Py<PyAny>>,
    /// The data that the program saved in this request, which replaces the loaded data.
    saved: Option<Py<PyDict>>,
    /// Whether the program has got a value that it may change in place.
    pub(crate) maybe_mutated: bool,
    /// Whether the program was warned that its changes are lost.
    pub(crate) warned_of_loss: bool,
}

impl Snapshots {
    /// The time of the last access before this request.
    pub(crate) fn last_accessed<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.last_accessed.as_ref().map(|time| time.bind(py).clone())
    }

    #[must_use]
    pub(crate) fn set_last_accessed(&mut self, time: Option<Py<PyAny>>) -> impl Sized + use<> {
        std::mem::replace(&mut self.last_accessed, time)
    }

    pub(super) fn loaded<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.loaded.as_ref().map(|data| data.bind(py).clone())
    }

    #[must_use]
    pub(crate) fn set_loaded(&mut self, data: Option<Py<PyAny>>) -> impl Sized + use<> {
        std::mem::replace(&mut self.loaded, data)
    }

    pub(crate) fn saved<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyDict>> {
        self.saved.as_ref().map(|data| data.bind(py).clone())
    }

    #[must_use]
    pub(crate) fn set_saved(&mut self, data: Option<Py<PyDict>>) -> impl Sized + use<> {
        std::mem::replace(&mut self.saved, data)
    }

    /// The saved data, or else the loaded data.
    pub(super) fn kept<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyDict>> {
        self.saved(py).or_else(|| self.loaded(py)?.cast_into().ok())
    }

    /// Forgets all copies.
    #[must_use]
    pub(crate) fn clear(&mut self) -> impl Sized + use<> {
        let warned_of_loss = self.warned_of_loss;
        std::mem::replace(self, Self { warned_of_loss, ..Self::default() })
    }

    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.saved)?;
        visit.call(&self.last_accessed)?;
        visit.call(&self.loaded)
    }
}
