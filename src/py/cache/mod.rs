//! The memory of `beaker.cache`, and the way to a value that is in it.

mod counter;
mod file_values;
mod function_lookup;
mod lookup;
mod stored;
mod values;

use pyo3::prelude::*;

/// Adds the classes and functions to the module.
pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<counter::Counter>()?;
    module.add_class::<file_values::FileValues>()?;
    module.add_class::<lookup::CacheLookup>()?;
    module.add_class::<function_lookup::FunctionLookup>()?;
    add_functions! { module:
        values::cache_get, values::cache_put, values::cache_delete, values::cache_keys, values::cache_names,
        values::cache_clear, values::cache_clear_all, values::cache_bound,
    }
    Ok(())
}
