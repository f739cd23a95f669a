//! Ending a session: the calls that the engine asks for.

use pyo3::prelude::*;

use super::class::Session;
use super::{call, record};
use crate::py::clock;
use crate::py::failed::KeptErrors;
use crate::session::end::{Answer, Ending, Outcome, Reason, Step};
use crate::store::Deleted;

/// Ends a session. `begin` fills the one that takes its place, if one does.
pub(super) fn run(
    session: &Bound<'_, Session>,
    reason: Reason,
    begin: fn(&Bound<'_, Session>) -> PyResult<()>,
) -> PyResult<()> {
    let fields = session.get();
    let mut ending = fields.with(|state| {
        let settings = &state.options.settings;
        Ending::new(&mut state.life, reason, settings.old_id.grace().is_some(), settings.use_cookies)
    })?;
    let mut answer = Answer::Begin;
    let mut errors = KeptErrors::default();
    loop {
        answer = match fields.with(|state| ending.next(&mut state.life, answer))? {
            Step::Done(Outcome::Ended) => return Ok(()),
            Step::Done(Outcome::Failed(error)) => return Err(errors.take(error)),
            step => self::answer(session, step, begin)
                .unwrap_or_else(|error| Answer::Failed(errors.keep(session.py(), error))),
        };
    }
}

/// Makes the call that the engine asks for.
fn answer(
    session: &Bound<'_, Session>,
    step: Step<usize>,
    begin: fn(&Bound<'_, Session>) -> PyResult<()>,
) -> PyResult<Answer<usize>> {
    let py = session.py();
    match step {
        Step::Load(id) => {
            let (found, _) = record::find(session, &id, clock::now(py)?.seconds)?;
            return Ok(Answer::Found(found));
        }
        Step::Delete { id, expect } => {
            return Ok(match record::delete(session, &id, expect)? {
                Deleted::Record | Deleted::Nothing => Answer::Deleted,
                Deleted::Refused => Answer::Refused,
            });
        }
        Step::ExpireCookie => call::delete_cookie(session)?,
        Step::Clear => call::clear(session)?,
        Step::CreateId => call::create_id(session, true)?,
        Step::Begin => begin(session)?,
        Step::Done(_) => {}
    }
    Ok(Answer::Ready)
}
