//! Values of a file of a cache that were read before, for as long as it is the same file.
//!
//! A writer of such a file replaces it by a new one, so the same file has the same contents. But the new file may look like
//! the old one if both were written within one tick of the file system's clock. So no value counts until the file was seen
//! unchanged for a while and was then read again. A later file has a later time, unless the clock is set back to the same
//! nanosecond.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::py::files::{Stamp, read_stamped};
use crate::py::once::Once;
use crate::py::values::duration;

/// The most bytes that the values of one file take here.
const MOST_BYTES: usize = 1 << 20;

/// A value that was read from a file.
pub(super) enum Form {
    /// Nobody can change it, so all readers may have it.
    Constant(Py<PyAny>),
    /// A pickle, from which each reader gets a value of its own.
    Pickle(Py<PyBytes>),
}

impl Form {
    fn clone_ref(&self, py: Python<'_>) -> Self {
        match self {
            Self::Constant(value) => Self::Constant(value.clone_ref(py)),
            Self::Pickle(data) => Self::Pickle(data.clone_ref(py)),
        }
    }

    /// The value for one reader.
    pub(super) fn into_value(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        static LOADS: Once<Py<PyAny>> = Once::new();
        match self {
            Self::Constant(value) => Ok(value),
            Self::Pickle(data) => Ok(LOADS.import(py, "pickle", "loads")?.call1((data,))?.unbind()),
        }
    }
}

/// A value, when it was stored, and for how many seconds it is fresh.
struct Kept {
    stored: f64,
    expires: Option<f64>,
    form: Form,
}

/// The file as it was read.
struct Seen {
    stamp: Stamp,
    since: Instant,
    is_settled: bool,
    values: HashMap<Vec<u8>, Kept>,
    bytes: usize,
}

/// The values of one file, which counts when it was unchanged for `settling` seconds.
#[pyclass(frozen, module = "beaker._core")]
pub(crate) struct FileValues {
    path: PathBuf,
    settling: Duration,
    seen: Mutex<Option<Seen>>,
}

#[pymethods]
impl FileValues {
    #[new]
    fn new(path: PathBuf, settling: f64) -> PyResult<Self> {
        Ok(Self { path, settling: duration(settling)?, seen: Mutex::new(None) })
    }

    /// Reads the file. Returns its contents, and whether values of it may be kept. Raises `OSError`.
    fn read<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyBytes>, bool)> {
        let (contents, stamp) = read_stamped(py, &self.path)?;
        let now = Instant::now();
        let mut noted = self.seen.lock();
        let mut replaced = None;
        let is_settled = match &mut *noted {
            Some(seen) if seen.stamp == stamp => {
                seen.is_settled |= now.duration_since(seen.since) >= self.settling;
                seen.is_settled
            }
            other => {
                let values = HashMap::new();
                replaced = other.replace(Seen { stamp, since: now, is_settled: false, values, bytes: 0 });
                false
            }
        };
        drop(noted);
        drop(replaced);
        Ok((PyBytes::new(py, &contents), is_settled))
    }

    /// Keeps a value of the file as it was last read: the value, if nobody can change it, or else its pickle in `data`.
    /// Does nothing if there is no room.
    fn keep(
        &self,
        key: &[u8],
        stored: f64,
        expires: Option<f64>,
        data: Bound<'_, PyBytes>,
        value: Option<Py<PyAny>>,
    ) {
        let size = key.len().saturating_add(data.as_bytes().len());
        let form = value.map_or_else(|| Form::Pickle(data.unbind()), Form::Constant);
        let mut noted = self.seen.lock();
        let Some(seen) = noted.as_mut().filter(|seen| seen.is_settled) else { return };
        let bytes = seen.bytes.saturating_add(size);
        if bytes <= MOST_BYTES && !seen.values.contains_key(key) {
            seen.bytes = bytes;
            seen.values.insert(key.to_vec(), Kept { stored, expires, form });
        }
    }

    /// Drops all values, because the file is about to be written.
    fn forget(&self) {
        let _dropped = self.seen.lock().take();
    }
}

impl FileValues {
    /// The value of a key and the end of its freshness, if it is kept and the file is the same. One from before `start`
    /// is not fresh at all.
    pub(super) fn find(&self, py: Python<'_>, key: &[u8], start: Option<f64>) -> Option<(Form, Option<f64>)> {
        let (stamp, stored, expires, form) = {
            let noted = self.seen.lock();
            let seen = noted.as_ref()?;
            let kept = seen.values.get(key)?;
            (seen.stamp, kept.stored, kept.expires, kept.form.clone_ref(py))
        };
        let is_early = start.is_some_and(|start| stored < start);
        // The name is looked at last, so that the value is that of a moment of this call.
        (!is_early && stamp.is_still_at(py, &self.path))
            .then(|| (form, expires.map(|expires| stored + expires)))
    }
}
