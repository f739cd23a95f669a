//! SQLite where there is no Unix: neither the locks nor the permissions that the store is built on.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use pyo3::wrap_pyfunction;

use crate::config::Settings;
use crate::py::errors::ConfigurationError;
use crate::store::Store;

fn refusal() -> PyErr {
    ConfigurationError::new_err(
        "the SQLite store needs Unix: choose type = memory, type = cookie or a backend of ext: instead",
    )
}

/// Refuses the store.
pub(crate) fn store(
    _given: &Bound<'_, PyDict>,
    _namespace_args: &Bound<'_, PyDict>,
    _settings: &Settings,
) -> PyResult<Option<Arc<dyn Store>>> {
    Err(refusal())
}

/// Nothing is open.
pub(crate) fn before_fork() {}

/// Nothing was closed.
pub(crate) fn after_fork() {}

/// Raises `ConfigurationError`.
#[pyfunction]
#[pyo3(signature = (*_args, **_kwargs))]
fn needs_unix(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> PyResult<()> {
    Err(refusal())
}

/// Adds the refusal under the name of the class.
pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("SqliteDatabase", wrap_pyfunction!(needs_unix, module)?)
}
