//! The lock of a file, for what is written in Python.
//!
//! It is opened, locked and kept in one step. Handlers of signals run between the steps of Python's code, so that there
//! is no moment at which they find a file open or locked of which nobody knows.

use std::io;
use std::path::PathBuf;

use parking_lot::Mutex;
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;

use super::gil;
use crate::error::Error;
use crate::locks::{LockFile, Mode};

/// A locked file, until it is closed or forgotten. In a forked process it is closed, and the lock stays the parent's.
#[pyclass(frozen, weakref, module = "beaker._core")]
pub(crate) struct FileLock {
    process: u32,
    lock: Mutex<Option<LockFile>>,
}

#[pymethods]
impl FileLock {
    /// Lets go. Doing it again does nothing.
    fn close(&self) {
        let lock = self.lock.lock().take();
        match lock {
            Some(lock) if self.process != std::process::id() => lock.abandon(),
            lock => drop(lock),
        }
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        self.close();
    }
}

/// Locks the file at `path`, which is made with its folders if need be, alone or beside others. `None` if somebody
/// else has it: it does not wait.
///
/// Raises `OSError` if the file cannot be made or locked.
#[pyfunction]
pub(crate) fn lock_file(py: Python<'_>, path: PathBuf, exclusive: bool) -> PyResult<Option<FileLock>> {
    let mode = if exclusive { Mode::Exclusive } else { Mode::Shared };
    let locked = gil::detached(py, || LockFile::try_acquire(path.clone(), mode));
    let lock = locked.map_err(|error| as_os_error(py, error, &path))?;
    Ok(lock.map(|lock| FileLock { process: std::process::id(), lock: Mutex::new(Some(lock)) }))
}

/// As Python's own functions for files would raise it.
pub(crate) fn as_os_error(py: Python<'_>, mut error: Error, path: &std::path::Path) -> PyErr {
    let source = error.take_source().and_then(|source| source.downcast::<io::Error>().ok());
    match source.as_ref().and_then(|source| source.raw_os_error()) {
        Some(number) => match py.import("os").and_then(|os| os.call_method1("strerror", (number,))) {
            Ok(said) => PyOSError::new_err((number, said.unbind(), path.to_path_buf())),
            Err(error) => error,
        },
        None => PyOSError::new_err(error.to_string()),
    }
}
