//! Letting the interpreter go: the only place where that happens, but for a pause between two attempts.

use pyo3::prelude::*;

use super::wait;
use crate::error::Result;
use crate::store::Store;

/// Runs `work` on `store`, and lets other Python threads run meanwhile if the store may have to wait. Where those
/// are greenlets of this thread, `work` is done again and again until it need not wait.
pub(crate) fn with_store<T: Send>(
    py: Python<'_>,
    store: &dyn Store,
    mut work: impl FnMut(&dyn Store) -> Result<T> + Send,
) -> Result<T> {
    if !store.capabilities().blocking {
        return work(store);
    }
    if wait::is_green(py)?
        && let Some((limit, hasty)) = store.without_waiting()
    {
        return wait::by_asking(py, limit, || py.detach(|| work(&*hasty)));
    }
    py.detach(|| work(store))
}

/// Runs `work`, which may have to wait, and lets other Python threads run meanwhile.
pub(crate) fn detached<T: Send>(py: Python<'_>, work: impl FnOnce() -> T + Send) -> T {
    py.detach(work)
}
