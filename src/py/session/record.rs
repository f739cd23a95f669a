//! Where the session's record is: the store that keeps it, and the backend's view of it.

use std::sync::Arc;

use pyo3::prelude::*;

use super::class::Session;
use super::lock::SessionLock;
use crate::codec::pointer::{self, Pointer};
use crate::error::Result;
use crate::id::{SessionId, StoreKey};
use crate::py::clock;
use crate::py::errors::IntoPyResult;
use crate::py::gil;
use crate::py::patience::Patience;
use crate::py::store::NamespaceStore;
use crate::session::Found;
use crate::store::{Call, Deleted, Expect, MovingStore, Phase, Record, SessionStore, Store, Timestamp};

/// The session's lock, if this process has it.
pub(super) fn lock(session: &Bound<'_, Session>) -> PyResult<Option<Arc<SessionLock>>> {
    let (lock, _inherited) = session.get().with(|state| state.access.own_lock())?;
    Ok(lock)
}

/// The store of the session: that of its lock, or that of its options; and how long to wait for others.
fn access(session: &Bound<'_, Session>) -> PyResult<(Arc<SessionStore>, Arc<Patience>)> {
    let (known, patience, _inherited) = session.get().with(|state| state.access.open())?;
    Ok((known.map_or_else(|| unlocked(session), Ok)?, patience))
}

/// Runs `work` on the session's store, which waits for others as long as the session does.
pub(super) fn with_store<T: Send + 'static>(
    session: &Bound<'_, Session>,
    now: Timestamp,
    work: impl Fn(&SessionStore, &Call<'_>) -> Result<T> + Send + Sync + 'static,
) -> PyResult<T> {
    let py = session.py();
    let (store, patience) = access(session)?;
    gil::with_store(py, &store, &patience, now, work).into_py(py)
}

/// Loads the record of `id`.
pub(super) fn find(
    session: &Bound<'_, Session>,
    id: &SessionId,
    now: Timestamp,
) -> PyResult<(Found, Option<Record>)> {
    let sought = id.clone();
    let Some(record) = with_store(session, now, move |store, call| store.load(&sought, call))? else {
        return Ok((Found::Absent, None));
    };
    let version = record.version;
    let found = match pointer::read(id, &record.data, now) {
        None => Found::Session(version),
        Some(Pointer::To(to)) => Found::Redirect { to, version },
        Some(Pointer::Over) => Found::DeadRedirect(version),
    };
    Ok((found, Some(record)))
}

/// Deletes the record of `id`, if `expect` holds of it.
pub(super) fn delete(session: &Bound<'_, Session>, id: &SessionId, expect: Expect) -> PyResult<Deleted> {
    let (id, now) = (id.clone(), clock::now(session.py())?.seconds);
    with_store(session, now, move |store, call| store.delete(&id, expect, call))
}

/// How long the session waits for others.
pub(super) fn patience(session: &Bound<'_, Session>) -> PyResult<Arc<Patience>> {
    session.get().with(|state| Arc::clone(&state.access.patience))
}

/// The store of the session's options.
pub(super) fn unlocked(session: &Bound<'_, Session>) -> PyResult<Arc<SessionStore>> {
    let (options, known) = session.get().with(|state| (Arc::clone(&state.options), state.access.store()))?;
    if let Some(known) = known {
        return Ok(known);
    }
    let mut inner = match &options.backend()?.native {
        Some(native) => Arc::clone(native),
        None => namespaces(session)? as Arc<dyn Store>,
    };
    if let Some((phase, other)) = options.move_of_sessions() {
        let other = other.store(&patience(session)?)?;
        let (old, new) = if *phase == Phase::Move { (other, inner) } else { (inner, other) };
        inner = Arc::new(MovingStore::new(old, new, *phase, options.settings.store_ttl(None)));
    }
    let store = Arc::new(SessionStore::new(inner, options.settings.id_storage));
    let kept = Arc::clone(&store);
    let _dropped = session.get().with(|state| state.access.set_store(kept))?;
    Ok(store)
}

/// The key of the record of `id`, under which the backend stores it.
pub(super) fn key(session: &Bound<'_, Session>, id: &SessionId) -> PyResult<StoreKey> {
    let (store, _) = access(session)?;
    Ok(store.key_of(id))
}

/// The store over the backend's view, which is made when it is first needed.
pub(super) fn namespaces(session: &Bound<'_, Session>) -> PyResult<Arc<NamespaceStore>> {
    session.get().with(|state| state.access.namespaces(&state.options.namespaces))
}

/// `session.namespace`: the backend's view of the session's record.
pub(super) fn namespace<'py>(session: &Bound<'py, Session>) -> PyResult<Bound<'py, PyAny>> {
    let lock = lock(session)?;
    let id = session.get().current_id()?;
    let namespace = namespaces(session)?.namespace(session.py(), &key(session, &id)?)?;
    if let Some(lock) = lock {
        lock.cover(&namespace)?;
    }
    Ok(namespace)
}
