//! The lock of a session: the calls that the engine asks for.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use pyo3::prelude::*;

use super::class::Session;
use super::lock::SessionLock;
use super::record;
use crate::config::Concurrency;
use crate::id::SessionId;
use crate::py::clock;
use crate::py::errors::{IntoPyResult, LockError, StoreUnavailableError};
use crate::py::failed::failed;
use crate::py::fork::{Inherited, close_in_children};
use crate::py::{gil, wait};
use crate::session::lock::{Goal, Held, Locking, Step};
use crate::store::{Blocking, Call, LockTarget};

/// Locks `id` and nothing else.
pub(super) fn request(session: &Bound<'_, Session>, id: SessionId, what: LockTarget) -> PyResult<()> {
    run(session, Goal::Request(id, what))
}

/// Moves every lock to `id`, to which a redirect leads.
pub(super) fn follow(session: &Bound<'_, Session>, id: &SessionId) -> PyResult<()> {
    let what = session.get().with(|state| state.life.lock_of())?;
    run(session, Goal::Move(id.clone(), what))
}

/// `session.lock()`
pub(super) fn lock(session: &Bound<'_, Session>) -> PyResult<()> {
    let id = session.get().with(|state| state.life.record_id().clone())?;
    run(session, Goal::Lock(id))
}

/// `session.unlock()`
pub(super) fn unlock(session: &Bound<'_, Session>) -> PyResult<()> {
    run(session, Goal::Unlock)
}

/// Makes the calls that the engine asks for.
fn run(session: &Bound<'_, Session>, goal: Goal) -> PyResult<()> {
    let py = session.py();
    let by_request = session.get().with(|state| state.options.settings.concurrency == Concurrency::Lock)?;
    let lock = record::lock(session)?;
    let held = match (&lock, goal.id()) {
        (None, _) => Held::Nothing,
        (Some(lock), Some(id)) if lock.locked.has_locked(id) => Held::Id,
        (Some(_), _) => Held::Another,
    };
    let before = lock.as_ref().map_or(0, |lock| lock.by_program.load(Ordering::Relaxed));
    let mut locks = before;
    let is_by_program = matches!(goal, Goal::Lock(_));
    let mut locking = Locking::new(goal, held, by_request);
    let mut reply = Ok(());
    loop {
        let called = match locking.next(&mut locks, reply) {
            Step::Release => release(session),
            Step::Acquire(id, what) => match wait_for(session, &id, what) {
                // Applications expect the backend's own exception.
                Err(error) if is_by_program && error.is_instance_of::<StoreUnavailableError>(py) => {
                    Err(error.cause(py).unwrap_or(error))
                }
                acquired => acquired,
            },
            Step::Open(id) => open(session, &id),
            Step::Close => record::lock(session)?.map_or(Ok(()), |lock| lock.close(py)),
            Step::NotLocked => return Err(LockError::new_err("the session is not locked")),
            Step::Done(outcome) => {
                if let Some(now) = record::lock(session)? {
                    // Another thread may have counted meanwhile.
                    let base = if lock.is_some_and(|lock| Arc::ptr_eq(&lock, &now)) { before } else { 0 };
                    now.by_program.fetch_add(locks.wrapping_sub(base), Ordering::Relaxed);
                }
                return outcome;
            }
        };
        reply = called.map_err(|error| failed(py, error));
    }
}

/// Waits for the lock of `id`.
fn wait_for(session: &Bound<'_, Session>, id: &SessionId, what: LockTarget) -> PyResult<()> {
    let py = session.py();
    let options = session.get().options()?;
    let (patience, now) = (record::patience(session)?, clock::now(py)?.seconds);
    let limit = patience.left();
    let (store, native) = (record::unlocked(session)?, options.backend()?.native.as_ref());
    let ask = |limit| store.lock(id, what, &Call::at(now).waiting(limit));
    // A store in Python waits by itself; two stores between which sessions move wait as the native one does.
    let blocks = native.is_some() || options.move_of_sessions().is_some();
    let locked = match blocks.then(|| store.capabilities().blocking) {
        Some(Blocking::Disk) => wait::take(py, &patience, limit, |limit| gil::detached(py, || ask(limit))),
        Some(Blocking::Network) => wait::take(py, &patience, limit, |limit| {
            let (store, id) = (Arc::clone(&store), id.clone());
            gil::on_network(py, move || store.lock(&id, what, &Call::at(now).waiting(limit)))
        }),
        // A fork must not find a lock taken that the store has for a moment, so it is never asked without the
        // interpreter.
        Some(Blocking::None) => wait::by_asking(py, &patience, limit, || ask(Duration::ZERO)),
        None => ask(limit),
    };
    let Some(locked) = locked.into_py(py)? else { return Ok(()) };
    let lock = Arc::new(SessionLock::new(Arc::new(locked), patience, native.is_some()));
    close_in_children(&(Arc::clone(&lock) as Arc<dyn Inherited>));
    let _dropped = session.get().with(|state| state.access.set_lock(Some(lock)))?;
    Ok(())
}

/// Releases the session's lock, if it has one.
pub(crate) fn release(session: &Bound<'_, Session>) -> PyResult<()> {
    if record::lock(session)?.is_none() {
        return Ok(());
    }
    match session.get().with(|state| state.access.set_lock(None))? {
        Some(lock) => lock.release(session.py()),
        None => Ok(()),
    }
}

/// Opens the backend's view, which applications of Beaker use after `lock()`.
fn open(session: &Bound<'_, Session>, id: &SessionId) -> PyResult<()> {
    let Some(lock) = record::lock(session)? else { return Ok(()) };
    // The view is of one store, and a session that moves may be in another.
    if session.get().options()?.move_of_sessions().is_some() {
        return Ok(());
    }
    let (options, own) = session.get().with(|state| (Arc::clone(&state.options), state.life.timeout()))?;
    let ttl = options.settings.store_ttl(own);
    lock.open(session.py(), record::namespaces(session)?, id, ttl)
}
