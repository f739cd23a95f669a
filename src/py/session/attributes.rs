//! The attributes of a session that programs read and set.
//!
//! An attribute that shows an option reads the option; setting it gives this session options of its own.

use std::sync::Arc;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyInt, PyString};

use super::{Session, as_dict, call, cookie};
use crate::cookie as cookies;
use crate::id::SessionId;
use crate::py::errors::IntoPyResult;
use crate::py::python_store::NamespaceStore;
use crate::store::Store;

/// The store of the session: that of its options, or the namespace that the program has locked or brought.
pub(super) fn store(session: &Bound<'_, Session>) -> PyResult<Arc<dyn Store>> {
    let native = session.get().with(|state| {
        if state.locked { None } else { state.options.backend.native.as_ref().map(Arc::clone) }
    })?;
    match native {
        Some(native) => Ok(native),
        None => Ok(namespaces(session)? as Arc<dyn Store>),
    }
}

fn namespaces(session: &Bound<'_, Session>) -> PyResult<Arc<NamespaceStore>> {
    session.get().with(|state| {
        let options = &state.options;
        Arc::clone(state.namespaces.get_or_insert_with(|| Arc::new(NamespaceStore::new(Arc::clone(options)))))
    })
}

/// `session.namespace`: the backend's view of the session's record.
pub(super) fn namespace<'py>(session: &Bound<'py, Session>) -> PyResult<Bound<'py, PyAny>> {
    let id = session.get().with(|state| state.life.id().clone())?;
    namespaces(session)?.namespace(session.py(), id.as_str())
}

/// `session.accessed_dict`: the session as it was loaded.
pub(super) fn accessed_dict<'py>(session: &Bound<'py, Session>) -> PyResult<Bound<'py, PyAny>> {
    let py = session.py();
    let accessed = session.get().with(|state| state.accessed_dict.as_ref().map(|dict| dict.clone_ref(py)))?;
    Ok(accessed.map_or_else(|| PyDict::new(py).into_any(), |dict| dict.into_bound(py)))
}

/// Sets an option of this session alone.
pub(super) fn configure(session: &Bound<'_, Session>, name: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let options = session.get().options()?.with(session.py(), name, value)?;
    let _dropped = session.get().with(|state| {
        (std::mem::replace(&mut state.options, options), state.namespaces.take().filter(|_| !state.locked))
    })?;
    Ok(())
}

fn option<'py>(
    session: &Bound<'py, Session>,
    name: &str,
    default: impl Into<Option<&'static str>>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = session.py();
    let given = session.get().options()?.given(py, name)?;
    Ok(match (given, default.into()) {
        (Some(given), _) => given,
        (None, Some(default)) => PyString::new(py, default).into_any(),
        (None, None) => py.None().into_bound(py),
    })
}

