//! The class `Session`: a dictionary that is loaded from a store and saved to it.
//!
//! The class follows one rule: its lock is held for reading or replacing fields and for nothing else. Python is
//! never called under it, so neither another thread nor a method that calls back can meet it locked.
//!
//! Programs subclass `Session`. A method that a subclass may override is called through Python where the object
//! is of a subclass, and directly where it is a `Session` itself; `call` has one function for each.

pub(crate) mod attributes;
pub(crate) mod call;
mod candidates;
mod changes;
mod configurable;
pub(crate) mod content;
pub(crate) mod cookie;
pub(crate) mod create;
pub(crate) mod encode;
pub(crate) mod hold;
pub(crate) mod inherited;
mod load;
mod mapping;
mod merge;
pub(crate) mod morsel;
mod option_attributes;
pub(crate) mod own_timeout;
pub(crate) mod place;
mod precedence;
mod record;
mod rotated;
mod save;
mod times;
mod verbs;

use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use pyo3::exceptions::PyRuntimeError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};
use pyo3::{PyTraverseError, PyTypeInfo};

use super::cookie_session::CookieSession;
use super::options::Options;
use super::patience::Patience;
use super::python_store::NamespaceStore;
use crate::codec::RecordFormat;
use crate::config::CookieExpires;
use crate::id::SessionId;
use crate::session::Life;
use crate::store::{HashedStore, Record, Timestamp};

pub(crate) use configurable::ConfigurableSession;
pub(crate) use create::{create, text_of};
use encode::{Content, InPlace, Text};
pub(crate) use times::{beginning, correct_beginning, creation_time, is_to_come, loaded_times};
pub(crate) use verbs::has_to_move;

/// A session: a dictionary that knows how to load and save itself.
///
/// Session(request, id=None, **options)
///
/// `request` is a mapping with the key `cookie`, the request's Cookie header (or nothing), into which the session
/// writes `cookie_out` and `set_cookie`. `id` opens a session under an id of the program's choice. The options
/// are those of the middleware, without their prefix.
///
/// Raises `ConfigurationError` for options that cannot be meant, `StoreUnavailableError` if the store does not
/// answer, and with `invalidate_corrupt=False` `CorruptSessionError` if the session cannot be decoded.
#[pyclass(frozen, subclass, dict, weakref, extends = ConfigurableSession, module = "beaker.session")]
pub(crate) struct Session {
    state: Mutex<Option<State>>,
}

/// The fields of a session.
pub(crate) struct State {
    pub(crate) options: Arc<Options>,
    pub(crate) request: Py<PyAny>,
    pub(crate) life: Life,
    pub(crate) last_accessed: Option<Py<PyAny>>,
    pub(crate) accessed_dict: Option<Py<PyAny>>,
    pub(crate) loaded: Option<Arc<Loaded>>,
    /// The newest format in which the session's record was found.
    pub(crate) found_format: RecordFormat,
    /// What the program saved in this request, which has taken the place of what was loaded.
    pub(crate) saved: Option<Py<PyDict>>,
    /// Whether a value that can be changed in place was handed to the program.
    pub(crate) handed_out: bool,
    /// Whether what was received is not as it would be written today, and has to be written again.
    pub(crate) is_stale: bool,
    /// When the session began, in seconds since the epoch, where that is known beside its data.
    pub(crate) begun: Option<Timestamp>,
    /// The idle timeout that the session is kept with, where it has one of its own, in seconds.
    pub(crate) own_timeout: Option<i64>,
    /// The domain and the path of the cookie that brought the session.
    pub(crate) brought_from: Option<(Option<String>, String)>,
    /// The serialized session that the cookie brought.
    pub(crate) payload: Option<Arc<Py<PyBytes>>>,
    /// The value of the cookie, where it is more than the id.
    pub(crate) cookie_value: Option<Arc<CookieValue>>,
    /// The cookies as an `http.cookies` object, once a program has asked for it.
    pub(crate) cookie: Option<Py<PyAny>>,
    /// What `cookie_expires` was set to on this session.
    pub(crate) cookie_expires: Option<(Py<PyAny>, CookieExpires)>,
    /// The store over the backend's own view of the record, once it is needed.
    pub(crate) namespaces: Option<Arc<NamespaceStore>>,
    /// The store, once it is needed.
    pub(crate) store: Option<Arc<HashedStore>>,
    /// The text of which this session is a changed copy: what was loaded, or what it was when it was saved last.
    pub(crate) base: Option<Base>,
    /// How long the session waits for others.
    pub(crate) patience: Arc<Patience>,
    /// While the session is made from a cookie.
    pub(crate) choice: Option<candidates::Choice>,
    /// Whether the program was told that what it put into the session is lost.
    pub(crate) told_of_loss: bool,
    /// While the session is held.
    pub(crate) hold: Option<Arc<hold::Hold>>,
}

