//! The attributes of a session that show its options.
//!
//! Such an attribute reads the option; setting it gives this session options of its own.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyInt, PyString};

use super::class::Session;
use super::cookie;
use super::record::namespaces;
use crate::py::errors::ConfigurationError;
use crate::py::once::intern;

/// Sets an option of this session alone.
pub(super) fn configure(session: &Bound<'_, Session>, name: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let options = session.get().options()?.with(session.py(), name, value)?;
    let _dropped = session.get().with(|state| {
        // The namespace that the program has locked has to be the one that it unlocks.
        let namespaces = if state.hold.is_some() { None } else { state.namespaces.take() };
        (std::mem::replace(&mut state.options, options), namespaces, state.store.take())
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

/// What a program set on this session and no option has.
fn attributes<'py>(session: &Bound<'py, Session>) -> PyResult<Bound<'py, PyDict>> {
    Ok(session.getattr(intern!(session.py(), "__dict__"))?.cast_into::<PyDict>()?)
}

fn flag(py: Python<'_>, flag: bool) -> Bound<'_, PyAny> {
    PyBool::new(py, flag).to_owned().into_any()
}

#[pymethods]
impl Session {
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

    /// The backend's name. Setting it changes what it shows and nothing else: a session keeps its backend.
    #[getter(r#type)]
    fn kind<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        match attributes(slf)?.get_item(intern!(py, "type"))? {
            Some(shown) => Ok(shown),
            None => Ok(slf.get().options()?.backend()?.kind.bind(py).clone()),
        }
    }
    #[setter(r#type)]
    fn set_kind(slf: &Bound<'_, Self>, kind: &Bound<'_, PyAny>) -> PyResult<()> {
        attributes(slf)?.set_item(intern!(slf.py(), "type"), kind)
    }

    /// The folder of the file backend, or `None`.
    #[getter]
    fn data_dir<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        option(slf, "data_dir", None)
    }
    #[setter]
    fn set_data_dir(slf: &Bound<'_, Self>, data_dir: &Bound<'_, PyAny>) -> PyResult<()> {
        if let Ok(backend) = slf.get().options()?.backend() {
            // A session keeps its backend, which a folder would choose if no option did.
            configure(slf, "type", backend.kind.bind(slf.py()))?;
        }
        configure(slf, "data_dir", data_dir)
    }

    /// The backend's class.
    #[getter]
    fn namespace_class(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Ok(self.options()?.backend()?.namespace_class.clone_ref(py))
    }
    #[setter]
    fn set_namespace_class(slf: &Bound<'_, Self>, class: &Bound<'_, PyAny>) -> PyResult<()> {
        configure(slf, "namespace_class", class)
    }

    /// The keyword arguments of the backend.
    #[getter]
    fn namespace_args<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyDict>> {
        namespaces(slf)?.arguments(slf.py())
    }
    #[setter]
    fn set_namespace_args(slf: &Bound<'_, Self>, arguments: &Bound<'_, PyDict>) -> PyResult<()> {
        namespaces(slf)?.set_arguments(arguments.clone().unbind());
        Ok(())
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
    #[setter]
    fn set_encrypt_nonce_size(slf: &Bound<'_, Self>, size: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        let module = py.import("beaker.crypto")?;
        let bits = match size.extract::<(u32, u32)>() {
            Ok((bytes, _)) => bytes.saturating_mul(8),
            Err(_) => 0,
        };
        if !module.getattr("get_nonce_size")?.call1((bits,))?.eq(size)? {
            return Err(ConfigurationError::new_err(
                "encrypt_nonce_size must be a pair that beaker.crypto.get_nonce_size gives",
            ));
        }
        configure(slf, "encrypt_nonce_bits", bits.into_pyobject(py)?.as_any())
    }

    /// The module that encrypts, as `beaker.crypto.get_crypto_module` gives it.
    #[getter]
    fn crypto_module<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let name = option(slf, "crypto_type", "default")?;
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
