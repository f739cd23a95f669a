//! The option `session_class`.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};

use super::class::Session;
use crate::py::errors::ConfigurationError;
use crate::py::options;

/// The class that the options name, if they name one.
pub(crate) fn named<'py>(params: &Bound<'py, PyDict>) -> PyResult<Option<Bound<'py, PyType>>> {
    let Some(class) = options::session_class(params)? else { return Ok(None) };
    match class.cast_into::<PyType>() {
        Ok(class) if class.is_subclass_of::<Session>()? => Ok(Some(class)),
        _ => Err(ConfigurationError::new_err("session_class must be a subclass of beaker.session.Session")),
    }
}
