//! The class `SessionMiddleware`: a WSGI application around another, to which it gives sessions.

use std::sync::Arc;

use parking_lot::Mutex;
use pyo3::PyTraverseError;
use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use super::locked_response;
use super::options::{self as request_options, apart_from_requests};
use super::proxy::{SessionObject, response};
use super::start_response::{Proxy, StartResponse};
use crate::config::{self, Concurrency};
use crate::py::at_exit;
use crate::py::coerce;
use crate::py::cookie_session::CookieSession;
use crate::py::once::intern;
use crate::py::options::Options;
use crate::py::replaced;
use crate::py::session::Session;
use crate::py::values::default_to_object;

/// Gives a WSGI application sessions.
///
/// SessionMiddleware(app, config=None, environ_key='beaker.session', **options)
///
/// Options come from the keys of `config` that begin with `session.` or `beaker.session.`, and from keyword
/// arguments with or without that prefix, which win. Values may be the strings of an ini file. The session is
/// `environ[environ_key]`, a `SessionObject`.
///
/// Raises `ConfigurationError` for invalid options, and warns of unknown ones.
#[pyclass(frozen, subclass, dict, weakref, module = "beaker.middleware")]
pub(crate) struct SessionMiddleware {
    parts: Mutex<Option<Arc<Parts>>>,
}

struct Parts {
    app: Py<PyAny>,
    options: Py<PyDict>,
    environ_key: Py<PyAny>,
    /// The bound method, which is put into every environ.
    get_session: Py<PyAny>,
    /// The options, compiled, until a program gets the dictionary and may change it.
    prepared: Option<Arc<Options>>,
}

impl Parts {
    /// Whether requests lock their sessions.
    fn lock_sessions(&self, py: Python<'_>) -> PyResult<bool> {
        let concurrency = match &self.prepared {
            Some(prepared) => Some(prepared.settings.concurrency),
            None => {
                let given = self.options.bind(py).get_item(intern!(py, "concurrency"))?;
                given.and_then(|given| Concurrency::parse(&given.extract::<String>().ok()?))
            }
        };
        Ok(concurrency == Some(Concurrency::Lock))
    }

    fn clone_ref(&self, py: Python<'_>) -> Self {
        Self {
            app: self.app.clone_ref(py),
            options: self.options.clone_ref(py),
            environ_key: self.environ_key.clone_ref(py),
            get_session: self.get_session.clone_ref(py),
            prepared: self.prepared.as_ref().map(Arc::clone),
        }
    }
}

impl SessionMiddleware {
    fn parts(&self) -> PyResult<Arc<Parts>> {
        let parts = self.parts.lock().as_ref().map(Arc::clone);
        parts.ok_or_else(|| PyRuntimeError::new_err("SessionMiddleware.__init__ was not called"))
    }

    fn replace(&self, py: Python<'_>, change: impl FnOnce(&mut Parts)) -> PyResult<()> {
        let mut parts = self.parts()?.clone_ref(py);
        change(&mut parts);
        let _dropped = self.parts.lock().replace(Arc::new(parts));
        Ok(())
    }
}

/// The options that Beaker shows before it reads the configuration.
fn presets(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let presets = PyDict::new(py);
    for option in config::options() {
        if let Some(preset) = option.preset {
            presets.set_item(option.name, default_to_object(py, preset)?)?;
        }
    }
    Ok(presets)
}

