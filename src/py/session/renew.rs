//! The end of a request that did not save its session: the calls that the engine asks for.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::class::Session;
use super::saving::{self, Basis};
use super::stored::{Base, InPlace, Loaded};
use super::{call, changes, encode, record, starvation};
use crate::codec::{self, RecordFormat, Splice};
use crate::id::SessionId;
use crate::py::clock;
use crate::py::errors;
use crate::py::failed::failed;
use crate::py::once::intern;
use crate::py::options::Options;
use crate::session::renew::{Answer, Facts, Outcome, Renewing, Step};
use crate::store::{Expect, Patch, Renewal, Version, Write, Written};

/// `Session.save(accessed_only=True)`: stores the access time, and changes in place.
pub(super) fn renew(session: &Bound<'_, Session>) -> PyResult<()> {
    let py = session.py();
    let (renewing, first, data, is_saved, loaded, basis) = session.get().with(|state| {
        let saved = state.snapshots.saved(py).map(Bound::into_any);
        let is_saved = saved.is_some();
        let facts = Facts {
            is_due: state.life.is_stale() || state.options.settings.save_accessed_time,
            maybe_mutated: state.snapshots.maybe_mutated,
            was_saved: is_saved,
        };
        let data = saved.or_else(|| state.snapshots.loaded(py));
        let loaded = if is_saved { None } else { state.record.loaded() };
        let mut renewing = Renewing::new(&state.life, facts);
        let first = renewing.next(&mut state.life, Answer::Begin);
        (renewing, first, data, is_saved, loaded, Basis::of(state))
    })?;
    let data = data.unwrap_or_else(|| PyDict::new(py).into_any());
    let mut caller = Caller { session, data, loaded, base: basis.base.as_ref(), renewed: None };
    match caller.run(renewing, first)? {
        Outcome::Nothing | Outcome::Renewed => Ok(()),
        Outcome::Save(_) => {
            let data = caller.data;
            saving::store(session, data.cast::<PyDict>()?, basis, is_saved)
        }
        Outcome::NotRenewed(error) => {
            errors::log_warning(py, &format!("the session's access time is not stored: {error}"))
        }
        Outcome::Failed(error) => Err(error),
    }
}

/// The caller of the engine: it has the data.
struct Caller<'a, 'py> {
    session: &'a Bound<'py, Session>,
    /// The data that the application saved in this request, or else that which was loaded.
    data: Bound<'py, PyAny>,
    /// The record that `data` was loaded from.
    loaded: Option<Arc<Loaded>>,
    base: Option<&'a Base>,
    /// The same record with the new access time, if it has another version by that.
    renewed: Option<(Version, Arc<Loaded>)>,
}

