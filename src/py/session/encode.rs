//! The session's dictionary to the stored text and back.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};

use super::{Session, call};
use crate::codec;
use crate::py::errors::{self, CorruptSessionError, IntoPyResult};
use crate::py::options::Options;

/// What a stored text says.
pub(super) struct Decoded<'py> {
    /// The session; `None` if the text says that there is none.
    pub(super) data: Option<Bound<'py, PyDict>>,
    /// The serialized session, where it is known.
    pub(super) payload: Option<Bound<'py, PyBytes>>,
}

/// The stored text of `data`.
pub(super) fn encode(session: &Bound<'_, Session>, data: &Bound<'_, PyDict>) -> PyResult<String> {
    let options = session.get().options()?;
    let payload = options.serializer.dumps(data)?;
    text_of(&options, &payload)
}

/// The stored text of a serialized session.
pub(super) fn text_of(options: &Options, payload: &Bound<'_, PyBytes>) -> PyResult<String> {
    match &options.settings.sealer {
        Some(sealer) => sealer.encrypt(payload.as_bytes()).into_py(payload.py()),
        None => Ok(codec::text::encode_plain(payload.as_bytes())),
    }
}

/// Reads a stored text, through the subclass's `_decrypt_data` if it has one.
pub(super) fn decode<'py>(session: &Bound<'py, Session>, text: &[u8]) -> PyResult<Decoded<'py>> {
    let py = session.py();
    let name = pyo3::intern!(py, "_decrypt_data");
    if call::overrides(session, name)? {
        let text = PyString::new(py, &String::from_utf8_lossy(text));
        let data = session.call_method1(name, (text,)).map_err(|error| errors::from_decoder(py, error))?;
        return Ok(Decoded { data: as_data(data)?, payload: None });
    }
    let (data, payload) = read(session, text)?;
    Ok(Decoded { data: as_data(data)?, payload: Some(payload) })
}

/// Reads a stored text; gives what it means and the serialized session.
pub(super) fn read<'py>(
    session: &Bound<'py, Session>,
    text: &[u8],
) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyBytes>)> {
    let py = session.py();
    let options = session.get().options()?;
    let payload = match &options.settings.sealer {
        None => codec::text::decode_plain(text).into_py(py)?,
        Some(sealer) => {
            sealer.decrypt(text, |bytes| options.serializer.is_sound(bytes)).into_py(py)?.into_bytes()
        }
    };
    let payload = PyBytes::new(py, &payload);
    Ok((options.serializer.loads(&payload)?, payload))
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
