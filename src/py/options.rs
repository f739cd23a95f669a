//! A set of options and everything made from it once: settings, serializer, backend. Every request shares it.

use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use pyo3::exceptions::PyAttributeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use super::as_given::Given;
use super::clock;
use super::coerce::coerce_value;
use super::errors::{self, ConfigurationError, IntoPyResult};
use super::patience::Patience;
use super::serializer::Serializer;
use super::store::{self, Backend, NamespaceSpec, NamespaceStore};
use super::values::{default_to_object, given};
use crate::config::{
    self, CookieExpires, KeyOptions, Location, OptionSpec, STORE_GRACE_SECONDS, SessionKind, Settings, Value,
    Values, known,
};
use crate::py::once::intern;
use crate::store::{Phase, Store};

/// Options, checked and ready for use. Shared by all sessions that were given the same ones.
pub(crate) struct Options {
    /// Their meaning.
    pub(crate) settings: Settings,
    /// The value of the attribute `cookie_expires`.
    pub(crate) cookie_expires: Py<PyAny>,
    /// The option `session_class`, if it is given.
    pub(crate) session_class: Option<Py<PyAny>>,
    /// Turns sessions into bytes and back.
    pub(crate) serializer: Serializer,
    /// The store, unless cookies keep the sessions.
    backend: Option<Backend>,
    /// The options of the other store, while sessions move from it or to it.
    other: Option<(Phase, Arc<Self>)>,
    /// The options as they were given, coerced, without the backend's.
    given: Py<PyDict>,
    /// The objects that show the backend's records to programs.
    pub(crate) namespaces: Arc<NamespaceSpec>,
    /// `_domain` and `_path`, with which every session begins.
    pub(crate) initial: Py<PyDict>,
    /// Warnings for the programmer.
    warnings: Vec<String>,
}

impl Options {
    /// The options in `params`, from a small cache if the very same objects were given before.
    pub(crate) fn of(params: &Bound<'_, PyDict>, kind: SessionKind) -> PyResult<Arc<Self>> {
        let (found, keys) = {
            let cache = CACHE.lock();
            let found = cache.iter().find(|entry| entry.is_of(params, kind));
            // A file of keys is read once: it may have changed for the next start, and this process may no longer be
            // allowed to read it.
            let same_keys = found.or_else(|| cache.iter().find(|entry| entry.has_keys_of(params)));
            (
                found.map(|entry| Arc::clone(&entry.options)),
                same_keys.map(|entry| Arc::clone(&entry.options.settings.keys)),
            )
        };
        if let Some(options) = found { Ok(options) } else { Self::remembered(params, kind, keys.as_ref()) }
    }

    /// The options in `params`, compiled again, with files of keys read again. A new middleware needs that.
    pub(crate) fn anew(params: &Bound<'_, PyDict>, kind: SessionKind) -> PyResult<Arc<Self>> {
        Self::remembered(params, kind, None)
    }

    fn remembered(
        params: &Bound<'_, PyDict>,
        kind: SessionKind,
        keys: Option<&Arc<KeyOptions>>,
    ) -> PyResult<Arc<Self>> {
        let entry = Compiled::new(params, kind, keys)?;
        let options = Arc::clone(&entry.options);
        let dropped = {
            let mut cache = CACHE.lock();
            let dropped = if cache.len() < CACHE_SIZE { None } else { cache.pop() };
            cache.insert(0, entry);
            dropped
        };
        // Dropping Python objects may run Python, which must not happen under the lock.
        drop(dropped);
        Ok(options)
    }

    /// The same options with another value for one.
    pub(crate) fn with(&self, py: Python<'_>, name: &str, value: &Bound<'_, PyAny>) -> PyResult<Arc<Self>> {
        let params = self.given.bind(py).copy()?;
        for (key, argument) in self.namespaces.arguments.bind(py).iter() {
            if key.cast::<PyString>().is_ok_and(|key| key == "timeout") {
                continue;
            }
            params.set_item(key, argument)?;
        }
        params.set_item(name, value)?;
        let gives_keys = config::option(name).is_some_and(|option| option.kind.gives_keys());
        let keys = Some(&self.settings.keys).filter(|_| !gives_keys);
        let options = Self::compile(&params, self.settings.kind, keys)?;
        if self.settings.cookie.is_some() {
            options.settings.need_cookie_keys().into_py(py)?;
        }
        Ok(Arc::new(options))
    }

