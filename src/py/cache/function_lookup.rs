//! The results of a decorated function: their keys, and those that are in memory.

use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyInt, PyString, PyTuple};

use super::lookup::CacheLookup;
use crate::cache::{digest, is_longer};
use crate::py::once::intern;

/// The length of a key and its namespace above which the key is hashed.
const KEY_LENGTH: usize = 250;

/// Finds the result of a call by its positional arguments, if it is fresh and in memory.
#[pyclass(frozen, module = "beaker._core")]
pub(crate) struct FunctionLookup {
    names: Py<PyTuple>,
    skipped: usize,
    /// In characters.
    namespace_length: usize,
    options: Py<PyDict>,
    region: Option<Py<PyAny>>,
    cache: Mutex<Option<Py<CacheLookup>>>,
}

#[pymethods]
impl FunctionLookup {
    /// For a function whose keys begin with `names`, and without its `skipped` first arguments. `options` have the
    /// `key_length`; with a `region` they are those of all regions.
    #[new]
    #[pyo3(signature = (names, skipped, namespace, options, region = None))]
    fn new(
        names: Py<PyTuple>,
        skipped: usize,
        namespace: &Bound<'_, PyString>,
        options: Py<PyDict>,
        region: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let namespace_length = namespace.len()?;
        Ok(Self { names, skipped, namespace_length, options, region, cache: Mutex::new(None) })
    }

    /// Finds results in `cache` from now on.
    fn follow(&self, cache: Py<CacheLookup>) {
        let _dropped = self.cache.lock().replace(cache);
    }

    /// The result of the call with these arguments, or this object if it has to be looked up in another way.
    fn find<'py>(slf: &Bound<'py, Self>, args: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let lookup = slf.get();
        let cache = lookup.cache.lock().as_ref().map(|cache| cache.clone_ref(py));
        if let Some(cache) = cache
            && let Some(limit) = lookup.key_length(py)?
            && let Some(text) = lookup.text(args)?
        {
            // What the namespace leaves of the length.
            let key = match limit.checked_sub(lookup.namespace_length) {
                Some(limit) if !is_longer(&text, limit) => text,
                _ => digest(&text),
            };
            if let Some(found) = cache.get().fresh_text(py, &key)? {
                return Ok(found.into_bound(py));
            }
        }
        Ok(slf.clone().into_any())
    }
}

impl FunctionLookup {
    /// The `key_length`, unless it or its region is anything unusual.
    fn key_length(&self, py: Python<'_>) -> PyResult<Option<usize>> {
        let options = self.options.bind(py);
        let of_region;
        let options = match &self.region {
            None => options,
            Some(region) => {
                let Some(found) = options.get_item(region.bind(py))? else { return Ok(None) };
                let Ok(found) = found.cast_into_exact::<PyDict>() else { return Ok(None) };
                of_region = found;
                &of_region
            }
        };
        match options.get_item(intern!(py, "key_length"))? {
            None => Ok(Some(KEY_LENGTH)),
            Some(length) if length.is_exact_instance_of::<PyInt>() => Ok(length.extract().ok()),
            Some(_) => Ok(None),
        }
    }

    /// The texts of the names and arguments, with spaces between them; `None` if one is not Unicode.
    fn text(&self, args: &Bound<'_, PyTuple>) -> PyResult<Option<String>> {
        let names = self.names.bind(args.py()).iter_borrowed();
        let mut text = String::with_capacity(64);
        let mut is_first = true;
        for part in names.chain(args.iter_borrowed().skip(self.skipped)) {
            if !is_first {
                text.push(' ');
            }
            is_first = false;
            if let Ok(part) = part.cast_exact::<PyString>() {
                let Ok(part) = part.to_str() else { return Ok(None) };
                text.push_str(part);
            } else {
                let part = part.str()?;
                let Ok(part) = part.to_str() else { return Ok(None) };
                text.push_str(part);
            }
        }
        Ok(Some(text))
    }
}
