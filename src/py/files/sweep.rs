//! Sweeping folders by hand.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::py::errors::IntoPyResult;
use crate::py::gil;
use crate::py::values::duration;
use crate::store::file::{Reach, SweepPlan, lease_of};
use crate::store::{FileStore, Sweep, SweepLease, Swept};

/// Some milliseconds of work.
const STEP: usize = 1000;

/// Sweeps the folders of a file store and returns what was removed: `examined`, `expired`, `temporaries`, `locks`
/// and `skipped`. Records are removed whose own expiry has passed. Those that carry none are removed when they have not
/// been used for `lifetime` seconds; so are all others if `every`. With `dry_run` the records are only counted. `None`
/// if another process is sweeping the same folder.
///
/// Raises `StoreUnavailableError` if the folders cannot be read, `ValueError` for a lifetime that is no time.
#[pyfunction]
#[pyo3(signature = (file_dir, lock_dir, lifetime = None, *, every = false, dry_run = false))]
pub(crate) fn sweep_files<'py>(
    py: Python<'py>,
    file_dir: PathBuf,
    lock_dir: PathBuf,
    lifetime: Option<f64>,
    every: bool,
    dry_run: bool,
) -> PyResult<Option<Bound<'py, PyDict>>> {
    let lifetime = lifetime.map(duration).transpose()?;
    let store = FileStore::new(file_dir, lock_dir);
    let lease = if dry_run { None } else { SweepLease::take(&lease_of(store.file_dir())).into_py(py)? };
    // Without a folder there may still be locks, and no other sweep.
    if lease.is_none() && !dry_run && store.file_dir().exists() {
        return Ok(None);
    }
    let reach = if every { Reach::All } else { Reach::Endless };
    let mut sweep = store.sweep_by(SweepPlan { lifetime, reach, dry_run });
    sweep_to_the_end(py, &mut sweep).map(Some)
}

/// Sweeps from the beginning to the end, and returns the counts.
pub(crate) fn sweep_to_the_end<'py>(
    py: Python<'py>,
    sweep: &mut (dyn Sweep + '_),
) -> PyResult<Bound<'py, PyDict>> {
    let mut swept = Swept::default();
    while !swept.finished {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        swept += gil::detached(py, || sweep.step(STEP, now)).into_py(py)?;
        py.check_signals()?;
    }
    let counts = PyDict::new(py);
    for (name, count) in [
        ("examined", swept.examined),
        ("expired", swept.expired),
        ("temporaries", swept.temporaries),
        ("locks", swept.locks),
        ("skipped", swept.skipped),
    ] {
        counts.set_item(name, count)?;
    }
    Ok(counts)
}
