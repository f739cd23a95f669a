//! Everything that knows PyO3: the classes that Python sees, and the way from Python's values to the crate's.

/// Adds functions to a module.
macro_rules! add_functions {
    ($module:ident: $($function:path),+ $(,)?) => {
        $($module.add_function(pyo3::wrap_pyfunction!($function, $module)?)?;)+
    };
}

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

/// Fills the module `beaker._core`.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    interpreter::claim(module.py())?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<session::ConfigurableSession>()?;
    module.add_class::<session::Session>()?;
    module.add_class::<cookie_session::CookieSession>()?;
    wsgi::register(module)?;
    add_functions! { module:
        coerce::coerce_session_params, option_table::option_table, coerce::word_as_bool,
        clock::clock_is_steady, functions::session_id, functions::sign, functions::verify,
        functions::parse_cookies, functions::parse_joined_cookies, session::morsel::check_attributes,
        functions::read_envelope, functions::write_envelope, functions::weigh_pickle,
        functions::is_bounded_pickle, functions::aes_gcm_encrypt, functions::aes_gcm_decrypt,
        functions::aes_ctr, functions::memory_get, functions::memory_set, functions::memory_delete,
        functions::memory_ids, functions::memory_clear, migrate::migrate_sessions,
        options::options_of_location, store::memcached_key,
    }
    module.add("FORMAT_2_PREFIX", crate::cookie::FORMAT_2_PREFIX)?;
    cache::register(module)?;
    files::register(module)?;
    module.add_class::<store::PyRedisClient>()?;
    sqlite::register(module)?;
    module.add_class::<store::MemcachedClient>()?;
    session::option_attributes::register(module.py())?;
    errors::register(module.py());
    at_exit::register(module.py())?;
    fork::register(module.py())
}
