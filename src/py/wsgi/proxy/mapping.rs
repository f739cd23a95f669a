//! The proxy as a `MutableMapping`: every operation is the session's.

use pyo3::basic::CompareOp;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use super::class::SessionObject;
use super::late::watched;
use super::make::{plain, session};
use crate::py::session::Session;

fn call<'py>(
    slf: &Bound<'py, SessionObject>,
    name: &str,
    args: impl pyo3::call::PyCallArgs<'py>,
) -> PyResult<Bound<'py, PyAny>> {
    session(slf)?.call_method1(name, args)
}

fn change<'py>(
    slf: &Bound<'py, SessionObject>,
    name: &str,
    args: impl pyo3::call::PyCallArgs<'py>,
) -> PyResult<Bound<'py, PyAny>> {
    watched(slf, None, || call(slf, name, args))
}

/// The operand of a comparison or a union: the session of a proxy, anything else as it is.
fn operand<'py>(other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    if let Ok(proxy) = other.cast::<SessionObject>() { session(proxy) } else { Ok(other.clone()) }
}

#[pymethods]
impl SessionObject {
    fn __getitem__<'py>(slf: &Bound<'py, Self>, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let session = session(slf)?;
        match plain(&session) {
            Some(session) => Session::__getitem__(session, key),
            None => session.get_item(key),
        }
    }

    fn __setitem__(slf: &Bound<'_, Self>, key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        watched(slf, Some(value), || session(slf)?.set_item(key, value))
    }

    fn __delitem__(slf: &Bound<'_, Self>, key: &Bound<'_, PyAny>) -> PyResult<()> {
        watched(slf, None, || session(slf)?.del_item(key))
    }

    fn __contains__(slf: &Bound<'_, Self>, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        session(slf)?.contains(key)
    }

    fn __iter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        session(slf)?.try_iter().map(Bound::into_any)
    }

    fn __reversed__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        call(slf, "__reversed__", ())
    }

    fn __len__(slf: &Bound<'_, Self>) -> PyResult<usize> {
        session(slf)?.len()
    }

    fn __bool__(slf: &Bound<'_, Self>) -> PyResult<bool> {
        session(slf)?.is_truthy()
    }

    fn __repr__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyString>> {
        session(slf)?.repr()
    }

    fn __richcmp__<'py>(
        slf: &Bound<'py, Self>,
        other: &Bound<'py, PyAny>,
        op: CompareOp,
    ) -> PyResult<Bound<'py, PyAny>> {
        if slf.is(other) && matches!(op, CompareOp::Eq) {
            return Ok(pyo3::types::PyBool::new(slf.py(), true).to_owned().into_any());
        }
        session(slf)?.rich_compare(operand(other)?, op)
    }

    // Programs keep proxies in sets and as keys; there each is itself.
    fn __hash__(slf: &Bound<'_, Self>) -> usize {
        slf.as_ptr() as usize >> 4
    }

    fn __or__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        session(slf)?.bitor(operand(other)?)
    }

    fn __ror__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        operand(other)?.bitor(session(slf)?)
    }

    fn __ior__(slf: &Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<()> {
        change(slf, "update", (operand(other)?,)).map(drop)
    }

    /// The session's content as a plain dictionary.
    fn copy<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        call(slf, "copy", ())
    }

    fn __copy__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        call(slf, "copy", ())
    }

    fn __deepcopy__<'py>(slf: &Bound<'py, Self>, memo: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let copied = call(slf, "copy", ())?;
        slf.py().import("copy")?.getattr("deepcopy")?.call1((copied, memo))
    }

    /// Whether there is a key of that name.
    fn has_key(slf: &Bound<'_, Self>, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        session(slf)?.contains(key)
    }

    /// The value under `key`, or `default`.
    #[pyo3(signature = (key, default = None))]
    fn get<'py>(
        slf: &Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let session = session(slf)?;
        match plain(&session) {
            Some(session) => Session::get(session, key, default),
            None => session.call_method1("get", (key, default)).map(Some),
        }
    }

    /// A view of the keys.
    fn keys<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        call(slf, "keys", ())
    }

    /// A view of the keys and values.
    fn items<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        call(slf, "items", ())
    }

    /// A view of the values.
    fn values<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        call(slf, "values", ())
    }

    /// The value under `key`, which is set to `default` if there is none.
    #[pyo3(signature = (key, default = None))]
    fn setdefault<'py>(
        slf: &Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        change(slf, "setdefault", (key, default))
    }

    /// Removes `key` and returns its value; without such a key, `default` or a `KeyError`.
    #[pyo3(signature = (key, *default))]
    fn pop<'py>(
        slf: &Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
        default: &Bound<'py, PyTuple>,
    ) -> PyResult<Bound<'py, PyAny>> {
        match default.iter().next() {
            _ if default.len() > 1 => Err(PyTypeError::new_err("pop takes one default")),
            Some(default) => change(slf, "pop", (key, default)),
            None => change(slf, "pop", (key,)),
        }
    }

    /// Removes the last key and returns it with its value.
    fn popitem<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        change(slf, "popitem", ())
    }

    /// Removes everything but the domain and the path of the cookie.
    fn clear(slf: &Bound<'_, Self>) -> PyResult<()> {
        change(slf, "clear", ()).map(drop)
    }

    /// Sets many keys at once.
    #[pyo3(signature = (*args, **kwargs))]
    fn update(
        slf: &Bound<'_, Self>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        let args = args.iter().map(|argument| operand(&argument)).collect::<PyResult<Vec<_>>>()?;
        let args = PyTuple::new(slf.py(), args)?;
        watched(slf, None, || session(slf)?.call_method("update", args, kwargs).map(drop))
    }
}
