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
    add_functions! { module:
        lock::lock_file, lock::lock_is_in_use, io::write_file, io::write_part, io::read_file,
        io::sync_folder, io::sync_file, io::sync_names, io::name_of_file, io::own_file_name,
        io::make_folder, store::private_data_dir, store::files_of, store::clear_file, sweep::sweep_files,
    }
    Ok(())
}

/// Adds a refusal under the name of each of the functions.
#[cfg(not(unix))]
pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    absent::register(module)
}
