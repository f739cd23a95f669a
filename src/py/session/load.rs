//! Loading a session from its store: the calls that the engine asks for.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use super::class::{Session, as_dict, is_exact};
use super::encode::Decoded;
use super::stored::{Content, Loaded};
use super::{call, candidates, content, encode, ending, locking, record, request, session_timeout, times};
use crate::clock as machine;
use crate::config::Concurrency;
use crate::id::SessionId;
use crate::py::clock::{self, Now};
use crate::py::failed::KeptErrors;
use crate::py::nesting::{self, Work};
use crate::py::once::intern;
use crate::py::options::Options;
use crate::session::end::Reason;
use crate::session::load::{Answer, Loading, Policy, Step};
use crate::session::{Facts, Found, Reply};
use crate::store::{Deleted, Expect, Record};

/// `Session.load`: fills the session with the stored data.
pub(crate) fn load(session: &Bound<'_, Session>) -> PyResult<()> {
    let _entered = nesting::enter(session.py(), Work::Load(session.as_ptr() as usize))?;
    let (options, loading) = session.get().with(|state| {
        let settings = &state.options.settings;
        let locks = settings.concurrency == Concurrency::Lock;
        let policy = Policy { locks, limits: settings.limits };
        (Arc::clone(&state.options), Loading::new(policy, &state.life))
    })?;
    let mut caller = Caller {
        session,
        options,
        now: None,
        record: None,
        decoded: None,
        before: None,
        errors: KeptErrors::default(),
    };
    caller.run(loading)
}

/// The caller of the engine: it has the record and its data.
struct Caller<'a, 'py> {
    session: &'a Bound<'py, Session>,
    options: Arc<Options>,
    /// When the store was asked.
    now: Option<Now<'py>>,
    /// The record that was loaded last.
    record: Option<Record>,
    /// The data in it, and the id under which it was read.
    decoded: Option<(SessionId, Decoded<'py>)>,
    /// The content before the load.
    before: Option<Bound<'py, PyDict>>,
    errors: KeptErrors,
}

impl<'py> Caller<'_, 'py> {
    fn run(&mut self, mut loading: Loading<usize>) -> PyResult<()> {
        let fields = self.session.get();
        let mut answer = Answer::Begin;
        loop {
            let now = self.now.as_ref().map_or(0.0, |now| now.seconds);
            answer = match fields.with(|state| loading.next(&mut state.life, answer, now))? {
                Step::Done(Ok(())) => return Ok(()),
                Step::Done(Err(error)) => return Err(self.errors.take(error)),
                step => self.answer(step),
            };
        }
    }

    /// Makes the call that the engine asks for.
    fn answer(&mut self, step: Step<usize>) -> Answer<usize> {
        let session = self.session;
        let called = match step {
            Step::Load(id) => {
                let found = self.look(&id);
                return Answer::Loaded(self.reply(found));
            }
            Step::Decode(id) => {
                let facts = self.decode(&id);
                return Answer::Decoded(self.reply(facts));
            }
            Step::ReadCookies => {
                let others = candidates::others(session, &self.options);
                return Answer::Cookies(self.reply(others));
            }
            Step::DeleteExpired(id, version) => {
                // The store may have been waited for.
                self.now = None;
                let deleted = record::delete(session, &id, Expect::Version(version));
                return Answer::Deleted(self.reply(deleted.map(|deleted| deleted != Deleted::Refused)));
            }
            Step::CheckClock => return Answer::Clock(machine::is_steady()),
            Step::GiveUp => ending::run(session, Reason::GiveUp, |_| Ok(())),
            Step::Lock(id, what) => {
                // Others may hold it for long.
                self.now = None;
                locking::request(session, id, what)
            }
            Step::MoveLock(id) => {
                self.now = None;
                locking::follow(session, &id)
            }
            Step::DeleteRedirect(id, version) => {
                record::delete(session, &id, Expect::Version(version)).map(|_deleted| ())
            }
            Step::Clear => self.clear(),
            Step::Restore => self.restore(),
            Step::WithdrawCookie => self.withdraw_cookie(),
            Step::Unlock => locking::release(session),
            Step::Fill { is_corrected } => self.fill(is_corrected),
            Step::CreateId => call::create_id(session, true),
            Step::BeginEmpty => self.now().and_then(|now| begin(session, now)),
            Step::Invalidate => call::invalidate(session),
            Step::Done(_) => Ok(()),
        };
        Answer::Called(self.reply(called))
    }

    fn reply<T>(&mut self, result: PyResult<T>) -> Reply<T, usize> {
        result.map_err(|error| self.errors.keep(self.session.py(), error))
    }

