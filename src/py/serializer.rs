//! A session's dictionary to bytes and back. Python's own `pickle` and `json` do the work, so that what an
//! application stored yesterday means the same today.

use crate::py::once::{Once, intern};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};

use super::errors::{self, ConfigurationError, CorruptSessionError, IntoPyResult, UnstorableValueError};
use crate::codec::{self, deflate};
use crate::config::{PicklePolicy, SerializerName, Settings};
use crate::error::Error;

/// The pickle protocol that every Python still in use reads.
const PROTOCOL: u8 = 2;

/// The most that a compressed session may unfold to, in bytes: far above any real session, far below what
/// would exhaust a worker.
const INFLATED_LIMIT: usize = 64 * 1024 * 1024;

const READ: &str = "decode the session";
/// The fault of values that cost too much.
const IMMODEST: &str =
    "it has too many values for its length, is nested too deeply, or has a number that is too long";

/// How a session becomes bytes, and which bytes become a session.
pub(crate) struct Serializer {
    /// The form in which sessions are written.
    written: Form,
    /// Another form that is read, too.
    also: Option<Form>,
}

/// One way to serialize.
enum Form {
    /// Pickle.
    Pickle(Pickles),
    /// JSON, compressed.
    Json,
    /// An object of the application with `loads` and `dumps`.
    Custom(Py<PyAny>),
}

/// The function that reads pickles.
pub(crate) struct Pickles {
    loads: Py<PyAny>,
    /// Whether it refuses pickles whose cost is out of proportion to their length.
    is_guarded: bool,
}

impl Serializer {
    /// Reads the option `data_serializer`: `'pickle'`, `'json'` or an object with `loads` and `dumps`.
    pub(crate) fn from_option(option: &Bound<'_, PyAny>, settings: &Settings) -> PyResult<Self> {
        let py = option.py();
        let refused = || {
            ConfigurationError::new_err(
                "data_serializer must be 'pickle', 'json' or an object with loads and dumps",
            )
        };
        let written = match option.cast::<PyString>() {
            Ok(name) => match name.to_str()? {
                "pickle" => Form::Pickle(Pickles::new(py, settings)?),
                "json" => Form::Json,
                _ => return Err(refused()),
            },
            Err(_) if option.hasattr("loads")? && option.hasattr("dumps")? => {
                Form::Custom(option.clone().unbind())
            }
            Err(_) => return Err(refused()),
        };
        let also = match settings.read_also {
            None => None,
            Some(SerializerName::Json) => Some(Form::Json),
            Some(SerializerName::Pickle) => Some(Form::Pickle(Pickles::guarded(py, settings)?)),
        };
        Ok(Self { written, also })
    }

    /// Whether sessions are written as pickles.
    pub(crate) fn uses_pickle(&self) -> bool {
        matches!(self.written, Form::Pickle(_))
    }

    /// The function that reads pickles, where it refuses some.
    pub(crate) fn guard(&self) -> Option<&Py<PyAny>> {
        match &self.written {
            Form::Pickle(pickles) if pickles.is_guarded => Some(&pickles.loads),
            _ => None,
        }
    }

    /// Whether `payload` is in the form in which sessions are written.
    pub(crate) fn writes(&self, payload: &[u8]) -> bool {
        self.also.as_ref().is_none_or(|also| !also.is_form_of(payload))
    }

    /// The form of `payload`.
    fn form_of(&self, payload: &[u8]) -> &Form {
        match &self.also {
            Some(also) if also.is_form_of(payload) => also,
            _ => &self.written,
        }
    }

    /// The bytes of `data`. An exception of the serializer names the key and the type of the value, where they are
    /// known.
    pub(crate) fn dumps<'py>(&self, data: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyBytes>> {
        self.written.dumps(data)
    }

    /// The bytes of `data` in the form of `payload`, from which `data` was read.
    pub(crate) fn dumps_like<'py>(
        &self,
        payload: &[u8],
        data: &Bound<'py, PyDict>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        self.form_of(payload).dumps(data)
    }

    /// Whether `payload` may be one of its own, as far as its form tells. That of an application's is unknown: it
    /// has to read the payload itself, where that decides between several keys.
    pub(crate) fn is_sound(&self, py: Python<'_>, payload: &[u8], is_only_choice: bool) -> bool {
        self.form_of(payload).is_sound(py, payload, is_only_choice)
    }

    /// The object in `payload`. An exception of the serializer means that the payload is corrupt, unless it is one of
    /// the machine or the program.
    pub(crate) fn loads<'py>(&self, payload: &Bound<'py, PyBytes>) -> PyResult<Bound<'py, PyAny>> {
        self.form_of(payload.as_bytes()).loads(payload)
    }
}

impl Form {
    /// Whether `payload` is of this form and no other that has a name: no pickle begins as a compressed text does.
    fn is_form_of(&self, payload: &[u8]) -> bool {
        let is_compressed = payload.first() == Some(&b'x');
        match self {
            Self::Pickle(_) => !is_compressed,
            Self::Json => is_compressed,
            Self::Custom(_) => false,
        }
    }

