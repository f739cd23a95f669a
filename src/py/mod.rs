//! Everything that knows PyO3: the classes that Python sees, and the way from Python's values to the crate's.

mod as_given;
mod at_exit;
mod cache;
mod clock;
mod coerce;
mod cookie_session;
mod dropped;
mod errors;
mod failed;
mod files;
mod fork;
mod format_one;
mod functions;
mod gil;
mod greenlets;
mod ids;
mod interpreter;
mod migrate;
mod nesting;
mod once;
mod option_table;
mod options;
mod patience;
mod replaced;
mod runner;
mod serializer;
mod session;
mod shared;
mod sqlite;
mod store;
mod values;
mod wait;
mod wsgi;

use pyo3::prelude::*;
use pyo3::wrap_pyfunction;

/// Fills the module `beaker._core`.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    interpreter::claim(module.py())?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<session::ConfigurableSession>()?;
    module.add_class::<session::Session>()?;
    module.add_class::<cookie_session::CookieSession>()?;
    wsgi::register(module)?;
    module.add_function(wrap_pyfunction!(coerce::coerce_session_params, module)?)?;
    module.add_function(wrap_pyfunction!(option_table::option_table, module)?)?;
    module.add_function(wrap_pyfunction!(coerce::word_as_bool, module)?)?;
    module.add("FORMAT_2_PREFIX", crate::cookie::FORMAT_2_PREFIX)?;
    module.add_function(wrap_pyfunction!(clock::clock_is_steady, module)?)?;
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
    module.add_function(wrap_pyfunction!(functions::memory_get, module)?)?;
    module.add_function(wrap_pyfunction!(functions::memory_set, module)?)?;
    module.add_function(wrap_pyfunction!(functions::memory_delete, module)?)?;
    module.add_function(wrap_pyfunction!(functions::memory_ids, module)?)?;
    module.add_function(wrap_pyfunction!(functions::memory_clear, module)?)?;
    module.add_function(wrap_pyfunction!(migrate::migrate_sessions, module)?)?;
    module.add_function(wrap_pyfunction!(options::options_of_location, module)?)?;
    cache::register(module)?;
    files::register(module)?;
    module.add_class::<store::PyRedisClient>()?;
    sqlite::register(module)?;
    module.add_class::<store::MemcachedClient>()?;
    module.add_function(wrap_pyfunction!(store::memcached_key, module)?)?;
    session::option_attributes::register(module.py())?;
    errors::register(module.py());
    at_exit::register(module.py())?;
    fork::register(module.py())
}
