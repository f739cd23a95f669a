//! A session's dictionary to bytes and back. Python's own `pickle` and `json` do the work, so that what an
//! application stored yesterday means the same today.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyString};

use super::errors::{self, ConfigurationError, CorruptSessionError, IntoPyResult};
use crate::codec::{self, deflate};
use crate::config::{PicklePolicy, Settings};
use crate::error::Error;

/// The pickle protocol that every Python still in use reads.
const PROTOCOL: u8 = 2;

/// The most that a compressed session may unfold to, in bytes: far above any real session, far below what
/// would exhaust a worker.
const INFLATED_LIMIT: usize = 64 * 1024 * 1024;

const READ: &str = "decode the session";
/// What is wrong with a JSON text that costs too much.
const IMMODEST: &str =
    "it has too many values for its length, is nested too deeply, or has a number that is too long";

/// How a session becomes bytes.
pub(crate) enum Serializer {
    /// Pickle, with the function that reads it.
    Pickle(Py<PyAny>),
    /// JSON, compressed.
    Json,
    /// An object of the application with `loads` and `dumps`.
    Custom(Py<PyAny>),
}

impl Serializer {
    /// Reads the option `data_serializer`: `'pickle'`, `'json'` or an object with `loads` and `dumps`.
    pub(crate) fn from_option(option: &Bound<'_, PyAny>, settings: &Settings) -> PyResult<Self> {
        let Ok(name) = option.cast::<PyString>() else {
            if option.hasattr("loads")? && option.hasattr("dumps")? {
                return Ok(Self::Custom(option.clone().unbind()));
            }
            return Err(ConfigurationError::new_err(
                "data_serializer is 'pickle', 'json' or an object with loads and dumps",
            ));
        };
        match name.to_str()? {
            "pickle" => unpickler(option.py(), settings).map(Self::Pickle),
            "json" => Ok(Self::Json),
            _ => Err(ConfigurationError::new_err(
                "data_serializer is 'pickle', 'json' or an object with loads and dumps",
            )),
        }
    }

    /// Whether it reads pickles.
    pub(crate) fn uses_pickle(&self) -> bool {
        matches!(self, Self::Pickle(_))
    }

    /// The bytes of `data`. What the serializer raises is raised.
    pub(crate) fn dumps<'py>(&self, data: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyBytes>> {
        let py = data.py();
        match self {
            Self::Pickle(_) => {
                Ok(import(py, &DUMPS, "pickle", "dumps")?.call1((data, PROTOCOL))?.cast_into::<PyBytes>()?)
            }
            Self::Json => {
                let text = import(py, &JSON_DUMPS, "json", "dumps")?.call1((data,))?;
                let text = text.cast::<PyString>()?;
                let compressed = deflate::compress(text.to_str()?.as_bytes()).into_py(py)?;
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

    /// Whether `payload` may be one of its own, as far as its form tells. That of an application's is unknown: it
    /// has to read the payload itself, where that decides between several keys.
    pub(crate) fn is_sound(&self, py: Python<'_>, payload: &[u8], is_only_choice: bool) -> bool {
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

    /// What `payload` means. What a serializer raises says that the payload is corrupt, unless it says that the machine
    /// or the program is in trouble.
    pub(crate) fn loads<'py>(&self, payload: &Bound<'py, PyBytes>) -> PyResult<Bound<'py, PyAny>> {
        let py = payload.py();
        self.try_loads(payload).map_err(|error| errors::from_decoder(py, error))
    }

    fn try_loads<'py>(&self, payload: &Bound<'py, PyBytes>) -> PyResult<Bound<'py, PyAny>> {
        let py = payload.py();
        match self {
            Self::Pickle(loads) => {
                if !codec::is_bounded(payload.as_bytes()) {
                    return Err(Error::corrupt(READ).with_detail("it is damaged")).into_py(py);
                }
                loads.bind(py).call1((payload,))
            }
            Self::Json => {
                let text = deflate::decompress(payload.as_bytes(), INFLATED_LIMIT).into_py(py)?;
                if !codec::is_modest_json(&text, payload.as_bytes().len()) {
                    return Err(Error::corrupt(READ).with_detail(IMMODEST)).into_py(py);
                }
                import(py, &JSON_LOADS, "json", "loads")?.call1((PyBytes::new(py, &text),))
            }
            Self::Custom(object) => object.bind(py).call_method1(intern!(py, "loads"), (payload,)),
        }
    }
}

/// The function that reads the pickles which the options allow.
fn unpickler(py: Python<'_>, settings: &Settings) -> PyResult<Py<PyAny>> {
    let loads = match settings.pickle {
        PicklePolicy::Any => py.import("pickle")?.getattr("loads")?,
        PicklePolicy::Allowlist => {
            py.import("beaker._pickle_guard")?.call_method1("loader", (settings.pickle_allow.clone(),))?
        }
        PicklePolicy::Deny => {
            return Err(ConfigurationError::new_err(
                "pickle = deny contradicts data_serializer = pickle: choose json",
            ));
        }
    };
    Ok(loads.unbind())
}

type Cell = PyOnceLock<Py<PyAny>>;
static DUMPS: Cell = PyOnceLock::new();
static JSON_DUMPS: Cell = PyOnceLock::new();
static JSON_LOADS: Cell = PyOnceLock::new();

fn import<'py>(py: Python<'py>, cell: &Cell, module: &str, name: &str) -> PyResult<Bound<'py, PyAny>> {
    let function = cell.get_or_try_init(py, || py.import(module)?.getattr(name).map(Bound::unbind))?;
    Ok(function.bind(py).clone())
}
