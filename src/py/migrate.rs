//! Moves all sessions of one store to another.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::clock;
use super::errors::{ConfigurationError, IntoPyResult};
use super::gil;
use super::options::Options;
use super::patience::Patience;
use crate::config::SessionKind;
use crate::error::{Error, ErrorKind, Result};
use crate::id::StoreKey;
use crate::store::{Call, MovingStore, Store, Timestamp};

/// How often a session is tried that somebody else moves or has locked.
const TRIES: usize = 20;

/// Counts what became of the sessions.
#[derive(Default)]
struct Moved {
    moved: AtomicU64,
    /// They were deleted, or moved by others, after they were listed.
    gone: AtomicU64,
    corrupt: AtomicU64,
    /// They were not found in the new store as they were written.
    different: AtomicU64,
    failed: AtomicU64,
}

impl Moved {
    fn count(&self, outcome: Result<Outcome>) -> Option<Error> {
        let (counter, error) = match outcome {
            Ok(Outcome::Moved) => (&self.moved, None),
            Ok(Outcome::Gone) => (&self.gone, None),
            Ok(Outcome::Different) => (&self.different, None),
            Err(error) if error.kind() == ErrorKind::Corrupt => (&self.corrupt, None),
            // The store is in trouble, not the session.
            Err(error) if matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Unknown) => {
                (&self.failed, Some(error))
            }
            Err(_) => (&self.failed, None),
        };
        counter.fetch_add(1, Ordering::Relaxed);
        error
    }

    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let counts = PyDict::new(py);
        for (name, counter) in [
            ("moved", &self.moved),
            ("gone", &self.gone),
            ("corrupt", &self.corrupt),
            ("different", &self.different),
            ("failed", &self.failed),
        ] {
            counts.set_item(name, counter.load(Ordering::Relaxed))?;
        }
        Ok(counts)
    }
}

enum Outcome {
    Moved,
    Gone,
    Different,
}

/// Both stores of a migration.
struct Migration {
    from: Arc<dyn Store>,
    to: Arc<dyn Store>,
    both: MovingStore,
}

impl Migration {
    /// Moves a session, and reads it again in the new store.
    fn carry(&self, key: &StoreKey, now: Timestamp) -> Result<Outcome> {
        let call = Call::at(now);
        let mut tries = 1;
        let found = loop {
            match self.both.load(key, &call) {
                Err(error) if error.is_busy() && tries < TRIES => {
                    thread::sleep(Duration::from_millis(50));
                    tries += 1;
                }
                found => break found?,
            }
        };
        let Some(record) = found else { return Ok(Outcome::Gone) };
        Ok(match self.to.load(key, &call)? {
            Some(there) if there.version == record.version && there.data != record.data => Outcome::Different,
            Some(_) => Outcome::Moved,
            None => Outcome::Gone,
        })
    }

    /// Moves the sessions of a page by several threads. An error that is none of a single session.
    fn carry_all(&self, keys: &[StoreKey], threads: usize, now: Timestamp, moved: &Moved) -> Option<Error> {
        let share = keys.len().div_ceil(threads.max(1)).max(1);
        thread::scope(|scope| {
            let workers: Vec<_> = keys
                .chunks(share)
                .map(|part| {
                    scope.spawn(move || {
                        part.iter().filter_map(|key| moved.count(self.carry(key, now))).next_back()
                    })
                })
                .collect();
            workers.into_iter().filter_map(|worker| worker.join().ok().flatten()).next_back()
        })
    }
}

/// The store of the options, and how long it keeps a session.
fn open(params: &Bound<'_, PyDict>) -> PyResult<(Arc<dyn Store>, Option<Duration>)> {
    let options = Options::anew(params, SessionKind::Store)?;
    let patience = Arc::new(Patience::new(options.settings.lock_timeout));
    Ok((options.store(&patience)?, options.settings.store_ttl(None)))
}

/// Moves every session from the store of one set of options to that of another, by `threads` at a time. After each page
/// it calls `progress` with the counts so far: `moved`, `gone`, `corrupt`, `different` and `failed`. Returns them.
/// The sessions may be in use meanwhile, if those who use them have the other store as `read_also`. What it leaves, the
/// next call moves.
///
/// Raises `ConfigurationError` if the first store cannot list its sessions, `StoreUnavailableError` if it does not answer.
#[pyfunction]
pub(crate) fn migrate_sessions<'py>(
    from_params: &Bound<'py, PyDict>,
    to_params: &Bound<'py, PyDict>,
    threads: usize,
    progress: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyDict>> {
    let py = from_params.py();
    let ((from, _), (to, lifetime)) = (open(from_params)?, open(to_params)?);
    let both = MovingStore::new(Arc::clone(&to), Arc::clone(&from), lifetime);
    let (migration, moved) = (Migration { from, to, both }, Moved::default());
    let Some(mut scan) = migration.from.scan() else {
        return Err(ConfigurationError::new_err(
            "the store to move from cannot list its sessions: set it as read_also instead, and each session moves when it \
             is used",
        ));
    };
    loop {
        let now = clock::now(py)?.seconds;
        let page = gil::detached(py, || {
            let Some(page) = scan.next_page(now)? else { return Ok(None) };
            Ok(Some(migration.carry_all(&page, threads, now, &moved)))
        });
        let Some(failed) = page.into_py(py)? else { break };
        if let Some(error) = failed {
            return Err(error).into_py(py);
        }
        progress.call1((moved.to_dict(py)?,))?;
        py.check_signals()?;
    }
    moved.to_dict(py)
}
