//! Saving a session: the calls that the engine asks for.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::changes::Changes;
use super::class::{Session, plain};
use super::starvation::Guard;
use super::state::State;
use super::stored::{Base, Content, Text};
use super::{call, encode, locking, merge, record, request, session_timeout, starvation, write};
use crate::id::SessionId;
use crate::py::clock;
use crate::py::errors::{self, BeakerException, IntoPyResult, LockError};
use crate::py::failed::KeptErrors;
use crate::session::Found;
use crate::session::finish::{self, Cookie};
use crate::session::save::{Answer, ENCODINGS, Outcome, Rules, Saving, Step, TRIES};
use crate::store::{LockTarget, Record, Version, Written};

/// A session as it was loaded or saved last, and the save that begins with that.
pub(super) struct Basis {
    saving: Saving<usize>,
    pub(super) base: Option<Base>,
}

impl Basis {
    pub(super) fn of(state: &State) -> Self {
        let settings = &state.options.settings;
        let rules = Rules {
            merges: settings.concurrency.merges(),
            uses_cookies: settings.use_cookies,
            is_locked: state.access.is_locked(),
        };
        Self { saving: Saving::new(&state.life, rules), base: state.record.base() }
    }
}

/// Stores `data`, a changed copy of `basis`, as the session's record. `is_saved` says whether the application saved it.
pub(super) fn store(
    session: &Bound<'_, Session>,
    data: &Bound<'_, PyDict>,
    basis: Basis,
    is_saved: bool,
) -> PyResult<()> {
    // Nothing was loaded into a session that a program declares an old one. Then its own content counts.
    let own = if data.is_empty() { Some(plain(session)?) } else { None };
    let ours = own.as_ref().unwrap_or(data);
    let Basis { saving, base } = basis;
    let caller = Caller {
        session,
        ours,
        base: base.as_ref(),
        saved: is_saved.then(|| data.clone().unbind()),
        is_saved,
        text: encode::text_for_record(session, ours)?,
        merged: None,
        found: None,
        changes: None,
        guard: None,
        is_lock_taken: false,
        errors: KeptErrors::default(),
    };
    if !caller.run(saving)? {
        warn_of_ended(session)?;
    }
    let timeout = session_timeout::in_data(ours)?;
    let cookie = session.get().with(|state| {
        let lasts_otherwise = state.life.set_timeout(timeout);
        finish::cookie_of_save(&state.life, state.options.settings.use_cookies, lasts_otherwise)
    })?;
    match cookie {
        Cookie::Rewrite => call::update_cookie_out(session, true),
        Cookie::Send => request::set_cookie(session, true),
        Cookie::Leave => Ok(()),
    }
}

fn warn_of_ended(session: &Bound<'_, Session>) -> PyResult<()> {
    let id = session.get().with(|state| state.life.id().abbreviated())?;
    errors::warn(
        session.py(),
        &format!("session {id} was ended while this request used it; what the request changed is not stored"),
    )
}

/// The caller of the engine: it has the data, and the texts that it is encoded to.
struct Caller<'a, 'py> {
    session: &'a Bound<'py, Session>,
    /// The data to be stored.
    ours: &'a Bound<'py, PyDict>,
    /// The text that `ours` is a changed copy of.
    base: Option<&'a Base>,
    /// The data that the application saved, until it is stored.
    saved: Option<Py<PyDict>>,
    is_saved: bool,
    /// `ours`, encoded.
    text: Text,
    /// The merged data, encoded.
    merged: Option<(Bound<'py, PyDict>, Text)>,
    /// The record that was loaded last.
    found: Option<(Record, SessionId)>,
    changes: Option<Changes<'a, 'py>>,
    /// While other saves of this process wait.
    guard: Option<Guard>,
    /// Whether this save has locked the session.
    is_lock_taken: bool,
    errors: KeptErrors,
}

impl<'a, 'py> Caller<'a, 'py> {
    /// Whether the session is stored, and has not ended.
    fn run(mut self, saving: Saving<usize>) -> PyResult<bool> {
        let outcome = self.steps(saving);
        self.guard = None;
        if !self.is_lock_taken {
            return outcome;
        }
        let released = locking::release(self.session);
        // The first error counts.
        outcome.and_then(|is_stored| released.map(|()| is_stored))
    }

    fn steps(&mut self, mut saving: Saving<usize>) -> PyResult<bool> {
        let mut answer = Answer::Encoded(self.text.id.clone());
        loop {
            let fields = self.session.get();
            let (step, _dropped) = fields.with(|state| {
                let step = saving.next(&mut state.life, answer);
                // In one step, so that no other thread comes between.
                let is_stored = matches!(step, Step::Done(Outcome::Stored));
                (step, is_stored.then(|| self.keep(state)))
            })?;
            answer = match step {
                Step::Done(outcome) => return self.end(outcome),
                step => self
                    .answer(step)
                    .unwrap_or_else(|error| Answer::Failed(self.errors.keep(self.session.py(), error))),
            };
        }
    }

    /// From now on the session is a copy of the application's data, and not of the merged data, with which its next save
    /// merges again. Returns the objects that must not be dropped under the lock.
    fn keep(&mut self, state: &mut State) -> impl Sized + use<> {
        let text = Text { bytes: Arc::clone(&self.text.bytes), id: self.text.id.clone() };
        let saved = self.saved.take().map(|saved| state.snapshots.set_saved(Some(saved)));
        (state.record.written(text), saved)
    }

