//! Everything that knows PyO3: the classes that Python sees, and the way from Python's values to the crate's.

mod as_given;
mod backend;
mod clock;
mod coerce;
mod cookie_session;
mod errors;
mod file_lock;
mod files;
mod format_one;
mod functions;
mod gil;
mod held_namespace;
mod interpreter;
mod locked_response;
mod middleware;
mod namespace_calls;
mod namespace_record;
mod nesting;
mod once;
mod options;
mod patience;
mod python_store;
mod replaced;
mod serializer;
mod session;
mod session_object;
mod start_response;
mod stay;
mod sweep;
mod values;
mod wait;

use pyo3::prelude::*;
use pyo3::wrap_pyfunction;

/// Fills the module `beaker._core`.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    interpreter::claim(module.py())?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<session::ConfigurableSession>()?;
    module.add_class::<session::Session>()?;
    module.add_class::<cookie_session::CookieSession>()?;
    module.add_class::<session_object::SessionObject>()?;
    module.add_class::<start_response::StartResponse>()?;
    module.add_class::<middleware::SessionMiddleware>()?;
    module.add_function(wrap_pyfunction!(coerce::coerce_session_params, module)?)?;
    module.add_function(wrap_pyfunction!(coerce::option_names, module)?)?;
    module.add_function(wrap_pyfunction!(functions::session_id, module)?)?;
    module.add_function(wrap_pyfunction!(functions::sign, module)?)?;
    module.add_function(wrap_pyfunction!(functions::verify, module)?)?;
    module.add_function(wrap_pyfunction!(functions::parse_cookies, module)?)?;
    module.add_function(wrap_pyfunction!(functions::parse_joined_cookies, module)?)?;
    module.add_function(wrap_pyfunction!(session::morsel::check_attributes, module)?)?;
    module.add_function(wrap_pyfunction!(functions::read_envelope, module)?)?;
    module.add_function(wrap_pyfunction!(functions::write_envelope, module)?)?;
    module.add_function(wrap_pyfunction!(functions::weigh_pickle, module)?)?;
    module.add_function(wrap_pyfunction!(functions::is_bounded_pickle, module)?)?;
    module.add_function(wrap_pyfunction!(functions::aes_gcm_encrypt, module)?)?;
    module.add_function(wrap_pyfunction!(functions::aes_gcm_decrypt, module)?)?;
    module.add_function(wrap_pyfunction!(functions::aes_ctr, module)?)?;
    module.add_function(wrap_pyfunction!(functions::private_data_dir, module)?)?;
    module.add_function(wrap_pyfunction!(functions::files_of, module)?)?;
    module.add_function(wrap_pyfunction!(functions::clear_file, module)?)?;
    module.add_function(wrap_pyfunction!(functions::memory_get, module)?)?;
    module.add_function(wrap_pyfunction!(functions::memory_set, module)?)?;
    module.add_function(wrap_pyfunction!(functions::memory_delete, module)?)?;
    module.add_function(wrap_pyfunction!(functions::memory_ids, module)?)?;
    module.add_function(wrap_pyfunction!(functions::memory_clear, module)?)?;
    module.add_class::<file_lock::FileLock>()?;
    module.add_function(wrap_pyfunction!(files::write_file, module)?)?;
    module.add_function(wrap_pyfunction!(files::read_file, module)?)?;
    module.add_function(wrap_pyfunction!(files::sync_folder, module)?)?;
    module.add_function(wrap_pyfunction!(files::sync_file, module)?)?;
    module.add_function(wrap_pyfunction!(files::write_part, module)?)?;
    module.add_class::<locked_response::LockedResponse>()?;
    module.add_class::<locked_response::SizedLockedResponse>()?;
    module.add_function(wrap_pyfunction!(file_lock::lock_file, module)?)?;
    module.add_function(wrap_pyfunction!(sweep::sweep_files, module)?)?;
    errors::register(module.py());
    session::inherited::register(module.py())
}