    /// An option as it was given, or `None`.
    pub(crate) fn given<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        given(self.given.bind(py), name)
    }

    /// An option as it was given, or its default.
    pub(crate) fn value<'py>(&self, py: Python<'py>, option: &OptionSpec) -> PyResult<Bound<'py, PyAny>> {
        given_or_default(self.given.bind(py), option, self.settings.is_hardened)
    }

    /// The backend; an `AttributeError` for a session that its cookie keeps.
    pub(crate) fn backend(&self) -> PyResult<&Backend> {
        self.backend
            .as_ref()
            .ok_or_else(|| PyAttributeError::new_err("a session that its cookie keeps has no backend"))
    }

    /// While sessions move: how far the fleet is, and the options of the other store.
    pub(crate) fn move_of_sessions(&self) -> Option<&(Phase, Arc<Self>)> {
        self.other.as_ref()
    }

    /// The store of the backend, whose calls wait as long as `patience` allows.
    pub(crate) fn store(&self, patience: &Arc<Patience>) -> PyResult<Arc<dyn Store>> {
        Ok(match &self.backend()?.native {
            Some(native) => Arc::clone(native),
            None => Arc::new(NamespaceStore::new(Arc::clone(&self.namespaces), Arc::clone(patience))),
        })
    }

    /// Whether the cookie keeps the session.
    pub(crate) fn is_in_cookie(&self) -> bool {
        self.settings.kind == SessionKind::Cookie
    }

    fn compile(
        params: &Bound<'_, PyDict>,
        kind: SessionKind,
        keys: Option<&Arc<KeyOptions>>,
    ) -> PyResult<Self> {
        let py = params.py();
        let given = PyDict::new(py);
        let namespace_args = PyDict::new(py);
        let mut values = Values::default();
        let mut warnings = Vec::new();
        for (name, object) in params.iter() {
            let name: String = name.extract()?;
            let Some(option) = config::option(&name) else {
                namespace_args.set_item(name, object)?;
                continue;
            };
            let coerced = coerce_value(option, &object, Given::ByKeyword)?;
            warnings.extend(coerced.warning);
            let params = if option.to_backend { &namespace_args } else { &given };
            params.set_item(option.name, &coerced.object)?;
            values.push(option, coerced.value);
        }
        let settings = Settings::read(&values, kind, keys, clock::now(py)?.seconds).into_py(py)?;
        if let Some(timeout) = values.get(known!("timeout")) {
            // As long as the store is to keep a record; see `Settings::store_ttl`.
            let more = i64::from(STORE_GRACE_SECONDS) + settings.limits.slack().ceil() as i64;
            match timeout {
                Value::Int(timeout) => namespace_args.set_item("timeout", timeout.saturating_add(more))?,
                Value::Float(timeout) => namespace_args.set_item("timeout", timeout + more as f64)?,
                _ => {}
            }
        }
        let data_serializer = given_or_default(&given, known!("data_serializer"), settings.is_hardened)?;
        let cookie_expires = given_or_default(&given, known!("cookie_expires"), settings.is_hardened)?;
        let initial = PyDict::new(py);
        initial.set_item(intern!(py, "_domain"), settings.domain.as_deref())?;
        initial.set_item(intern!(py, "_path"), settings.path.as_str())?;
        warnings.extend(settings.warnings());
        let serializer = Serializer::from_option(&data_serializer, &settings)?;
        let backend = match kind {
            SessionKind::Store => Some(store::resolve(&given, &namespace_args, &settings)?),
            SessionKind::Cookie => None,
        };
        let addresses = [(Phase::Move, known!("read_also")), (Phase::Prepare, known!("moves_to"))]
            .map(|(phase, option)| values.text(option).map(|address| (phase, address)));
        let other = match (addresses, &backend) {
            ([None, None], _) | (_, None) => None,
            ([Some((phase, address)), None] | [None, Some((phase, address))], Some(main)) => {
                Some((phase, Arc::new(Self::of_other_store(params, main, address, &settings.keys)?)))
            }
            ([Some(_), Some(_)], Some(_)) => {
                return Err(ConfigurationError::new_err("read_also and moves_to exclude each other"));
            }
        };
        Ok(Self {
            warnings,
            session_class: session_class(params)?.map(Bound::unbind),
            namespaces: Arc::new(NamespaceSpec {
                class: backend.as_ref().map_or(py.None(), |backend| backend.namespace_class.clone_ref(py)),
                arguments: namespace_args.unbind(),
                data_dir: given.get_item("data_dir")?.map(Bound::unbind),
                uses_pickle: serializer.uses_pickle(),
                pickle_loads: serializer.guard().map(|loads| loads.clone_ref(py)),
                lifetime: settings.store_ttl(None),
                is_view: backend.as_ref().is_some_and(|backend| backend.native.is_some()),
            }),
            backend,
            other,
            serializer,
            settings,
            cookie_expires: cookie_expires.unbind(),
            given: given.unbind(),
            initial: initial.unbind(),
        })
    }
}

