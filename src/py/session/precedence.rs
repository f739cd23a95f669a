//! Who was overtaken too often goes first.
//!
//! A save that finds the record changed reads it, merges and tries again. Where many threads write one session, some
//! other may always come between: then those of this process wait for it a moment. The lock of a store does the same
//! between processes, but not every store has its writers wait for who holds a session.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use pyo3::prelude::*;

use crate::error::Result;
use crate::id::SessionId;
use crate::locks::{LockTable, Token};
use crate::py::patience::Patience;
use crate::py::{gil, wait};

/// The sessions of which somebody goes first.
static TAKEN: LazyLock<LockTable> = LazyLock::new(LockTable::default);
/// How many there are. It is looked at with every save, and almost always zero.
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// How long others wait: longer than a save takes, and not so long that one which never ends harms them.
const COURTESY: Duration = Duration::from_secs(1);

/// That somebody goes first, until it is dropped.
pub(super) struct Precedence {
    id: SessionId,
    taken: Token,
}

impl Precedence {
    /// Goes first, once nobody else does. `None` if somebody else does for too long.
    pub(super) fn take(py: Python<'_>, id: &SessionId, patience: &Patience) -> Result<Option<Self>> {
        COUNT.fetch_add(1, Ordering::Relaxed);
        let taken = take(py, id, patience);
        if !matches!(taken, Ok(Some(_))) {
            COUNT.fetch_sub(1, Ordering::Relaxed);
        }
        Ok(taken?.map(|taken| Self { id: id.clone(), taken }))
    }
}

impl Drop for Precedence {
    fn drop(&mut self) {
        TAKEN.release(self.id.as_str(), self.taken);
        COUNT.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Waits a moment for whoever goes first.
pub(super) fn give_way(py: Python<'_>, id: &SessionId, patience: &Patience) -> Result<()> {
    if COUNT.load(Ordering::Relaxed) != 0
        && let Some(taken) = take(py, id, patience)?
    {
        TAKEN.release(id.as_str(), taken);
    }
    Ok(())
}

/// `None` if somebody else had it all the time.
fn take(py: Python<'_>, id: &SessionId, patience: &Patience) -> Result<Option<Token>> {
    let limit = COURTESY.min(patience.left());
    match wait::take(py, patience, limit, |limit| gil::detached(py, || TAKEN.acquire(id.as_str(), limit))) {
        Ok(taken) => Ok(Some(taken)),
        Err(error) if error.is_busy() => Ok(None),
        Err(error) => Err(error),
    }
}
