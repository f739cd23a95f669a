//! A set of options with everything that follows from it, worked out once and used for every request.

use std::sync::Arc;

use parking_lot::Mutex;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyString, PyType};

use super::backend::{self, Backend};
use super::coerce::coerce_value;
use super::errors::{ConfigurationError, IntoPyResult};
use super::serializer::Serializer;
use super::session::Session;
use crate::codec::cipher::check_nonce_bits;
use crate::codec::{Cipher, KeyPair, Reading, Sealer};
use crate::config::{self, CookieExpires, PicklePolicy, STORE_GRACE_SECONDS, Scope, Settings, Value};
use crate::cookie::{SameSite, Signer};

/// The cookie's name where no option gives one.
const DEFAULT_KEY: &str = "beaker.session.id";
/// The random bits of an encryption nonce where no option gives a number.
const DEFAULT_NONCE_BITS: usize = 128;

/// Options, checked and ready for use. Shared by all sessions that were given the same ones.
pub(crate) struct Options {
    /// What they mean.
    pub(crate) settings: Settings,
    /// What the attribute `cookie_expires` shows.
    pub(crate) cookie_expires: Py<PyAny>,
    /// The class of the sessions, where it is not `Session`.
    pub(crate) session_class: Option<Py<PyAny>>,
    /// How a session becomes bytes.
    pub(crate) serializer: Serializer,
    /// Where sessions are kept.
    pub(crate) backend: Backend,
    /// The options as they were given, coerced, without the backend's.
    pub(crate) given: Py<PyDict>,
    /// The keyword arguments of the backend.
    pub(crate) namespace_args: Py<PyDict>,
    /// `_domain` and `_path`, which every session begins with.
    pub(crate) initial: Py<PyDict>,
}

impl Options {
    /// The options in `params`; from a small cache where the very same objects were given before.
    pub(crate) fn of(params: &Bound<'_, PyDict>) -> PyResult<Arc<Self>> {
        let found = {
            let cache = CACHE.lock();
            cache.iter().find(|entry| entry.is_of(params)).map(|entry| Arc::clone(&entry.options))
        };
        if let Some(options) = found {
            return Ok(options);
        }
        let entry = Compiled::new(params)?;
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

    /// The same options but for one.
    pub(crate) fn with(&self, py: Python<'_>, name: &str, value: &Bound<'_, PyAny>) -> PyResult<Arc<Self>> {
        let params = self.given.bind(py).copy()?;
        for (key, argument) in self.namespace_args.bind(py).iter() {
            if key.cast::<PyString>().is_ok_and(|key| key == "timeout") {
                continue;
            }
            params.set_item(key, argument)?;
        }
        params.set_item(name, value)?;
        Self::compile(&params).map(Arc::new)
    }

    /// An option as it was given, or `None`.
    pub(crate) fn given<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(self.given.bind(py).get_item(name)?.filter(|value| !value.is_none()))
    }

    fn compile(params: &Bound<'_, PyDict>) -> PyResult<Self> {
        let py = params.py();
        let given = PyDict::new(py);
        let namespace_args = PyDict::new(py);
        let mut reader = Reader { values: Vec::new() };
        for (name, object) in params.iter() {
            let name: String = name.extract()?;
            let Some(rule) = config::rule(&name) else {
                namespace_args.set_item(name, object)?;
                continue;
            };
            let (value, coerced) = coerce_value(rule, &object)?;
            match rule.scope {
                Scope::Session => given.set_item(rule.name, &coerced)?,
                Scope::Middleware if rule.name == "vary" => given.set_item(rule.name, &coerced)?,
                Scope::Middleware | Scope::Backend => namespace_args.set_item(rule.name, &coerced)?,
            }
            reader.values.push((rule.name, value));
        }
        let settings = reader.settings(py)?;
        if let Some(timeout) = settings.timeout {
            namespace_args.set_item("timeout", timeout.saturating_add(STORE_GRACE_SECONDS))?;
        }
        let data_serializer = given
            .get_item("data_serializer")?
            .filter(|option| !option.is_none())
            .unwrap_or_else(|| intern!(py, "pickle").clone().into_any());
        let cookie_expires =
            given.get_item("cookie_expires")?.unwrap_or_else(|| PyBool::new(py, true).to_owned().into_any());
        let initial = PyDict::new(py);
        initial.set_item(intern!(py, "_domain"), settings.domain.as_deref())?;
        initial.set_item(intern!(py, "_path"), settings.path.as_str())?;
        let session_class = params.get_item("session_class")?.filter(|class| !class.is_none());
        if let Some(class) = &session_class
            && !class.cast::<PyType>().is_ok_and(|class| class.is_subclass_of::<Session>().unwrap_or(false))
        {
            return Err(ConfigurationError::new_err("session_class is a subclass of beaker.session.Session"));
        }
        Ok(Self {
            session_class: session_class.map(Bound::unbind),
            serializer: Serializer::from_option(&data_serializer, settings.pickle)?,
            backend: backend::resolve(&given, &namespace_args)?,
            settings,
            cookie_expires: cookie_expires.unbind(),
            given: given.unbind(),
            namespace_args: namespace_args.unbind(),
            initial: initial.unbind(),
        })
    }
}

/// Reads what `cookie_expires` may be.
pub(crate) fn cookie_expires_of(object: &Bound<'_, PyAny>) -> PyResult<CookieExpires> {
    let rule = config::rule("cookie_expires")
        .ok_or_else(|| ConfigurationError::new_err("there is no option cookie_expires"))?;
    Ok(expires(Some(&coerce_value(rule, object)?.0)))
}

