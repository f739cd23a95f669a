//! Functions for the Python modules.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;

use super::clock;
use super::errors::IntoPyResult;
use super::store::MEMORY;
use crate::codec::{self, cipher, envelope};
use crate::cookie::{self, Commas, Format, IdKeyring, Signer};
use crate::crypto::Keyring;
use crate::id::{SessionId, StoreKey};
use crate::store::{Call, Expect, Store, Write, Written};

/// A new session id: 32 hexadecimal digits, 122 random bits.
#[pyfunction]
pub(crate) fn session_id() -> String {
    SessionId::generate().as_str().to_owned()
}

/// `value` with its format 1 signature before it: 40 hexadecimal digits of HMAC-SHA1.
///
/// Raises `ConfigurationError` if the secret is empty.
#[pyfunction]
pub(crate) fn sign(py: Python<'_>, secret: &[u8], value: &str) -> PyResult<String> {
    Ok(Signer::new(secret).into_py(py)?.sign(value))
}

/// The value behind a signature of one of the secrets, or `None`.
///
/// With the `name` of its cookie, format 2 is read too, which is bound to the name.
///
/// Raises `ConfigurationError` if there is no secret, or if one is empty.
#[pyfunction]
pub(crate) fn verify(
    py: Python<'_>,
    secrets: Vec<PyBackedBytes>,
    name: Option<&str>,
    signed: &str,
) -> PyResult<Option<String>> {
    let value = match name {
        None => Keyring::signers(&secrets).into_py(py)?.verify(signed).map(|(value, _)| value.to_owned()),
        Some(name) => {
            let keyring = IdKeyring::new(&secrets, &[name], Format::One).into_py(py)?;
            keyring.verify(name, signed).map(|accepted| accepted.value.to_owned())
        }
    };
    Ok(value)
}

/// The names and values in a Cookie header, in their order. Malformed cookies are skipped.
#[pyfunction]
pub(crate) fn parse_cookies(header: &str) -> Vec<(&str, &str)> {
    cookie::cookies(header).collect()
}

/// The names and values in fields of a Cookie header that are joined by commas, in their order. With `spaced`, only commas
/// before white space join fields.
#[pyfunction]
pub(crate) fn parse_joined_cookies(header: &str, spaced: bool) -> Vec<(&str, &str)> {
    cookie::joined_cookies(header, if spaced { Commas::Spaced } else { Commas::All }).collect()
}

/// The text in a pickled `{'session': text}`, with the id of its session and the end of its lifetime where the
/// envelope carries them; `None` for a pickled dictionary without a session. No pickle is executed.
///
/// Raises `ValueError` for any other shape.
#[pyfunction]
pub(crate) fn read_envelope(data: &[u8]) -> PyResult<Option<Enveloped>> {
    let envelope = envelope::read(data).map_err(|error| PyValueError::new_err(error.to_string()))?;
    let Some(envelope) = envelope else { return Ok(None) };
    let text = data.get(envelope.text).and_then(|text| str::from_utf8(text).ok());
    let text = text.ok_or_else(|| PyValueError::new_err("the session is no text"))?;
    Ok(Some((text.to_owned(), envelope.owner, envelope.expiry.map(|expiry| expiry.at))))
}

type Enveloped = (String, Option<String>, Option<f64>);

/// A pickled `{'session': text}`, with the id of its session and the end of its lifetime where they are given.
///
/// Raises `ValueError` for a text that is too long.
#[pyfunction]
#[pyo3(signature = (text, owner = None, expires_at = None))]
pub(crate) fn write_envelope<'py>(
    py: Python<'py>,
    text: &str,
    owner: Option<&str>,
    expires_at: Option<f64>,
) -> PyResult<Bound<'py, PyBytes>> {
    let written =
        envelope::write(text, owner, expires_at).map_err(|error| PyValueError::new_err(error.to_string()))?;
    Ok(PyBytes::new(py, &written))
}

/// The number of keys and elements in a pickle whose hashes its author can choose. `None` if unpickling would be more
/// work than its length allows. Nothing is unpickled.
#[pyfunction]
pub(crate) fn weigh_pickle(data: &[u8]) -> Option<u64> {
    codec::weigh(data)
}

/// Whether an unpickler allocates memory in proportion to the length of the pickle only.
#[pyfunction]
pub(crate) fn is_bounded_pickle(data: &[u8]) -> bool {
    codec::is_bounded(data)
}

/// Encrypts `data` by AES-256-GCM with a random IV: the IV (12 bytes), the tag (16), the ciphertext.
#[pyfunction]
pub(crate) fn aes_gcm_encrypt<'py>(
    py: Python<'py>,
    data: &[u8],
    key: &[u8],
) -> PyResult<Bound<'py, PyBytes>> {
    Ok(PyBytes::new(py, &cipher::aes_gcm_encrypt(data, key).into_py(py)?))
}

/// Decrypts what `aes_gcm_encrypt` encrypted. Raises `CorruptSessionError` for another key or changed data.
#[pyfunction]
pub(crate) fn aes_gcm_decrypt<'py>(
    py: Python<'py>,
    data: &[u8],
    key: &[u8],
) -> PyResult<Bound<'py, PyBytes>> {
    Ok(PyBytes::new(py, &cipher::aes_gcm_decrypt(data, key).into_py(py)?))
}

/// Encrypts or decrypts `data` by AES-256-CTR with a counter from 0, without authentication.
#[pyfunction]
pub(crate) fn aes_ctr<'py>(py: Python<'py>, data: &[u8], key: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    Ok(PyBytes::new(py, &cipher::aes_ctr(data, key).into_py(py)?))
}

fn key(id: &str) -> StoreKey {
    SessionId::from_program(id).into()
}

/// The text of an id in the memory store, or `None`.
#[pyfunction]
pub(crate) fn memory_get(py: Python<'_>, id: &str) -> PyResult<Option<String>> {
    let record = MEMORY.load(&key(id), &Call::at(clock::now(py)?.seconds)).into_py(py)?;
    Ok(record.map(|record| String::from_utf8_lossy(&record.data).into_owned()))
}

/// Stores the text of an id in the memory store.
#[pyfunction]
pub(crate) fn memory_set(py: Python<'_>, id: &str, text: &str) -> PyResult<()> {
    let call = Call::at(clock::now(py)?.seconds);
    let write = Write { key: &key(id), data: text.as_bytes(), ttl: None, expect: Expect::Any };
    match MEMORY.write(&write, &call).into_py(py)? {
        Written::Stored(_) | Written::Refused => Ok(()),
    }
}

/// Removes an id from the memory store. Returns whether it was there.
#[pyfunction]
pub(crate) fn memory_delete(py: Python<'_>, id: &str) -> PyResult<bool> {
    let call = Call::at(clock::now(py)?.seconds);
    let present = MEMORY.contains(id, call.now);
    let _ = MEMORY.delete(&key(id), Expect::Any, &call).into_py(py)?;
    Ok(present)
}

/// The ids in the memory store.
#[pyfunction]
pub(crate) fn memory_ids(py: Python<'_>) -> PyResult<Vec<String>> {
    Ok(MEMORY.ids(clock::now(py)?.seconds))
}

/// Empties the memory store.
#[pyfunction]
pub(crate) fn memory_clear() {
    MEMORY.clear();
}
