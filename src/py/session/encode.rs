//! The session's dictionary to the stored text and back.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};

use super::{Session, call};
use crate::codec;
use crate::py::errors::{self, CorruptSessionError, IntoPyResult};
use crate::py::options::Options;

/// A session as it came.
#[derive(Clone, Copy)]
pub(crate) enum Content<'a> {
    /// As the text that is stored, or that a cookie of format 1 has.
    Text(&'a [u8]),
    /// As the serializer made it, which a cookie of format 2 has.
    Payload(&'a [u8]),
}

/// What it says.
pub(crate) struct Decoded<'py> {
    /// The session; `None` if it says that there is none.
    pub(crate) data: Option<Bound<'py, PyDict>>,
    /// The serialized session, where it is known.
    pub(crate) payload: Option<Bound<'py, PyBytes>>,
    /// Whether it was encrypted with the newest keys, as far as that is known.
    pub(crate) is_current: bool,
}

/// The stored text of `data`.
pub(super) fn encode(session: &Bound<'_, Session>, data: &Bound<'_, PyDict>) -> PyResult<String> {
    let options = session.get().options()?;
    let payload = options.serializer.dumps(data)?;
    text_of(data.py(), &options, payload.as_bytes())
}

/// The stored text of a serialized session.
pub(crate) fn text_of(py: Python<'_>, options: &Options, payload: &[u8]) -> PyResult<String> {
    match &options.settings.sealer {
        Some(sealer) => sealer.encrypt(payload).into_py(py),
        None => Ok(codec::text::encode_plain(payload)),
    }
}

/// Reads a session, through the subclass's `_decrypt_data` if it has one.
pub(crate) fn decode<'py>(session: &Bound<'py, Session>, content: Content<'_>) -> PyResult<Decoded<'py>> {
    let py = session.py();
    let name = pyo3::intern!(py, "_decrypt_data");
    if let Content::Text(text) = content
        && call::overrides(session, name)?
    {
        let text = PyString::new(py, &String::from_utf8_lossy(text));
        let data = session.call_method1(name, (text,)).map_err(|error| errors::from_decoder(py, error))?;
        return Ok(Decoded { data: as_data(data)?, payload: None, is_current: true });
    }
    let options = session.get().options()?;
    let (payload, is_current) = match content {
        Content::Text(text) => payload_of(py, &options, text)?,
        Content::Payload(payload) => (PyBytes::new(py, payload), true),
    };
    let data = as_data(options.serializer.loads(&payload)?)?;
    Ok(Decoded { data, payload: Some(payload), is_current })
}

/// The serialized session of a stored text, and whether it was encrypted with the newest keys.
fn payload_of<'py>(py: Python<'py>, options: &Options, text: &[u8]) -> PyResult<(Bound<'py, PyBytes>, bool)> {
    let Some(sealer) = &options.settings.sealer else {
        return Ok((PyBytes::new(py, &codec::text::decode_plain(text).into_py(py)?), true));
    };
    let is_sound = |bytes: &[u8]| options.serializer.is_sound(py, bytes, sealer.has_one_key());
    let decrypted = sealer.decrypt(text, is_sound).into_py(py)?;
    let is_current = decrypted.is_current();
    Ok((PyBytes::new(py, &decrypted.into_bytes()), is_current))
}

/// What a stored text means, whatever that is.
pub(super) fn read<'py>(session: &Bound<'py, Session>, text: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let options = session.get().options()?;
    let (payload, _) = payload_of(session.py(), &options, text)?;
    options.serializer.loads(&payload)
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
