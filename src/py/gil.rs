//! Releases the interpreter around calls that block. Only a pause between two attempts, and the thread that works for a
//! greenlet, do that elsewhere.

use std::sync::Arc;
use std::time::Duration;

use pyo3::prelude::*;

use super::at_exit;
use super::greenlets;
use super::patience::Patience;
use super::wait::{self, SLICE};
use crate::error::Result;
use crate::locks::{LockTable, Token};
use crate::store::{Blocking, Call, SessionStore, Timestamp};

/// Runs `work`, a call of `store` at `now`. Other Python threads run meanwhile if the store may block. While the store
/// is busy, the call is repeated until `patience` is spent, and signals are handled in between. Where other threads are
/// greenlets of this one, the call does not wait in the store at all, and a call over a network is made by a thread of
/// their library. `work` owns all that it needs, because the stack of a waiting greenlet is moved away.
pub(crate) fn with_store<T: Send + 'static>(
    py: Python<'_>,
    store: &Arc<SessionStore>,
    patience: &Patience,
    now: Timestamp,
    work: impl Fn(&SessionStore, &Call<'_>) -> Result<T> + Send + Sync + 'static,
) -> Result<T> {
    let _call = at_exit::begin_call(py);
    let call = Call::at(now).waiting(SLICE);
    let blocking = store.capabilities().blocking;
    if blocking == Blocking::None {
        return work(store, &call);
    }
    let limit = patience.left_for_a_moment();
    if !wait::is_green(py)? {
        return wait::take(py, patience, limit, |_| py.detach(|| work(store, &call)));
    }
    if blocking == Blocking::Disk {
        let call = call.waiting(Duration::ZERO);
        return wait::by_asking(py, patience, limit, || py.detach(|| work(store, &call)));
    }
    let work = Arc::new(work);
    wait::by_asking(py, patience, limit, || {
        let (store, work) = (Arc::clone(store), Arc::clone(&work));
        greenlets::in_thread(py, move || work(&store, &Call::at(now).waiting(Duration::ZERO)))
    })
}

/// Runs `work`, which waits for a server, while other Python threads or greenlets run.
pub(crate) fn on_network<T: Send + 'static>(
    py: Python<'_>,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let _call = at_exit::begin_call(py);
    if wait::is_green(py)? { greenlets::in_thread(py, work) } else { py.detach(work) }
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
