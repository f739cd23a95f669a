//! Holding a session: nobody else has it until it is let go.
//!
//! A session is held by its program, from `lock()` to `unlock()`, or with `concurrency = lock` by its request, from
//! its first use to the end of the saving. Either way it is let go when its object is dropped, too.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::{PyTraverseError, intern};

use super::{Session, record};
use crate::config::Concurrency;
use crate::id::SessionId;
use crate::py::clock;
use crate::py::errors::{IntoPyResult, LockError, StoreUnavailableError};
use crate::py::held_namespace::HeldNamespace;
use crate::store::{Held, HeldHashed, HoldOf, PinnedStore, Store};

/// A session that is held.
pub(crate) struct Hold {
    held: Arc<HeldHashed>,
    /// Whether `held` is a store written in Rust, whose lock the backend's view would wait for.
    is_native: bool,
    /// The backend's view of the record, which `lock()` opened: then it is the only way to the record.
    view: Mutex<Option<View>>,
    /// How many calls of `lock()` by the program have had no `unlock()` yet. Functions that lock and unlock may call
    /// each other, as they may with Beaker.
    by_program: AtomicUsize,
    /// A view that was given to the program, and the lock which that has otherwise.
    lent: Mutex<Option<(Py<PyAny>, Py<PyAny>)>>,
}

/// The backend's view of a record.
struct View {
    namespace: Arc<HeldNamespace>,
    /// The same under the session's ids.
    store: Arc<PinnedStore>,
}

impl Hold {
    fn new(held: Arc<HeldHashed>, is_native: bool) -> Self {
        Self {
            held,
            is_native,
            view: Mutex::new(None),
            by_program: AtomicUsize::new(0),
            lent: Mutex::new(None),
        }
    }

    /// The store as the holder has it.
    pub(super) fn store(&self) -> Arc<dyn Store> {
        match &*self.view.lock() {
            Some(view) => Arc::clone(&view.store) as Arc<dyn Store>,
            None => Arc::clone(&self.held) as Arc<dyn Store>,
        }
    }

    /// Where the record of `id` is, if the view says.
    pub(super) fn view_place(&self, id: &SessionId) -> Option<SessionId> {
        self.view.lock().as_ref().map(|view| view.store.place_of(id))
    }

    /// Has the program use the backend's view under this hold, instead of waiting for it.
    pub(super) fn lend(&self, namespace: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = namespace.py();
        let name = intern!(py, "access_lock");
        let is_lent = || self.lent.lock().as_ref().is_some_and(|(lent, _)| lent.is(namespace));
        if !self.is_native || is_lent() || !namespace.hasattr(name)? {
            return Ok(());
        }
        self.take_back(py)?;
        let lock = namespace.getattr(name)?.unbind();
        namespace
            .setattr(name, py.import("beaker.synchronization")?.getattr("null_synchronizer")?.call0()?)?;
        let replaced = self.lent.lock().replace((namespace.clone().unbind(), lock));
        drop(replaced);
        Ok(())
    }

    fn take_back(&self, py: Python<'_>) -> PyResult<()> {
        let lent = self.lent.lock().take();
        match lent {
            Some((namespace, lock)) => namespace.bind(py).setattr(intern!(py, "access_lock"), lock),
            None => Ok(()),
        }
    }

    /// Opens the backend's view, as Beaker's programs find it after `lock()`.
    fn open(&self, session: &Bound<'_, Session>, id: &SessionId) -> PyResult<()> {
        let py = session.py();
        if !self.is_native || self.view.lock().is_some() {
            return Ok(());
        }
        let (namespaces, keys) = (record::namespaces(session)?, record::keys(session)?);
        let (ttl, now) = (session.get().options()?.settings.store_ttl(), clock::now(py)?.seconds);
        let place = py.detach(|| self.held.settle(id, ttl, now)).into_py(py)?;
        let namespace = namespaces.namespace(py, place.as_str())?;
        if !namespace.hasattr(intern!(py, "access_lock"))? {
            // It shows what the store has, and needs no opening.
            return Ok(());
        }
        self.lend(&namespace)?;
        namespace.call_method0(intern!(py, "acquire_write_lock"))?;
        let namespace = Arc::new(HeldNamespace::opened(namespaces, &place, namespace));
        let inner = Arc::clone(&namespace) as Arc<dyn Store>;
        let store = Arc::new(PinnedStore::new(keys, inner, id.clone(), place));
        let replaced = self.view.lock().replace(View { namespace, store });
        drop(replaced);
        Ok(())
    }

