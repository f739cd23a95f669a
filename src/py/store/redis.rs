//! The store in Redis of the options, and the client that Python calls.

use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};
use redis::{Cmd, Value, cmd};

use crate::config::Settings;
use crate::py::errors::{ConfigurationError, IntoPyResult};
use crate::py::gil;
use crate::py::once::intern;
use crate::store::redis::{Address, Effect, Keys, Limits, RedisClient, replies};
use crate::store::{RedisStore, Store, WAIT};

const OPERATION: &str = "use the values in Redis";

/// The store of the options. `None` if they bring a client of Python's, whose sessions are kept by the calls of a class.
pub(super) fn open(
    _given: &Bound<'_, PyDict>,
    namespace_args: &Bound<'_, PyDict>,
    _settings: &Settings,
) -> PyResult<Option<Arc<dyn Store>>> {
    let py = namespace_args.py();
    let url = namespace_args.get_item(intern!(py, "url"))?.filter(|url| !url.is_none());
    let Some(url) = url else {
        return Err(ConfigurationError::new_err(
            "sessions in Redis need url: redis://HOST:PORT/DATABASE, or a redis.Redis object",
        ));
    };
    let Ok(url) = url.cast::<PyString>() else { return Ok(None) };
    let client = client(py, url.to_str()?, limits(namespace_args)?)?;
    let prefix = namespace_args.get_item(intern!(py, "key_prefix"))?.filter(|prefix| !prefix.is_none());
    let keys = match prefix {
        Some(prefix) => Keys::beginning_with(prefix.extract::<String>()?),
        None => Keys::default(),
    };
    Ok(Some(Arc::new(RedisStore::new(client, keys))))
}

fn limits(options: &Bound<'_, PyDict>) -> PyResult<Limits> {
    let py = options.py();
    let given = |name| -> PyResult<Option<f64>> {
        let value = options.get_item(name)?.filter(|value| !value.is_none());
        value.map(|value| value.extract()).transpose()
    };
    limits_of(given(intern!(py, "connect_timeout"))?, given(intern!(py, "operation_timeout"))?)
}

fn limits_of(connect_timeout: Option<f64>, operation_timeout: Option<f64>) -> PyResult<Limits> {
    let limits = Limits::default();
    let seconds = |name: &str, seconds: Option<f64>, default| match seconds {
        None => Ok(default),
        Some(seconds) => {
            Duration::try_from_secs_f64(seconds).ok().filter(|limit| !limit.is_zero()).ok_or_else(|| {
                ConfigurationError::new_err(format!("{name} must be a number of seconds above 0"))
            })
        }
    };
    Ok(Limits {
        connect_timeout: seconds("connect_timeout", connect_timeout, limits.connect_timeout)?,
        operation_timeout: seconds("operation_timeout", operation_timeout, limits.operation_timeout)?,
    })
}

/// A client of this process, for as long as something uses it.
struct Known {
    url: String,
    limits: Limits,
    client: Weak<RedisClient>,
}

/// Options are worked out again for a session that has one of its own, and must not open connections of their own. The
/// lock is held with the interpreter's, so that no fork finds it taken.
static CLIENTS: Mutex<Vec<Known>> = Mutex::new(Vec::new());

fn client(py: Python<'_>, url: &str, limits: Limits) -> PyResult<Arc<RedisClient>> {
    let mut clients = CLIENTS.lock();
    clients.retain(|known| known.client.strong_count() > 0);
    let known = clients.iter().find(|known| known.url == url && known.limits == limits);
    if let Some(client) = known.and_then(|known| known.client.upgrade()) {
        return Ok(client);
    }
    let client = Arc::new(RedisClient::new(Address::parse(url, limits).into_py(py)?));
    clients.push(Known { url: url.to_owned(), limits, client: Arc::downgrade(&client) });
    Ok(client)
}

/// A client for the server at a URL. Its methods have the names and the meaning of redis-py's, and raise
/// `StoreUnavailableError`, or `OutcomeUnknownError` where the reply to a change was lost.
#[pyclass(frozen, module = "beaker._core", name = "RedisClient")]
pub(crate) struct PyRedisClient {
    client: Arc<RedisClient>,
}

