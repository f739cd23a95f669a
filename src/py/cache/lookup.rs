//! The base class of `beaker.cache.Cache`: finds a fresh value in memory, and stores one.

use std::borrow::Cow;

use parking_lot::Mutex;
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString, PyTuple};

use super::counter::Counter;
use super::file_values::FileValues;
use super::stored::{Values, find, is_over, namespaces, now, put};
use crate::cache::{Margins, escaped};
use crate::py::at_exit;
use crate::py::once::intern;

/// Looks values up in memory and stores them there. Everything else is left to `_look_up` and `_store` of the subclass.
#[pyclass(frozen, subclass, module = "beaker._core")]
pub(crate) struct CacheLookup {
    followed: Mutex<Followed>,
}

/// What a cache may do by itself.
#[derive(Default)]
struct Followed {
    /// The namespace, if values are looked up in it.
    values: Option<Values>,
    /// Whether values are stored there, too.
    stores: bool,
    /// Counts the values that are found.
    hits: Option<Counter>,
    /// The values of a file in which values are looked up.
    file: Option<Py<FileValues>>,
}

#[pymethods]
impl CacheLookup {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self { followed: Mutex::default() }
    }

    /// Looks values up in a namespace in memory from now on, or in none. `stores` says whether `put` stores them there.
    /// `hits` counts those that are found.
    #[pyo3(signature = (namespace, stores = true, hits = None))]
    fn _follow(&self, namespace: Option<&str>, stores: bool, hits: Option<Counter>) {
        let values = namespace.map(|name| namespaces().open(name));
        let followed = Followed { values, stores, hits, file: None };
        let _dropped = std::mem::replace(&mut *self.followed.lock(), followed);
    }

    /// Looks values up in those of a file from now on, or in none.
    fn _follow_file(&self, values: Option<Py<FileValues>>) {
        let _dropped = std::mem::replace(&mut self.followed.lock().file, values);
    }

    /// The fresh value of `key`.
    ///
    /// If there is none, `createfunc` in `kw` makes it, and one thread or process at a time calls that. Raises `KeyError`
    /// if there is no `createfunc`. `expiretime` and `starttime` in `kw` replace the cache's own.
    #[pyo3(
        signature = (key, *, createfunc = Given(None), expiretime = Given(None), starttime = Given(None), **kw),
        text_signature = "($self, key, **kw)"
    )]
    fn get<'py>(
        slf: &Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
        createfunc: Given<'py>,
        expiretime: Given<'py>,
        starttime: Given<'py>,
        kw: Option<Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        // The other two only count when a value is made.
        if kw.is_none()
            && let Some(start) = starttime.as_moment()
            && let Some(found) = slf.get().fresh(key, start)?
        {
            return Ok(found.into_bound(py));
        }
        let kw = kw.unwrap_or_else(|| PyDict::new(py));
        let named = [
            (intern!(py, "createfunc"), createfunc),
            (intern!(py, "expiretime"), expiretime),
            (intern!(py, "starttime"), starttime),
        ];
        for (name, given) in named {
            if let Given(Some(value)) = given {
                kw.set_item(name, value)?;
            }
        }
        let _call = at_exit::begin_call(py);
        slf.call_method(intern!(py, "_look_up"), (key,), Some(&kw))
    }

    fn __getitem__<'py>(slf: &Bound<'py, Self>, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        match slf.get().fresh(key, None)? {
            Some(found) => Ok(found.into_bound(slf.py())),
            // A subclass may have a `get` of its own.
            None => {
                let _call = at_exit::begin_call(slf.py());
                slf.call_method1(intern!(slf.py(), "get"), (key,))
            }
        }
    }

    /// Stores `value` under `key`. `expiretime` in `kw` replaces the cache's own.
    #[pyo3(signature = (key, value, **kw))]
    fn put<'py>(
        slf: &Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
        value: &Bound<'py, PyAny>,
        kw: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<()> {
        let py = slf.py();
        let values = {
            let followed = slf.get().followed.lock();
            followed.values.clone().filter(|_| followed.stores)
        };
        if let (Some(values), None, Some(key)) = (values, kw, native(key)) {
            let expires = slf.getattr(intern!(py, "expiretime"))?;
            return put(
                &values,
                &key,
                PyTuple::new(py, [now(py)?.into_bound_py_any(py)?, expires, value.clone()])?.as_any(),
                Margins::default(),
            );
        }
        let _call = at_exit::begin_call(py);
        slf.call_method(intern!(py, "_store"), (key, value), kw)?;
        Ok(())
    }
}

impl CacheLookup {
    /// The fresh value of a key, if it is in memory.
    fn fresh(&self, key: &Bound<'_, PyAny>, start: Option<f64>) -> PyResult<Option<Py<PyAny>>> {
        self.fresh_bytes(key.py(), native(key).as_deref(), start)
    }

    /// The same for a key that is text.
    pub(super) fn fresh_text(&self, py: Python<'_>, key: &str) -> PyResult<Option<Py<PyAny>>> {
        self.fresh_bytes(py, Some(&escaped(key)), None)
    }

    fn fresh_bytes(
        &self,
        py: Python<'_>,
        key: Option<&[u8]>,
        start: Option<f64>,
    ) -> PyResult<Option<Py<PyAny>>> {
        let Some(key) = key else { return Ok(None) };
        let (found, hits, file) = {
            let followed = self.followed.lock();
            let found = followed.values.as_ref().and_then(|values| find(py, values, key, start));
            (found, followed.hits.clone(), followed.file.as_ref().map(|file| file.clone_ref(py)))
        };
        // A look at the file may take a while, and the clock may be the program's, so no lock is held.
        if let Some(file) = file {
            return match file.get().find(py, key, start) {
                Some((form, end)) if !is_over(py, end)? => form.into_value(py).map(Some),
                _ => Ok(None),
            };
        }
        match found {
            Some((value, end)) if !is_over(py, end)? => {
                if let Some(hits) = hits {
                    hits.add(1);
                }
                Ok(Some(value))
            }
            _ => Ok(None),
        }
    }
}

/// A key as it is stored, if it is text or bytes. A lone surrogate has no UTF-8.
fn native<'a>(key: &'a Bound<'_, PyAny>) -> Option<Cow<'a, [u8]>> {
    if let Ok(text) = key.cast_exact::<PyString>() {
        return text.to_str().ok().map(escaped);
    }
    key.cast_exact::<PyBytes>().ok().map(|bytes| Cow::Borrowed(bytes.as_bytes()))
}

/// An argument, if it was given.
struct Given<'py>(Option<Bound<'py, PyAny>>);

impl<'a, 'py> FromPyObject<'a, 'py> for Given<'py> {
    type Error = PyErr;

    fn extract(given: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        Ok(Self(Some(given.to_owned())))
    }
}

impl Given<'_> {
    /// The moment that is meant, if there is one; `None` for what is no moment.
    fn as_moment(&self) -> Option<Option<f64>> {
        if let Some(given) = &self.0 { given.extract().ok() } else { Some(None) }
    }
}
