//! Which of the cookies of our name counts, where a browser sends several.
//!
//! Browsers keep cookies of one name apart by domain and path, and send all that match. The one that counts is the last
//! whose session exists. The last, as in Beaker: browsers send what has the longest path first, so applications whose
//! cookies have met have always seen that of the shortest.
//!
//! The store is asked about the others only where the last one leads to no session, about each id once, and about a
//! handful at the most. With a `secret`, only an id that is signed is asked about.

use std::sync::Arc;

use pyo3::prelude::*;

use super::class::Session;
use super::request::cookie_header;
use super::state::{Choice, State};
use super::stored::Base;
use crate::codec::RecordFormat;
use crate::config::Settings;
use crate::cookie::readings;
use crate::id::SessionId;
use crate::py::format_one;
use crate::py::options::Options;
use crate::py::patience::Patience;
use crate::session::Life;
use crate::store::Timestamp;

/// How many ids of one request the store is asked about.
const MOST: usize = 5;

/// An id that the request's cookies bring.
pub(super) struct Candidate {
    id: SessionId,
    /// Whether the cookie is as it would be written today.
    is_current: bool,
    /// When it was signed, if it says so: the session had begun by then.
    signed_at: Option<Timestamp>,
}

/// The candidate that is asked about first: the last under our name that verifies, else that under an older name.
pub(super) fn first(request: &Bound<'_, PyAny>, options: &Options) -> PyResult<Option<Candidate>> {
    let settings = &options.settings;
    if !settings.use_cookies {
        return Ok(None);
    }
    let Some(header) = cookie_header(request)? else { return Ok(None) };
    let now = format_one::moment(request.py(), settings)?;
    let first = all(&header.to_string_lossy(), settings, now).next();
    if first.as_ref().is_some_and(|first| first.is_in_format_1(settings)) {
        format_one::tell(request.py(), settings, now)?;
    }
    Ok(first)
}

/// The candidates beside the first, while the session is made; none afterwards, when a session that has gone is not to
/// turn into another.
pub(super) fn others(session: &Bound<'_, Session>) -> PyResult<Vec<Candidate>> {
    let py = session.py();
    let open = session.get().with(|state| {
        let is_open = state.choice.is_some() && state.life.is_from_cookie();
        is_open.then(|| (Arc::clone(&state.options), state.request.clone_ref(py)))
    })?;
    let Some((options, request)) = open else { return Ok(Vec::new()) };
    let Some(header) = cookie_header(request.bind(py))? else { return Ok(Vec::new()) };
    let header = header.to_string_lossy();
    let mut distinct: Vec<Candidate> = Vec::new();
    let now = format_one::moment(py, &options.settings)?;
    for candidate in all(&header, &options.settings, now) {
        if distinct.iter().all(|known| known.id.as_str() != candidate.id.as_str()) {
            distinct.push(candidate);
        }
        if distinct.len() == MOST {
            break;
        }
    }
    Ok(distinct.into_iter().skip(1).collect())
}

/// All candidates, in the order in which they are asked about.
fn all<'a>(header: &'a str, settings: &'a Settings, now: Timestamp) -> impl Iterator<Item = Candidate> + 'a {
    let readings = readings(header, settings.names(), settings.signer.is_some());
    readings.filter_map(move |reading| candidate(settings, reading.name, reading.value, now))
}

#[allow(clippy::cast_precision_loss, reason = "a moment below 2^53 seconds")]
fn candidate(settings: &Settings, name: &str, value: &str, now: Timestamp) -> Option<Candidate> {
    let Some(signer) = &settings.signer else {
        let is_current = name == settings.key;
        return (!value.is_empty()).then(|| Candidate {
            id: SessionId::from_request(value),
            is_current,
            signed_at: None,
        });
    };
    if !settings.reads_format_of(value, now) {
        return None;
    }
    let accepted = signer.verify(name, value).filter(|accepted| !accepted.value.is_empty())?;
    if let Some(seconds) = accepted.signed_at {
        settings.format_one.switch().saw_signed_at(seconds);
    }
    Some(Candidate {
        id: SessionId::from_program(accepted.value),
        is_current: accepted.is_current,
        signed_at: accepted.signed_at.map(|seconds| seconds as f64),
    })
}

impl Candidate {
    fn is_in_format_1(&self, settings: &Settings) -> bool {
        settings.signer.is_some() && self.signed_at.is_none()
    }

    /// The fields of a session that begins with it.
    pub(super) fn begin(self, options: Arc<Options>, request: Py<PyAny>, patience: Arc<Patience>) -> State {
        let mut state = State::new(options, request, Life::named(self.id, true), patience);
        state.begun = self.signed_at;
        state.choice = Some(Choice { is_current: self.is_current });
        state
    }
}

/// Makes the session that of `candidate`, and gives what was learnt of the one before.
pub(super) fn turn_to(state: &mut State, candidate: Candidate) -> Tried {
    let tried = Tried {
        life: std::mem::replace(&mut state.life, Life::named(candidate.id, true)),
        begun: std::mem::replace(&mut state.begun, candidate.signed_at),
        base: state.base.take(),
        found_format: std::mem::replace(&mut state.found_format, RecordFormat::One),
        choice: state.choice.replace(Choice { is_current: candidate.is_current }),
    };
    state.is_stale = false;
    tried
}

/// What was learnt of a candidate that leads to no session.
pub(super) struct Tried {
    life: Life,
    begun: Option<Timestamp>,
    base: Option<Base>,
    found_format: RecordFormat,
    choice: Option<Choice>,
}

impl Tried {
    /// Makes the session that of the candidate again.
    pub(super) fn restore(self, state: &mut State) {
        state.life = self.life;
        state.begun = self.begun;
        state.base = self.base;
        state.found_format = self.found_format;
        state.choice = self.choice;
        state.is_stale = false;
    }
}
