//! The domain and the path of the session's cookie, which a program may set for this session alone.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use super::class::{Session, as_dict};
use super::cookie_state::CookieScope;
use crate::cookie as cookies;
use crate::py::errors::{ConfigurationError, IntoPyResult};
use crate::py::once::intern;

/// `session.domain`
pub(crate) fn domain<'py>(session: &Bound<'py, Session>) -> PyResult<Bound<'py, PyAny>> {
    as_dict(session)?.as_any().get_item(intern!(session.py(), "_domain"))
}

/// `session.path`
pub(crate) fn path<'py>(session: &Bound<'py, Session>) -> PyResult<Bound<'py, PyAny>> {
    let path = as_dict(session)?.get_item(intern!(session.py(), "_path"))?;
    Ok(path.unwrap_or_else(|| PyString::intern(session.py(), "/").into_any()))
}

/// Both, checked, as a header has them.
pub(super) fn checked(session: &Bound<'_, Session>) -> PyResult<CookieScope> {
    if cookies::is_host_only(&session.get().options()?.settings.key) {
        // The session may bring a domain from a time when its cookie had another name.
        return Ok((None, String::from("/")));
    }
    in_data(as_dict(session)?)
}

/// The domain and the path in a session's data, if a header can carry them.
pub(crate) fn in_data(dict: &Bound<'_, PyDict>) -> PyResult<CookieScope> {
    let py = dict.py();
    let domain = dict.get_item(intern!(py, "_domain"))?.filter(|domain| !domain.is_none());
    let domain = domain.map(|domain| domain.extract::<String>()).transpose();
    let path = match dict.get_item(intern!(py, "_path"))? {
        None => Ok(String::from("/")),
        Some(path) if path.is_none() => Ok(String::new()),
        Some(path) => path.extract::<String>(),
    };
    let (Ok(domain), Ok(path)) = (domain, path) else {
        return Err(ConfigurationError::new_err(
            "the domain and the path of a session's cookie must be text",
        ));
    };
    cookies::validate_path(&path).into_py(py)?;
    domain.as_deref().map_or(Ok(()), |domain| cookies::validate_domain(domain).into_py(py))?;
    Ok((domain, path))
}