#[pymethods]
impl SessionMiddleware {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self { parts: Mutex::new(None) }
    }

    #[pyo3(signature = (wrap_app = None, config = None, environ_key = None, **kwargs))]
    fn __init__(
        slf: &Bound<'_, Self>,
        wrap_app: Option<Bound<'_, PyAny>>,
        config: Option<Bound<'_, PyAny>>,
        environ_key: Option<Bound<'_, PyAny>>,
        kwargs: Option<Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        let py = slf.py();
        let by_name = match &kwargs {
            Some(kwargs) if wrap_app.is_none() => {
                let app = kwargs.get_item("app")?;
                if app.is_some() {
                    kwargs.del_item("app")?;
                }
                app
            }
            _ => None,
        };
        let Some(app) = wrap_app.or(by_name) else {
            return Err(PyTypeError::new_err("SessionMiddleware needs the application that it wraps"));
        };
        let options = presets(py)?;
        coerce::gather(&options, config.as_ref(), kwargs.as_ref())?;
        let given =
            |name: &str| -> PyResult<bool> { Ok(options.get_item(name)?.is_some_and(|v| !v.is_none())) };
        let kind = options.get_item("type")?.map(|kind| kind.to_string()).unwrap_or_default();
        let own_backend = given("namespace_class")? || given("session_class")? || kind.starts_with("ext:");
        coerce::warn_of_unknown(&options, own_backend)?;
        let mut prepared = request_options::anew(&options)?;
        if let Some(data_dir) = prepared.given(py, "data_dir")?
            && !options.get_item("data_dir")?.is_some_and(|given| given.is(&data_dir))
        {
            options.set_item("data_dir", data_dir)?;
            prepared = request_options::anew(&options)?;
        }
        let environ_key = match environ_key {
            Some(key) => key,
            None => PyString::intern(py, "beaker.session").into_any(),
        };
        let parts = Parts {
            app: app.unbind(),
            options: options.unbind(),
            environ_key: environ_key.unbind(),
            get_session: slf.getattr(intern!(py, "_get_session"))?.unbind(),
            prepared: Some(prepared),
        };
        let _dropped = slf.get().parts.lock().replace(Arc::new(parts));
        Ok(())
    }

    fn __call__<'py>(
        slf: &Bound<'py, Self>,
        environ: Bound<'py, PyAny>,
        start_response: Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let _call = at_exit::begin_call(py);
        let parts = slf.get().parts()?;
        let options = parts.options.bind(py);
        let params = options.clone().unbind();
        let (proxy, kept) =
            match replaced::MIDDLEWARE.replacement::<SessionObject>(intern!(py, "SessionObject"))? {
                None => {
                    let ours = SessionObject::for_request(environ.clone(), params, parts.prepared.clone());
                    let ours = Bound::new(py, ours)?;
                    (ours.clone().into_any(), Proxy::Ours(ours.unbind()))
                }
                Some(class) => {
                    let other = class.call((&environ,), Some(options))?;
                    (other.clone(), Proxy::Other(other.unbind(), params))
                }
            };
        announce(slf, &environ, &proxy, &parts)?;
        let start_response = StartResponse::new(kept, start_response.unbind());
        let answer = parts.app.bind(py).call1((&environ, start_response));
        match answer {
            Ok(answer) if parts.lock_sessions(py)? => {
                let file_wrapper = look_up(&environ, intern!(py, "wsgi.file_wrapper"))?;
                locked_response::wrap(&proxy, answer, file_wrapper)
            }
            Err(error) => {
                // The exception may keep the frames, and the session with them, alive.
                let _failed = response::release(&proxy);
                Err(error)
            }
            answer => answer,
        }
    }

    /// A session apart from any request, under an id of its own, that sends no cookie.
    fn _get_session<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let params = slf.get().parts()?.options.bind(py).copy()?;
        params.set_item(intern!(py, "use_cookies"), false)?;
        let class = match replaced::MIDDLEWARE.replacement::<Session>(intern!(py, "Session"))? {
            Some(class) => class,
            None if apart_from_requests(&params)?.is_in_cookie() => py.get_type::<CookieSession>().into_any(),
            None => py.get_type::<Session>().into_any(),
        };
        class.call((PyDict::new(py),), Some(&params))
    }

    /// The state for a copy or a pickle: the application, the options, and the attributes that a subclass or a program
    /// has set. The rest is made anew.
    fn __getstate__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyDict>> {
        let py = slf.py();
        let state = slf.getattr(intern!(py, "__dict__"))?.cast_into::<PyDict>()?.copy()?;
        state.set_item(intern!(py, "options"), slf.get().options(py)?)?;
        let parts = slf.get().parts()?;
        state.set_item(intern!(py, "app"), &parts.app)?;
        state.set_item(intern!(py, "environ_key"), &parts.environ_key)?;
        Ok(state)
    }

    /// Raises `ConfigurationError` for invalid options.
    fn __setstate__(slf: &Bound<'_, Self>, state: &Bound<'_, PyDict>) -> PyResult<()> {
        let py = slf.py();
        let rest = state.copy()?;
        let take = |name: &str| -> PyResult<Bound<'_, PyAny>> {
            let value = rest.as_any().get_item(name)?;
            rest.del_item(name)?;
            Ok(value)
        };
        let options = take("options")?.cast_into::<PyDict>()?;
        request_options::of(&options)?;
        let parts = Parts {
            app: take("app")?.unbind(),
            options: options.unbind(),
            environ_key: take("environ_key")?.unbind(),
            get_session: slf.getattr(intern!(py, "_get_session"))?.unbind(),
            // A shallow copy has its options in common with what it was copied from.
            prepared: None,
        };
        slf.getattr(intern!(py, "__dict__"))?.call_method1(intern!(py, "update"), (rest,))?;
        let _dropped = slf.get().parts.lock().replace(Arc::new(parts));
        Ok(())
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyTuple>> {
        let py = slf.py();
        let make = py.import("copyreg")?.getattr(intern!(py, "__newobj__"))?;
        let state = slf.call_method0(intern!(py, "__getstate__"))?;
        (make, (slf.get_type(),), state).into_pyobject(py)
    }

    /// The options, coerced, without their prefix.
    #[getter]
    fn options(&self, py: Python<'_>) -> PyResult<Py<PyDict>> {
        self.replace(py, |parts| parts.prepared = None)?;
        Ok(self.parts()?.options.clone_ref(py))
    }
    #[setter]
    fn set_options(&self, py: Python<'_>, options: Py<PyDict>) -> PyResult<()> {
        self.replace(py, |parts| {
            parts.options = options;
            parts.prepared = None;
        })
    }

    /// The wrapped application.
    #[getter]
    fn app(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Ok(self.parts()?.app.clone_ref(py))
    }
    #[setter]
    fn set_app(&self, py: Python<'_>, app: Py<PyAny>) -> PyResult<()> {
        self.replace(py, |parts| parts.app = app)
    }

    /// The wrapped application.
    #[getter]
    fn wrap_app(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.app(py)
    }
    #[setter]
    fn set_wrap_app(&self, py: Python<'_>, app: Py<PyAny>) -> PyResult<()> {
        self.set_app(py, app)
    }

    /// Where in the environ the session is.
    #[getter]
    fn environ_key(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Ok(self.parts()?.environ_key.clone_ref(py))
    }
    #[setter]
    fn set_environ_key(&self, py: Python<'_>, key: Py<PyAny>) -> PyResult<()> {
        self.replace(py, |parts| parts.environ_key = key)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        let Some(parts) = self.parts.try_lock() else { return Ok(()) };
        if let Some(parts) = &*parts {
            visit.call(&parts.app)?;
            visit.call(&parts.options)?;
            visit.call(&parts.environ_key)?;
            visit.call(&parts.get_session)?;
        }
        Ok(())
    }

    fn __clear__(&self) {
        let _dropped = self.parts.lock().take();
    }
}