/// The options of the store at an address.
///
/// Raises `ConfigurationError` for any other text.
#[pyfunction]
pub(crate) fn options_of_location<'py>(py: Python<'py>, address: &str) -> PyResult<Bound<'py, PyDict>> {
    let options = PyDict::new(py);
    for (name, value) in Location::parse(address).into_py(py)?.options {
        options.set_item(name, value)?;
    }
    Ok(options)
}

/// The options that say where the sessions are.
const PLACE: [&str; 9] = [
    "type",
    "data_dir",
    "file_dir",
    "lock_dir",
    "dbm_dir",
    "url",
    "namespace_class",
    "read_also",
    "moves_to",
];

impl Options {
    /// The same options for the sessions of the store at an address, which is not that of `main`.
    fn of_other_store(
        params: &Bound<'_, PyDict>,
        main: &Backend,
        address: &str,
        keys: &Arc<KeyOptions>,
    ) -> PyResult<Self> {
        let (py, other) = (params.py(), params.copy()?);
        let at = options_of_location(py, address)?;
        for name in PLACE {
            if other.contains(name)? {
                other.del_item(name)?;
            }
        }
        other.update(at.as_mapping())?;
        let other = Self::compile(&other, SessionKind::Store, Some(keys))?;
        let there = other.backend()?;
        for backend in [main, there] {
            if backend.kind.bind(py).eq("memory")? && backend.native.is_some() {
                return Err(ConfigurationError::new_err(
                    "sessions in memory cannot move: they are in one process, and end with it",
                ));
            }
        }
        let is_one_class = main.namespace_class.bind(py).is(&there.namespace_class);
        if is_one_class && is_one_place(params, &at, &["data_dir", "file_dir", "dbm_dir", "url"])? {
            return Err(ConfigurationError::new_err(
                "read_also and moves_to need the address of another store",
            ));
        }
        if at.contains("lock_dir")? && is_one_place(params, &at, &["lock_dir"])? {
            return Err(ConfigurationError::new_err(
                "two stores between which sessions move need different folders for their locks, got one lock_dir",
            ));
        }
        Ok(other)
    }
}

