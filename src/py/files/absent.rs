//! Files where there is no Unix: neither the locks nor the permissions that the file store is built on.

use std::path::Path;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use pyo3::wrap_pyfunction;

use crate::config::Settings;
use crate::py::errors::ConfigurationError;
use crate::store::Store;

/// The functions that Python calls elsewhere.
const FUNCTIONS: [&str; 15] = [
    "lock_file",
    "lock_is_in_use",
    "write_file",
    "write_part",
    "read_file",
    "sync_folder",
    "sync_file",
    "sync_names",
    "file_name",
    "own_file_name",
    "make_folder",
    "private_data_dir",
    "files_of",
    "clear_file",
    "sweep_files",
];

fn refusal() -> PyErr {
    ConfigurationError::new_err(
        "the file store needs Unix: choose type = memory, type = cookie or a backend of ext: instead",
    )
}

/// Refuses the file store.
pub(crate) fn store(
    _given: &Bound<'_, PyDict>,
    _namespace_args: &Bound<'_, PyDict>,
    _settings: &Settings,
) -> PyResult<Option<Arc<dyn Store>>> {
    Err(refusal())
}

/// What no file has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stamp {}

impl Stamp {
    /// Never called.
    pub(crate) fn is_still_at(self, _py: Python<'_>, _path: &Path) -> bool {
        match self {}
    }
}

/// Refuses to read.
pub(crate) fn read_stamped(_py: Python<'_>, _path: &Path) -> PyResult<(Vec<u8>, Stamp)> {
    Err(refusal())
}

/// Raises `ConfigurationError`.
#[pyfunction]
#[pyo3(signature = (*_args, **_kwargs))]
fn needs_unix(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> PyResult<()> {
    Err(refusal())
}

/// Adds the refusal under every name.
pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let refuse = wrap_pyfunction!(needs_unix, module)?;
    FUNCTIONS.into_iter().try_for_each(|name| module.add(name, &refuse))
}
