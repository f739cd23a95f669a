//! A locked file as a Python object.
//!
//! It is opened, locked and wrapped in one call. Python runs signal handlers between bytecodes, so that no handler finds
//! a file that is open or locked but has no owner yet.

use std::io;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;

use crate::error::Error;
use crate::locks::{LockFile, Mode, is_in_use};
use crate::py::gil;

/// A locked file, until it is closed or collected. In a forked process that closes the file, and the lock stays the
/// parent's.
#[pyclass(frozen, weakref, module = "beaker._core")]
pub(crate) struct FileLock(Mutex<Option<LockFile>>);

#[pymethods]
impl FileLock {
    /// Unlocks and closes the file. Calling it again does nothing.
    fn close(&self) {
        let _dropped = self.0.lock().take();
    }

    /// Writes a mark into the file that says that its id is in use.
    fn mark(&self) {
        if let Some(lock) = &*self.0.lock() {
            lock.mark();
        }
    }
}

/// Locks the file at `path`, exclusively or shared, without waiting. Makes the file and its folders if need be. `None`
/// if it is locked already.
///
/// Raises `OSError` if the file cannot be made or locked.
#[pyfunction]
pub(crate) fn lock_file(py: Python<'_>, path: PathBuf, exclusive: bool) -> PyResult<Option<FileLock>> {
    let mode = if exclusive { Mode::Exclusive } else { Mode::Shared };
    let locked = gil::detached(py, || LockFile::try_acquire(path.clone(), mode));
    let lock = locked.map_err(|error| as_os_error(py, error, &path))?;
    Ok(lock.map(|lock| FileLock(Mutex::new(Some(lock.kept())))))
}

/// Whether Beaker has used the id of a lock file, or the file has a mark.
#[pyfunction]
pub(crate) fn lock_is_in_use(path: PathBuf) -> bool {
    is_in_use(&path)
}

/// The error as Python's own file functions raise it, with the path as text.
pub(crate) fn as_os_error(py: Python<'_>, mut error: Error, path: &Path) -> PyErr {
    let source = error.take_source().and_then(|source| source.downcast::<io::Error>().ok());
    match source.as_ref().and_then(|source| source.raw_os_error()) {
        Some(number) => match py.import("os").and_then(|os| os.call_method1("strerror", (number,))) {
            Ok(said) => PyOSError::new_err((number, said.unbind(), path.as_os_str().to_owned())),
            Err(error) => error,
        },
        None => PyOSError::new_err(source.map_or_else(|| error.to_string(), |source| source.to_string())),
    }
}