/// Puts the session where applications, Paste and WebTest look for it.
fn announce<'py>(
    slf: &Bound<'py, SessionMiddleware>,
    environ: &Bound<'py, PyAny>,
    session: &Bound<'py, PyAny>,
    parts: &Parts,
) -> PyResult<()> {
    let py = slf.py();
    let registry = look_up(environ, intern!(py, "paste.registry"))?;
    if let Some(registry) = registry.filter(|registry| registry.is_truthy().unwrap_or(false))
        && registry.getattr(intern!(py, "reglist"))?.is_truthy()?
    {
        let global = slf.getattr(intern!(py, "session"))?;
        registry.call_method1(intern!(py, "register"), (global, session))?;
    }
    let get_session = &parts.get_session;
    environ.set_item(&parts.environ_key, session)?;
    environ.set_item(intern!(py, "beaker.get_session"), get_session)?;
    if let Some(testing) = look_up(environ, intern!(py, "paste.testing_variables"))?
        && let Some(name) = parts.options.bind(py).get_item(intern!(py, "webtest_varname"))?
        && !name.is_none()
    {
        testing.set_item(name, session)?;
    }
    Ok(())
}

fn look_up<'py>(
    environ: &Bound<'py, PyAny>,
    key: &Bound<'py, PyString>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    match environ.cast::<PyDict>() {
        Ok(environ) => environ.get_item(key),
        Err(_) => {
            Ok(Some(environ.call_method1(intern!(key.py(), "get"), (key,))?).filter(|value| !value.is_none()))
        }
    }
}
