//! Sessions that somebody else gave another id, and who comes with the one before.

use pyo3::prelude::*;

use super::class::Session;
use super::{record, request};
use crate::codec::pointer::{self, Pointer};
use crate::error::ErrorKind;
use crate::id::SessionId;
use crate::py::clock;
use crate::py::errors::IntoPyResult;
use crate::py::gil;
use crate::store::{Deleted, Expect, Version};

/// How often it is tried to end a session that others write meanwhile.
const TRIES: usize = 64;

/// Goes on with the session under the id that it was given. Its cookie is that of the request which gave it.
pub(super) fn follow(session: &Bound<'_, Session>, id: SessionId) -> PyResult<()> {
    let uses_cookies = session.get().with(|state| {
        state.life.follow(id);
        state.options.settings.use_cookies
    })?;
    if uses_cookies { request::withdraw(session) } else { Ok(()) }
}

/// Ends the session of `id`. Where another request gave it a new id meanwhile, the redirect and the record under that
/// id go too. Each is deleted only as it was found, so that no redirect is taken for the session that it replaced.
pub(super) fn remove(session: &Bound<'_, Session>, id: &SessionId) -> PyResult<()> {
    let mut id = id.clone();
    if session.get().options()?.settings.old_id.grace().is_some() {
        for _ in 0..TRIES {
            let Some((version, next)) = find(session, &id)? else { break };
            if delete(session, &id, Expect::Version(version))? != Deleted::Refused {
                match next {
                    Some(next) => id = next,
                    None => return Ok(()),
                }
            }
        }
    }
    delete(session, &id, Expect::Any).map(|_deleted| ())
}

/// The version of the record of `id`, and the id that it redirects to. `None` if there is none, or none that could be
/// rotated.
fn find(session: &Bound<'_, Session>, id: &SessionId) -> PyResult<Option<(Version, Option<SessionId>)>> {
    let py = session.py();
    let store = record::store(session)?;
    let now = clock::now(py)?.seconds;
    let found = gil::with_store(py, &*store, &*record::patience(session)?, |store| store.load(id, now));
    let found = match found {
        Err(error) if error.kind() == ErrorKind::Corrupt => return Ok(None),
        found => found.into_py(py)?,
    };
    Ok(found.map(|found| {
        let next = match pointer::read(id, &found.data, now) {
            Some(Pointer::To(next)) => Some(next),
            Some(Pointer::Over) | None => None,
        };
        (found.version, next)
    }))
}

/// Removes the record under `id`, if `expect` holds of it.
pub(super) fn delete(session: &Bound<'_, Session>, id: &SessionId, expect: Expect) -> PyResult<Deleted> {
    let py = session.py();
    let store = record::store(session)?;
    gil::with_store(py, &*store, &*record::patience(session)?, |store| store.delete(id, expect)).into_py(py)
}
