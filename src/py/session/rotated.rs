//! Sessions that somebody else gave another id, and who comes with the one before.

use pyo3::prelude::*;

use super::{Session, cookie, record};
use crate::codec::pointer::{self, Pointer};
use crate::error::ErrorKind;
use crate::id::SessionId;
use crate::py::clock;
use crate::py::errors::{IntoPyResult, StoreUnavailableError};
use crate::py::gil;
use crate::store::{Expect, Written};

/// How often a session may be given another id within the grace of the one before.
pub(super) const LONGEST_CHAIN: usize = 8;

/// How often it is tried to end a session that others write meanwhile.
const TRIES: usize = 64;

/// Goes on with the session under the id that it was given. Its cookie is that of the request which gave it.
pub(super) fn follow(session: &Bound<'_, Session>, id: SessionId) -> PyResult<()> {
    let uses_cookies = session.get().with(|state| {
        state.life.follow(id);
        state.options.settings.use_cookies
    })?;
    if uses_cookies { cookie::withdraw(session) } else { Ok(()) }
}

/// Removes the record of `id`, and where it only leads to the session's new id, that one too.
pub(super) fn remove(session: &Bound<'_, Session>, id: &SessionId) -> PyResult<()> {
    let mut id = id.clone();
    if session.get().options()?.settings.old_id.grace().is_some() {
        for _ in 0..TRIES {
            match end(session, &id)? {
                Ended::Now => break,
                Ended::LeadsTo(next) => {
                    delete(session, &id)?;
                    id = next;
                }
                Ended::NotYet => {}
            }
        }
    }
    delete(session, &id)
}

/// Removes what is under `id`.
pub(super) fn delete(session: &Bound<'_, Session>, id: &SessionId) -> PyResult<()> {
    let py = session.py();
    let store = record::store(session)?;
    gil::with_store(py, &*store, &*record::patience(session)?, |store| store.delete(id)).into_py(py).map(drop)
}

/// Removes what leads nowhere any more. Where that cannot be, on a disk that is read-only for instance, it stays and does
/// no harm.
pub(super) fn tidy(session: &Bound<'_, Session>, id: &SessionId) -> PyResult<()> {
    match delete(session, id) {
        Err(error) if error.is_instance_of::<StoreUnavailableError>(session.py()) => Ok(()),
        outcome => outcome,
    }
}

enum Ended {
    /// Nobody can make anything of the record any more.
    Now,
    /// The session has this id by now.
    LeadsTo(SessionId),
    /// Somebody wrote it meanwhile.
    NotYet,
}

/// Puts something in place of the record of which nobody can make a session, if it is as it was found. A session that
/// is simply removed might have been rotated a moment before, and then what leads to it would be removed in its place.
fn end(session: &Bound<'_, Session>, id: &SessionId) -> PyResult<Ended> {
    let py = session.py();
    let store = record::store(session)?;
    let now = clock::now(py)?.seconds;
    let found = match gil::with_store(py, &*store, &*record::patience(session)?, |store| store.load(id, now))
    {
        // It cannot be rotated either.
        Err(error) if error.kind() == ErrorKind::Corrupt => return Ok(Ended::Now),
        found => found.into_py(py)?,
    };
    let Some(found) = found else { return Ok(Ended::Now) };
    match pointer::read(id, &found.data, now) {
        Some(Pointer::To(next)) => return Ok(Ended::LeadsTo(next)),
        Some(Pointer::Over) => return Ok(Ended::Now),
        None => {}
    }
    let over = pointer::write_over(id).into_py(py)?;
    let ttl = session.get().with(|state| state.options.settings.old_id.grace())?;
    let expect = Expect::Version(found.version);
    let written = gil::with_store(py, &*store, &*record::patience(session)?, |store| {
        store.write(id, over.as_bytes(), ttl, expect, now)
    });
    Ok(if written.into_py(py)? == Written::Refused { Ended::NotYet } else { Ended::Now })
}
