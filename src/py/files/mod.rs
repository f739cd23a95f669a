//! Files: the file store, and the functions for files and file locks that Python calls.
//!
//! They need Unix. Elsewhere the same functions raise `ConfigurationError`.

#[cfg(not(unix))]
mod absent;
#[cfg(unix)]
mod io;
#[cfg(unix)]
mod lock;
#[cfg(unix)]
mod stamp;
#[cfg(unix)]
mod store;
#[cfg(unix)]
mod sweep;

use pyo3::prelude::*;
#[cfg(unix)]
use pyo3::wrap_pyfunction;

#[cfg(not(unix))]
pub(crate) use absent::{Stamp, read_stamped, store};
#[cfg(unix)]
pub(crate) use stamp::{Stamp, read_stamped};
#[cfg(unix)]
pub(crate) use store::store;
#[cfg(unix)]
pub(crate) use sweep::sweep_to_the_end;

/// Adds the functions to `beaker._core`.
#[cfg(unix)]
pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<lock::FileLock>()?;
    module.add_function(wrap_pyfunction!(lock::lock_file, module)?)?;
    module.add_function(wrap_pyfunction!(lock::lock_is_in_use, module)?)?;
    module.add_function(wrap_pyfunction!(io::write_file, module)?)?;
    module.add_function(wrap_pyfunction!(io::write_part, module)?)?;
    module.add_function(wrap_pyfunction!(io::read_file, module)?)?;
    module.add_function(wrap_pyfunction!(io::sync_folder, module)?)?;
    module.add_function(wrap_pyfunction!(io::sync_file, module)?)?;
    module.add_function(wrap_pyfunction!(io::sync_names, module)?)?;
    module.add_function(wrap_pyfunction!(io::name_of_file, module)?)?;
    module.add_function(wrap_pyfunction!(io::own_file_name, module)?)?;
    module.add_function(wrap_pyfunction!(io::make_folder, module)?)?;
    module.add_function(wrap_pyfunction!(store::private_data_dir, module)?)?;
    module.add_function(wrap_pyfunction!(store::files_of, module)?)?;
    module.add_function(wrap_pyfunction!(store::clear_file, module)?)?;
    module.add_function(wrap_pyfunction!(sweep::sweep_files, module)?)
}

/// Adds a refusal under the name of each of the functions.
#[cfg(not(unix))]
pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    absent::register(module)
}
