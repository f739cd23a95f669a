//! The store in memcached of the options, and the client that Python calls.

use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};

use crate::config::Settings;
use crate::error::Result;
use crate::py::errors::{ConfigurationError, IntoPyResult, InvalidCacheBackendError, MissingCacheParameter};
use crate::py::gil;
use crate::py::once::intern;
use crate::store::memcached::{Access, Client, Condition, Flavour, Item, Servers, item_key};
use crate::store::{MemcachedStore, Store};

const TIMEOUT: Duration = Duration::from_secs(5);

/// The store of the options.
pub(super) fn open(
    _given: &Bound<'_, PyDict>,
    namespace_args: &Bound<'_, PyDict>,
    _settings: &Settings,
) -> PyResult<Option<Arc<dyn Store>>> {
    let py = namespace_args.py();
    let option = |name| -> PyResult<Option<Bound<'_, PyAny>>> {
        Ok(namespace_args.get_item(name)?.filter(|value| !value.is_none()))
    };
    let seconds = |name| -> PyResult<Option<f64>> { option(name)?.map(|value| value.extract()).transpose() };
    let url = option(intern!(py, "url"))?.filter(|url| url.is_truthy().unwrap_or(true));
    let Some(url) = url else { return Err(MissingCacheParameter::new_err("url is required")) };
    let servers = servers(&url)?;
    let module = option(intern!(py, "memcache_module"))?;
    let flavour = match module.map(|module| module.extract::<String>()).transpose()? {
        None => Flavour::default(),
        Some(module) => flavour(&module, &servers)?,
    };
    let access = access(
        servers,
        seconds(intern!(py, "connect_timeout"))?,
        seconds(intern!(py, "operation_timeout"))?,
    )?;
    Ok(Some(Arc::new(MemcachedStore::new(client(access), flavour))))
}

fn flavour(module: &str, servers: &Servers) -> PyResult<Flavour> {
    match module {
        "auto" | "memcache" | "cmemcache" => Ok(Flavour::PythonMemcached),
        "bmemcached" if servers.count() == 1 => Ok(Flavour::Bmemcached),
        "bmemcached" => Err(ConfigurationError::new_err(
            "memcache_module = bmemcached stores every session on all servers, and reads an outdated one where a \
             server was down: name one server in url, or use memcache_module = memcache",
        )),
        module => Err(InvalidCacheBackendError::new_err(format!(
            "unknown memcached client {module:?}; use one of auto, memcache, bmemcached"
        ))),
    }
}

/// How a text may begin, where its beginning says which kind of store it names.
const SCHEME: &str = "memcached://";

/// The servers in a text with `;` between them, or in a sequence of texts and pairs of a text and a weight.
fn servers(url: &Bound<'_, PyAny>) -> PyResult<Servers> {
    let py = url.py();
    if let Ok(url) = url.cast::<PyString>() {
        let url = url.to_str()?;
        let names = url.strip_prefix(SCHEME).map_or(url, |names| names.trim_end_matches('/'));
        return Servers::new(names.split(';').map(|name| (name, 1))).into_py(py);
    }
    let one = |server: Bound<'_, PyAny>| -> PyResult<(String, usize)> {
        server.extract::<String>().map(|name| (name, 1)).or_else(|_| server.extract())
    };
    let named: PyResult<Vec<(String, usize)>> =
        url.try_iter().and_then(|all| all.map(|server| one(server?)).collect());
    let Ok(named) = named else {
        return Err(ConfigurationError::new_err(
            "url must be the names of memcached servers with ; between them, or a list of names and of pairs \
             (name, weight)",
        ));
    };
    Servers::new(named.iter().map(|(name, weight)| (&**name, *weight))).into_py(py)
}

fn access(
    servers: Servers,
    connect_timeout: Option<f64>,
    operation_timeout: Option<f64>,
) -> PyResult<Access> {
    let limit = |name: &str, seconds: Option<f64>| match seconds.map(Duration::try_from_secs_f64) {
        None => Ok(TIMEOUT),
        Some(Ok(limit)) if !limit.is_zero() => Ok(limit),
        Some(_) => Err(ConfigurationError::new_err(format!("{name} must be a number of seconds above 0"))),
    };
    Ok(Access {
        servers,
        connect_timeout: limit("connect_timeout", connect_timeout)?,
        operation_timeout: limit("operation_timeout", operation_timeout)?,
    })
}

