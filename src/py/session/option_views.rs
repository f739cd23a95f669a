//! The attributes of a session that Beaker makes from its options.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use super::class::Session;
use super::option_attributes::configure;
use super::record::namespaces;
use crate::config::known;
use crate::py::errors::ConfigurationError;

#[pymethods]
impl Session {
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
