//! Releases the interpreter around calls that block. Only a pause between two attempts does that elsewhere.

use std::time::Duration;

use pyo3::prelude::*;

use super::patience::Patience;
use super::wait::{self, SLICE};
use crate::error::Result;
use crate::locks::{LockTable, Token};
use crate::store::{Blocking, Call, SessionStore, Timestamp};

/// Runs `work`, a call of `store` at `now`. Other Python threads run meanwhile if the store may block. While the store
/// is busy, the call is repeated until `patience` is spent, and signals are handled in between. Where other threads are
/// greenlets of this one, the call does not wait in the store at all.
pub(crate) fn with_store<T: Send>(
    py: Python<'_>,
    store: &SessionStore,
    patience: &Patience,
    now: Timestamp,
    mut work: impl FnMut(&SessionStore, &Call<'_>) -> Result<T> + Send,
) -> Result<T> {
    let call = Call::at(now).waiting(SLICE);
    if store.capabilities().blocking == Blocking::None {
        return work(store, &call);
    }
    let limit = patience.left_for_a_moment();
    if wait::is_green(py)? {
        let call = call.waiting(Duration::ZERO);
        return wait::by_asking(py, patience, limit, || py.detach(|| work(store, &call)));
    }
    wait::take(py, patience, limit, |_| py.detach(|| work(store, &call)))
}

/// Locks `key` in a table of this process. The first attempt keeps the interpreter, so that no fork happens while the
/// table is made.
pub(crate) fn acquire(
    py: Python<'_>,
    table: &LockTable,
    key: &str,
    patience: &Patience,
    limit: Duration,
) -> Result<Token> {
    wait::take(py, patience, limit, |limit| {
        if limit.is_zero() { table.acquire(key, limit) } else { py.detach(|| table.acquire(key, limit)) }
    })
}

/// Runs `work`, which may have to wait, while other Python threads run.
pub(crate) fn detached<T: Send>(py: Python<'_>, work: impl FnOnce() -> T + Send) -> T {
    py.detach(work)
}
