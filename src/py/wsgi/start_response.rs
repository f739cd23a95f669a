//! The `start_response` that the application calls: it stores the session and adds its cookie before the headers are
//! sent.

use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};

use super::proxy::{SessionObject, headers as told, response};
use crate::py::at_exit;
use crate::py::dropped::at_drop;
use crate::py::once::intern;

/// A `start_response` (PEP 3333) that saves the session first.
#[pyclass(frozen, module = "beaker._core")]
pub(crate) struct StartResponse {
    proxy: Proxy,
    inner: Py<PyAny>,
    /// Whether the headers have gone, so that nothing is left to be done.
    sent: AtomicBool,
}

/// The object that stands for the session in the environ.
pub(crate) enum Proxy {
    Ours(Py<SessionObject>),
    /// A program's own object, and the options of the middleware.
    Other(Py<PyAny>, Py<PyDict>),
}

impl Proxy {
    fn object<'a, 'py>(&'a self, py: Python<'py>) -> &'a Bound<'py, PyAny> {
        match self {
            Self::Ours(proxy) => proxy.bind(py).as_any(),
            Self::Other(proxy, _) => proxy.bind(py),
        }
    }

    fn options(&self) -> Option<&Py<PyDict>> {
        match self {
            Self::Ours(_) => None,
            Self::Other(_, options) => Some(options),
        }
    }
}

impl StartResponse {
    /// Saves the session of `proxy`, then calls `inner`.
    pub(crate) fn new(proxy: Proxy, inner: Py<PyAny>) -> Self {
        Self { proxy, inner, sent: AtomicBool::new(false) }
    }
}

impl Drop for StartResponse {
    /// The request is over. Without a response the session is still locked.
    fn drop(&mut self) {
        if !self.sent.load(Ordering::Relaxed) {
            at_drop(|py| drop(response::release(self.proxy.object(py))));
        }
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
        let _call = at_exit::begin_call(py);
        let proxy = self.proxy.object(py);
        let is_used = response::is_used(proxy)?;
        if let (Proxy::Ours(proxy), false) = (&self.proxy, is_used) {
            return response::unused(proxy.bind(py), || {
                self.sent.store(true, Ordering::Relaxed);
                self.inner.bind(py).call1((status, headers, exc_info))
            });
        }
        let (headers, cookie) =
            if is_used { finish(proxy, self.proxy.options(), headers)? } else { (headers, None) };
        response::drop_environ(proxy)?;
        self.sent.store(true, Ordering::Relaxed);
        let write = self.inner.bind(py).call1((status, headers, exc_info))?;
        response::headers_sent(proxy, cookie)?;
        Ok(write)
    }

    // Its fields never change, so a cycle through it is broken elsewhere.
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        match &self.proxy {
            Proxy::Ours(proxy) => visit.call(proxy)?,
            Proxy::Other(proxy, options) => {
                visit.call(proxy)?;
                visit.call(options)?;
            }
        }
        visit.call(&self.inner)
    }
}

/// Stores the session and gives the headers that the response has to have, and the cookie among them. The
/// application's own list is left as it is.
fn finish<'py>(
    proxy: &Bound<'py, PyAny>,
    options: Option<&Py<PyDict>>,
    headers: Bound<'py, PyAny>,
) -> PyResult<(Bound<'py, PyAny>, Option<Bound<'py, PyAny>>)> {
    let py = proxy.py();
    response::persist(proxy)?;
    let cookie = told::cookie_due(proxy)?;
    let options = response::options(proxy, options)?;
    let varies = options.settings.vary;
    if cookie.is_none() && !varies {
        return Ok((headers, None));
    }
    let copy = match headers.cast::<PyList>() {
        Ok(list) => list.get_slice(0, list.len()),
        Err(_) => PyList::new(py, headers.try_iter()?.collect::<PyResult<Vec<_>>>()?)?,
    };
    if varies {
        // The response depends on the request's cookies (RFC 9110, section 12.5.5).
        add_to_list(&copy, intern!(py, "Vary"), intern!(py, "Cookie"), "*")?;
    }
    if let Some(cookie) = &cookie {
        if options.settings.no_store {
            // No cache keeps a response with a cookie that is a person's (RFC 9111, section 5.2.2.5).
            let word = intern!(py, "no-store");
            add_to_list(&copy, intern!(py, "Cache-Control"), word, "no-store")?;
        }
        copy.append((intern!(py, "Set-cookie"), cookie))?;
        for retired in response::retired_cookies(proxy, &options)? {
            copy.append((intern!(py, "Set-cookie"), retired))?;
        }
    }
    Ok((copy.into_any(), cookie))
}

/// Adds `word` to the header `name`, a list with commas, unless the list has it or `instead`, which says as much.
fn add_to_list(
    headers: &Bound<'_, PyList>,
    name: &Bound<'_, PyString>,
    word: &Bound<'_, PyString>,
    instead: &str,
) -> PyResult<()> {
    let (spelt, added) = (name.to_str()?, word.to_str()?);
    let mut last = None;
    for (index, header) in headers.iter().enumerate() {
        let Ok((given, value)) = header.extract::<(Bound<'_, PyString>, Bound<'_, PyString>)>() else {
            continue;
        };
        if !given.to_str()?.eq_ignore_ascii_case(spelt) {
            continue;
        }
        let value = value.to_str()?;
        let says = |field: &str| field == instead || field.eq_ignore_ascii_case(added);
        if value.split(',').map(str::trim).any(says) {
            return Ok(());
        }
        last = Some((index, given, value.to_owned()));
    }
    match last {
        Some((index, given, value)) if !value.trim().is_empty() => {
            headers.set_item(index, (given, format!("{value}, {added}")))
        }
        _ => headers.append((name, word)),
    }
}
