//! The class `Session`: its fields, and the table of its methods.
//!
//! The lock of the fields is held for reading or replacing them and for nothing else. Python is never called under
//! it, so neither another thread nor a method that calls back can meet it locked.

use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi::PyTypeObject;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};

use super::configurable::ConfigurableSession;
use super::cookie_state::CookieValue;
use super::state::State;
use crate::config::CookieExpires;
use crate::id::SessionId;
use crate::py::errors::ConfigurationError;
use crate::py::options::{Options, session_class};

/// A session: a dictionary that knows how to load and save itself.
///
/// Session(request, id=None, **options)
///
/// `request` is a mapping with the key `cookie`, the request's Cookie header (or nothing), into which the session
/// writes `cookie_out` and `set_cookie`. `id` opens a session under an id of the program's choice. The options
/// are those of the middleware, without their prefix.
///
/// Raises `ConfigurationError` for invalid options, `StoreUnavailableError` if the store does not
/// answer, and with `invalidate_corrupt=False` `CorruptSessionError` if the session cannot be decoded.
#[pyclass(frozen, subclass, dict, weakref, extends = ConfigurableSession, module = "beaker.session")]
pub(crate) struct Session {
    methods: &'static Methods,
    /// In a box, since it is moved on its way here.
    state: Mutex<Option<Box<State>>>,
}

/// A method without arguments.
pub(super) type Method = fn(&Bound<'_, Session>) -> PyResult<()>;

/// The methods of a class of sessions that a subclass may override. `call` calls them.
pub(crate) struct Methods {
    pub(crate) class: fn(Python<'_>) -> Bound<'_, PyType>,
    pub(crate) class_pointer: fn(Python<'_>) -> *mut PyTypeObject,
    pub(crate) load: Method,
    pub(crate) save: fn(&Bound<'_, Session>, accessed_only: bool) -> PyResult<()>,
    pub(crate) delete: Method,
    pub(crate) invalidate: Method,
    pub(crate) create_id: fn(&Bound<'_, Session>, set_new: bool) -> PyResult<()>,
    /// Of sessions that their cookie keeps.
    pub(crate) create_cookie: Option<Method>,
    pub(crate) update_cookie_out: fn(&Bound<'_, Session>, set_cookie: bool) -> PyResult<()>,
    pub(crate) set_cookie_values: fn(&Bound<'_, Session>, expires: Option<&Bound<'_, PyAny>>) -> PyResult<()>,
    pub(crate) set_cookie_expires:
        fn(&Bound<'_, Session>, expires: Option<&Bound<'_, PyAny>>) -> PyResult<CookieExpires>,
    pub(crate) delete_cookie: Method,
    /// The value of the cookie as long as nothing was sent. No subclass overrides it.
    pub(crate) cookie_value: fn(&Bound<'_, Session>) -> PyResult<CookieValue>,
}

impl Session {
    /// A session that has no fields yet.
    pub(super) fn without_fields(methods: &'static Methods) -> Self {
        Self { methods, state: Mutex::new(None) }
    }

    /// The fields, unless another access has locked them.
    pub(super) fn try_fields(&self) -> Option<MutexGuard<'_, Option<Box<State>>>> {
        self.state.try_lock()
    }

    /// Locks the fields.
    pub(super) fn fields(&self) -> MutexGuard<'_, Option<Box<State>>> {
        self.state.lock()
    }

    /// Reads or changes the fields. `work` must not call Python; what it takes out of a field it returns, so
    /// that it is dropped when the lock is free again.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> PyResult<T> {
        let mut state = self.fields();
        state
            .as_deref_mut()
            .map(work)
            .ok_or_else(|| PyRuntimeError::new_err("Session.__init__ was not called"))
    }

    /// Sets all fields.
    pub(super) fn install(&self, state: Box<State>) {
        let _dropped = self.fields().replace(state);
    }

    /// The methods of the session's class, or of the class that it is a subclass of.
    pub(crate) fn methods(&self) -> &'static Methods {
        self.methods
    }

    /// The options.
    pub(crate) fn options(&self) -> PyResult<Arc<Options>> {
        self.with(|state| Arc::clone(&state.options))
    }

    /// The id that the session has.
    pub(super) fn current_id(&self) -> PyResult<SessionId> {
        self.with(|state| state.life.id().clone())
    }
}

/// Whether the session is of one of our classes, and not of a subclass that may override a method.
pub(crate) fn is_exact(session: &Bound<'_, Session>) -> bool {
    session.get_type_ptr() == (session.get().methods.class_pointer)(session.py())
}

/// The session as the dictionary it is.
pub(crate) fn as_dict<'a, 'py>(session: &'a Bound<'py, Session>) -> PyResult<&'a Bound<'py, PyDict>> {
    Ok(session.cast::<PyDict>()?)
}

/// The session's items as a dictionary of its own. Copied item by item: since a session iterates in a way of
/// its own, the interpreter would ask it for each key, and for each value as if a program had. And gathered
/// before they are copied: to put a key into a dictionary may call its `__hash__`, which may change the session.
pub(crate) fn plain<'py>(session: &Bound<'py, Session>) -> PyResult<Bound<'py, PyDict>> {
    let copy = PyDict::new(session.py());
    let items: Vec<_> = as_dict(session)?.iter().collect();
    for (key, value) in items {
        copy.set_item(key, value)?;
    }
    Ok(copy)
}

/// The class that the options name, if they name one.
pub(crate) fn class_in<'py>(params: &Bound<'py, PyDict>) -> PyResult<Option<Bound<'py, PyType>>> {
    let Some(class) = session_class(params)? else { return Ok(None) };
    let refused = |got: String| {
        let text = format!("session_class must be a subclass of beaker.session.Session, got {got}");
        ConfigurationError::new_err(text)
    };
    match class.cast_into::<PyType>() {
        Ok(class) if class.is_subclass_of::<Session>()? => Ok(Some(class)),
        Ok(class) => Err(refused(class.fully_qualified_name()?.to_string())),
        Err(error) => Err(refused(error.into_inner().get_type().name()?.to_string())),
    }
}
