//! Python's errors as the engine of sessions understands them.

use pyo3::prelude::*;

use super::errors;
use crate::error::ErrorKind;
use crate::session::{Failed, Failure};

/// A failed call.
pub(crate) fn failed(py: Python<'_>, error: PyErr) -> Failed<PyErr> {
    let kind = match errors::kind(py, &error) {
        Some(ErrorKind::Corrupt) => Failure::Corrupt,
        Some(ErrorKind::Busy) => Failure::Busy,
        Some(ErrorKind::Unknown) => Failure::Unknown,
        Some(ErrorKind::Unavailable) => Failure::Unavailable,
        _ => Failure::Other,
    };
    Failed { kind, error }
}

/// The errors of one machine's calls, which it knows by number: it works under the lock of the session's fields, where
/// no Python object may be dropped.
#[derive(Default)]
pub(crate) struct KeptErrors(Vec<PyErr>);

impl KeptErrors {
    /// Keeps an error. Returns the failed call for the machine.
    pub(crate) fn keep(&mut self, py: Python<'_>, error: PyErr) -> Failed<usize> {
        let Failed { kind, error } = failed(py, error);
        self.0.push(error);
        Failed { kind, error: self.0.len() - 1 }
    }

    /// Takes the error that the machine gives back.
    pub(crate) fn take(&mut self, number: usize) -> PyErr {
        self.0.swap_remove(number)
    }
}