/// Whether the options of these names are the same on both sides, as folders or as text.
fn is_one_place(here: &Bound<'_, PyDict>, there: &Bound<'_, PyDict>, names: &[&str]) -> PyResult<bool> {
    let place = |options: &Bound<'_, PyDict>, name: &str| -> PyResult<Option<PathBuf>> {
        let text = given(options, name)?.map(|value| value.str()?.extract::<PathBuf>()).transpose()?;
        Ok(text.map(|text| std::fs::canonicalize(&text).unwrap_or_else(|_| text.components().collect())))
    };
    for name in names {
        if place(here, name)? != place(there, name)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// An option as it was given, or its default.
fn given_or_default<'py>(
    given: &Bound<'py, PyDict>,
    option: &OptionSpec,
    is_hardened: bool,
) -> PyResult<Bound<'py, PyAny>> {
    match given.get_item(option.name)?.filter(|value| option.none_is_a_value || !value.is_none()) {
        Some(value) => Ok(value),
        None => default_to_object(given.py(), option.default_for(is_hardened)),
    }
}

/// The option `session_class`, if it is given.
pub(crate) fn session_class<'py>(params: &Bound<'py, PyDict>) -> PyResult<Option<Bound<'py, PyAny>>> {
    Ok(params.get_item(intern!(params.py(), "session_class"))?.filter(|class| !class.is_none()))
}

/// Reads a value of `cookie_expires`.
pub(crate) fn cookie_expires_of(object: &Bound<'_, PyAny>) -> PyResult<CookieExpires> {
    let coerced = coerce_value(known!("cookie_expires"), object, Given::ByKeyword)?;
    Ok(CookieExpires::of(Some(&coerced.value)))
}

/// The name of an option that gives keys, if `name` is one. Reads a text and runs no Python.
fn key_option(name: &Bound<'_, PyAny>) -> Option<&'static str> {
    let name = name.cast::<PyString>().ok()?.to_str().ok()?;
    config::option(name).filter(|option| option.kind.gives_keys()).map(|option| option.name)
}

/// Options and the very objects that they were made from.
struct Compiled {
    params: Vec<(Py<PyAny>, Py<PyAny>)>,
    kind: SessionKind,
    options: Arc<Options>,
}

/// The size of the cache. A process has one set of options, or a few under test.
const CACHE_SIZE: usize = 16;

static CACHE: Mutex<Vec<Compiled>> = Mutex::new(Vec::new());

impl Compiled {
    /// Compiles `params` and warns of unwise options.
    fn new(params: &Bound<'_, PyDict>, kind: SessionKind, keys: Option<&Arc<KeyOptions>>) -> PyResult<Self> {
        // A copy: reading an option may run its `__str__`, which may change the dictionary.
        let params = &params.copy()?;
        let options = Options::compile(params, kind, keys)?;
        for warning in &options.warnings {
            errors::warn(params.py(), warning)?;
        }
        for (name, length) in &options.settings.weak {
            let shortest = config::SHORTEST_GOOD_KEY;
            errors::warn(
                params.py(),
                &format!(
                    "{name} has a key of {length} bytes, which can be guessed: give {shortest} random bytes, such as \
                     `python -m beaker key` prints"
                ),
            )?;
        }
        Ok(Self {
            kind,
            options: Arc::new(options),
            params: params.iter().map(|(key, value)| (key.unbind(), value.unbind())).collect(),
        })
    }

    /// Whether `params` has the very same key options, in the same order.
    fn has_keys_of(&self, params: &Bound<'_, PyDict>) -> bool {
        let py = params.py();
        let known: Vec<_> =
            self.params.iter().filter_map(|(name, key)| Some((key_option(name.bind(py))?, key))).collect();
        let given: Vec<_> = params.iter().filter_map(|(name, key)| Some((key_option(&name)?, key))).collect();
        known.len() == given.len()
            && known.iter().zip(&given).all(|(known, given)| known.0 == given.0 && given.1.is(known.1))
    }

    /// Whether `params` has the very objects that this was made from.
    fn is_of(&self, params: &Bound<'_, PyDict>, kind: SessionKind) -> bool {
        self.kind == kind
            && self.params.len() == params.len()
            && params
                .iter()
                .zip(&self.params)
                .all(|((key, value), (known_key, known_value))| key.is(known_key) && value.is(known_value))
    }
}
