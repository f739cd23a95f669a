//! Letting the interpreter go: the only place where that happens, but for a pause between two attempts.

use pyo3::prelude::*;

use super::patience::Patience;
use super::wait;
use crate::error::Result;
use crate::store::SessionStore;

/// Runs `work` on `store`, and lets other Python threads run meanwhile if the store may have to wait. It is done again
/// until it need not wait, with signals heard in between, or until `patience` is at its end. Where other threads are
/// greenlets of this one, it does not wait in the store at all.
pub(crate) fn with_store<T: Send>(
    py: Python<'_>,
    store: &SessionStore,
    patience: &Patience,
    mut work: impl FnMut(&SessionStore) -> Result<T> + Send,
) -> Result<T> {
    if !store.capabilities().blocking {
        return work(store);
    }
    if wait::is_green(py)?
        && let Some(hasty) = store.without_waiting()
    {
        return wait::by_asking(py, patience, patience.left_for_a_moment(), || py.detach(|| work(&hasty)));
    }
    patiently(py, patience, || work(store))
}

/// Does the same with what gives up by itself when it has waited for a [`SLICE`](wait::SLICE).
pub(crate) fn patiently<T: Send>(
    py: Python<'_>,
    patience: &Patience,
    mut work: impl FnMut() -> Result<T> + Send,
) -> Result<T> {
    wait::take(py, patience, patience.left_for_a_moment(), |_| py.detach(&mut work))
}

/// Runs `work`, which may have to wait, and lets other Python threads run meanwhile.
pub(crate) fn detached<T: Send>(py: Python<'_>, work: impl FnOnce() -> T + Send) -> T {
    py.detach(work)
}
