//! The options of a request's session, which name its class.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::config::{Concurrency, SessionKind};
use crate::py::cookie_session::CookieSession;
use crate::py::errors::IntoPyResult;
use crate::py::once::intern;
use crate::py::options::Options;
use crate::py::session::class_in;

/// The options in `params`.
pub(super) fn of(params: &Bound<'_, PyDict>) -> PyResult<Arc<Options>> {
    checked(params, Options::of(params, kind(params)?)?)
}

/// The options in `params`, read anew, with files of keys: for a middleware that is built.
pub(super) fn anew(params: &Bound<'_, PyDict>) -> PyResult<Arc<Options>> {
    checked(params, Options::anew(params, kind(params)?)?)
}

/// The options, if they have the keys that their class needs.
fn checked(params: &Bound<'_, PyDict>, options: Arc<Options>) -> PyResult<Arc<Options>> {
    let py = params.py();
    let init = intern!(py, "__init__");
    let is_ours = match class_in(params)? {
        None => true,
        Some(class) => class.getattr(init)?.is(&py.get_type::<CookieSession>().getattr(init)?),
    };
    if is_ours {
        options.settings.need_cookie_keys().into_py(py)?;
    }
    Ok(options)
}

/// The options of a session outside requests. It has no lock for a request, since nothing would release it.
pub(super) fn apart_from_requests(params: &Bound<'_, PyDict>) -> PyResult<Arc<Options>> {
    let options = of(params)?;
    if options.settings.concurrency == Concurrency::Lock {
        params.set_item(intern!(params.py(), "concurrency"), "merge")?;
    }
    Ok(options)
}

/// Where the sessions keep their data: by their class, else by the option `type`.
fn kind(params: &Bound<'_, PyDict>) -> PyResult<SessionKind> {
    let in_cookie = match class_in(params)? {
        Some(class) => class.is_subclass_of::<CookieSession>()?,
        None => params.get_item(intern!(params.py(), "type"))?.is_some_and(|kind| {
            kind.cast::<PyString>().is_ok_and(|kind| kind.to_string_lossy().trim() == "cookie")
        }),
    };
    Ok(if in_cookie { SessionKind::Cookie } else { SessionKind::Store })
}
