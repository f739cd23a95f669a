//! The session's dictionary to the stored text and back.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};

use super::call;
use super::class::Session;
use super::stored::{Content, InPlace, Text};
use crate::codec::record;
use crate::codec::{self, RecordFormat};
use crate::id::SessionId;
use crate::py::clock;
use crate::py::errors::{self, CorruptSessionError, IntoPyResult};
use crate::py::nesting::{self, Work};
use crate::py::once::intern;
use crate::py::options::Options;

/// A stored session, decoded.
pub(crate) struct Decoded<'py> {
    /// The data; `None` if there is none.
    pub(crate) data: Option<Bound<'py, PyDict>>,
    /// The serialized session, where it is known.
    pub(crate) payload: Option<Payload<'py>>,
    /// Whether it is under the newest keys and in the current format, as far as that is known.
    pub(crate) is_current: bool,
}

/// A serialized session.
pub(crate) struct Payload<'py> {
    pub(crate) bytes: Bound<'py, PyBytes>,
    /// The access time in it, which need not be the one that counts.
    pub(crate) accessed: Option<Bound<'py, PyAny>>,
    /// Where its record has the access time in the open.
    pub(crate) in_place: Option<InPlace>,
}

/// The text of `data` for the session's record, by the subclass's `_encrypt_data` if it has one.
pub(super) fn text_for_record(session: &Bound<'_, Session>, data: &Bound<'_, PyDict>) -> PyResult<Text> {
    text_for(session, data, session.get().current_id()?)
}

/// The same for the record of `id`.
pub(super) fn text_for(
    session: &Bound<'_, Session>,
    data: &Bound<'_, PyDict>,
    id: SessionId,
) -> PyResult<Text> {
    Ok(Text { bytes: encrypt_data_for(session, data, &id)?.into(), id })
}

/// `session._encrypt_data(data)`
pub(crate) fn encrypt_data<'py>(
    session: &Bound<'py, Session>,
    data: &Bound<'py, PyDict>,
) -> PyResult<Vec<u8>> {
    encrypt_data_for(session, data, &session.get().current_id()?)
}

fn encrypt_data_for(
    session: &Bound<'_, Session>,
    data: &Bound<'_, PyDict>,
    id: &SessionId,
) -> PyResult<Vec<u8>> {
    let py = session.py();
    let _entered = nesting::enter(py, Work::Write(session.as_ptr() as usize))?;
    if !call::encrypts_itself(session)? {
        return encode_for(session, data, id).map(String::into_bytes);
    }
    let text = session.call_method1(intern!(py, "_encrypt_data"), (data,))?;
    match text.cast::<PyString>() {
        Ok(text) => Ok(text.to_str()?.as_bytes().to_vec()),
        Err(_) => text.extract(),
    }
}

/// The text of `data`, under the id that the session has.
pub(super) fn encode(session: &Bound<'_, Session>, data: &Bound<'_, PyDict>) -> PyResult<String> {
    encode_for(session, data, &session.get().current_id()?)
}

fn encode_for(session: &Bound<'_, Session>, data: &Bound<'_, PyDict>, id: &SessionId) -> PyResult<String> {
    let py = data.py();
    let options = session.get().options()?;
    let payload = options.serializer.dumps(data)?;
    match session.get().with(|state| state.record_format())? {
        RecordFormat::One => in_format_1(py, &options, payload.as_bytes()),
        RecordFormat::Two => {
            let accessed = match data.get_item(intern!(py, "_accessed_time"))?.map(|time| time.extract()) {
                Some(Ok(accessed)) => accessed,
                // Writing it is an access.
                _ => clock::now(py)?.seconds,
            };
            in_format_2(py, &options, id, payload.as_bytes(), accessed)
        }
    }
}

/// The text of format 1 of a serialized session.
pub(crate) fn in_format_1(py: Python<'_>, options: &Options, payload: &[u8]) -> PyResult<String> {
    match &options.settings.sealer {
        Some(sealer) => sealer.encrypt(payload).into_py(py),
        None => Ok(codec::text::encode_plain(payload)),
    }
}

/// The text of format 2 of a serialized session, for the record of `id`.
pub(super) fn in_format_2(
    py: Python<'_>,
    options: &Options,
    id: &SessionId,
    payload: &[u8],
    accessed: f64,
) -> PyResult<String> {
    options.settings.records.write(id.as_str(), payload, accessed).into_py(py)
}

