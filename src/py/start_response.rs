//! What the application calls in place of the server's `start_response`: the session is stored and its cookie
//! added before the headers go on their way.

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};

use super::session_object::{self, SessionObject};

/// A `start_response` (PEP 3333) that saves the session first.
#[pyclass(frozen, module = "beaker._core")]
pub(crate) struct StartResponse {
    session: Py<SessionObject>,
    inner: Py<PyAny>,
}

impl StartResponse {
    /// Saves `session`, then calls `inner`.
    pub(crate) fn new(session: Py<SessionObject>, inner: Py<PyAny>) -> Self {
        Self { session, inner }
    }
}

#[pymethods]
impl StartResponse {
    #[pyo3(signature = (status, headers, exc_info = None))]
    fn __call__<'py>(
        &self,
        py: Python<'py>,
        status: Bound<'py, PyAny>,
        headers: Bound<'py, PyAny>,
        exc_info: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let session = self.session.bind(py);
        let headers = if session_object::is_used(session)? { finish(session, headers)? } else { headers };
        session_object::headers_sent(session)?;
        self.inner.bind(py).call1((status, headers, exc_info))
    }

    // What it holds never changes, so a cycle through it is broken where it does.
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.session)?;
        visit.call(&self.inner)
    }
}

/// Stores the session and gives the headers that the response has to have. The application's own list is left
/// as it is.
fn finish<'py>(
    session: &Bound<'py, SessionObject>,
    headers: Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = session.py();
    session_object::persist(session)?;
    let cookie = session_object::cookie_due(session)?;
    let varies = session_object::options(session)?.settings.vary;
    if cookie.is_none() && !varies {
        return Ok(headers);
    }
    let copy = match headers.cast::<PyList>() {
        Ok(list) => list.get_slice(0, list.len()),
        Err(_) => PyList::new(py, headers.try_iter()?.collect::<PyResult<Vec<_>>>()?)?,
    };
    if varies {
        vary_by_cookie(&copy)?;
    }
    if let Some(cookie) = cookie {
        copy.append((intern!(py, "Set-cookie"), cookie))?;
    }
    Ok(copy.into_any())
}

/// Says that the response depends on the request's cookies (RFC 9110, section 12.5.5), where it is not said yet.
fn vary_by_cookie(headers: &Bound<'_, PyList>) -> PyResult<()> {
    let py = headers.py();
    let mut last = None;
    for (index, header) in headers.iter().enumerate() {
        let Ok((name, value)) = header.extract::<(Bound<'_, PyString>, Bound<'_, PyString>)>() else {
            continue;
        };
        if !name.to_str()?.eq_ignore_ascii_case("vary") {
            continue;
        }
        let value = value.to_str()?;
        let fields = value.split(',').map(str::trim);
        if fields.clone().any(|field| field == "*" || field.eq_ignore_ascii_case("cookie")) {
            return Ok(());
        }
        last = Some((index, name, value.to_owned()));
    }
    match last {
        Some((index, name, value)) if !value.trim().is_empty() => {
            headers.set_item(index, (name, format!("{value}, Cookie")))
        }
        _ => headers.append((intern!(py, "Vary"), intern!(py, "Cookie"))),
    }
}
