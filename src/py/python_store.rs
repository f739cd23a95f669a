//! A store written in Python: a `NamespaceManager` of the application or of a third party.
//!
//! The class is used as Beaker uses it: an object for each session id, its locks around every access, the
//! session's text under the key `session`.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use parking_lot::Mutex;
use pyo3::exceptions::{PyKeyError, PyTypeError};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};
use pyo3::{PyTraverseError, intern};

use super::errors::{CorruptSessionError, StoreUnavailableError};
use super::options::Options;
use crate::error::{Error, ErrorKind, Result};
use crate::id::SessionId;
use crate::store::{Capabilities, Expect, Record, Store, Timestamp, Touch, Version, Written};

/// The key of the session's text within its namespace.
const KEY: &str = "session";

/// Keyed anew in every process, so that nobody can make two texts that look the same.
static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::new);

fn version_of(text: &[u8]) -> Version {
    Version(HASHER.hash_one(text))
}

/// A store over objects of a `NamespaceManager` class.
pub(crate) struct NamespaceStore {
    options: Arc<Options>,
    current: Mutex<Option<(String, Py<PyAny>)>>,
    /// This session's own copy of the class's keyword arguments, once somebody asked for them.
    arguments: Mutex<Option<Py<PyDict>>>,
}

impl NamespaceStore {
    /// A store over the class that the options name.
    pub(crate) fn new(options: Arc<Options>) -> Self {
        Self { options, current: Mutex::new(None), arguments: Mutex::new(None) }
    }

    /// The namespace of `id`: the one used last if it was that.
    pub(crate) fn namespace<'py>(&self, py: Python<'py>, id: &str) -> PyResult<Bound<'py, PyAny>> {
        let known = {
            let current = self.current.lock();
            current.as_ref().filter(|(of, _)| of == id).map(|(_, namespace)| namespace.clone_ref(py))
        };
        if let Some(namespace) = known {
            return Ok(namespace.into_bound(py));
        }
        let arguments = self.arguments(py)?.copy()?;
        arguments.set_item(intern!(py, "data_dir"), self.options.given(py, "data_dir")?)?;
        arguments.set_item(intern!(py, "digest_filenames"), false)?;
        let namespace = self.options.backend()?.namespace_class.bind(py).call((id,), Some(&arguments))?;
        if self.options.backend()?.native.is_some() && !self.options.serializer.uses_pickle() {
            // The record's envelope is a pickle, and no pickle is loaded where the serializer is another.
            namespace.setattr(intern!(py, "allow_pickle"), false)?;
        }
        self.replace(id, namespace.clone().unbind());
        Ok(namespace)
    }

    /// The keyword arguments of the class, which a program may change for its session alone.
    pub(crate) fn arguments<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let own = self.arguments.lock().as_ref().map(|arguments| arguments.clone_ref(py));
        if let Some(own) = own {
            return Ok(own.into_bound(py));
        }
        let copy = self.options.namespace_args.bind(py).copy()?;
        self.set_arguments(copy.clone().unbind());
        Ok(copy)
    }

    /// Takes `arguments` for the namespaces that are yet to be made.
    pub(crate) fn set_arguments(&self, arguments: Py<PyDict>) {
        let replaced = self.arguments.lock().replace(arguments);
        drop(replaced);
    }

    /// Takes `namespace` as that of `id`.
    pub(crate) fn replace(&self, id: &str, namespace: Py<PyAny>) {
        let replaced = self.current.lock().replace((id.to_owned(), namespace));
        drop(replaced);
    }

    /// Shows the garbage collector what is held.
    pub(crate) fn traverse(&self, visit: PyVisit<'_>) -> std::result::Result<(), PyTraverseError> {
        if let Some(Some((_, namespace))) = self.current.try_lock().as_deref() {
            visit.call(namespace)?;
        }
        match self.arguments.try_lock().as_deref() {
            Some(Some(arguments)) => visit.call(arguments),
            _ => Ok(()),
        }
    }

    /// Runs `work` on the namespace of `id` under its write lock.
    fn exclusively<T>(
        &self,
        id: &SessionId,
        replace: bool,
        operation: &'static str,
        work: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<T>,
    ) -> Result<T> {
        Python::attach(|py| {
            let outcome = self.namespace(py, id.as_str()).and_then(|namespace| {
                let kwargs = PyDict::new(py);
                if replace {
                    kwargs.set_item(intern!(py, "replace"), true)?;
                }
                namespace.call_method(intern!(py, "acquire_write_lock"), (), Some(&kwargs))?;
                let done = work(&namespace);
                let released = namespace.call_method0(intern!(py, "release_write_lock"));
                let done = done?;
                released?;
                Ok(done)
            });
            outcome.map_err(|error| failure(py, operation, error))
        })
    }
}

