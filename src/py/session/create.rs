//! Making a session: from a request's cookie, from an id that the program chose, or anew.

use std::sync::Arc;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use super::class::{Methods, Session, as_dict, is_exact};
use super::configurable::{self, ConfigurableSession};
use super::methods::METHODS;
use super::state::State;
use super::{call, candidates, rename, session_class};
use crate::config::{Keeping, SESSION_PARAMETERS, known};
use crate::id::SessionId;
use crate::py::clock;
use crate::py::errors::{self, CorruptSessionError};
use crate::py::ids;
use crate::py::once::intern;
use crate::py::options::Options;
use crate::py::patience::Patience;
use crate::session::Life;

/// A session that has not been initialised.
pub(crate) fn empty() -> PyClassInitializer<Session> {
    with_methods(&METHODS)
}

/// A session with the methods of a class, that has not been initialised.
pub(crate) fn with_methods(methods: &'static Methods) -> PyClassInitializer<Session> {
    PyClassInitializer::from(ConfigurableSession::default()).add_subclass(Session::without_fields(methods))
}

/// A session for a request, by the options of its middleware; under the id that they name, if they name one.
pub(crate) fn create<'py>(
    py: Python<'py>,
    request: &Bound<'py, PyAny>,
    options: Arc<Options>,
    patience: Arc<Patience>,
) -> PyResult<Bound<'py, Session>> {
    let session = Bound::new(py, empty())?;
    let id = options.given(py, "id")?;
    begin(&session, request, id.as_ref(), options, patience)?;
    Ok(session)
}

/// `Session.__init__`
pub(super) fn init(
    session: &Bound<'_, Session>,
    args: &Bound<'_, PyTuple>,
    kwargs: Option<&Bound<'_, PyDict>>,
) -> PyResult<()> {
    let (request, params) = arguments("Session", &SESSION_PARAMETERS, args, kwargs)?;
    let id = take(&params, intern!(session.py(), "id"))?.filter(|id| !id.is_none());
    session_class::named(&params)?;
    let options = Options::of(&params, Keeping::Store)?;
    let patience = Arc::new(Patience::new(options.settings.lock_timeout));
    begin(session, &request, id.as_ref(), options, patience)
}

/// The request and the options in the arguments of a constructor.
pub(crate) fn arguments<'py>(
    class: &str,
    parameters: &[&str],
    args: &Bound<'py, PyTuple>,
    kwargs: Option<&Bound<'py, PyDict>>,
) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyDict>)> {
    let py = args.py();
    let params = match kwargs {
        Some(kwargs) => kwargs.copy()?,
        None => PyDict::new(py),
    };
    if args.len() > parameters.len() {
        return Err(PyTypeError::new_err(format!("{class} takes {} arguments at most", parameters.len())));
    }
    for (name, argument) in parameters.iter().zip(args.iter()) {
        if params.contains(name)? {
            return Err(PyTypeError::new_err(format!("{class} got two values for '{name}'")));
        }
        params.set_item(name, argument)?;
    }
    let Some(request) = take(&params, intern!(py, "request"))? else {
        return Err(PyTypeError::new_err(format!("{class} needs a request: a mapping, which may be empty")));
    };
    Ok((request, params))
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
    patience: Arc<Patience>,
) -> PyResult<()> {
    let request_of = request.clone().unbind();
    let state = if let Some(id) = id {
        State::new(
            options,
            request_of,
            Life::named(SessionId::from_program(ids::text_of(id)?), false),
            patience,
        )
    } else if let Some(first) = candidates::first(request, &options)? {
        first.begin(options, request_of, patience)
    } else {
        let life = Life::fresh(ids::generate(session.py())?);
        install(session, State::new(options, request_of, life, patience))?;
        return start(session);
    };
    install(session, state)?;
    load_or_replace(session)?;
    let is_due = session.get().with(|state| {
        // A session with a timeout of its own is not to be forgotten by the browser before it is over.
        let lasts = state.life.is_from_cookie() && state.own_timeout.is_some();
        let choice = state.choice.take();
        lasts || choice.is_some_and(|choice| state.options.settings.rolls() || !choice.is_current)
    })?;
    if is_due && !session.get().with(|state| state.life.is_new())? {
        call::update_cookie_out(session, true)?;
    }
    Ok(())
}

/// Gives the session its fields, and a subclass its say.
pub(crate) fn install(session: &Bound<'_, Session>, state: State) -> PyResult<()> {
    let py = session.py();
    let options = Arc::clone(&state.options);
    session.as_super().get().set_config(options.initial.clone_ref(py));
    session.get().install(state);
    if !is_exact(session) {
        call::clear(session)?;
        call::set_serializer(session, &options.value(py, known!("data_serializer"))?)?;
    }
    Ok(())
}

/// A session that begins here: an id and two times.
fn start(session: &Bound<'_, Session>) -> PyResult<()> {
    let py = session.py();
    if is_exact(session) {
        configurable::clear(session.as_super())?;
        rename::announce(session, true)?;
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
    let Err(error) = call::load(session) else { return Ok(()) };
    let shown = session.get().with(|state| state.life.id().abbreviated())?;
    replace_corrupt(session, error, &format!("session {shown}"))
}

/// Replaces a session that cannot be decoded by a new one and says so, if that is asked for and the error is of
/// that kind.
pub(crate) fn replace_corrupt(session: &Bound<'_, Session>, error: PyErr, subject: &str) -> PyResult<()> {
    let py = session.py();
    let forgives = session.get().with(|state| state.options.settings.invalidate_corrupt)?;
    if !forgives || !error.is_instance_of::<CorruptSessionError>(py) {
        return Err(error);
    }
    errors::warn(py, &format!("{subject} cannot be decoded and a new one takes its place: {error}"))?;
    session.get().with(|state| state.life.disown())?;
    call::invalidate(session)
}
