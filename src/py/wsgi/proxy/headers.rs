//! The mapping through which the session talks to its request, as the response reads it.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use super::class::SessionObject;
use crate::py::once::intern;
use crate::py::session::morsel;

/// The mapping through which the session and its request talk.
pub(super) fn of<'py>(proxy: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyDict>>> {
    if let Ok(proxy) = proxy.cast::<SessionObject>() {
        return proxy.get().cell.headers(proxy);
    }
    let fields = proxy.getattr(intern!(proxy.py(), "__dict__"))?;
    let headers = fields.get_item(intern!(proxy.py(), "_headers"))?;
    Ok(Some(headers.cast_into::<PyDict>()?))
}

/// The header that the session wants the response to have, if it wants one.
pub(crate) fn cookie_due<'py>(proxy: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    of(proxy)?.as_ref().map_or(Ok(None), due)
}

/// The same, of the session's mapping.
pub(super) fn due<'py>(headers: &Bound<'py, PyDict>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = headers.py();
    let due = headers.get_item(intern!(py, "set_cookie"))?.map_or(Ok(false), |due| due.is_truthy())?;
    if !due {
        return Ok(None);
    }
    match headers.get_item(intern!(py, "cookie_out"))? {
        Some(cookie) if cookie.is_truthy()? => {
            // A program may have written it.
            if let Ok(text) = cookie.cast::<PyString>() {
                morsel::check_header(text)?;
            }
            Ok(Some(cookie))
        }
        _ => Ok(None),
    }
}