#[pymethods]
impl PyRedisClient {
    #[new]
    #[pyo3(signature = (url, connect_timeout = None, operation_timeout = None))]
    fn new(
        py: Python<'_>,
        url: &str,
        connect_timeout: Option<f64>,
        operation_timeout: Option<f64>,
    ) -> PyResult<Self> {
        Ok(Self { client: client(py, url, limits_of(connect_timeout, operation_timeout)?)? })
    }

    /// The value of a key, or `None`.
    fn get<'py>(&self, py: Python<'py>, key: &str) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let found = self.ask(py, cmd("GET").arg(key), Effect::Repeatable, replies::value)?;
        Ok(found.map(|value| PyBytes::new(py, &value)))
    }

    /// Sets a key. With `px` it lasts that many milliseconds, and with `nx` it is set only if it is not there. Returns
    /// whether it was set.
    #[pyo3(signature = (key, value, px = None, nx = false))]
    fn set(&self, py: Python<'_>, key: &str, value: &[u8], px: Option<u64>, nx: bool) -> PyResult<bool> {
        let mut request = cmd("SET");
        request.arg(key).arg(value);
        if let Some(px) = px {
            request.arg("PX").arg(px);
        }
        request.arg(nx.then_some("NX"));
        self.ask(py, &request, Effect::Change, replies::is_set)
    }

    /// Deletes keys. Returns how many there were.
    #[pyo3(signature = (*keys))]
    fn delete(&self, py: Python<'_>, keys: Vec<Key>) -> PyResult<i64> {
        if keys.is_empty() {
            return Ok(0);
        }
        self.ask(py, &on_keys("DEL", &keys), Effect::Change, replies::number)
    }

    /// The number of these keys that are there.
    #[pyo3(signature = (*keys))]
    fn exists(&self, py: Python<'_>, keys: Vec<Key>) -> PyResult<i64> {
        self.ask(py, &on_keys("EXISTS", &keys), Effect::Repeatable, replies::number)
    }

    /// The keys that match a pattern. They are looked for in steps, so that the server is not kept busy.
    fn keys<'py>(&self, py: Python<'py>, pattern: &str) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        let mut found: Vec<Vec<u8>> = Vec::new();
        let mut cursor = b"0".to_vec();
        loop {
            let mut request = cmd("SCAN");
            request.arg(&cursor).arg("MATCH").arg(pattern).arg("COUNT").arg(1000);
            let (next, keys) = self.ask(py, &request, Effect::Repeatable, replies::page)?;
            found.extend(keys);
            if next == b"0" {
                break;
            }
            cursor = next;
        }
        // A scan may return a key more than once.
        found.sort_unstable();
        found.dedup();
        Ok(found.iter().map(|key| PyBytes::new(py, key)).collect())
    }

    /// Runs a script with keys and arguments, `numkeys` of which are keys. Returns its number. A `repeatable` script may run
    /// a second time where the reply is lost.
    #[pyo3(signature = (script, numkeys, *keys_and_args, repeatable = false))]
    fn eval(
        &self,
        py: Python<'_>,
        script: &str,
        numkeys: usize,
        keys_and_args: Vec<Vec<u8>>,
        repeatable: bool,
    ) -> PyResult<i64> {
        let effect = if repeatable { Effect::Repeatable } else { Effect::Change };
        self.ask(py, cmd("EVAL").arg(script).arg(numkeys).arg(keys_and_args), effect, replies::number)
    }

    fn __repr__(&self) -> String {
        format!("<{:?}>", self.client.address())
    }
}

impl PyRedisClient {
    fn ask<T: Send + 'static>(
        &self,
        py: Python<'_>,
        request: &Cmd,
        effect: Effect,
        read: fn(Value) -> Option<T>,
    ) -> PyResult<T> {
        let (client, request) = (Arc::clone(&self.client), request.clone());
        gil::on_network(py, move || client.request(OPERATION, &request, effect, WAIT, read)).into_py(py)
    }
}

/// A key as a program gives it, or as the server has told it.
#[derive(FromPyObject)]
enum Key {
    Text(String),
    Bytes(Vec<u8>),
}

fn on_keys(command: &str, keys: &[Key]) -> Cmd {
    let mut request = cmd(command);
    for key in keys {
        match key {
            Key::Text(key) => request.arg(key),
            Key::Bytes(key) => request.arg(key),
        };
    }
    request
}
