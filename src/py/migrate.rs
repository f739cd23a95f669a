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
use crate::store::{Call, MovingStore, Phase, Store, Timestamp};

/// How often a session is tried that somebody else has locked, and the time between two tries.
const TRIES: usize = 20;
const PAUSE: Duration = Duration::from_millis(50);

/// The number of sessions with each outcome.
#[derive(Default)]
struct Moved {
    moved: AtomicU64,
    /// They ended, or moved by others, after they were listed.
    gone: AtomicU64,
    corrupt: AtomicU64,
    /// Others had them locked all the time.
    busy: AtomicU64,
    refused: AtomicU64,
}

impl Moved {
    /// Counts an outcome. Returns an error that concerns a store and not the session.
    fn count(&self, outcome: Result<bool>) -> Option<Error> {
        let counter = match outcome {
            Ok(true) => &self.moved,
            Ok(false) => &self.gone,
            Err(error) => match error.kind() {
                ErrorKind::Corrupt => &self.corrupt,
                ErrorKind::Busy => &self.busy,
                ErrorKind::Unavailable | ErrorKind::Unknown => return Some(error),
                _ => &self.refused,
            },
        };
        counter.fetch_add(1, Ordering::Relaxed);
        None
    }

    fn to_dict<'py>(&self, py: Python<'py>, unlisted: u64) -> PyResult<Bound<'py, PyDict>> {
        let counts = PyDict::new(py);
        for (name, counter) in [
            ("moved", &self.moved),
            ("gone", &self.gone),
            ("corrupt", &self.corrupt),
            ("busy", &self.busy),
            ("refused", &self.refused),
        ] {
            counts.set_item(name, counter.load(Ordering::Relaxed))?;
        }
        counts.set_item("unlisted", unlisted)?;
        Ok(counts)
    }
}

/// Moves a session. Whether there was one.
fn carry(both: &MovingStore, key: &StoreKey, now: Timestamp) -> Result<bool> {
    let call = Call::at(now).waiting(PAUSE);
    let mut tries = 1;
    let found = loop {
        match both.load(key, &call) {
            Err(error) if error.is_busy() && tries < TRIES => {
                thread::sleep(PAUSE);
                tries += 1;
            }
            found => break found?,
        }
    };
    both.finish(key, &call)?;
    Ok(found.is_some())
}

/// Moves the sessions of a page by several threads. Returns an error that concerns a store.
fn carry_all(
    both: &MovingStore,
    keys: &[StoreKey],
    threads: usize,
    now: Timestamp,
    moved: &Moved,
) -> Option<Error> {
    let share = keys.len().div_ceil(threads.max(1)).max(1);
    thread::scope(|scope| {
        let work = |part: &[StoreKey]| part.iter().find_map(|key| moved.count(carry(both, key, now)));
        let workers: Vec<_> = keys.chunks(share).map(|part| scope.spawn(move || work(part))).collect();
        let ended = |worker: thread::ScopedJoinHandle<'_, _>| {
            worker.join().unwrap_or_else(|_| Some(Error::unavailable("move the sessions of a page")))
        };
        workers.into_iter().filter_map(ended).next_back()
    })
}

/// The store of the options, and how long it keeps a session.
fn open(params: &Bound<'_, PyDict>) -> PyResult<(Arc<dyn Store>, Option<Duration>)> {
    let options = Options::anew(params, SessionKind::Store)?;
    let patience = Arc::new(Patience::new(options.settings.lock_timeout));
    Ok((options.store(&patience)?, options.settings.store_ttl(None)))
}

/// Moves every session from the store of one set of options to that of another, by `threads` at a time. After each page
/// it calls `progress` with the counts so far: `moved`, `gone`, `corrupt`, `busy`, `refused`, and `unlisted` for records
/// that do not tell their ids. Returns them. The sessions may be in use meanwhile, by processes that have the first store
/// as `read_also`. What one call leaves, the next one moves.
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
    let both = MovingStore::new(Arc::clone(&from), to, Phase::Move, lifetime);
    let moved = Moved::default();
    let Some(mut scan) = from.scan() else {
        return Err(ConfigurationError::new_err(
            "the store to move from cannot list its sessions: set it as read_also instead, and each session moves when it \
             is used",
        ));
    };
    loop {
        let now = clock::now(py)?.seconds;
        let page = gil::detached(py, || {
            let Some(page) = scan.next_page(now)? else { return Ok(None) };
            Ok(Some(carry_all(&both, &page, threads, now, &moved)))
        });
        let Some(failed) = page.into_py(py)? else { break };
        if let Some(error) = failed {
            return Err(error).into_py(py);
        }
        progress.call1((moved.to_dict(py, scan.unlisted())?,))?;
        py.check_signals()?;
    }
    moved.to_dict(py, scan.unlisted())
}