/// An exception of the backend. What it says is not passed on in our own message, for it may show the id; it is
/// the cause.
fn failure(py: Python<'_>, operation: &'static str, error: PyErr) -> Error {
    let kind = if error.is_instance_of::<CorruptSessionError>(py) {
        ErrorKind::Corrupt
    } else {
        ErrorKind::Unavailable
    };
    let name =
        error.get_type(py).name().map_or_else(|_| String::from("an exception"), |name| name.to_string());
    let error = if error.is_instance_of::<StoreUnavailableError>(py) {
        error.cause(py).unwrap_or(error)
    } else {
        error
    };
    Error::new(kind, operation).with_detail(format!("the backend raised {name}")).with_source(error)
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

fn put(namespace: &Bound<'_, PyAny>, text: &[u8]) -> PyResult<()> {
    let py = namespace.py();
    namespace.set_item(intern!(py, KEY), String::from_utf8_lossy(text))
}

impl Store for NamespaceStore {
    fn load(&self, id: &SessionId, _now: Timestamp) -> Result<Option<Record>> {
        Python::attach(|py| {
            let read = self.namespace(py, id.as_str()).and_then(|namespace| {
                namespace.call_method0(intern!(py, "acquire_read_lock"))?;
                let text = text_in(&namespace);
                let released = namespace.call_method0(intern!(py, "release_read_lock"));
                let text = text?;
                released?;
                Ok(text)
            });
            let text = read.map_err(|error| failure(py, "read the session from its backend", error))?;
            Ok(text.map(|text| Record { version: version_of(&text), data: text.into(), expires_at: None }))
        })
    }

    fn write(
        &self,
        id: &SessionId,
        data: &[u8],
        _ttl: Option<Duration>,
        expect: Expect,
        _now: Timestamp,
    ) -> Result<Written> {
        let unconditional = expect == Expect::Any;
        self.exclusively(id, unconditional, "write the session to its backend", |namespace| {
            let holds = match expect {
                Expect::Any => true,
                Expect::Absent => text_in(namespace)?.is_none(),
                Expect::Present => text_in(namespace)?.is_some(),
                Expect::Version(version) => {
                    text_in(namespace)?.is_some_and(|text| version_of(&text) == version)
                }
            };
            if !holds {
                return Ok(Written::Refused);
            }
            put(namespace, data)?;
            Ok(Written::Stored(version_of(data)))
        })
    }

    fn touch(
        &self,
        id: &SessionId,
        touch: &Touch<'_>,
        _ttl: Option<Duration>,
        _now: Timestamp,
    ) -> Result<bool> {
        self.exclusively(id, false, "renew the session in its backend", |namespace| {
            let Some(mut text) = text_in(namespace)? else { return Ok(false) };
            let end = touch.offset.saturating_add(touch.bytes.len());
            if version_of(&text) == touch.version
                && let Some(place) = text.get_mut(touch.offset..end)
            {
                place.copy_from_slice(touch.bytes);
                put(namespace, &text)?;
            }
            Ok(true)
        })
    }

    fn delete(&self, id: &SessionId) -> Result<()> {
        self.exclusively(id, false, "remove the session from its backend", |namespace| {
            if text_in(namespace)?.is_some() {
                namespace.del_item(intern!(namespace.py(), KEY))?;
            }
            Ok(())
        })
    }

    fn capabilities(&self) -> Capabilities {
        // It runs Python, so there is nothing to let go of.
        Capabilities { native_expiry: false, compare_and_swap: true, blocking: false }
    }
}
