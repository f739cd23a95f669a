//! Making a session: from a request's cookie, from an id that the program chose, or anew.

use std::sync::Arc;

use parking_lot::Mutex;
use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use super::{ConfigurableSession, Session, State, as_dict, call, configurable};
use crate::cookie::last_matching;
use crate::id::SessionId;
use crate::py::clock;
use crate::py::errors::{self, ConfigurationError, CorruptSessionError};
use crate::py::options::Options;
use crate::session::Life;

/// The constructor's parameters in the order in which Beaker takes them.
const PARAMETERS: [&str; 22] = [
    "request",
    "id",
    "invalidate_corrupt",
    "use_cookies",
    "type",
    "data_dir",
    "key",
    "timeout",
    "save_accessed_time",
    "cookie_expires",
    "cookie_domain",
    "cookie_path",
    "data_serializer",
    "secret",
    "secure",
    "namespace_class",
    "httponly",
    "encrypt_key",
    "validate_key",
    "encrypt_nonce_bits",
    "crypto_type",
    "samesite",
];

/// A session that has not been initialised.
pub(crate) fn empty() -> PyClassInitializer<Session> {
    PyClassInitializer::from(ConfigurableSession::default()).add_subclass(Session { state: Mutex::new(None) })
}

/// A session for a request, by the options of its middleware; under the id that they name, if they name one.
pub(crate) fn create<'py>(
    py: Python<'py>,
    request: &Bound<'py, PyAny>,
    options: Arc<Options>,
) -> PyResult<Bound<'py, Session>> {
    let session = Bound::new(py, empty())?;
    let id = options.given(py, "id")?;
    begin(&session, request, id.as_ref(), options)?;
    Ok(session)
}

/// `Session.__init__`
pub(super) fn init(
    session: &Bound<'_, Session>,
    args: &Bound<'_, PyTuple>,
    kwargs: Option<&Bound<'_, PyDict>>,
) -> PyResult<()> {
    let py = session.py();
    let params = match kwargs {
        Some(kwargs) => kwargs.copy()?,
        None => PyDict::new(py),
    };
    if args.len() > PARAMETERS.len() {
        return Err(PyTypeError::new_err("Session takes its request, its id and options by name"));
    }
    for (name, argument) in PARAMETERS.iter().zip(args.iter()) {
        if params.contains(name)? {
            return Err(PyTypeError::new_err(format!("Session got two values for '{name}'")));
        }
        params.set_item(name, argument)?;
    }
    let Some(request) = take(&params, intern!(py, "request"))? else {
        return Err(PyTypeError::new_err("Session needs a request: a mapping, which may be empty"));
    };
    let id = take(&params, intern!(py, "id"))?.filter(|id| !id.is_none());
    begin(session, &request, id.as_ref(), Options::of(&params)?)
}

fn take<'py>(
    params: &Bound<'py, PyDict>,
    name: &Bound<'py, PyString>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let value = params.get_item(name)?;
    if value.is_some() {
        params.del_item(name)?;
    }
    Ok(value)
}

fn begin(
    session: &Bound<'_, Session>,
    request: &Bound<'_, PyAny>,
    id: Option<&Bound<'_, PyAny>>,
    options: Arc<Options>,
) -> PyResult<()> {
    let py = session.py();
    let known = match id {
        Some(id) => Some(Life::named(SessionId::from_program(text_of(id)?), false)),
        None => id_in_cookie(request, &options)?.map(|id| Life::named(id, true)),
    };
    let is_new = known.is_none();
    let life = known.unwrap_or_else(Life::fresh);
    session.as_super().get().set_config(options.initial.clone_ref(py));
    let state = State::new(Arc::clone(&options), request.clone().unbind(), life);
    let replaced = session.get().fields().replace(state);
    drop(replaced);
    if !super::is_exact(session) {
        call::clear(session)?;
        let serializer = options.given(py, "data_serializer")?;
        let serializer = serializer.unwrap_or_else(|| intern!(py, "pickle").clone().into_any());
        call::set_serializer(session, &serializer)?;
    }
    if is_new { start(session) } else { load_or_replace(session) }
}

