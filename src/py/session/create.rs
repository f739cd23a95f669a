//! Making a session: from a request's cookie, from an id that the program chose, or anew.

use std::sync::Arc;

use pyo3::PyTypeInfo;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use super::class::{Methods, Session, as_dict, class_in, is_exact};
use super::configurable::{self, ConfigurableSession};
use super::state::State;
use super::{call, candidates, cookie, end, load, rename, save};
use crate::config::{SESSION_PARAMETERS, SessionKind, known};
use crate::id::SessionId;
use crate::py::clock;
use crate::py::errors;
use crate::py::failed::failed;
use crate::py::ids;
use crate::py::once::intern;
use crate::py::options::Options;
use crate::py::patience::Patience;
use crate::session::Life;
use crate::session::open::{Opening, Policy, Step};

/// The methods of `Session`, whose sessions a store keeps.
static METHODS: Methods = Methods {
    class: |py| py.get_type::<Session>(),
    class_pointer: Session::type_object_raw,
    load: load::load,
    save: save::save,
    delete: end::delete,
    invalidate: end::invalidate,
    create_id: rename::create_id,
    create_cookie: None,
    update_cookie_out: cookie::update_cookie_out,
    set_cookie_values: cookie::set_cookie_values,
    set_cookie_expires: cookie::set_cookie_expires,
    delete_cookie: cookie::delete_cookie,
    cookie_value: cookie::id_value,
};

/// A session that has not been initialised.
pub(crate) fn empty() -> PyClassInitializer<Session> {
    with_methods(&METHODS)
}

/// A session with the methods of a class, that has not been initialised.
pub(crate) fn with_methods(methods: &'static Methods) -> PyClassInitializer<Session> {
    PyClassInitializer::from(ConfigurableSession::beginning(begin_by_default))
        .add_subclass(Session::without_fields(methods))
}

/// Gives a session the fields of a new one with these options. A subclass that calls no other constructor of ours
/// sets the attributes itself.
fn begin_by_default(session: &Bound<'_, ConfigurableSession>, options: &Bound<'_, PyDict>) -> PyResult<()> {
    let (py, session) = (session.py(), session.cast::<Session>()?);
    if session.get().fields().is_some() {
        return Ok(());
    }
    let in_cookie = session.get().methods().create_cookie.is_some();
    let kind = if in_cookie { SessionKind::Cookie } else { SessionKind::Store };
    let options = Options::of(options, kind)?;
    let patience = Arc::new(Patience::new(options.settings.lock_timeout));
    let life = Life::fresh(ids::generate(py)?);
    session.get().install(State::new(options, PyDict::new(py).into_any().unbind(), life, patience));
    Ok(())
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
    class_in(&params)?;
    let options = Options::of(&params, SessionKind::Store)?;
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
    let params = if let Some(kwargs) = kwargs { kwargs.copy()? } else { PyDict::new(py) };
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
    let life = match id {
        Some(id) => Life::named(SessionId::from_program(ids::text_of(id)?), false),
        None => match candidates::first(request, &options)? {
            Some(first) => Life::from_cookie(first),
            None => Life::fresh(ids::generate(session.py())?),
        },
    };
    let is_named = !life.is_new();
    install(session, State::new(options, request.clone().unbind(), life, patience))?;
    open(session, is_named, call::load, None)
}

/// Opens a session that has its fields: loads it by `load` if it is named, or begins it. `subject` names the session in a
/// warning; by default that is its id.
pub(crate) fn open(
    session: &Bound<'_, Session>,
    is_named: bool,
    load: fn(&Bound<'_, Session>) -> PyResult<()>,
    subject: Option<&str>,
) -> PyResult<()> {
    let policy = session.get().with(|state| {
        let settings = &state.options.settings;
        Policy { replaces_corrupt: settings.invalidate_corrupt, rolls: settings.rolls() }
    })?;
    let mut opening = Opening::new(policy, is_named);
    let mut reply = Ok(());
    loop {
        let called = match session.get().with(|state| opening.next(&mut state.life, reply))? {
            Step::Begin => start(session),
            Step::Load => load(session),
            Step::Warn(error) => warn_of_corruption(session, subject, &error),
            Step::Invalidate => call::invalidate(session),
            Step::SendCookie => call::update_cookie_out(session, true),
            Step::Done(outcome) => return outcome,
        };
        reply = called.map_err(|error| failed(session.py(), error));
    }
}

/// Gives the session its fields, and a subclass its say.
pub(crate) fn install(session: &Bound<'_, Session>, state: Box<State>) -> PyResult<()> {
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
    let _dropped = session.get().with(|state| state.snapshots.set_loaded(None))?;
    let dict = as_dict(session)?;
    dict.set_item(intern!(py, "_accessed_time"), &now)?;
    dict.set_item(intern!(py, "_creation_time"), &now)
}

fn warn_of_corruption(session: &Bound<'_, Session>, subject: Option<&str>, error: &PyErr) -> PyResult<()> {
    let subject = match subject {
        Some(subject) => subject.to_owned(),
        None => format!("session {}", session.get().with(|state| state.life.id().abbreviated())?),
    };
    errors::warn(session.py(), &format!("{subject} cannot be decoded and a new one takes its place: {error}"))
}
