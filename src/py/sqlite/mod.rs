//! The SQLite store, and its database as the Python backend uses it.
//!
//! They need Unix. Elsewhere the same names raise `ConfigurationError`.

#[cfg(not(unix))]
mod absent;
#[cfg(unix)]
mod database;
#[cfg(unix)]
mod place;
#[cfg(unix)]
mod store;

use pyo3::prelude::*;

#[cfg(unix)]
pub(crate) use crate::store::sqlite::{after_fork, before_fork};
#[cfg(not(unix))]
pub(crate) use absent::{after_fork, before_fork, store};
#[cfg(unix)]
pub(crate) use store::store;

/// Adds the class to `beaker._core`.
#[cfg(unix)]
pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<database::SqliteDatabase>()
}

/// Adds a refusal under the name of the class.
#[cfg(not(unix))]
pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    absent::register(module)
}
