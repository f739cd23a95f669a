//! The file store of the options, and its files by name.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::config::Settings;
use crate::id::SessionId;
use crate::py::errors::{self, IntoPyResult};
use crate::py::shared::Shared;
use crate::py::values::given_as;
use crate::store::file::{default_directory, exposure};
use crate::store::{FileStore, Store, Sweeper, WAIT};

/// The file store that the options describe.
pub(crate) fn store(
    given: &Bound<'_, PyDict>,
    namespace_args: &Bound<'_, PyDict>,
    settings: &Settings,
) -> PyResult<Option<Arc<dyn Store>>> {
    let lifetime = settings.store_ttl(None);
    let store =
        file_store(given, namespace_args)?.with_lifetime(lifetime).with_durability(settings.durability);
    let sweeper = settings.sweep_interval.map(|interval| {
        SWEPT.get((store.file_dir().to_owned(), interval, lifetime), |_| Ok(Sweeper::new(interval)))
    });
    Ok(Some(Arc::new(store.with_sweeper(sweeper.transpose()?))))
}

/// The sweepers of folders, by interval and the lifetime of records.
static SWEPT: Shared<(PathBuf, Duration, Option<Duration>), Sweeper> = Shared::new();

/// The folders are those of the options; without any, a private one of this user's, which is named in a warning
/// because the system may empty it at a restart.
fn file_store(given: &Bound<'_, PyDict>, namespace_args: &Bound<'_, PyDict>) -> PyResult<FileStore> {
    let py = given.py();
    let files = given_as::<String>(namespace_args, "file_dir")?;
    let locks = given_as::<String>(namespace_args, "lock_dir")?;
    let data = match given_as::<String>(given, "data_dir")? {
        Some(data) => PathBuf::from(data),
        None if files.is_some() && locks.is_some() => PathBuf::new(),
        None => {
            let directory = default_directory().into_py(py)?;
            errors::warn(
                py,
                &format!(
                    "no data_dir is given: sessions are kept in {}, which may not outlive a restart of the machine",
                    directory.display()
                ),
            )?;
            given.set_item("data_dir", directory.to_string_lossy())?;
            directory
        }
    };
    let files = files.map_or_else(|| data.join("container_file"), PathBuf::from);
    let locks = locks.map_or_else(|| data.join("container_file_lock"), PathBuf::from);
    if let Some(exposure) = exposure([&*data, &*files, &*locks]) {
        errors::warn(
            py,
            &format!("{exposure}: who can put files there can put sessions of their own making there"),
        )?;
    }
    Ok(FileStore::new(files, locks))
}

/// The private folder of this user under the system's temporary one, which is made if need be.
///
/// Raises `StoreUnavailableError` if it is not there and private and cannot be made so.
#[pyfunction]
pub(crate) fn private_data_dir(py: Python<'_>) -> PyResult<String> {
    Ok(default_directory().into_py(py)?.to_string_lossy().into_owned())
}

/// The files of an id below `file_dir`, with the locks in `lock_dir`: the one that has its record, or would have it;
/// the one that is written to; and the one that no other id has.
#[pyfunction]
pub(crate) fn files_of(file_dir: PathBuf, lock_dir: PathBuf, session_id: &str) -> [OsString; 3] {
    FileStore::new(file_dir, lock_dir)
        .files(&SessionId::from_program(session_id).into(), WAIT)
        .map(PathBuf::into_os_string)
}

/// Has another id's record leave the file that is named after the id, whose lock the caller has.
///
/// Raises `StoreUnavailableError` if it cannot.
#[pyfunction]
pub(crate) fn clear_file(
    py: Python<'_>,
    file_dir: PathBuf,
    lock_dir: PathBuf,
    session_id: &str,
) -> PyResult<()> {
    FileStore::new(file_dir, lock_dir).clear(&SessionId::from_program(session_id).into(), WAIT).into_py(py)
}