    fn dumps<'py>(&self, data: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyBytes>> {
        let py = data.py();
        let error = match self.try_dumps(data) {
            Err(error) if !errors::is_the_programs(py, &error) => error,
            outcome => return outcome,
        };
        let (dumps, by) = match self {
            Self::Pickle(_) => (DUMPS.import(py, "pickle", "dumps")?.clone(), "pickle"),
            Self::Json => (JSON_DUMPS.import(py, "json", "dumps")?.clone(), "JSON"),
            Self::Custom(object) => (object.bind(py).getattr(intern!(py, "dumps"))?, "its serializer"),
        };
        let explained = py.import("beaker._unstorable")?.getattr("explained")?;
        Err(PyErr::from_value(explained.call1((error.into_value(py), data, dumps, by))?))
    }

    fn try_dumps<'py>(&self, data: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyBytes>> {
        let py = data.py();
        match self {
            Self::Pickle(pickles) => {
                let pickle =
                    DUMPS.import(py, "pickle", "dumps")?.call1((data, PROTOCOL))?.cast_into::<PyBytes>()?;
                if pickles.is_guarded && codec::weigh(pickle.as_bytes()).is_none() {
                    return Err(would_not_be_read());
                }
                Ok(pickle)
            }
            Self::Json => {
                let text = JSON_DUMPS.import(py, "json", "dumps")?.call1((data,))?;
                let text = text.cast::<PyString>()?.to_str()?.as_bytes();
                let compressed = deflate::compress(text).into_py(py)?;
                if text.len() > INFLATED_LIMIT || !codec::is_modest_json(text, compressed.len()) {
                    return Err(would_not_be_read());
                }
                Ok(PyBytes::new(py, &compressed))
            }
            Self::Custom(object) => {
                let dumped = object.bind(py).call_method1(intern!(py, "dumps"), (data,))?;
                match dumped.cast_into::<PyBytes>() {
                    Ok(bytes) => Ok(bytes),
                    Err(other) => {
                        let other = other.into_inner();
                        let bytes = py.get_type::<PyBytes>().call1((other,))?;
                        Ok(bytes.cast_into::<PyBytes>()?)
                    }
                }
            }
        }
    }

    fn is_sound(&self, py: Python<'_>, payload: &[u8], is_only_choice: bool) -> bool {
        match self {
            Self::Pickle(_) => codec::looks_like_pickle(payload),
            Self::Json => codec::looks_like_zlib(payload, INFLATED_LIMIT),
            Self::Custom(_) if is_only_choice => true,
            // Trouble of the machine says nothing of the payload; it is raised when that is read in earnest.
            Self::Custom(_) => match self.loads(&PyBytes::new(py, payload)) {
                Ok(_) => true,
                Err(error) => !error.is_instance_of::<CorruptSessionError>(py),
            },
        }
    }

    fn loads<'py>(&self, payload: &Bound<'py, PyBytes>) -> PyResult<Bound<'py, PyAny>> {
        let py = payload.py();
        self.try_loads(payload).map_err(|error| errors::from_decoder(py, error))
    }

    fn try_loads<'py>(&self, payload: &Bound<'py, PyBytes>) -> PyResult<Bound<'py, PyAny>> {
        let py = payload.py();
        match self {
            Self::Pickle(pickles) => pickles.loads(payload),
            Self::Json => {
                let text = deflate::decompress(payload.as_bytes(), INFLATED_LIMIT).into_py(py)?;
                if !codec::is_modest_json(&text, payload.as_bytes().len()) {
                    return Err(Error::corrupt(READ).with_detail(IMMODEST)).into_py(py);
                }
                JSON_LOADS.import(py, "json", "loads")?.call1((PyBytes::new(py, &text),))
            }
            Self::Custom(object) => object.bind(py).call_method1(intern!(py, "loads"), (payload,)),
        }
    }
}

/// The error for values that cost so much that the session is refused when it is loaded.
fn would_not_be_read() -> PyErr {
    UnstorableValueError::new_err(format!(
        "the session cannot be stored: it would not be read again, for {IMMODEST}"
    ))
}

impl Pickles {
    /// The function for the pickles that the options allow.
    fn new(py: Python<'_>, settings: &Settings) -> PyResult<Self> {
        match settings.pickle {
            PicklePolicy::Any => {
                Ok(Self { loads: py.import("pickle")?.getattr("loads")?.unbind(), is_guarded: false })
            }
            PicklePolicy::Allowlist => Self::guarded(py, settings),
            PicklePolicy::Deny => Err(ConfigurationError::new_err(
                "pickle = deny contradicts data_serializer = pickle: choose json",
            )),
        }
    }

    /// The function for pickles of the allow-list.
    fn guarded(py: Python<'_>, settings: &Settings) -> PyResult<Self> {
        let loader =
            py.import("beaker._pickle_guard")?.call_method1("loader", (settings.pickle_allow.clone(),))?;
        Ok(Self { loads: loader.unbind(), is_guarded: true })
    }

    fn loads<'py>(&self, payload: &Bound<'py, PyBytes>) -> PyResult<Bound<'py, PyAny>> {
        let py = payload.py();
        if !codec::is_bounded(payload.as_bytes()) {
            return Err(Error::corrupt(READ).with_detail("it is damaged")).into_py(py);
        }
        self.loads.bind(py).call1((payload,))
    }
}

static DUMPS: Once<Py<PyAny>> = Once::new();
static JSON_DUMPS: Once<Py<PyAny>> = Once::new();
static JSON_LOADS: Once<Py<PyAny>> = Once::new();
