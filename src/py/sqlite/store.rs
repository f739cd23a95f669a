//! The SQLite store of the options.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::place::database_file;
use crate::config::Settings;
use crate::py::errors::{self, IntoPyResult};
use crate::store::file::{default_directory, exposure};
use crate::store::sqlite::Database;
use crate::store::{SqliteStore, Store, Sweeper};

/// The store that the options describe. Without a place, the database is in a private folder of this user's, which is
/// named in a warning because the system may empty it at a restart.
pub(crate) fn store(
    given: &Bound<'_, PyDict>,
    namespace_args: &Bound<'_, PyDict>,
    settings: &Settings,
) -> PyResult<Arc<dyn Store>> {
    let py = given.py();
    let (url, data_dir) = (text(namespace_args, "url")?, text(given, "data_dir")?);
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
    let locks = text(namespace_args, "lock_dir")?.map(PathBuf::from);
    let sweeper = settings.sweep_interval.map(|interval| sweeper_of(database.path(), interval));
    let store = SqliteStore::new(database).with_locks(locks).with_lifetime(settings.store_ttl(None));
    Ok(Arc::new(store.with_sweeper(sweeper)))
}

/// The sweeper of a database, for as long as some options name it.
struct Swept {
    path: PathBuf,
    interval: Duration,
    sweeper: Weak<Sweeper>,
}

/// Options are worked out again for a session that has one of its own; the database is swept as often as it was.
/// The lock is held with the interpreter's, so that no fork finds it taken.
static SWEPT: Mutex<Vec<Swept>> = Mutex::new(Vec::new());

fn sweeper_of(path: &Path, interval: Duration) -> Arc<Sweeper> {
    let mut swept = SWEPT.lock();
    swept.retain(|entry| entry.sweeper.strong_count() > 0);
    let known = swept.iter().find(|entry| entry.interval == interval && entry.path == path);
    if let Some(sweeper) = known.and_then(|entry| entry.sweeper.upgrade()) {
        return sweeper;
    }
    let sweeper = Arc::new(Sweeper::new(interval));
    swept.push(Swept { path: path.to_owned(), interval, sweeper: Arc::downgrade(&sweeper) });
    sweeper
}

fn text(options: &Bound<'_, PyDict>, name: &str) -> PyResult<Option<String>> {
    options.get_item(name)?.filter(|value| !value.is_none()).map(|value| value.extract()).transpose()
}
