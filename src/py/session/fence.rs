//! A record that is written anew with the same content, so that a change that expects the version before is refused.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::class::Session;
use super::stored::Content;
use super::{encode, write};
use crate::id::SessionId;
use crate::py::clock;
use crate::py::once::intern;
use crate::store::{Expect, Record, Written};

/// Writes the record of `id`, which was loaded as `record`. Its access time becomes a little later, since some stores
/// tell versions by the text.
pub(super) fn run(session: &Bound<'_, Session>, record: &Record, id: &SessionId) -> PyResult<Written> {
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
    write::write(session, &data, &text, id, Expect::Version(record.version))
}