    /// The time at which the store was asked.
    fn now(&mut self) -> PyResult<&Now<'py>> {
        let now = if let Some(now) = self.now.take() { now } else { clock::now(self.session.py())? };
        Ok(self.now.insert(now))
    }

    fn look(&mut self, id: &SessionId) -> PyResult<Found> {
        let session = self.session;
        let now = self.now()?.seconds;
        if self.options.settings.use_cookies {
            // First: an application that catches the error of the store, or of the decoder, finds it set.
            request::set_cookie(session, true)?;
        }
        let (found, record) = record::find(session, id, now)?;
        self.record = record;
        Ok(found)
    }

    fn clear(&mut self) -> PyResult<()> {
        let dict = as_dict(self.session)?;
        // A session that is opened is empty.
        if self.before.is_none() && !dict.is_empty() {
            self.before = Some(dict.copy()?);
        }
        call::clear(self.session)
    }

    fn restore(&mut self) -> PyResult<()> {
        let Some(before) = self.before.take() else { return Ok(()) };
        content::restore(self.session, &before)
    }

    fn withdraw_cookie(&self) -> PyResult<()> {
        if self.options.settings.use_cookies { request::withdraw(self.session) } else { Ok(()) }
    }

    fn decode(&mut self, id: &SessionId) -> PyResult<Option<Facts>> {
        let Some(record) = &self.record else { return Ok(None) };
        let decoded = encode::decode(self.session, Content::Record(&record.data, id))?;
        let Some(data) = &decoded.data else { return Ok(None) };
        let facts = Facts {
            times: times::in_data(data)?,
            timeout: session_timeout::in_data(data)?,
            is_current: decoded.is_current,
        };
        self.decoded = Some((id.clone(), decoded));
        Ok(Some(facts))
    }

    fn fill(&mut self, is_corrected: bool) -> PyResult<()> {
        let (py, session) = (self.session.py(), self.session);
        let (Some(record), Some((id, decoded))) = (self.record.take(), self.decoded.take()) else {
            return Ok(());
        };
        let Some(data) = decoded.data else { return Ok(()) };
        let now = self.now()?;
        if is_corrected {
            data.set_item(intern!(py, "_creation_time"), &now.object)?;
        }
        let last_accessed = data.get_item(intern!(py, "_accessed_time"))?;
        // Corrected data differs from the record's, so that the record is written anew.
        let payload = decoded.payload.filter(|_| !is_corrected);
        let text = Arc::clone(&record.data);
        let loaded = payload.map(|payload| {
            Arc::new(Loaded {
                record,
                payload: payload.bytes.unbind(),
                accessed: payload.accessed.map(Bound::unbind),
                in_place: payload.in_place,
            })
        });
        let copy = Some(data.clone().into_any().unbind());
        let _dropped = session.get().with(|state| {
            let last_accessed = if state.life.is_new() { None } else { last_accessed.map(Bound::unbind) };
            let snapshots = &mut state.snapshots;
            // Not before: a load that fails has shown the program nothing of the record.
            snapshots.maybe_mutated = false;
            let saved = snapshots.set_saved(None);
            let before = (saved, snapshots.set_last_accessed(last_accessed), snapshots.set_loaded(copy));
            (before, state.record.found(&text, id), state.record.set_loaded(loaded))
        })?;
        fill(session, &data, now)
    }
}

/// Fills a session that has no record with the initial data.
pub(super) fn begin(session: &Bound<'_, Session>, now: &Now<'_>) -> PyResult<()> {
    let py = session.py();
    let data = PyDict::new(py);
    data.set_item(intern!(py, "_creation_time"), &now.object)?;
    let copy = Some(data.clone().into_any().unbind());
    let _dropped = session.get().with(|state| {
        state.life.opened(None, None, false);
        (state.snapshots.clear(), state.snapshots.set_loaded(copy), state.record.clear())
    })?;
    fill(session, &data, now)
}

/// Whether the domain and the path of the cookie come first in `data`, as they do in a session.
fn begins_with_scope(data: &Bound<'_, PyDict>) -> bool {
    let mut keys = data.iter().map(|(key, _)| key);
    let mut is =
        |name: &str| keys.next().is_some_and(|key| key.cast::<PyString>().is_ok_and(|key| key == name));
    is("_domain") && is("_path")
}

/// Makes `data`, which is the copy that `revert()` goes back to, the session's content.
fn fill(session: &Bound<'_, Session>, data: &Bound<'_, PyDict>, now: &Now<'_>) -> PyResult<()> {
    data.set_item(intern!(session.py(), "_accessed_time"), &now.object)?;
    let dict = as_dict(session)?;
    if begins_with_scope(data) && is_exact(session) {
        // `data` replaces all that `clear()` put there, and copying a whole dictionary is cheaper.
        dict.clear();
    }
    dict.update(data.as_mapping())
}
