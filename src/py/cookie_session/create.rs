//! The class `CookieSession`, and making a session from the cookie that has it, or anew.

use std::sync::Arc;

use pyo3::PyTypeInfo;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::{load, save, value, verbs};
use crate::config::{COOKIE_SESSION_PARAMETERS, SessionKind};
use crate::py::errors::IntoPyResult;
use crate::py::ids;
use crate::py::once::intern;
use crate::py::options::Options;
use crate::py::patience::Patience;
use crate::py::session::{
    self, Methods, Session, State, as_dict, call, class_in, cookie, is_exact, request as cookies,
};
use crate::session::Life;

/// A session that its cookie keeps, signed and perhaps encrypted.
///
/// CookieSession(request, **options)
///
/// `request` is a mapping with the key `cookie`, the request's Cookie header (or nothing), into which the session
/// writes `cookie_out` and `set_cookie`. The options are those of the middleware, without their prefix;
/// `validate_key` is needed, and `encrypt_key` encrypts.
///
/// Raises `ConfigurationError` for invalid options, and with `invalidate_corrupt=False`
/// `CorruptSessionError` if the cookie is not ours or cannot be decoded.
#[pyclass(frozen, subclass, dict, weakref, extends = Session, module = "beaker.session")]
pub(crate) struct CookieSession;

/// The methods of `CookieSession`.
static METHODS: Methods = Methods {
    class: |py| py.get_type::<CookieSession>(),
    class_pointer: CookieSession::type_object_raw,
    load: load::load,
    save: save::save,
    delete: verbs::delete,
    invalidate: verbs::invalidate,
    create_id: verbs::create_id,
    create_cookie: Some(save::create_cookie),
    update_cookie_out: cookie::update_cookie_out,
    set_cookie_values: cookie::set_cookie_values,
    set_cookie_expires: cookie::set_cookie_expires,
    delete_cookie: cookie::delete_cookie,
    cookie_value: value::current,
};

/// A session that has not been initialised.
pub(super) fn empty() -> PyClassInitializer<CookieSession> {
    session::create::with_methods(&METHODS).add_subclass(CookieSession)
}

/// A session for a request, by the options of its middleware.
pub(crate) fn create<'py>(
    py: Python<'py>,
    request: &Bound<'py, PyAny>,
    options: Arc<Options>,
) -> PyResult<Bound<'py, CookieSession>> {
    let session = Bound::new(py, empty())?;
    begin(session.as_super(), request, options)?;
    Ok(session)
}

/// `CookieSession.__init__`
pub(super) fn init(
    session: &Bound<'_, Session>,
    args: &Bound<'_, PyTuple>,
    kwargs: Option<&Bound<'_, PyDict>>,
) -> PyResult<()> {
    let (request, params) =
        session::create::arguments("CookieSession", &COOKIE_SESSION_PARAMETERS, args, kwargs)?;
    class_in(&params)?;
    begin(session, &request, Options::of(&params, SessionKind::Cookie)?)
}

fn begin(session: &Bound<'_, Session>, request: &Bound<'_, PyAny>, options: Arc<Options>) -> PyResult<()> {
    let py = session.py();
    options.settings.need_cookie_keys().into_py(py)?;
    let life = Life::fresh(ids::generate(py)?);
    let patience = Arc::new(Patience::new(options.settings.lock_timeout));
    session::create::install(session, State::new(options, request.clone().unbind(), life, patience))?;
    if is_exact(session) {
        call::clear(session)?;
    }
    cookies::set_cookie(session, false)?;
    let id = session.get().with(|state| state.life.id().as_str().to_owned())?;
    as_dict(session)?.set_item(intern!(py, "_id"), id)?;
    session::create::open(session, true, load::fill, Some("the session in the cookie"))
}
