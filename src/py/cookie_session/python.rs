//! The methods of `CookieSession` that Python sees.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::create::{self, CookieSession};
use super::{load, save, verbs};
use crate::py::errors::BeakerException;
use crate::py::session::{cookie, cookie_scope};

fn without_store(what: &str) -> PyErr {
    BeakerException::new_err(format!("a session that its cookie keeps cannot be {what}"))
}

#[pymethods]
impl CookieSession {
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
        create::init(slf.as_super(), args, kwargs)
    }

    /// The session's id, which is part of its data.
    #[getter]
    fn id<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        verbs::id(slf.as_super())
    }
    #[setter]
    fn set_id(slf: &Bound<'_, Self>, id: &Bound<'_, PyAny>) -> PyResult<()> {
        verbs::set_id(slf.as_super(), id)
    }

    /// The `Domain` of the session's cookie, or `None`. It takes effect when the session is saved.
    #[getter(domain)]
    fn domain<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        cookie_scope::domain(slf.as_super())
    }
    #[setter(domain)]
    fn set_domain(slf: &Bound<'_, Self>, domain: &Bound<'_, PyAny>) -> PyResult<()> {
        cookie::set_domain(slf.as_super(), domain)
    }
    fn _set_domain(slf: &Bound<'_, Self>, domain: &Bound<'_, PyAny>) -> PyResult<()> {
        cookie::set_domain(slf.as_super(), domain)
    }

    /// The `Path` of the session's cookie. It takes effect when the session is saved.
    #[getter(path)]
    fn path<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        cookie_scope::path(slf.as_super())
    }
    #[setter(path)]
    fn set_path(slf: &Bound<'_, Self>, path: &Bound<'_, PyAny>) -> PyResult<()> {
        cookie::set_path(slf.as_super(), path)
    }
    fn _set_path(slf: &Bound<'_, Self>, path: &Bound<'_, PyAny>) -> PyResult<()> {
        cookie::set_path(slf.as_super(), path)
    }

    /// Sends the session in its cookie; with `accessed_only`, sends it as it was loaded, with the time of today.
    ///
    /// Raises `BeakerException`, with the size, if a browser would not keep so large a cookie.
    #[pyo3(name = "save", signature = (accessed_only = false))]
    fn py_save(slf: &Bound<'_, Self>, accessed_only: bool) -> PyResult<()> {
        save::save(slf.as_super(), accessed_only)
    }

    /// Replaces the content by what the request's cookie has.
    #[pyo3(name = "load")]
    fn py_load(slf: &Bound<'_, Self>) -> PyResult<()> {
        load::load(slf.as_super())
    }

    /// Removes the cookie from the browser. A later save in the same request is not sent.
    #[pyo3(name = "delete")]
    fn py_delete(slf: &Bound<'_, Self>) -> PyResult<()> {
        verbs::delete(slf.as_super())
    }

    /// Ends the session and begins an empty one under a new id, whose cookie takes the place of the old one.
    #[pyo3(name = "invalidate")]
    fn py_invalidate(slf: &Bound<'_, Self>) -> PyResult<()> {
        verbs::invalidate(slf.as_super())
    }

    /// Raises `BeakerException`: no other request can have the session.
    fn lock(&self) -> PyResult<()> {
        Err(without_store("locked"))
    }

    /// Raises `BeakerException`: no other request can have the session.
    fn unlock(&self) -> PyResult<()> {
        Err(without_store("unlocked"))
    }

    #[pyo3(name = "_create_id", signature = (set_new = true))]
    fn py_create_id(slf: &Bound<'_, Self>, set_new: bool) -> PyResult<()> {
        verbs::create_id(slf.as_super(), set_new)
    }

    fn _create_cookie(slf: &Bound<'_, Self>) -> PyResult<()> {
        save::create_cookie(slf.as_super())
    }
}