/// Reads a session, through the subclass's `_decrypt_data` if it has one.
pub(crate) fn decode<'py>(session: &Bound<'py, Session>, content: Content<'_>) -> PyResult<Decoded<'py>> {
    let py = session.py();
    // A value that reads the session which it is part of would read itself.
    let _entered = nesting::enter(
        py,
        match content {
            Content::Record(_, id) => Work::read_record(id),
            Content::Text(text) | Content::Payload(text) => Work::read_text(text),
        },
    )?;
    let name = intern!(py, "_decrypt_data");
    if let Content::Text(text) | Content::Record(text, _) = content
        && call::overrides(session, name)?
    {
        let text = PyString::new(py, &String::from_utf8_lossy(text));
        let data = session.call_method1(name, (text,)).map_err(|error| errors::from_decoder(py, error))?;
        return Ok(Decoded { data: as_data(data)?, payload: None, is_current: true });
    }
    let options = session.get().options()?;
    let found = match content {
        Content::Text(text) => in_text(py, &options, text)?,
        Content::Payload(payload) => Found::new(PyBytes::new(py, payload), true, None),
        Content::Record(text, id) if record::names_its_format(text) => in_record(py, &options, text, id)?,
        Content::Record(text, _) => {
            let writes_newer = options.settings.record_format > RecordFormat::One;
            let found = in_text(py, &options, text)?;
            // A subclass chooses the form of its own text.
            let is_current = found.is_current && (!writes_newer || call::encrypts_itself(session)?);
            Found { is_current, ..found }
        }
    };
    let data = as_data(options.serializer.loads(&found.payload)?)?;
    let accessed = if let Some(data) = &data { found.date(data)? } else { None };
    let payload = Payload { bytes: found.payload, accessed, in_place: found.in_place };
    Ok(Decoded { data, payload: Some(payload), is_current: found.is_current })
}

/// The content of a text.
struct Found<'py> {
    payload: Bound<'py, PyBytes>,
    is_current: bool,
    /// The access time, where the text has it apart from the payload.
    accessed: Option<f64>,
    in_place: Option<InPlace>,
}

impl<'py> Found<'py> {
    fn new(payload: Bound<'py, PyBytes>, is_current: bool, in_place: Option<InPlace>) -> Self {
        Self { payload, is_current, accessed: None, in_place }
    }

    /// Puts the access time into `data`. Returns the one in the payload.
    fn date(&self, data: &Bound<'py, PyDict>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let key = intern!(data.py(), "_accessed_time");
        let own = data.get_item(key)?;
        if let Some(accessed) = self.accessed
            && !own.as_ref().is_some_and(|own| own.extract::<f64>().is_ok_and(|own| own == accessed))
        {
            data.set_item(key, accessed)?;
        }
        Ok(own)
    }
}

/// The content of a text of format 1.
fn in_text<'py>(py: Python<'py>, options: &Options, text: &[u8]) -> PyResult<Found<'py>> {
    let Some(sealer) = &options.settings.sealer else {
        let payload = codec::text::decode_plain(text).into_py(py)?;
        return Ok(Found::new(PyBytes::new(py, &payload), true, Some(InPlace::Payload)));
    };
    let is_sound = |bytes: &[u8]| options.serializer.is_sound(py, bytes, sealer.has_one_key());
    let decrypted = sealer.decrypt(text, is_sound).into_py(py)?;
    Ok(Found::new(PyBytes::new(py, &decrypted.bytes), decrypted.is_current, None))
}

/// The content of the record of `id`, whose text names a format other than 1.
fn in_record<'py>(py: Python<'py>, options: &Options, text: &[u8], id: &SessionId) -> PyResult<Found<'py>> {
    let opened = options.settings.records.read(id.as_str(), text).into_py(py)?;
    Ok(Found {
        payload: PyBytes::new(py, opened.payload()),
        is_current: opened.is_current,
        accessed: Some(opened.accessed),
        in_place: opened.checksum.map(|checksum| InPlace::Head(Box::new(checksum))),
    })
}

/// The object in a stored text, read under the id of the session or of its record.
pub(super) fn read<'py>(session: &Bound<'py, Session>, text: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let py = session.py();
    let (options, id, record_id) = session.get().with(|state| {
        (Arc::clone(&state.options), state.life.id().clone(), state.life.record_id().clone())
    })?;
    let found = if record::names_its_format(text) && !options.is_in_cookie() {
        match in_record(py, &options, text, &record_id) {
            Err(_) if record_id.as_str() != id.as_str() => in_record(py, &options, text, &id)?,
            found => found?,
        }
    } else {
        in_text(py, &options, text)?
    };
    let data = options.serializer.loads(&found.payload)?;
    if let Ok(data) = data.cast::<PyDict>() {
        found.date(data)?;
    }
    Ok(data)
}

fn as_data(data: Bound<'_, PyAny>) -> PyResult<Option<Bound<'_, PyDict>>> {
    if data.is_none() {
        return Ok(None);
    }
    let py = data.py();
    let dict = match data.cast_into_exact::<PyDict>() {
        Ok(dict) => dict,
        Err(error) => {
            let other = error.into_inner();
            if !other.hasattr("keys")? {
                return Err(CorruptSessionError::new_err("cannot decode the session: it is no dictionary"));
            }
            let dict = PyDict::new(py);
            dict.call_method1("update", (other,))?;
            dict
        }
    };
    Ok(Some(dict).filter(|dict| !dict.is_empty()))
}
