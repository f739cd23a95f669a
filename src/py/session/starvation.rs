//! The starvation guard: a save that keeps losing the compare-and-swap race makes the others wait.
//!
//! A save that finds the record changed reads it, merges and tries again. Where many threads write one session, some
//! other may always come between: then those of this process wait for it a moment. The lock of a store does the same
//! between processes, but not every store makes its writers wait for a lock.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use pyo3::prelude::*;

use super::class::Session;
use super::record;
use crate::error::Result;
use crate::id::SessionId;
use crate::locks::{LockTable, Token};
use crate::py::errors::IntoPyResult;
use crate::py::gil;
use crate::py::patience::Patience;

/// The ids of the sessions that have a guard.
static GUARDED: LazyLock<LockTable> = LazyLock::new(LockTable::default);
/// How many guards there are. Every save looks at it, and it is almost always zero.
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// How long the others wait: longer than a save takes, and not so long that one which never ends harms them.
const COURTESY: Duration = Duration::from_secs(1);

/// Makes the other saves of a session wait until it is dropped.
pub(super) struct Guard {
    id: SessionId,
    token: Token,
}

impl Guard {
    /// Waits for another guard of the session. `None` if that lasts too long.
    pub(super) fn take(py: Python<'_>, id: &SessionId, patience: &Patience) -> Result<Option<Self>> {
        COUNT.fetch_add(1, Ordering::Relaxed);
        let token = take(py, id, patience);
        if !matches!(token, Ok(Some(_))) {
            COUNT.fetch_sub(1, Ordering::Relaxed);
        }
        Ok(token?.map(|token| Self { id: id.clone(), token }))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        GUARDED.release(self.id.as_str(), self.token);
        COUNT.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Waits a moment for a guard of the session.
pub(super) fn give_way(session: &Bound<'_, Session>, id: &SessionId) -> PyResult<()> {
    if COUNT.load(Ordering::Relaxed) == 0 {
        return Ok(());
    }
    let py = session.py();
    if let Some(token) = take(py, id, &*record::patience(session)?).into_py(py)? {
        GUARDED.release(id.as_str(), token);
    }
    Ok(())
}

/// `None` if another save had it all the time.
fn take(py: Python<'_>, id: &SessionId, patience: &Patience) -> Result<Option<Token>> {
    let limit = COURTESY.min(patience.left());
    match gil::acquire(py, &GUARDED, id.as_str(), patience, limit) {
        Ok(token) => Ok(Some(token)),
        Err(error) if error.is_busy() => Ok(None),
        Err(error) => Err(error),
    }
}
