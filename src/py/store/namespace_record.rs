//! The session's text in a namespace of a backend written in Python. The caller holds the namespace's lock.

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::time::Duration;

use pyo3::exceptions::{PyKeyError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};

use crate::py::errors::CorruptSessionError;
use crate::py::once::intern;
use crate::store::{Deleted, Expect, Patch, Record, Redirect, Version, Written};

/// The key of the session's text within its namespace.
const KEY: &str = "session";

/// Keyed anew in every process, so that two texts with the same hash cannot be made on purpose.
static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::new);

fn version_of(text: &[u8]) -> Version {
    Version::from(HASHER.hash_one(text))
}

/// The text in a namespace, `None` if there is none.
fn text_in(namespace: &Bound<'_, PyAny>) -> PyResult<Option<Vec<u8>>> {
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
fn put(namespace: &Bound<'_, PyAny>, text: &[u8], lifetime: Option<Duration>) -> PyResult<()> {
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

/// The record in a namespace.
pub(super) fn record_in(namespace: &Bound<'_, PyAny>) -> PyResult<Option<Record>> {
    let text = text_in(namespace)?;
    Ok(text.map(|text| Record { version: version_of(&text), data: text.into(), expires_at: None }))
}

fn expected(namespace: &Bound<'_, PyAny>, expect: Expect) -> PyResult<bool> {
    if expect == Expect::Any {
        return Ok(true);
    }
    Ok(expect.holds(text_in(namespace)?.as_deref().map(version_of)))
}

/// Writes to a namespace.
pub(super) fn write_in(
    namespace: &Bound<'_, PyAny>,
    data: &[u8],
    lifetime: Option<Duration>,
    expect: Expect,
) -> PyResult<Written> {
    if !expected(namespace, expect)? {
        return Ok(Written::Refused);
    }
    put(namespace, data, lifetime)?;
    Ok(Written::Stored(version_of(data)))
}

/// Changes some bytes of the text in a namespace, if it is the one that was loaded.
pub(super) fn patch_in(
    namespace: &Bound<'_, PyAny>,
    patch: &Patch<'_>,
    lifetime: Option<Duration>,
) -> PyResult<bool> {
    let Some(mut text) = text_in(namespace)? else { return Ok(false) };
    let end = patch.offset.saturating_add(patch.bytes.len());
    if version_of(&text) == patch.renewal.version
        && let Some(place) = text.get_mut(patch.offset..end)
    {
        place.copy_from_slice(patch.bytes);
        put(namespace, &text, lifetime)?;
    }
    Ok(true)
}

/// Empties a namespace, if its record is the expected one.
pub(super) fn delete_in(namespace: &Bound<'_, PyAny>, expect: Expect) -> PyResult<Deleted> {
    let deleted = expect.deletes(text_in(namespace)?.as_deref().map(version_of));
    if deleted == Deleted::Record {
        namespace.del_item(intern!(namespace.py(), KEY))?;
    }
    Ok(deleted)
}

/// Puts the redirect of a rotation into a namespace, or empties it.
pub(super) fn leave_in(namespace: &Bound<'_, PyAny>, redirect: Option<Redirect<'_>>) -> PyResult<()> {
    match redirect {
        Some(redirect) => put(namespace, redirect.data, Some(redirect.ttl)),
        None => delete_in(namespace, Expect::Any).map(|_deleted| ()),
    }
}

/// The record that may be rotated, if there is one.
pub(super) fn to_rotate(namespace: &Bound<'_, PyAny>, expect: Expect) -> PyResult<Option<Record>> {
    Ok(record_in(namespace)?.filter(|record| expect.holds(Some(record.version))))
}
