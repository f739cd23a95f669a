//! The SQLite store of the options.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::place::database_file;
use crate::config::Settings;
use crate::py::errors::{self, IntoPyResult};
use crate::py::shared::Shared;
use crate::py::values::given_as;
use crate::store::file::{default_directory, exposure};
use crate::store::sqlite::Database;
use crate::store::{SqliteStore, Store, Sweeper};

/// The store that the options describe. Without a place, the database is in a private folder of this user's, which is
/// named in a warning because the system may empty it at a restart.
pub(crate) fn store(
    given: &Bound<'_, PyDict>,
    namespace_args: &Bound<'_, PyDict>,
    settings: &Settings,
) -> PyResult<Option<Arc<dyn Store>>> {
    let py = given.py();
    let (url, data_dir) =
        (given_as::<String>(namespace_args, "url")?, given_as::<String>(given, "data_dir")?);
    let path = match database_file(url.as_deref(), data_dir.as_deref())? {
        Some(path) => path,
        None => {
            let directory = default_directory().into_py(py)?;
            let shown = directory.to_string_lossy();
            errors::warn(
                py,
                &format!(
                    "neither url nor data_dir is given: sessions are kept in {shown}, which may not outlive a restart of \
                     the machine"
                ),
            )?;
            given.set_item("data_dir", &shown)?;
            database_file(None, Some(&shown))?.unwrap_or_default()
        }
    };
    let database = Database::at(&path, settings.durability).into_py(py)?;
    let folder = database.path().parent().unwrap_or(Path::new("/"));
    if let Some(exposure) = exposure([folder]) {
        errors::warn(
            py,
            &format!(
                "{exposure}: who can replace the database there can put sessions of their own making there"
            ),
        )?;
    }
    let locks = given_as::<String>(namespace_args, "lock_dir")?.map(PathBuf::from);
    let sweeper = settings
        .sweep_interval
        .map(|interval| SWEPT.get((database.path().to_owned(), interval), |_| Ok(Sweeper::new(interval))));
    let store = SqliteStore::new(database).with_locks(locks).with_lifetime(settings.store_ttl(None));
    Ok(Some(Arc::new(store.with_sweeper(sweeper.transpose()?))))
}

/// The sweepers of databases, by interval.
static SWEPT: Shared<(PathBuf, Duration), Sweeper> = Shared::new();