    /// Closes the view, which writes what it has.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let Some(view) = self.view.lock().take() else { return self.take_back(py) };
        let closed = view.namespace.release().into_py(py);
        let taken_back = self.take_back(py);
        closed?;
        taken_back?;
        for key in view.namespace.take_emptied() {
            // The view leaves an empty record where there is to be none.
            py.detach(|| match view.store.id_in(&key) {
                Some(id) => self.held.delete(id),
                None => self.held.delete_key(&key),
            })
            .into_py(py)?;
        }
        Ok(())
    }

    fn release(&self, py: Python<'_>) -> PyResult<()> {
        let closed = self.close(py);
        let released = if self.is_native { py.detach(|| self.held.release()) } else { self.held.release() };
        closed.and(released.into_py(py))
    }

    /// Shows the garbage collector what is held.
    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self.lent.try_lock().as_deref() {
            Some(Some((namespace, lock))) => {
                visit.call(namespace)?;
                visit.call(lock)
            }
            _ => Ok(()),
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        // Whoever wants to know what went wrong lets go in so many words.
        let _ = Python::try_attach(|py| self.release(py));
    }
}

fn of(session: &Bound<'_, Session>) -> PyResult<Option<Arc<Hold>>> {
    session.get().with(|state| state.hold.as_ref().map(Arc::clone))
}

/// Holds the session's record, unless it is held already. `false` if there is none to hold.
pub(super) fn acquire(session: &Bound<'_, Session>, what: HoldOf) -> PyResult<bool> {
    let py = session.py();
    let (options, id) =
        session.get().with(|state| (Arc::clone(&state.options), state.life.record_id().clone()))?;
    match of(session)? {
        Some(hold) if hold.held.holds(&id) => return Ok(true),
        Some(_) => release(session)?,
        None => {}
    }
    let (limit, now) = (options.settings.lock_timeout, clock::now(py)?.seconds);
    let (keys, is_native) = (record::keys(session)?, options.backend()?.native.is_some());
    let held = if is_native {
        py.detach(|| keys.hold_places(&id, what, limit, now))
    } else {
        keys.hold_places(&id, what, limit, now)
    };
    let held = held.into_py(py)?.map(Arc::new);
    let Some(held) = held else { return Ok(false) };
    let hold = Arc::new(Hold::new(held, is_native));
    let _dropped = session.get().with(|state| state.hold.replace(hold))?;
    Ok(true)
}

/// Holds the session for its request, where the options say so.
pub(super) fn acquire_for_request(session: &Bound<'_, Session>) -> PyResult<()> {
    let (holds, from_cookie) = session.get().with(|state| {
        (state.options.settings.concurrency == Concurrency::Lock, state.life.is_from_cookie())
    })?;
    if holds {
        // Nothing is made for an id that a browser made up.
        acquire(session, if from_cookie { HoldOf::Record } else { HoldOf::Id })?;
    }
    Ok(())
}

/// Lets the session go, if it is held.
pub(crate) fn release(session: &Bound<'_, Session>) -> PyResult<()> {
    match session.get().with(|state| state.hold.take())? {
        Some(hold) => hold.release(session.py()),
        None => Ok(()),
    }
}

/// `session.lock()`
pub(super) fn lock(session: &Bound<'_, Session>) -> PyResult<()> {
    let py = session.py();
    let was_held = of(session)?.is_some();
    acquire(session, HoldOf::Id).map_err(|error| {
        // A backend's own exception is what its programs know.
        if error.is_instance_of::<StoreUnavailableError>(py) {
            error.cause(py).unwrap_or(error)
        } else {
            error
        }
    })?;
    let id = session.get().with(|state| state.life.record_id().clone())?;
    let Some(hold) = of(session)? else { return Ok(()) };
    let opened = hold.open(session, &id);
    if opened.is_ok() {
        hold.by_program.fetch_add(1, Ordering::Relaxed);
    } else if !was_held {
        let _failed = release(session);
    }
    opened
}

/// `session.unlock()`
pub(super) fn unlock(session: &Bound<'_, Session>) -> PyResult<()> {
    let by_request = session.get().with(|state| state.options.settings.concurrency == Concurrency::Lock)?;
    let Some(hold) = of(session)? else { return Err(LockError::new_err("the session is not locked")) };
    let fewer = |locks: usize| locks.checked_sub(1);
    match hold.by_program.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer) {
        Ok(2..) => Ok(()),
        // Its request goes on holding it.
        Ok(_) if by_request => hold.close(session.py()),
        _ => release(session),
    }
}