/// Options are worked out again for a session that has one of its own, and must not open connections of their own. The
/// lock is held with the interpreter's, so that no fork finds it taken.
static CLIENTS: Mutex<Vec<Weak<Client>>> = Mutex::new(Vec::new());

/// The client of this process for some servers.
fn client(access: Access) -> Arc<Client> {
    let mut clients = CLIENTS.lock();
    clients.retain(|client| client.strong_count() > 0);
    let mut known = clients.iter().filter_map(Weak::upgrade);
    if let Some(client) = known.find(|client| *client.access() == access) {
        return client;
    }
    let client = Arc::new(Client::new(access));
    clients.push(Arc::downgrade(&client));
    client
}

/// The key that Beaker makes of a key in a namespace.
#[pyfunction]
pub(crate) fn memcached_key(namespace: &str, key: &str) -> String {
    item_key(namespace, key)
}

/// A client for memcached servers: their names as text with `;` between them, or a sequence of names and of pairs of a name
/// and a weight. Time limits are in seconds.
///
/// Its methods raise `StoreUnavailableError` if the server does not answer, `OutcomeUnknownError` if the reply to a change
/// was lost, and `ConfigurationError` for a key that no server takes.
#[pyclass(frozen, module = "beaker._core")]
pub(crate) struct MemcachedClient(Arc<Client>);

#[pymethods]
impl MemcachedClient {
    #[new]
    #[pyo3(signature = (url, connect_timeout = None, operation_timeout = None))]
    fn new(
        url: &Bound<'_, PyAny>,
        connect_timeout: Option<f64>,
        operation_timeout: Option<f64>,
    ) -> PyResult<Self> {
        Ok(Self(client(access(servers(url)?, connect_timeout, operation_timeout)?)))
    }

    /// The value of a key, its flags and its token; or `None`.
    fn get<'py>(&self, py: Python<'py>, key: String) -> PyResult<Option<(Bound<'py, PyBytes>, u32, u64)>> {
        let item = self.ask(py, move |client| client.item(&key))?;
        Ok(item.map(|Item { value, flags, token }| (PyBytes::new(py, &value), flags, token)))
    }

    /// Sets a key for so many seconds, or until it is deleted. With a token only if the item has it, and with 0 only if there is
    /// none. Returns whether it was set.
    ///
    /// Raises `BeakerException` if the value is larger than the server takes.
    #[pyo3(signature = (key, value, flags, seconds = None, token = None))]
    fn set(
        &self,
        py: Python<'_>,
        key: String,
        value: Vec<u8>,
        flags: u32,
        seconds: Option<f64>,
        token: Option<u64>,
    ) -> PyResult<bool> {
        let lifetime = seconds
            .map(|seconds| Duration::try_from_secs_f64(seconds.max(0.0)))
            .transpose()
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        let condition = match token {
            None => Condition::None,
            Some(0) => Condition::Absent,
            Some(token) => Condition::Token(token),
        };
        self.ask(py, move |client| client.set_item(&key, &value, flags, lifetime, condition))
    }

    /// Deletes a key, with a token only the item that has it. Returns whether there was one.
    #[pyo3(signature = (key, token = None))]
    fn delete(&self, py: Python<'_>, key: String, token: Option<u64>) -> PyResult<bool> {
        self.ask(py, move |client| client.delete_item(&key, token))
    }

    /// Deletes everything on all servers, whoever stored it.
    fn flush_all(&self, py: Python<'_>) -> PyResult<()> {
        self.ask(py, Client::delete_all)
    }

    fn __repr__(&self) -> String {
        format!("<MemcachedClient {:?}>", self.0.access().servers)
    }
}

impl MemcachedClient {
    /// Runs `work`, which waits for a server, while other Python threads or greenlets run.
    fn ask<T: Send + 'static>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&Client) -> Result<T> + Send + 'static,
    ) -> PyResult<T> {
        let client = Arc::clone(&self.0);
        gil::on_network(py, move || work(&client)).into_py(py)
    }
}