/// The value of a cookie.
#[derive(Default)]
pub(crate) struct CookieValue {
    /// What it says, where that is not what is sent.
    pub(crate) plain: Option<String>,
    /// What is sent: the same with what protects it.
    pub(crate) coded: String,
}

impl CookieValue {
    /// What it says.
    pub(crate) fn plain(&self) -> &str {
        self.plain.as_deref().unwrap_or(&self.coded)
    }
}

/// What the store had when the session was loaded.
pub(crate) struct Loaded {
    pub(crate) record: Record,
    /// The serialized session.
    pub(crate) payload: Py<PyBytes>,
    /// The access time in it.
    pub(crate) accessed: Option<Py<PyAny>>,
    /// Where the record has the access time in the open.
    pub(crate) in_place: Option<InPlace>,
}

/// A stored text.
#[derive(Clone)]
pub(crate) enum Base {
    /// As the store gave it, and under which id.
    Loaded(Arc<[u8]>, SessionId),
    /// As it was given to the store.
    Written(Arc<Text>),
}

impl Base {
    pub(crate) fn content(&self) -> Content<'_> {
        match self {
            Self::Loaded(text, id) => Content::Record(text, id),
            Self::Written(text) => Content::Record(&text.bytes, &text.id),
        }
    }
}

impl State {
    pub(crate) fn new(
        options: Arc<Options>,
        request: Py<PyAny>,
        life: Life,
        patience: Arc<Patience>,
    ) -> Self {
        Self {
            options,
            request,
            life,
            last_accessed: None,
            accessed_dict: None,
            loaded: None,
            found_format: RecordFormat::One,
            saved: None,
            handed_out: false,
            is_stale: false,
            begun: None,
            own_timeout: None,
            brought_from: None,
            payload: None,
            cookie_value: None,
            cookie: None,
            cookie_expires: None,
            namespaces: None,
            store: None,
            base: None,
            patience,
            choice: None,
            told_of_loss: false,
            hold: None,
        }
    }
}

impl State {
    /// In which format the session's record is written: that of the options, or the newer one that it has already.
    pub(crate) fn record_format(&self) -> RecordFormat {
        self.options.settings.record_format.max(self.found_format)
    }
}

impl Session {
    fn fields(&self) -> MutexGuard<'_, Option<State>> {
        self.state.lock()
    }

    /// Reads or changes the fields. `work` must not call Python; what it takes out of a field it returns, so
    /// that it is dropped when the lock is free again.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> PyResult<T> {
        let mut state = self.fields();
        state.as_mut().map(work).ok_or_else(|| PyRuntimeError::new_err("Session.__init__ was not called"))
    }

    /// The options.
    pub(crate) fn options(&self) -> PyResult<Arc<Options>> {
        self.with(|state| Arc::clone(&state.options))
    }
}

/// Whose methods a session has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Methods {
    /// Those of `Session`, none overridden.
    Session,
    /// Those of `CookieSession`, none overridden.
    CookieSession,
    /// Those of a subclass, to be looked up by Python.
    Subclass,
}

/// Whose methods `session` has.
pub(crate) fn methods(session: &Bound<'_, Session>) -> Methods {
    let class = session.get_type();
    if class.is(Session::type_object(session.py())) {
        Methods::Session
    } else if class.is(CookieSession::type_object(session.py())) {
        Methods::CookieSession
    } else {
        Methods::Subclass
    }
}

/// Whether no method of `session` is overridden.
pub(crate) fn is_exact(session: &Bound<'_, Session>) -> bool {
    methods(session) != Methods::Subclass
}

/// The session as the dictionary it is.
pub(crate) fn as_dict<'a, 'py>(session: &'a Bound<'py, Session>) -> PyResult<&'a Bound<'py, PyDict>> {
    Ok(session.cast::<PyDict>()?)
}

#[pymethods]
impl Session {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> PyClassInitializer<Self> {
        create::empty()
    }

    #[pyo3(signature = (*args, **kwargs))]
    fn __init__(
        slf: &Bound<'_, Self>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        create::init(slf, args, kwargs)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // A lock that is taken belongs to a field access of this very thread, and then the object is in use.
        let Some(guard) = self.state.try_lock() else { return Ok(()) };
        let Some(state) = guard.as_ref() else { return Ok(()) };
        visit.call(&state.request)?;
        visit.call(&state.saved)?;
        if let Some(loaded) = &state.loaded {
            visit.call(&loaded.accessed)?;
        }
        for held in [&state.last_accessed, &state.accessed_dict, &state.cookie] {
            visit.call(held)?;
        }
        if let Some(hold) = &state.hold {
            hold.traverse(&visit)?;
        }
        match &state.namespaces {
            Some(namespaces) => namespaces.traverse(visit),
            None => Ok(()),
        }
    }

    fn __clear__(&self) {
        let state = self.fields().take();
        drop(state);
    }
}
