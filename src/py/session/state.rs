//! The fields of a session.

use std::sync::Arc;

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use super::lock::SessionLock;
use super::stored::{Base, CookieValue, Loaded};
use crate::codec::RecordFormat;
use crate::config::CookieExpires;
use crate::py::options::Options;
use crate::py::patience::Patience;
use crate::py::store::NamespaceStore;
use crate::session::Life;
use crate::store::SessionStore;

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
    pub(crate) store: Option<Arc<SessionStore>>,
    /// The text of which this session is a changed copy: what was loaded, or what it was when it was saved last.
    pub(crate) base: Option<Base>,
    /// How long the session waits for others.
    pub(crate) patience: Arc<Patience>,
    /// Whether the program was told that what it put into the session is lost.
    pub(crate) told_of_loss: bool,
    /// While the session is held.
    pub(crate) hold: Option<Arc<SessionLock>>,
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
            brought_from: None,
            payload: None,
            cookie_value: None,
            cookie: None,
            cookie_expires: None,
            namespaces: None,
            store: None,
            base: None,
            patience,
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

impl State {
    /// Shows the fields to the garbage collector.
    pub(super) fn traverse(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.request)?;
        visit.call(&self.saved)?;
        if let Some(loaded) = &self.loaded {
            visit.call(&loaded.accessed)?;
        }
        for held in [&self.last_accessed, &self.accessed_dict, &self.cookie] {
            visit.call(held)?;
        }
        if let Some((expires, _)) = &self.cookie_expires {
            visit.call(expires)?;
        }
        if let Some(hold) = &self.hold {
            hold.traverse(&visit)?;
        }
        match &self.namespaces {
            Some(namespaces) => namespaces.traverse(visit),
            None => Ok(()),
        }
    }
}
