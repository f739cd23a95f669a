//! Holding a session: nobody else has it until it is let go.
//!
//! A session is held by its program, from `lock()` to `unlock()`, or with `concurrency = lock` by its request, from
//! its first use to the end of the saving. Either way it is let go when its object is dropped, too.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use super::{Session, inherited, record};
use crate::config::Concurrency;
use crate::error::Result;
use crate::id::SessionId;
use crate::py::clock;
use crate::py::errors::{IntoPyResult, LockError, StoreUnavailableError};
use crate::py::held_namespace::HeldNamespace;
use crate::py::once::intern;
use crate::py::patience::Patience;
use crate::py::{gil, wait};
use crate::store::{Expect, Held, HeldHashed, HoldOf, PinnedStore, Store, Touch, Version};

/// A session that is held.
pub(crate) struct Hold {
    /// Whose it is. A forked process finds it among its objects, and has not got it.
    process: u32,
    held: Arc<HeldHashed>,
    patience: Arc<Patience>,
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
    fn new(held: Arc<HeldHashed>, patience: Arc<Patience>, is_native: bool) -> Self {
        Self {
            process: std::process::id(),
            held,
            patience,
            is_native,
            view: Mutex::new(None),
            by_program: AtomicUsize::new(0),
            lent: Mutex::new(None),
        }
    }

    fn is_ours(&self) -> bool {
        self.process == std::process::id()
    }

    /// Closes the locks of files, in a process that has inherited them.
    pub(super) fn close_inherited(&self) {
        if self.is_native && !self.is_ours() {
            // It lets nobody in, and there is nothing that could fail.
            let _ = self.held.release();
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
        let (options, own) = session.get().with(|state| (Arc::clone(&state.options), state.own_timeout))?;
        let (ttl, now) = (options.settings.store_ttl(own), clock::now(py)?.seconds);
        let place = self.with_held(py, |held| held.settle(id, ttl, now)).into_py(py)?;
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

    /// Lets other threads run meanwhile where that may wait for a disk.
    fn with_held<T: Send>(
        &self,
        py: Python<'_>,
        mut work: impl FnMut(&HeldHashed) -> Result<T> + Send,
    ) -> Result<T> {
        let held = &*self.held;
        if held.capabilities().blocking {
            gil::patiently(py, &self.patience, || work(held))
        } else {
            work(held)
        }
    }

    /// Closes the view, which writes what it has.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let Some(view) = self.view.lock().take() else { return self.take_back(py) };
        let closed = view.namespace.release().into_py(py);
        let taken_back = self.take_back(py);
        // Also where one of several could not be written: the others were.
        let tidied = self.tidy(py, &view);
        closed.and(taken_back).and(tidied)
    }

    /// Does for the records of a view that was closed what it cannot do.
    fn tidy(&self, py: Python<'_>, view: &View) -> PyResult<()> {
        for key in view.namespace.take_emptied() {
            // The view leaves an empty record where there is to be none.
            self.with_held(py, |held| match view.store.id_in(&key) {
                Some(id) => held.delete(id, Expect::Any),
                None => held.delete_key(&key),
            })
            .map(|_deleted| ())
            .into_py(py)?;
        }
        for (key, lifetime) in view.namespace.take_lifetimes() {
            // The view writes files that last as long as every session's.
            let touch = Touch { version: Version(0), offset: 0, bytes: b"" };
            let now = clock::now(py)?.seconds;
            self.with_held(py, |held| match view.store.id_in(&key) {
                Some(id) => held.touch(id, &touch, Some(lifetime), now),
                None => held.touch_key(&key, &touch, Some(lifetime), now),
            })
            .into_py(py)?;
        }
        Ok(())
    }

    fn release(&self, py: Python<'_>) -> PyResult<()> {
        let closed = self.close(py);
        let released = self.with_held(py, Held::release);
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

/// What this process holds of the session.
pub(super) fn of(session: &Bound<'_, Session>) -> PyResult<Option<Arc<Hold>>> {
    let hold = session.get().with(|state| state.hold.as_ref().map(Arc::clone))?;
    if hold.as_ref().is_none_or(|hold| hold.is_ours()) {
        return Ok(hold);
    }
    // The views are those of the process that this one was forked from, too, and may be open.
    let _dropped =
        session.get().with(|state| (state.hold.take(), state.namespaces.take(), state.store.take()))?;
    Ok(None)
}

/// Holds the session's record, unless it is held already. `false` if there is none to hold.
pub(super) fn acquire(session: &Bound<'_, Session>, what: HoldOf) -> PyResult<bool> {
    let id = session.get().with(|state| state.life.record_id().clone())?;
    acquire_id(session, &id, what)
}

/// Holds the record of `id`, and nothing else.
fn acquire_id(session: &Bound<'_, Session>, id: &SessionId, what: HoldOf) -> PyResult<bool> {
    let py = session.py();
    let options = session.get().options()?;
    match of(session)? {
        Some(hold) if hold.held.holds(id) => return Ok(true),
        Some(_) => release(session)?,
        None => {}
    }
    let (patience, now) = (record::patience(session)?, clock::now(py)?.seconds);
    let limit = patience.left();
    let (keys, native) = (record::keys(session)?, options.backend()?.native.as_ref());
    let ask = |limit| Arc::clone(&keys).hold_places(id, what, limit, now);
    let held = match native.map(|native| native.capabilities().blocking) {
        Some(true) => wait::take(py, &patience, limit, |limit| gil::detached(py, || ask(limit))),
        // A fork must not find a lock taken that the store has for a moment, so it is never asked without the
        // interpreter.
        Some(false) => wait::by_asking(py, &patience, limit, || ask(Duration::ZERO)),
        None => ask(limit),
    };
    let held = held.into_py(py)?.map(Arc::new);
    let Some(held) = held else { return Ok(false) };
    let hold = Arc::new(Hold::new(held, patience, native.is_some()));
    inherited::remember(&hold);
    let _dropped = session.get().with(|state| state.hold.replace(hold))?;
    Ok(true)
}

/// Holds the record of `id` for the session's request, where the options say so.
pub(super) fn acquire_for_request(session: &Bound<'_, Session>, id: &SessionId) -> PyResult<()> {
    let (holds, from_cookie) = session.get().with(|state| {
        (state.options.settings.concurrency == Concurrency::Lock, state.life.is_from_cookie())
    })?;
    if holds {
        // Nothing is made for an id that a browser made up.
        acquire_id(session, id, if from_cookie { HoldOf::Record } else { HoldOf::Id })?;
    }
    Ok(())
}

/// Whoever holds the session goes on with it under `id`, to which the one before leads: what is under that one is no
/// session any more, and holding it keeps nobody out.
pub(super) fn follow(session: &Bound<'_, Session>, id: &SessionId) -> PyResult<()> {
    let locks = of(session)?.map_or(0, |hold| hold.by_program.load(Ordering::Relaxed));
    if locks == 0 {
        return acquire_for_request(session, id);
    }
    acquire_id(session, id, HoldOf::Id)?;
    let Some(hold) = of(session)? else { return Ok(()) };
    hold.by_program.store(locks, Ordering::Relaxed);
    hold.open(session, id)
}

/// Lets the session go, if it is held.
pub(crate) fn release(session: &Bound<'_, Session>) -> PyResult<()> {
    if of(session)?.is_none() {
        return Ok(());
    }
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