pub(super) fn text_of(id: &Bound<'_, PyAny>) -> PyResult<String> {
    let text = id.str()?;
    // A lone surrogate would have to be replaced, and then two ids would be one.
    let text =
        text.to_str().map_err(|_| ConfigurationError::new_err("a session id has to be Unicode text"))?;
    Ok(text.to_owned())
}

/// The id that the request's cookie brings: the last under our name that verifies.
fn id_in_cookie(request: &Bound<'_, PyAny>, options: &Options) -> PyResult<Option<SessionId>> {
    let py = request.py();
    if !options.settings.use_cookies {
        return Ok(None);
    }
    let header = match request.cast::<PyDict>() {
        Ok(request) => request.get_item(intern!(py, "cookie"))?,
        Err(_) => Some(request.call_method1(intern!(py, "get"), (intern!(py, "cookie"),))?),
    };
    let Some(header) = header else { return Ok(None) };
    let Ok(header) = header.cast::<PyString>() else { return Ok(None) };
    let header = header.to_string_lossy();
    let settings = &options.settings;
    Ok(match &settings.signer {
        Some(signer) => {
            let id = last_matching(&header, &settings.key, |value| {
                signer.verify(value).filter(|id| !id.is_empty())
            });
            id.map(SessionId::from_program)
        }
        None => {
            let id = last_matching(&header, &settings.key, |value| Some(value).filter(|id| !id.is_empty()));
            id.map(SessionId::from_request)
        }
    })
}

/// A session that begins here: an id and two times.
fn start(session: &Bound<'_, Session>) -> PyResult<()> {
    let py = session.py();
    if super::is_exact(session) {
        configurable::clear(session.as_super())?;
        announce(session, true)?;
    } else {
        call::create_id(session, true)?;
    }
    let now = clock::now(py)?.object;
    session.get().with(|state| state.accessed_dict.take())?;
    let dict = as_dict(session)?;
    dict.set_item(intern!(py, "_accessed_time"), &now)?;
    dict.set_item(intern!(py, "_creation_time"), &now)
}

/// Loads the session; with `invalidate_corrupt` one that cannot be decoded is replaced by a new one. A store
/// that does not answer is never a reason for that.
fn load_or_replace(session: &Bound<'_, Session>) -> PyResult<()> {
    let py = session.py();
    let Err(error) = call::load(session) else { return Ok(()) };
    let forgives = session.get().with(|state| state.options.settings.invalidate_corrupt)?;
    if !forgives || !error.is_instance_of::<CorruptSessionError>(py) {
        return Err(error);
    }
    let shown = session.get().with(|state| state.life.id().abbreviated())?;
    errors::warn(py, &format!("session {shown} cannot be decoded and a new one takes its place: {error}"))?;
    session.get().with(|state| state.life.disown())?;
    call::invalidate(session)
}

/// `Session._create_id`: a new id; with `set_new` for a new session, otherwise for this one.
pub(super) fn create_id(session: &Bound<'_, Session>, set_new: bool) -> PyResult<()> {
    session.get().with(|state| state.life.rename(SessionId::generate()))?;
    announce(session, set_new)
}

/// Prepares the cookie that names the session; for a new one it is sent only if the session is saved.
fn announce(session: &Bound<'_, Session>, set_new: bool) -> PyResult<()> {
    let uses_cookies = session.get().with(|state| {
        if set_new {
            state.life.set_new(true);
        }
        state.options.settings.use_cookies
    })?;
    if set_new {
        let _dropped = session.get().with(|state| state.last_accessed.take())?;
    }
    if uses_cookies { call::update_cookie_out(session, !set_new) } else { Ok(()) }
}
