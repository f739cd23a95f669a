//! Holding a session: nobody else has it until it is let go.
//!
//! A session is held by its program, from `lock()` to `unlock()`, or with `concurrency = lock` by its request, from
//! its first use to the end of the saving. Either way it is let go when its object is dropped, too.

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
use crate::py::fork::{Inherited, close_in_children};
use crate::py::{gil, wait};
use crate::store::HoldOf;

/// Holds the session's record, unless it is held already. `false` if there is none to hold.
pub(super) fn acquire(session: &Bound<'_, Session>, what: HoldOf) -> PyResult<bool> {
    let id = session.get().with(|state| state.life.record_id().clone())?;
    acquire_id(session, &id, what)
}

/// Holds the record of `id`, and nothing else.
pub(super) fn acquire_id(session: &Bound<'_, Session>, id: &SessionId, what: HoldOf) -> PyResult<bool> {
    let py = session.py();
    let options = session.get().options()?;
    match record::lock(session)? {
        Some(hold) if hold.held.has_locked(id) => return Ok(true),
        Some(_) => release(session)?,
        None => {}
    }
    let (patience, now) = (record::patience(session)?, clock::now(py)?.seconds);
    let limit = patience.left();
    let (store, native) = (record::unlocked(session)?, options.backend()?.native.as_ref());
    let ask = |limit| store.lock(id, what, limit, now);
    let held = match native.map(|native| native.capabilities().blocking) {
        Some(true) => wait::take(py, &patience, limit, |limit| gil::detached(py, || ask(limit))),
        // A fork must not find a lock taken that the store has for a moment, so it is never asked without the
        // interpreter.
        Some(false) => wait::by_asking(py, &patience, limit, || ask(Duration::ZERO)),
        None => ask(limit),
    };
    let held = held.into_py(py)?.map(Arc::new);
    let Some(held) = held else { return Ok(false) };
    let hold = Arc::new(SessionLock::new(held, patience, native.is_some()));
    close_in_children(&(Arc::clone(&hold) as Arc<dyn Inherited>));
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
    let locks = record::lock(session)?.map_or(0, |hold| hold.by_program.load(Ordering::Relaxed));
    if locks == 0 {
        return acquire_for_request(session, id);
    }
    acquire_id(session, id, HoldOf::Id)?;
    let Some(hold) = record::lock(session)? else { return Ok(()) };
    hold.by_program.store(locks, Ordering::Relaxed);
    open(session, &hold, id)
}

/// Lets the session go, if it is held.
pub(crate) fn release(session: &Bound<'_, Session>) -> PyResult<()> {
    if record::lock(session)?.is_none() {
        return Ok(());
    }
    match session.get().with(|state| state.hold.take())? {
        Some(hold) => hold.release(session.py()),
        None => Ok(()),
    }
}

/// Opens the backend's view, as Beaker's programs find it after `lock()`.
fn open(session: &Bound<'_, Session>, lock: &SessionLock, id: &SessionId) -> PyResult<()> {
    let (options, own) = session.get().with(|state| (Arc::clone(&state.options), state.life.timeout()))?;
    let ttl = options.settings.store_ttl(own);
    lock.open(session.py(), record::namespaces(session)?, id, ttl)
}

/// `session.lock()`
pub(super) fn lock(session: &Bound<'_, Session>) -> PyResult<()> {
    let py = session.py();
    let was_held = record::lock(session)?.is_some();
    acquire(session, HoldOf::Id).map_err(|error| {
        // A backend's own exception is what its programs know.
        if error.is_instance_of::<StoreUnavailableError>(py) {
            error.cause(py).unwrap_or(error)
        } else {
            error
        }
    })?;
    let id = session.get().with(|state| state.life.record_id().clone())?;
    let Some(hold) = record::lock(session)? else { return Ok(()) };
    let opened = open(session, &hold, &id);
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
    let Some(hold) = record::lock(session)? else {
        return Err(LockError::new_err("the session is not locked"));
    };
    let fewer = |locks: usize| locks.checked_sub(1);
    match hold.by_program.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer) {
        Ok(2..) => Ok(()),
        // Its request goes on holding it.
        Ok(_) if by_request => hold.close(session.py()),
        _ => release(session),
    }
}
