//! The session's text in a namespace of a backend written in Python, read and set.

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::time::Duration;

use pyo3::exceptions::{PyKeyError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};

use crate::py::errors::CorruptSessionError;
use crate::py::once::intern;
use crate::store::Version;

/// The key of the session's text within its namespace.
pub(super) const KEY: &str = "session";

/// Keyed anew in every process, so that two texts with the same hash cannot be made on purpose.
static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::new);

pub(super) fn version_of(text: &[u8]) -> Version {
    Version::from(HASHER.hash_one(text))
}

/// The text in a namespace, `None` if there is none.
pub(super) fn text_in(namespace: &Bound<'_, PyAny>) -> PyResult<Option<Vec<u8>>> {
    let py = namespace.py();
    let value = match namespace.get_item(intern!(py, KEY)) {
        Ok(value) => value,
        // Beaker takes both for "no such record"; a backend answers an unknown key with either.
        Err(error) if error.is_instance_of::<PyKeyError>(py) || error.is_instance_of::<PyTypeError>(py) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    if value.is_none() {
        return Ok(None);
    }
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(Some(text.to_str()?.as_bytes().to_vec()));
    }
    match value.cast::<PyBytes>() {
        Ok(bytes) => Ok(Some(bytes.as_bytes().to_vec())),
        Err(_) => Err(CorruptSessionError::new_err("cannot decode the session: the backend holds no text")),
    }
}

/// Sets the text, with the record's `lifetime` where it differs from the backend's own.
pub(super) fn put(namespace: &Bound<'_, PyAny>, text: &[u8], lifetime: Option<Duration>) -> PyResult<()> {
    let py = namespace.py();
    let text = String::from_utf8_lossy(text);
    let set_value = intern!(py, "set_value");
    let Some(lifetime) = lifetime.filter(|_| namespace.hasattr(set_value).unwrap_or(false)) else {
        return namespace.set_item(intern!(py, KEY), text);
    };
    let kwargs = PyDict::new(py);
    kwargs.set_item(intern!(py, "expiretime"), lifetime.as_secs())?;
    namespace.call_method(set_value, (intern!(py, KEY), text), Some(&kwargs)).map(drop)
}
