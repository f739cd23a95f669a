//! The class `CookieSession`.

use pyo3::prelude::*;

use crate::py::session::Session;

/// A session that its cookie keeps, signed and perhaps encrypted.
///
/// CookieSession(request, **options)
///
/// `request` is a mapping with the key `cookie`, the request's Cookie header (or nothing), into which the session
/// writes `cookie_out` and `set_cookie`. The options are those of the middleware, without their prefix;
/// `validate_key` is needed, and `encrypt_key` encrypts.
///
/// Raises `ConfigurationError` for invalid options, and with `invalidate_corrupt=False`
/// `CorruptSessionError` if the cookie is not ours or cannot be decoded.
#[pyclass(frozen, subclass, dict, weakref, extends = Session, module = "beaker.session")]
pub(crate) struct CookieSession;
