//! Letting the interpreter go: the only place where that happens.

use pyo3::prelude::*;

use crate::store::Store;

/// Runs `work` on `store`, and lets other Python threads run meanwhile if the store may have to wait.
pub(crate) fn with_store<T: Send>(
    py: Python<'_>,
    store: &dyn Store,
    work: impl FnOnce(&dyn Store) -> T + Send,
) -> T {
    if store.capabilities().blocking { py.detach(|| work(store)) } else { work(store) }
}

/// Runs `work`, which waits for a disk, and lets other Python threads run meanwhile.
pub(crate) fn detached<T: Send>(py: Python<'_>, work: impl FnOnce() -> T + Send) -> T {
    py.detach(work)
}
