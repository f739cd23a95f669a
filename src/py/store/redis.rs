//! The store in Redis of the options, and the client that Python calls.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};
use redis::{Cmd, Value, cmd};

use crate::config::Settings;
use crate::py::errors::{ConfigurationError, IntoPyResult};
use crate::py::gil;
use crate::py::shared::Shared;
use crate::py::values::{given, given_as, time_limit};
use crate::store::redis::{Address, Effect, Keys, Limits, RedisClient, replies};
use crate::store::{RedisStore, Store, WAIT};

const OPERATION: &str = "use the values in Redis";

/// The store of the options. `None` if they bring a client of Python's, whose sessions are kept by the calls of a class.
pub(super) fn open(
    _given: &Bound<'_, PyDict>,
    namespace_args: &Bound<'_, PyDict>,
    _settings: &Settings,
) -> PyResult<Option<Arc<dyn Store>>> {
    let Some(url) = given(namespace_args, "url")? else {
        return Err(ConfigurationError::new_err(
            "sessions in Redis need url: redis://HOST:PORT/DATABASE, or a redis.Redis object",
        ));
    };
    let Ok(url) = url.cast::<PyString>() else { return Ok(None) };
    let limit = |name| given_as(namespace_args, name);
    let limits = limits(limit("connect_timeout")?, limit("operation_timeout")?)?;
    let client = client(url.py(), url.to_str()?, limits)?;
    let prefix = given_as::<String>(namespace_args, "key_prefix")?;
    Ok(Some(Arc::new(RedisStore::new(client, prefix.map_or_else(Keys::default, Keys::beginning_with)))))
}

fn limits(connect_timeout: Option<f64>, operation_timeout: Option<f64>) -> PyResult<Limits> {
    let default = Limits::default();
    Ok(Limits {
        connect_timeout: time_limit("connect_timeout", connect_timeout, default.connect_timeout)?,
        operation_timeout: time_limit("operation_timeout", operation_timeout, default.operation_timeout)?,
    })
}

/// The clients of this process, by their URLs and limits.
static CLIENTS: Shared<(String, Limits), RedisClient> = Shared::new();

fn client(py: Python<'_>, url: &str, limits: Limits) -> PyResult<Arc<RedisClient>> {
    CLIENTS.get((url.to_owned(), limits), |_| Ok(RedisClient::new(Address::parse(url, limits).into_py(py)?)))
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
        Ok(Self { client: client(py, url, limits(connect_timeout, operation_timeout)?)? })
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