fn expires(value: Option<&Value>) -> CookieExpires {
    match value {
        Some(Value::Bool(false)) => CookieExpires::Never,
        Some(Value::Span(seconds)) => CookieExpires::After(*seconds),
        Some(Value::Date(date)) => CookieExpires::At(*date),
        _ => CookieExpires::WithBrowser,
    }
}

/// The coerced values, by name.
struct Reader {
    values: Vec<(&'static str, Value)>,
}

impl Reader {
    fn get(&self, name: &str) -> Option<&Value> {
        self.values.iter().rev().find(|(given, _)| *given == name).map(|(_, value)| value)
    }

    fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    fn flag(&self, name: &str, default: bool) -> bool {
        match self.get(name) {
            Some(Value::Bool(flag)) => *flag,
            Some(Value::Null) => false,
            _ => default,
        }
    }

    fn number(&self, name: &str) -> Option<i64> {
        match self.get(name) {
            Some(Value::Int(number)) => Some(*number),
            _ => None,
        }
    }

    fn settings(&self, py: Python<'_>) -> PyResult<Settings> {
        let same_site = match self.get("samesite") {
            None => Some(String::from("Lax")),
            Some(Value::Text(text)) => {
                SameSite::parse(text).into_py(py)?;
                Some(text.clone())
            }
            Some(_) => None,
        };
        let signer =
            self.text("secret").map(|secret| Signer::new(secret.as_bytes())).transpose().into_py(py)?;
        // Without a key too: what cannot be meant is a mistake that is best found before there is one.
        let (cipher, nonce_bits) = (self.cipher()?, self.nonce_bits(py)?);
        let sealer =
            self.text("encrypt_key").map(|key| self.sealer(py, key, cipher, nonce_bits)).transpose()?;
        let pickle = self.text("pickle").map(PicklePolicy::parse).transpose().into_py(py)?;
        let settings = Settings {
            key: self.text("key").unwrap_or(DEFAULT_KEY).to_owned(),
            domain: self.text("cookie_domain").map(str::to_owned),
            path: self.text("cookie_path").unwrap_or("/").to_owned(),
            same_site,
            secure: self.flag("secure", false),
            http_only: self.flag("httponly", false),
            cookie_expires: expires(self.get("cookie_expires")),
            timeout: self.number("timeout"),
            save_accessed_time: self.flag("save_accessed_time", true),
            use_cookies: self.flag("use_cookies", true),
            invalidate_corrupt: self.flag("invalidate_corrupt", false),
            auto: self.flag("auto", false),
            vary: self.flag("vary", true),
            pickle: pickle.unwrap_or(PicklePolicy::Any),
            signer: signer.map(Arc::new),
            sealer: sealer.map(Arc::new),
        };
        settings.validate().into_py(py)?;
        Ok(settings)
    }

    /// The cipher that the option `crypto_type` writes with.
    fn cipher(&self) -> PyResult<Cipher> {
        match self.text("crypto_type").unwrap_or("default") {
            "default" | "cryptography" => Ok(Cipher::AesGcm),
            "pycryptodome" | "pycrypto" => Ok(Cipher::AesCtr),
            _ => Err(ConfigurationError::new_err(
                "crypto_type is one of default, cryptography, pycryptodome, pycrypto",
            )),
        }
    }

    fn nonce_bits(&self, py: Python<'_>) -> PyResult<usize> {
        let bits = self.number("encrypt_nonce_bits").map_or(Ok(DEFAULT_NONCE_BITS), usize::try_from);
        let bits = bits.map_err(|_| ConfigurationError::new_err("encrypt_nonce_bits is too large"))?;
        check_nonce_bits(bits).into_py(py)?;
        Ok(bits)
    }

    fn sealer(
        &self,
        py: Python<'_>,
        encrypt_key: &str,
        cipher: Cipher,
        nonce_bits: usize,
    ) -> PyResult<Sealer> {
        let Some(validate_key) = self.text("validate_key") else {
            return Err(ConfigurationError::new_err("encrypt_key needs a validate_key beside it"));
        };
        let keys = KeyPair { encrypt_key: encrypt_key.as_bytes(), validate_key };
        Sealer::new(&[keys], nonce_bits, cipher, Reading::Both).into_py(py)
    }
}

/// Options beside the very objects that they were made from.
pub(crate) struct Compiled {
    params: Vec<(Py<PyAny>, Py<PyAny>)>,
    options: Arc<Options>,
}

/// How many sets of options are remembered. A process has one, or a few under test.
const CACHE_SIZE: usize = 16;

static CACHE: Mutex<Vec<Compiled>> = Mutex::new(Vec::new());

impl Compiled {
    /// Works out `params`.
    pub(crate) fn new(params: &Bound<'_, PyDict>) -> PyResult<Self> {
        // A copy: to read an option may run its `__str__`, which may change the dictionary that it is in.
        let params = &params.copy()?;
        Ok(Self {
            options: Arc::new(Options::compile(params)?),
            params: params.iter().map(|(key, value)| (key.unbind(), value.unbind())).collect(),
        })
    }

    /// Whether `params` still holds the very objects that this was made from.
    pub(crate) fn is_of(&self, params: &Bound<'_, PyDict>) -> bool {
        self.params.len() == params.len()
            && params
                .iter()
                .zip(&self.params)
                .all(|((key, value), (known_key, known_value))| key.is(known_key) && value.is(known_value))
    }
}
