//! The session ids in a request's cookies, in the order in which they are tried.
//!
//! With a `secret`, only a signed id is a candidate.

use pyo3::prelude::*;

use super::class::Session;
use super::request::cookie_header;
use crate::config::Settings;
use crate::cookie::readings;
use crate::id::SessionId;
use crate::py::format_one;
use crate::py::options::Options;
use crate::session::Candidate;
use crate::store::Timestamp;

/// The candidate to try first: the last under the cookie's name that verifies, else that under an older name.
pub(super) fn first(request: &Bound<'_, PyAny>, options: &Options) -> PyResult<Option<Candidate>> {
    let settings = &options.settings;
    if !settings.use_cookies {
        return Ok(None);
    }
    let Some(header) = cookie_header(request)? else { return Ok(None) };
    let now = format_one::moment(request.py(), settings)?;
    let first = all(&header.to_string_lossy(), settings, now).next();
    let is_in_format_1 = |first: &Candidate| settings.signer.is_some() && first.signed_at.is_none();
    if first.as_ref().is_some_and(is_in_format_1) {
        format_one::tell(request.py(), settings, now)?;
    }
    Ok(first)
}

/// The candidates beside the first.
pub(super) fn others(session: &Bound<'_, Session>, options: &Options) -> PyResult<Vec<Candidate>> {
    let py = session.py();
    let request = session.get().with(|state| state.request.clone_ref(py))?;
    let Some(header) = cookie_header(request.bind(py))? else { return Ok(Vec::new()) };
    let now = format_one::moment(py, &options.settings)?;
    Ok(Candidate::others(all(&header.to_string_lossy(), &options.settings, now)))
}

/// All candidates, in the order in which they are tried.
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
