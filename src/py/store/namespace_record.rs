//! The session's text in a namespace of a backend written in Python. The caller holds the namespace's lock: that of
//! writers, or that of readers if the class can [swap](super::swap). `seen` is the text that the record was seen with last,
//! if it is known.

use std::time::Duration;

use pyo3::prelude::*;

use super::namespace_text::{KEY, put, text_in, version_of};
use super::swap::Swap;
use crate::py::once::intern;
use crate::store::{Deleted, Expect, Patch, Record, Redirect, Written};

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
    seen: Option<&[u8]>,
    data: &[u8],
    lifetime: Option<Duration>,
    expect: Expect,
) -> PyResult<Written> {
    if let Some(swap) = Swap::of(namespace, seen)? {
        return swap.write(data, lifetime, expect);
    }
    if !expected(namespace, expect)? {
        return Ok(Written::Refused);
    }
    put(namespace, data, lifetime)?;
    Ok(Written::Stored(version_of(data)))
}

/// Changes some bytes of the text in a namespace, if it is the one that was loaded.
pub(super) fn patch_in(
    namespace: &Bound<'_, PyAny>,
    seen: Option<&[u8]>,
    patch: &Patch<'_>,
    lifetime: Option<Duration>,
) -> PyResult<bool> {
    if let Some(swap) = Swap::of(namespace, seen)? {
        return swap.patch(patch, lifetime);
    }
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
pub(super) fn delete_in(
    namespace: &Bound<'_, PyAny>,
    seen: Option<&[u8]>,
    expect: Expect,
) -> PyResult<Deleted> {
    if let Some(swap) = Swap::of(namespace, seen)? {
        return swap.delete(expect);
    }
    let deleted = expect.deletes(text_in(namespace)?.as_deref().map(version_of));
    if deleted == Deleted::Record {
        namespace.del_item(intern!(namespace.py(), KEY))?;
    }
    Ok(deleted)
}

/// Puts the redirect of a rotation into a namespace, or empties it. Not for a class that can swap.
pub(super) fn leave_in(namespace: &Bound<'_, PyAny>, redirect: Option<Redirect<'_>>) -> PyResult<()> {
    match redirect {
        Some(redirect) => put(namespace, redirect.data, Some(redirect.ttl)),
        None => delete_in(namespace, None, Expect::Any).map(|_deleted| ()),
    }
}

/// The record that may be rotated, if there is one.
pub(super) fn to_rotate(namespace: &Bound<'_, PyAny>, expect: Expect) -> PyResult<Option<Record>> {
    Ok(record_in(namespace)?.filter(|record| expect.holds(Some(record.version))))
}
