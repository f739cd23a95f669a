//! The cookie that brought the session, and the one that is to be sent.

use std::sync::Arc;

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::config::CookieExpires;
use crate::py::options::Options;

/// The domain and the path of a cookie.
pub(crate) type CookieScope = (Option<String>, String);

/// The value of a cookie.
#[derive(Default)]
pub(crate) struct CookieValue {
    /// The value without its protection, where that differs from `coded`.
    pub(crate) plain: Option<String>,
    /// The value as it is sent.
    pub(crate) coded: String,
}

impl CookieValue {
    /// The value without its protection.
    pub(crate) fn plain(&self) -> &str {
        self.plain.as_deref().unwrap_or(&self.coded)
    }
}

/// The cookies of a session. A method returns the object that it replaces, which must not be dropped under the lock of
/// the fields.
#[derive(Default)]
pub(crate) struct CookieState {
    /// The domain and the path of the cookie that brought the session, where a cookie keeps it.
    pub(crate) scope: Option<CookieScope>,
    /// The serialized session in that cookie, while nothing has replaced it.
    pub(crate) payload: Option<Arc<Py<PyBytes>>>,
    /// The value to send, where it is more than the id.
    pub(crate) value: Option<Arc<CookieValue>>,
    /// The cookies as an `http.cookies` object, once a program has asked for it.
    object: Option<Py<PyAny>>,
    /// The attribute `cookie_expires`, where a program has set it on this session.
    expires: Option<(Py<PyAny>, CookieExpires)>,
}

impl CookieState {
    pub(super) fn object<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.object.as_ref().map(|cookie| cookie.bind(py).clone())
    }

    #[must_use]
    pub(super) fn set_object(&mut self, object: Py<PyAny>) -> impl Sized + use<> {
        self.object.replace(object)
    }

    /// The attribute `cookie_expires`.
    pub(super) fn expires<'py>(&self, py: Python<'py>, options: &Options) -> Bound<'py, PyAny> {
        self.expires.as_ref().map_or(&options.cookie_expires, |(own, _)| own).bind(py).clone()
    }

    /// The expiry that a program has set on this session.
    pub(super) fn own_expires(&self) -> Option<CookieExpires> {
        self.expires.as_ref().map(|(_, own)| *own)
    }

    #[must_use]
    pub(super) fn set_expires(&mut self, object: Py<PyAny>, meant: CookieExpires) -> impl Sized + use<> {
        self.expires.replace((object, meant))
    }

    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.object)?;
        self.expires.as_ref().map_or(Ok(()), |(own, _)| visit.call(own))
    }
}
