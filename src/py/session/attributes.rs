//! The attributes of a session that programs read and set.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use super::class::{Session, as_dict};
use super::option_attributes::configure;
use super::{call, content, cookie, cookie_scope, record};
use crate::config::known;
use crate::id::SessionId;
use crate::py::errors::ConfigurationError;
use crate::py::ids;
use crate::py::once::intern;

#[pymethods]
impl Session {
    /// The session's id: a bearer secret.
    #[getter]
    fn id(&self) -> PyResult<String> {
        self.with(|state| state.life.id().as_str().to_owned())
    }
    #[setter]
    fn set_id(&self, id: &Bound<'_, PyAny>) -> PyResult<()> {
        let id = SessionId::from_program(ids::text_of(id)?);
        self.with(|state| state.life.turn_to(id))
    }

    /// Whether there was no such session before this request.
    #[getter]
    fn is_new(&self) -> PyResult<bool> {
        self.with(|state| state.life.is_new())
    }
    #[setter]
    fn set_is_new(&self, is_new: &Bound<'_, PyAny>) -> PyResult<()> {
        let is_new = is_new.is_truthy()?;
        self.with(|state| state.life.set_new(is_new))
    }

    /// Whether a session was ended in this request, by a program or by its timeout, and replaced by this one.
    #[getter]
    fn was_invalidated(&self) -> PyResult<bool> {
        self.with(|state| state.life.was_invalidated())
    }
    #[setter]
    fn set_was_invalidated(&self, was_invalidated: &Bound<'_, PyAny>) -> PyResult<()> {
        let was_invalidated = was_invalidated.is_truthy()?;
        self.with(|state| state.life.set_invalidated(was_invalidated))
    }

    /// When the session began, in seconds since the epoch.
    #[getter]
    fn created<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        as_dict(slf)?.as_any().get_item(intern!(slf.py(), "_creation_time"))
    }

    /// When the session was used before this request, in seconds since the epoch; `None` for a new one.
    #[getter]
    fn last_accessed<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.with(|state| state.snapshots.last_accessed(py))
    }
    #[setter]
    fn set_last_accessed(&self, time: Option<Py<PyAny>>) -> PyResult<()> {
        let _dropped = self.with(|state| state.snapshots.set_last_accessed(time))?;
        Ok(())
    }

    /// The session as it was loaded, to which `revert()` goes back.
    #[getter(accessed_dict)]
    fn py_accessed_dict<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let loaded = content::loaded(slf)?;
        slf.get().set_accessed_dict(loaded.clone().unbind())?;
        Ok(loaded)
    }
    #[setter(accessed_dict)]
    fn set_accessed_dict(&self, dict: Py<PyAny>) -> PyResult<()> {
        let _dropped = self.with(|state| {
            state.snapshots.maybe_mutated = true;
            state.snapshots.set_loaded(Some(dict))
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
        let _dropped = self.with(|state| state.cookie.set_object(cookie))?;
        Ok(())
    }

    /// The backend's view of the session's record: a `NamespaceManager`.
    #[getter(namespace)]
    fn py_namespace<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        record::namespace(slf)
    }
    #[setter(namespace)]
    fn set_namespace(slf: &Bound<'_, Self>, namespace: &Bound<'_, PyAny>) -> PyResult<()> {
        let id = slf.get().current_id()?;
        let key = record::key(slf, &id)?;
        record::namespaces(slf)?.replace(key.record(), namespace.clone().unbind());
        Ok(())
    }

    /// The `Domain` of the session's cookie, or `None`. Setting it sends the cookie.
    #[getter(domain)]
    fn domain<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        cookie_scope::domain(slf)
    }
    #[setter(domain)]
    fn set_domain(slf: &Bound<'_, Self>, domain: &Bound<'_, PyAny>) -> PyResult<()> {
        Self::_set_domain(slf, domain)
    }
    fn _get_domain<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        cookie_scope::domain(slf)
    }
    fn _set_domain(slf: &Bound<'_, Self>, domain: &Bound<'_, PyAny>) -> PyResult<()> {
        cookie::set_domain(slf, domain)?;
        call::update_cookie_out(slf, true)
    }

    /// The `Path` of the session's cookie. Setting it sends the cookie.
    #[getter(path)]
    fn path<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        cookie_scope::path(slf)
    }
    #[setter(path)]
    fn set_path(slf: &Bound<'_, Self>, path: &Bound<'_, PyAny>) -> PyResult<()> {
        Self::_set_path(slf, path)
    }
    fn _get_path<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        cookie_scope::path(slf)
    }
    fn _set_path(slf: &Bound<'_, Self>, path: &Bound<'_, PyAny>) -> PyResult<()> {
        cookie::set_path(slf, path)?;
        call::update_cookie_out(slf, true)
    }

    /// When the browser forgets the cookie, as the option has it.
    #[getter]
    fn cookie_expires<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.with(|state| state.cookie.expires(py, &state.options))
    }
    #[setter]
    fn set_cookie_expires(slf: &Bound<'_, Self>, expires: &Bound<'_, PyAny>) -> PyResult<()> {
        cookie::set_expires(slf, expires).map(drop)
    }

    /// The keyword arguments of the backend.
    #[getter]
    fn namespace_args<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyDict>> {
        record::namespaces(slf)?.arguments(slf.py())
    }
    #[setter]
    fn set_namespace_args(slf: &Bound<'_, Self>, arguments: &Bound<'_, PyDict>) -> PyResult<()> {
        record::namespaces(slf)?.set_arguments(arguments.clone().unbind());
        Ok(())
    }

    /// The object with `loads` and `dumps`.
    #[getter]
    fn serializer<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let named = slf.get().options()?.value(py, known!("data_serializer"))?;
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

    /// The random bytes of a nonce, and the characters they take up: a pair.
    #[getter]
    fn encrypt_nonce_size<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let bits = slf.get().options()?.value(slf.py(), known!("encrypt_nonce_bits"))?;
        nonce_size(&bits)
    }
    #[setter]
    fn set_encrypt_nonce_size(slf: &Bound<'_, Self>, size: &Bound<'_, PyAny>) -> PyResult<()> {
        let bits = match size.extract::<(u32, u32)>() {
            Ok((bytes, _)) => bytes.saturating_mul(8),
            Err(_) => 0,
        };
        let bits = bits.into_pyobject(slf.py())?.into_any();
        if !nonce_size(&bits)?.eq(size)? {
            return Err(ConfigurationError::new_err(
                "encrypt_nonce_size must be a pair that beaker.crypto.get_nonce_size gives",
            ));
        }
        configure(slf, "encrypt_nonce_bits", &bits)
    }

    /// The module that encrypts, as `beaker.crypto.get_crypto_module` gives it.
    #[getter]
    fn crypto_module<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let name = slf.get().options()?.value(slf.py(), known!("crypto_type"))?;
        slf.py().import("beaker.crypto")?.getattr("get_crypto_module")?.call1((name,))
    }
    #[setter]
    fn set_crypto_module(slf: &Bound<'_, Self>, module: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        for (known, name) in [("pyca_cryptography", "cryptography"), ("pycrypto", "pycryptodome")] {
            if py.import("beaker.crypto")?.getattr(known)?.is(module) {
                return configure(slf, "crypto_type", PyString::new(py, name).as_any());
            }
        }
        Err(ConfigurationError::new_err(
            "crypto_module must be beaker.crypto.pyca_cryptography or beaker.crypto.pycrypto: sessions are \
             encrypted without Python",
        ))
    }
}

fn nonce_size<'py>(bits: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    bits.py().import("beaker.crypto")?.getattr("get_nonce_size")?.call1((bits,))
}
