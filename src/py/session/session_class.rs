//! The option `session_class`.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};

use super::class::Session;
use crate::py::errors::ConfigurationError;
use crate::py::options;

/// The class that the options name, if they name one.
pub(crate) fn named<'py>(params: &Bound<'py, PyDict>) -> PyResult<Option<Bound<'py, PyType>>> {
    let Some(class) = options::session_class(params)? else { return Ok(None) };
    let refused = |got: String| {
        let text = format!("session_class must be a subclass of beaker.session.Session, got {got}");
        ConfigurationError::new_err(text)
    };
    match class.cast_into::<PyType>() {
        Ok(class) if class.is_subclass_of::<Session>()? => Ok(Some(class)),
        Ok(class) => Err(refused(class.fully_qualified_name()?.to_string())),
        Err(error) => Err(refused(error.into_inner().get_type().name()?.to_string())),
    }
}
