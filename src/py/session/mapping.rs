//! Reading a session as a dictionary.
//!
//! A program that gets a list out of its session may change it in place. Beaker stores that change, because its copy of
//! the loaded data is shallow. So every way to get a value notes whether the value is mutable: only then is there
//! anything to look for when the request ends.

use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::class::{Session, as_dict, is_exact, plain};
use super::{configurable, content};
use crate::py::once::intern;

/// Notes that the program got `value`.
pub(crate) fn note(session: &Bound<'_, Session>, value: &Bound<'_, PyAny>) -> PyResult<()> {
    if content::is_mutable(value) {
        session.get().with(|state| state.snapshots.maybe_mutated = true)?;
    }
    Ok(())
}

/// Notes that the program got every value.
fn note_all(session: &Bound<'_, Session>) -> PyResult<()> {
    if as_dict(session)?.iter().any(|(_, value)| content::is_mutable(&value)) {
        session.get().with(|state| state.snapshots.maybe_mutated = true)?;
    }
    Ok(())
}

/// The value under `key`, if there is one.
fn look_up<'py>(
    session: &Bound<'py, Session>,
    key: &Bound<'py, PyAny>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let found = as_dict(session)?.get_item(key)?;
    if let Some(value) = &found {
        note(session, value)?;
    }
    Ok(found)
}

fn missing(key: &Bound<'_, PyAny>) -> PyErr {
    PyKeyError::new_err((key.clone().unbind(),))
}

/// The method of `dict` itself, on the session.
fn dict_method<'py>(session: &Bound<'py, Session>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    session.py().get_type::<PyDict>().getattr(name)?.call1((session,))
}

#[pymethods]
impl Session {
    pub(crate) fn __getitem__<'py>(
        slf: &Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        match look_up(slf, key)? {
            Some(value) => Ok(value),
            None if !is_exact(slf) && slf.hasattr(intern!(slf.py(), "__missing__"))? => {
                slf.call_method1(intern!(slf.py(), "__missing__"), (key,))
            }
            None => Err(missing(key)),
        }
    }

    // `dict(s)` and `{**s}` get each value through `__getitem__` only if iteration is not the built-in one.
    fn __iter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        dict_method(slf, "keys")?.try_iter().map(Bound::into_any)
    }

    /// The value under `key`, or `default`.
    #[pyo3(signature = (key, default = None, /))]
    pub(crate) fn get<'py>(
        slf: &Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(look_up(slf, key)?.or(default))
    }

    /// The value under `key`, which is set to `default` if there is none.
    #[pyo3(signature = (key, default = None, /))]
    pub(crate) fn setdefault<'py>(
        slf: &Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        if let Some(value) = look_up(slf, key)? {
            return Ok(Some(value));
        }
        slf.set_item(key, &default)?;
        Ok(default)
    }

    /// Removes `key` and returns its value; without such a key, `default` or a `KeyError`.
    #[pyo3(signature = (key, /, *default))]
    pub(crate) fn pop<'py>(
        slf: &Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
        default: &Bound<'py, pyo3::types::PyTuple>,
    ) -> PyResult<Bound<'py, PyAny>> {
        match look_up(slf, key)? {
            Some(value) => {
                slf.del_item(key)?;
                Ok(value)
            }
            None if default.len() > 1 => Err(pyo3::exceptions::PyTypeError::new_err("pop takes one default")),
            None => default.iter().next().ok_or_else(|| missing(key)),
        }
    }

    /// Removes the last key and returns it with its value.
    fn popitem<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        note_all(slf)?;
        dict_method(slf, "popitem")
    }

    /// A view of the keys and values.
    pub(crate) fn items<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        note_all(slf)?;
        dict_method(slf, "items")
    }

    /// A view of the values.
    pub(crate) fn values<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        note_all(slf)?;
        dict_method(slf, "values")
    }

    /// The session's content as a plain dictionary.
    pub(crate) fn copy<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyDict>> {
        note_all(slf)?;
        plain(slf)
    }

    /// Removes everything but the domain and the path of the cookie.
    #[pyo3(name = "clear")]
    fn py_clear(slf: &Bound<'_, Self>) -> PyResult<()> {
        configurable::clear(slf.as_super())?;
        // A subclass may clear the session before `__init__`.
        let mut state = slf.get().fields();
        if let Some(state) = state.as_mut() {
            state.life.clear();
        }
        Ok(())
    }

    // A copy of a session, shallow or deep, is its content: there is one object that stands for the record.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyDict>,))> {
        Ok((slf.py().get_type::<PyDict>().into_any(), (Self::copy(slf)?,)))
    }

    fn __or__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        Self::copy(slf)?.into_any().bitor(other)
    }

    fn __ror__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        other.bitor(Self::copy(slf)?)
    }
}