    fn end(&mut self, outcome: Outcome<usize>) -> PyResult<bool> {
        let id = || self.session.get().with(|state| state.life.id().abbreviated());
        match outcome {
            Outcome::Stored => Ok(true),
            Outcome::Ended => Ok(false),
            Outcome::Overtaken => Err(LockError::new_err(format!(
                "session {} is not stored: others wrote it each of the {TRIES} times that this was tried",
                id()?
            ))),
            Outcome::IdNeverStays => Err(BeakerException::new_err(format!(
                "session {} is not stored: it was given another id each of the {ENCODINGS} times that it was encoded; a \
                 value that is pickled, a serializer or `_encrypt_data` must not do so",
                id()?
            ))),
            Outcome::Failed(error) => Err(self.errors.take(error)),
        }
    }

    /// Makes the call that the engine asks for.
    fn answer(&mut self, step: Step<usize>) -> PyResult<Answer<usize>> {
        let session = self.session;
        match step {
            Step::Encode => return self.encode(),
            Step::Load(id) => return self.load(&id).map(Answer::Found),
            Step::Verify(id) => return self.verify(&id),
            Step::Fence { id, version } => return self.fence(&id, version),
            Step::Merge => return self.merge(),
            Step::Write { id, expect } => {
                let (data, text) = self.encoded();
                return write::write(session, data, text, &id, expect).map(Answer::Written);
            }
            Step::Rotate { old, new, expect } => {
                let (data, text) = self.encoded();
                return write::rotate(session, data, text, (&old, &new), expect).map(Answer::Written);
            }
            Step::GiveWay(id) => starvation::give_way(session, &id)?,
            Step::GoFirst { id, locks } => self.go_first(&id, locks)?,
            Step::MoveLock(id) => locking::follow(session, &id)?,
            Step::WithholdCookie => request::withdraw(session)?,
            Step::Done(_) => {}
        }
        Ok(Answer::Ready)
    }

    /// The data to write: the merged data, or the session's own.
    fn encoded(&self) -> (&Bound<'py, PyDict>, &Text) {
        self.merged.as_ref().map_or((self.ours, &self.text), |(data, text)| (data, text))
    }

    fn encode(&mut self) -> PyResult<Answer<usize>> {
        let text = encode::text_for_record(self.session, self.encoded().0)?;
        let id = text.id.clone();
        match &mut self.merged {
            Some((_, merged)) => *merged = text,
            None => self.text = text,
        }
        Ok(Answer::Encoded(id))
    }

    /// The session's changes, which are computed only where others have changed its record.
    fn changes(&mut self) -> PyResult<&Changes<'a, 'py>> {
        let changes = match self.changes.take() {
            Some(changes) => changes,
            None => Changes::since(self.session, self.base, self.ours, &self.text, self.is_saved)?,
        };
        Ok(self.changes.insert(changes))
    }

    fn load(&mut self, id: &SessionId) -> PyResult<Found> {
        let session = self.session;
        if session.get().options()?.settings.concurrency.merges() {
            // First, so that others have less time to write after the load.
            self.changes()?;
        }
        let (found, record) = record::find(session, id, clock::now(session.py())?.seconds)?;
        if let (Found::Session(_), Some(record)) = (&found, record) {
            session.get().with(|state| state.record.found_again(&record.data))?;
            self.found = Some((record, id.clone()));
        }
        Ok(found)
    }

    fn verify(&mut self, id: &SessionId) -> PyResult<Answer<usize>> {
        Ok(match (self.load(id)?, &self.found) {
            (Found::Session(version), Some((record, _))) if record.data[..] == self.encoded().1.bytes[..] => {
                Answer::Written(Written::Stored(version))
            }
            (found, _) => Answer::Found(found),
        })
    }

    fn fence(&self, id: &SessionId, version: Version) -> PyResult<Answer<usize>> {
        let written = match &self.found {
            Some((record, _)) if record.version == version => write::fence(self.session, record, id)?,
            // It is loaded again.
            _ => Written::Refused,
        };
        Ok(Answer::Written(written))
    }

    fn merge(&mut self) -> PyResult<Answer<usize>> {
        let session = self.session;
        // Where nothing is loaded, it is loaded again.
        let Some((record, id)) = self.found.take() else { return Ok(Answer::Written(Written::Refused)) };
        let theirs = encode::decode(session, Content::Record(&record.data, &id))?.data;
        let theirs = theirs.unwrap_or_else(|| PyDict::new(session.py()));
        let merged = merge::merge(self.changes()?, &theirs)?;
        let text = encode::text_for_record(session, &merged.data)?;
        let id = text.id.clone();
        self.merged = Some((merged.data, text));
        Ok(Answer::Merged { id, has_theirs: merged.has_theirs })
    }

    /// Makes other saves wait. A save that waits for the session's lock does not hinder the holder's save.
    fn go_first(&mut self, id: &SessionId, locks: bool) -> PyResult<()> {
        let py = self.session.py();
        self.guard = None;
        if locks {
            self.is_lock_taken = true;
            let id = self.session.get().with(|state| state.life.record_id().clone())?;
            locking::request(self.session, id, LockTarget::Record)?;
        }
        self.guard = Guard::take(py, id, &*record::patience(self.session)?).into_py(py)?;
        Ok(())
    }
}