impl<'py> Caller<'_, 'py> {
    fn run(&mut self, mut renewing: Renewing, mut step: Step<PyErr>) -> PyResult<Outcome<PyErr>> {
        let py = self.session.py();
        loop {
            let answer = match step {
                Step::Done(outcome) => return Ok(outcome),
                step => self.answer(step).unwrap_or_else(|error| Answer::Failed(failed(py, error))),
            };
            let (next, _dropped) = self.session.get().with(|state| {
                let next = renewing.next(&mut state.life, answer);
                let known = state.life.version();
                let renewed = self.renewed.take_if(|(version, _)| known == Some(*version));
                (next, renewed.map(|(_, loaded)| state.record.set_loaded(Some(loaded))))
            })?;
            step = next;
        }
    }

    /// Makes the call that the engine asks for.
    fn answer(&mut self, step: Step<PyErr>) -> PyResult<Answer<PyErr>> {
        let session = self.session;
        match step {
            Step::Compare(_) => {
                let data = self.data.cast::<PyDict>()?;
                changes::in_place(session, data, self.loaded.as_deref(), self.base).map(Answer::Changed)
            }
            Step::GiveWay(id) => starvation::give_way(session, &id).map(|()| Answer::Ready),
            Step::Renew { id, version } => self.touch(&id, version).map(Answer::Renewed),
            Step::Done(_) => Ok(Answer::Ready),
        }
    }

    /// Stores the access time: in place where the stored text has it in the open, else by writing the same data
    /// again with the new time, if the record has not been written since. Returns the new version.
    fn touch(&mut self, id: &SessionId, version: Version) -> PyResult<Option<Version>> {
        let (py, session, data) = (self.session.py(), self.session, self.data.cast::<PyDict>()?);
        let (options, is_stale, ttl) = session.get().with(|state| {
            let ttl = state.options.settings.store_ttl(state.life.timeout());
            (Arc::clone(&state.options), state.life.is_stale(), ttl)
        })?;
        let accessed = data.get_item(intern!(py, "_accessed_time"))?;
        let accessed = accessed.and_then(|accessed| accessed.extract::<f64>().ok());
        let loaded = self.loaded.as_deref();
        let known = if call::encrypts_itself(session)? { None } else { accessed.zip(loaded) };
        let now = if let Some(accessed) = accessed { accessed } else { clock::now(py)?.seconds };
        let splice = known.filter(|_| !is_stale).and_then(|(now, loaded)| loaded.splice(py, &options, now));
        if let Some(splice) = splice {
            let id = id.clone();
            let loaded = loaded.filter(|loaded| loaded.record.version == version);
            let known = loaded.map(|loaded| Arc::clone(&loaded.record.data));
            record::with_store(session, now, move |store, call| {
                let renewal = Renewal { key: &id, version, ttl };
                let (offset, bytes) = (splice.offset, splice.bytes());
                store.patch(&Patch { renewal, offset, bytes, loaded: known.as_deref() }, call)
            })?;
            return Ok(None);
        }
        let text = rewritten(session, &options, id, data, known)?;
        let expect = Expect::Version(version);
        let id = id.clone();
        let written = record::with_store(session, now, move |store, call| {
            store.write(&Write { key: &id, data: &text, ttl, expect }, call)
        })?;
        // A refusal means that another request wrote the record since, and its access time with it.
        let Written::Stored(version) = written else { return Ok(None) };
        self.renewed = loaded.map(|loaded| (version, Arc::new(loaded.rewritten(py))));
        Ok(Some(version))
    }
}

/// The text of `data`, which was loaded, with the new access time.
fn rewritten(
    session: &Bound<'_, Session>,
    options: &Options,
    id: &SessionId,
    data: &Bound<'_, PyDict>,
    known: Option<(f64, &Loaded)>,
) -> PyResult<Vec<u8>> {
    let py = session.py();
    let Some((now, loaded)) = known else { return encode::encrypt_data(session, data) };
    let payload = loaded.payload.bind(py).as_bytes();
    if session.get().with(|state| state.record_format())? == RecordFormat::Two {
        // The payload need not have the time, so that it need not be made anew.
        return Ok(encode::in_format_2(py, options, id, payload, now)?.into_bytes());
    }
    if options.serializer.writes(payload) {
        return encode::encrypt_data(session, data);
    }
    // A payload of another serializer stays as it is until the program saves the session.
    match codec::with_access_time(payload, now) {
        Some(payload) => Ok(encode::in_format_1(py, options, &payload)?.into_bytes()),
        None => encode::encrypt_data(session, data),
    }
}

impl Loaded {
    /// The same for a rewritten record, whose text has the access time elsewhere.
    fn rewritten(&self, py: Python<'_>) -> Self {
        Self {
            record: self.record.clone(),
            payload: self.payload.clone_ref(py),
            accessed: self.accessed.as_ref().map(|accessed| accessed.clone_ref(py)),
            in_place: None,
        }
    }

    /// The bytes that change only the access time in the stored text; `None` if that cannot be done.
    fn splice(&self, py: Python<'_>, options: &Options, accessed: f64) -> Option<Splice> {
        // A program may have given the session a key since it was loaded.
        if options.settings.records.encrypts() {
            return None;
        }
        match self.in_place.as_ref()? {
            InPlace::Head(checksum) => checksum.touch(accessed),
            InPlace::Payload => {
                let offset = codec::locate(self.payload.bind(py).as_bytes())?;
                codec::splice(&self.record.data, offset, accessed)
            }
        }
    }
}