fn flag(py: Python<'_>, flag: bool) -> Bound<'_, PyAny> {
    PyBool::new(py, flag).to_owned().into_any()
}

#[pymethods]
impl Session {
    /// The session's id: a bearer secret.
    #[getter]
    fn id(&self) -> PyResult<String> {
        self.with(|state| state.life.id().as_str().to_owned())
    }
    #[setter]
    fn set_id(&self, id: &Bound<'_, PyAny>) -> PyResult<()> {
        let id = SessionId::from_program(super::create::text_of(id)?);
        self.with(|state| state.life.rename(id))
    }

    /// Whether there was no such session before this request.
    #[getter]
    fn is_new(&self) -> PyResult<bool> {
        self.with(|state| state.life.is_new())
    }
    #[setter]
    fn set_is_new(&self, is_new: bool) -> PyResult<()> {
        self.with(|state| state.life.set_new(is_new))
    }

    /// Whether a session was ended in this request, by a program or by its timeout, and replaced by this one.
    #[getter]
    fn was_invalidated(&self) -> PyResult<bool> {
        self.with(|state| state.life.was_invalidated())
    }
    #[setter]
    fn set_was_invalidated(&self, was_invalidated: bool) -> PyResult<()> {
        self.with(|state| state.life.set_invalidated(was_invalidated))
    }

    /// When the session began, in seconds since the epoch.
    #[getter]
    fn created<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        as_dict(slf)?.as_any().get_item(intern!(slf.py(), "_creation_time"))
    }

    /// When the session was used before this request, in seconds since the epoch; `None` for a new one.
    #[getter]
    fn last_accessed(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        self.with(|state| state.last_accessed.as_ref().map(|time| time.clone_ref(py)))
    }
    #[setter]
    fn set_last_accessed(&self, time: Option<Py<PyAny>>) -> PyResult<()> {
        let _dropped = self.with(|state| std::mem::replace(&mut state.last_accessed, time))?;
        Ok(())
    }

    /// The session as it was loaded: what `revert()` goes back to.
    #[getter(accessed_dict)]
    fn py_accessed_dict<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.get().with(|state| state.handed_out = true)?;
        let accessed = accessed_dict(slf)?;
        let kept = accessed.clone().unbind();
        let _dropped = slf.get().with(|state| state.accessed_dict.replace(kept))?;
        Ok(accessed)
    }
    #[setter(accessed_dict)]
    fn set_accessed_dict(&self, dict: Py<PyAny>) -> PyResult<()> {
        let _dropped = self.with(|state| {
            state.handed_out = true;
            state.accessed_dict.replace(dict)
        })?;
        Ok(())
    }

    /// The mapping through which the session and its request talk: `cookie`, `cookie_out`, `set_cookie`.
    #[getter]
    fn request(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.with(|state| state.request.clone_ref(py))
    }
    #[setter]
    fn set_request(&self, request: Py<PyAny>) -> PyResult<()> {
        let _dropped = self.with(|state| std::mem::replace(&mut state.request, request))?;
        Ok(())
    }

    /// The request's cookies, `http.cookies` style; the session's own is a `Morsel` that may be changed.
    #[getter]
    fn cookie<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        cookie::object(slf)
    }
    #[setter]
    fn set_cookie(&self, cookie: Py<PyAny>) -> PyResult<()> {
        let _dropped = self.with(|state| state.cookie.replace(cookie))?;
        Ok(())
    }

    /// The backend's view of the session's record: a `NamespaceManager`.
    #[getter(namespace)]
    fn py_namespace<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        namespace(slf)
    }
    #[setter(namespace)]
    fn set_namespace(slf: &Bound<'_, Self>, namespace: &Bound<'_, PyAny>) -> PyResult<()> {
        let id = slf.get().with(|state| state.life.id().clone())?;
        namespaces(slf)?.replace(id.as_str(), namespace.clone().unbind());
        Ok(())
    }

    /// The `Domain` of the session's cookie, or `None`. Setting it sends the cookie.
    #[getter(domain)]
    fn domain<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        as_dict(slf)?.as_any().get_item(intern!(slf.py(), "_domain"))
    }
    #[setter(domain)]
    fn set_domain(slf: &Bound<'_, Self>, domain: &Bound<'_, PyAny>) -> PyResult<()> {
        Self::_set_domain(slf, domain)
    }
    fn _get_domain<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Self::domain(slf)
    }
    fn _set_domain(slf: &Bound<'_, Self>, domain: &Bound<'_, PyAny>) -> PyResult<()> {
        let options = slf.get().options()?;
        let text: Option<String> = domain.extract()?;
        let path = options.settings.path.as_str();
        let attributes = options.settings.attributes(text.as_deref(), path, None);
        cookies::validate(&options.settings.key, &attributes).into_py(slf.py())?;
        as_dict(slf)?.set_item(intern!(slf.py(), "_domain"), domain)?;
        cookie::set_attribute(slf, "domain", domain)?;
        call::update_cookie_out(slf, true)
    }

    /// The `Path` of the session's cookie. Setting it sends the cookie.
    #[getter(path)]
    fn path<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let path = as_dict(slf)?.get_item(intern!(slf.py(), "_path"))?;
        Ok(path.unwrap_or_else(|| intern!(slf.py(), "/").clone().into_any()))
    }
    #[setter(path)]
    fn set_path(slf: &Bound<'_, Self>, path: &Bound<'_, PyAny>) -> PyResult<()> {
        Self::_set_path(slf, path)
    }
    fn _get_path<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Self::path(slf)
    }
    fn _set_path(slf: &Bound<'_, Self>, path: &Bound<'_, PyAny>) -> PyResult<()> {
        let options = slf.get().options()?;
        let text: String = path.extract()?;
        let attributes = options.settings.attributes(None, &text, None);
        cookies::validate(&options.settings.key, &attributes).into_py(slf.py())?;
        as_dict(slf)?.set_item(intern!(slf.py(), "_path"), path)?;
        call::update_cookie_out(slf, true)
    }

    /// When the browser forgets the cookie, as the option has it.
    #[getter]
    fn cookie_expires(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.with(|state| match &state.cookie_expires {
            Some((own, _)) => own.clone_ref(py),
            None => state.options.cookie_expires.clone_ref(py),
        })
    }
    #[setter]
    fn set_cookie_expires(slf: &Bound<'_, Self>, expires: &Bound<'_, PyAny>) -> PyResult<()> {
        let meant = crate::py::options::cookie_expires_of(expires)?;
        let kept = expires.clone().unbind();
        let _dropped = slf.get().with(|state| state.cookie_expires.replace((kept, meant)))?;
        Ok(())
    }

    /// Seconds without a request after which the session is over; `None` for never.
    #[getter]
    fn timeout<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        option(slf, "timeout", None)
    }
    #[setter]
    fn set_timeout(slf: &Bound<'_, Self>, timeout: &Bound<'_, PyAny>) -> PyResult<()> {
        configure(slf, "timeout", timeout)
    }

    /// Whether the cookie is sent over TLS only.
    #[getter]
    fn secure<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Ok(flag(slf.py(), slf.get().options()?.settings.secure))
    }
    #[setter]
    fn set_secure(slf: &Bound<'_, Self>, secure: &Bound<'_, PyAny>) -> PyResult<()> {
        configure(slf, "secure", secure)?;
        cookie::set_attribute(slf, "secure", secure)
    }

    /// Whether scripts are kept from the cookie.
    #[getter]
    fn httponly<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Ok(flag(slf.py(), slf.get().options()?.settings.http_only))
    }
    #[setter]
    fn set_httponly(slf: &Bound<'_, Self>, httponly: &Bound<'_, PyAny>) -> PyResult<()> {
        configure(slf, "httponly", httponly)?;
        cookie::set_attribute(slf, "httponly", httponly)
    }

    /// The `SameSite` of the cookie, or `None`.
    #[getter]
    fn samesite(&self) -> PyResult<Option<String>> {
        self.with(|state| state.options.settings.same_site.clone())
    }
    #[setter]
    fn set_samesite(slf: &Bound<'_, Self>, samesite: &Bound<'_, PyAny>) -> PyResult<()> {
        configure(slf, "samesite", samesite)?;
        cookie::set_attribute(slf, "samesite", samesite)
    }

    /// The cookie's name.
    #[getter]
    fn key(&self) -> PyResult<String> {
        self.with(|state| state.options.settings.key.clone())
    }
    #[setter]
    fn set_key(slf: &Bound<'_, Self>, key: &Bound<'_, PyAny>) -> PyResult<()> {
        configure(slf, "key", key)
    }

    /// The backend's name.
    #[getter(r#type)]
    fn kind(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.with(|state| state.options.backend.kind.clone_ref(py))
    }

    /// The folder of the file backend, or `None`.
    #[getter]
    fn data_dir<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        option(slf, "data_dir", None)
    }
    #[setter]
    fn set_data_dir(slf: &Bound<'_, Self>, data_dir: &Bound<'_, PyAny>) -> PyResult<()> {
        configure(slf, "data_dir", data_dir)
    }

    /// The backend's class.
    #[getter]
    fn namespace_class(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.with(|state| state.options.backend.namespace_class.clone_ref(py))
    }
    #[setter]
    fn set_namespace_class(slf: &Bound<'_, Self>, class: &Bound<'_, PyAny>) -> PyResult<()> {
        configure(slf, "namespace_class", class)
    }

    /// The keyword arguments of the backend.
    #[getter]
    fn namespace_args(&self, py: Python<'_>) -> PyResult<Py<PyDict>> {
        self.with(|state| state.options.namespace_args.clone_ref(py))
    }

    /// Whether a request that only reads renews the session.
    #[getter]
    fn save_atime(&self) -> PyResult<bool> {
        self.with(|state| state.options.settings.save_accessed_time)
    }
    #[setter]
    fn set_save_atime(slf: &Bound<'_, Self>, save: &Bound<'_, PyAny>) -> PyResult<()> {
        configure(slf, "save_accessed_time", save)
    }

    /// Whether the session is found by, and announced in, a cookie.
    #[getter]
    fn use_cookies(&self) -> PyResult<bool> {
        self.with(|state| state.options.settings.use_cookies)
    }
    #[setter]
    fn set_use_cookies(slf: &Bound<'_, Self>, use_cookies: &Bound<'_, PyAny>) -> PyResult<()> {
        configure(slf, "use_cookies", use_cookies)
    }

    /// Whether a session that cannot be decoded is replaced by a new one.
    #[getter]
    fn invalidate_corrupt(&self) -> PyResult<bool> {
        self.with(|state| state.options.settings.invalidate_corrupt)
    }
    #[setter]
    fn set_invalidate_corrupt(slf: &Bound<'_, Self>, invalidate: &Bound<'_, PyAny>) -> PyResult<()> {
        configure(slf, "invalidate_corrupt", invalidate)
    }

    /// `'pickle'`, `'json'` or an object with `loads` and `dumps`.
    #[getter]
    fn data_serializer<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        option(slf, "data_serializer", "pickle")
    }
    #[setter]
    fn set_data_serializer(slf: &Bound<'_, Self>, serializer: &Bound<'_, PyAny>) -> PyResult<()> {
        configure(slf, "data_serializer", serializer)
    }

    /// The object with `loads` and `dumps`.
    #[getter]
    fn serializer<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let named = option(slf, "data_serializer", "pickle")?;
        let class = match named.cast::<PyString>() {
            Ok(name) if name == "json" => "JsonSerializer",
            Ok(_) => "PickleSerializer",
            Err(_) => return Ok(named),
        };
        py.import("beaker.util")?.getattr(class)?.call0()
    }
    #[setter]
    fn set_serializer(slf: &Bound<'_, Self>, serializer: &Bound<'_, PyAny>) -> PyResult<()> {
        configure(slf, "data_serializer", serializer)
    }

    /// The secret that signs the id in the cookie, or `None`.
    #[getter]
    fn secret<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        option(slf, "secret", None)
    }
    #[setter]
    fn set_secret(slf: &Bound<'_, Self>, secret: &Bound<'_, PyAny>) -> PyResult<()> {
        configure(slf, "secret", secret)
    }

    /// The key that encrypts what is stored, or `None`.
    #[getter]
    fn encrypt_key<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        option(slf, "encrypt_key", None)
    }
    #[setter]
    fn set_encrypt_key(slf: &Bound<'_, Self>, key: &Bound<'_, PyAny>) -> PyResult<()> {
        configure(slf, "encrypt_key", key)
    }

    /// The key that goes into the encryption beside `encrypt_key`, or `None`.
    #[getter]
    fn validate_key<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        option(slf, "validate_key", None)
    }
    #[setter]
    fn set_validate_key(slf: &Bound<'_, Self>, key: &Bound<'_, PyAny>) -> PyResult<()> {
        configure(slf, "validate_key", key)
    }

    /// The random bytes of a nonce, and the characters they take up: a pair.
    #[getter]
    fn encrypt_nonce_size<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let bits = option(slf, "encrypt_nonce_bits", None)?;
        let bits = if bits.is_none() { PyInt::new(py, 128).into_any() } else { bits };
        py.import("beaker.crypto")?.getattr("get_nonce_size")?.call1((bits,))
    }

    /// The module that encrypts, as `beaker.crypto.get_crypto_module` gives it.
    #[getter]
    fn crypto_module<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let name = option(slf, "crypto_type", "default")?;
        slf.py().import("beaker.crypto")?.getattr("get_crypto_module")?.call1((name,))
    }
}
