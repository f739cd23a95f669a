//! The store in memcached of the options, and the client that Python calls.

use std::sync::Arc;
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};

use crate::config::Settings;
use crate::error::Result;
use crate::py::errors::{ConfigurationError, IntoPyResult, InvalidCacheBackendError, MissingCacheParameter};
use crate::py::gil;
use crate::py::shared::Shared;
use crate::py::values::{duration, given, given_as, time_limit};
use crate::store::memcached::{Access, Client, Condition, Flavour, Item, Servers, item_key};
use crate::store::{MemcachedStore, Store};

const TIMEOUT: Duration = Duration::from_secs(5);

/// The store of the options.
pub(super) fn open(
    _given: &Bound<'_, PyDict>,
    namespace_args: &Bound<'_, PyDict>,
    _settings: &Settings,
) -> PyResult<Option<Arc<dyn Store>>> {
    let url = given(namespace_args, "url")?.filter(|url| url.is_truthy().unwrap_or(true));
    let Some(url) = url else { return Err(MissingCacheParameter::new_err("url is required")) };
    let servers = servers(&url)?;
    let flavour = match given_as::<String>(namespace_args, "memcache_module")? {
        None => Flavour::default(),
        Some(module) => flavour(&module, &servers)?,
    };
    let limit = |name| given_as(namespace_args, name);
    let access = access(servers, limit("connect_timeout")?, limit("operation_timeout")?)?;
    Ok(Some(Arc::new(MemcachedStore::new(client(access)?, flavour))))
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
    Ok(Access {
        servers,
        connect_timeout: time_limit("connect_timeout", connect_timeout, TIMEOUT)?,
        operation_timeout: time_limit("operation_timeout", operation_timeout, TIMEOUT)?,
    })
}

/// The clients of this process.
static CLIENTS: Shared<Access, Client> = Shared::new();

fn client(access: Access) -> PyResult<Arc<Client>> {
    CLIENTS.get(access, |access| Ok(Client::new(access.clone())))
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
        Ok(Self(client(access(servers(url)?, connect_timeout, operation_timeout)?)?))
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
        let lifetime = seconds.map(|seconds| duration(seconds.max(0.0))).transpose()?;
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
