//! The memory of `beaker.cache`, and the way to a value that is in it.

mod counter;
mod file_values;
mod function_lookup;
mod lookup;
mod stored;
mod values;

use pyo3::prelude::*;
use pyo3::wrap_pyfunction;

/// Adds the classes and functions to the module.
pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<counter::Counter>()?;
    module.add_class::<file_values::FileValues>()?;
    module.add_class::<lookup::CacheLookup>()?;
    module.add_class::<function_lookup::FunctionLookup>()?;
    module.add_function(wrap_pyfunction!(values::cache_get, module)?)?;
    module.add_function(wrap_pyfunction!(values::cache_put, module)?)?;
    module.add_function(wrap_pyfunction!(values::cache_delete, module)?)?;
    module.add_function(wrap_pyfunction!(values::cache_keys, module)?)?;
    module.add_function(wrap_pyfunction!(values::cache_names, module)?)?;
    module.add_function(wrap_pyfunction!(values::cache_clear, module)?)?;
    module.add_function(wrap_pyfunction!(values::cache_clear_all, module)?)?;
    module.add_function(wrap_pyfunction!(values::cache_bound, module)?)
}
