//! Writing a session's record.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::class::Session;
use super::stored::{Content, Text};
use super::{encode, record, session_timeout};
use crate::codec::pointer;
use crate::id::SessionId;
use crate::py::clock;
use crate::py::errors::IntoPyResult;
use crate::py::once::intern;
use crate::store::{Expect, Record, Redirect, Rotation, Write, Written};

/// Writes `text`, which `data` encodes to, as the record of `id`.
pub(super) fn write(
    session: &Bound<'_, Session>,
    data: &Bound<'_, PyDict>,
    text: &Text,
    id: &SessionId,
    expect: Expect,
) -> PyResult<Written> {
    let ttl = session.get().options()?.settings.store_ttl(session_timeout::in_data(data)?);
    let now = clock::now(session.py())?.seconds;
    let (id, text) = (id.clone(), Arc::clone(&text.bytes));
    record::with_store(session, now, move |store, call| {
        store.write(&Write { key: &id, data: &text, ttl, expect }, call)
    })
}

/// Writes it as the record of the new id, and leaves a redirect under the old one for the grace period.
pub(super) fn rotate(
    session: &Bound<'_, Session>,
    data: &Bound<'_, PyDict>,
    text: &Text,
    (old, new): (&SessionId, &SessionId),
    expect: Expect,
) -> PyResult<Written> {
    let py = session.py();
    let options = session.get().options()?;
    let ttl = options.settings.store_ttl(session_timeout::in_data(data)?);
    let now = clock::now(py)?.seconds;
    let redirect = match options.settings.old_id.grace() {
        Some(grace) => Some((pointer::write(old, new, now, now + grace.as_secs_f64()).into_py(py)?, grace)),
        None => None,
    };
    let (old, new, text) = (old.clone(), new.clone(), Arc::clone(&text.bytes));
    record::with_store(session, now, move |store, call| {
        let redirect = redirect.as_ref().map(|(text, ttl)| Redirect { data: text.as_bytes(), ttl: *ttl });
        let rotation = Rotation { old: &old, new: &new, data: &text, ttl, expect, redirect };
        store.rotate(&rotation, call)
    })
}

/// Writes the record of `id`, which was loaded as `record`, anew with the same content, so that a change that expects the
/// version before is refused. Its access time becomes a little later, since some stores
/// tell versions by the text.
pub(super) fn fence(session: &Bound<'_, Session>, record: &Record, id: &SessionId) -> PyResult<Written> {
    let py = session.py();
    let data = encode::decode(session, Content::Record(&record.data, id))?.data;
    let data = data.unwrap_or_else(|| PyDict::new(py));
    let key = intern!(py, "_accessed_time");
    let accessed = data.get_item(key)?.and_then(|accessed| accessed.extract::<f64>().ok());
    match accessed {
        Some(accessed) => data.set_item(key, accessed.next_up())?,
        None => data.set_item(key, clock::now(py)?.seconds)?,
    }
    let text = encode::text_for(session, &data, id.clone())?;
    write(session, &data, &text, id, Expect::Version(record.version))
}
