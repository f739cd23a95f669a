//! Saving a session that others have changed since it was loaded.
//!
//! What was loaded is decoded here and not before, since it seldom comes to this. The program's own session stays as
//! the program sees it; what others wrote is in the record alone, and a later save in the same request merges again.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use super::changes::{Changes, is_like};
use super::class::Session;
use super::precedence::Precedence;
use super::stored::{Content, Text};
use super::write::{self, Change};
use super::{encode, hold, record, rotated};
use crate::codec::RecordFormat;
use crate::codec::pointer::{self, Pointer};
use crate::id::SessionId;
use crate::py::clock;
use crate::py::errors::{IntoPyResult, LockError};
use crate::py::gil;
use crate::session::{Row, Rule, Side, decide, is_in_future};
use crate::store::{Expect, HoldOf, Timestamp, Written};

/// How often a save is tried before it holds the session and goes before all others, so that nobody comes between
/// any more.
const UNHELD_TRIES: usize = 8;
/// How often it is tried at all, where a store lets others come between even so.
const TRIES: usize = 64;

/// Writes what `ours` changed into the record, or all of it where the options have it so. `text` is what `ours`
/// encodes to. `false` if the record has gone.
pub(super) fn write(
    session: &Bound<'_, Session>,
    ours: &Bound<'_, PyDict>,
    change: &Change<'_, '_>,
    text: Text,
) -> PyResult<bool> {
    let was_held = record::lock(session)?.is_some();
    let outcome = retry(session, ours, change, text, was_held);
    if !was_held {
        let released = hold::release(session);
        // What went wrong first is the one to tell.
        return outcome.and_then(|written| released.map(|()| written));
    }
    outcome
}

fn retry(
    session: &Bound<'_, Session>,
    ours: &Bound<'_, PyDict>,
    change: &Change<'_, '_>,
    mut text: Text,
    was_held: bool,
) -> PyResult<bool> {
    let py = session.py();
    let merges = session.get().options()?.settings.concurrency.merges();
    let base = change.basis.base.as_ref();
    let changes = match merges {
        true => Some(Changes::since(session, base, ours, &text, change.is_saved)?),
        false => None,
    };
    let mut first = None;
    for turn in 0..TRIES {
        if turn >= UNHELD_TRIES {
            first = Some(go_first(session, was_held, first)?);
        }
        let id = session.get().with(|state| state.life.record_id().clone())?;
        let store = record::store(session)?;
        let now = clock::now(py)?.seconds;
        let found = gil::with_store(py, &*store, &*record::patience(session)?, |store| store.load(&id, now))
            .into_py(py)?;
        let Some(found) = found else { return Ok(false) };
        match pointer::read(&id, &found.data, now) {
            Some(Pointer::To(new)) => {
                if was_held {
                    hold::follow(session, &new)?;
                }
                rotated::follow(session, new)?;
                continue;
            }
            Some(Pointer::Over) => return Ok(false),
            None => {}
        }
        let found_format = RecordFormat::of(&found.data);
        session.get().with(|state| state.found_format = state.found_format.max(found_format))?;
        let Some(changes) = &changes else {
            match write::attempt(session, ours, &mut text, Expect::Version(found.version))? {
                Written::Stored(version) => {
                    write::stored(session, version, text, change)?;
                    return Ok(true);
                }
                Written::Refused => continue,
            }
        };
        let theirs = encode::decode(session, Content::Record(&found.data, &id))?.data;
        let theirs = theirs.unwrap_or_else(|| PyDict::new(py));
        let merged = merge(session, changes, &theirs)?;
        let mut merged_text = encode::text_for_record(session, &merged.data)?;
        match write::attempt(session, &merged.data, &mut merged_text, Expect::Version(found.version))? {
            Written::Stored(version) => {
                // What the program has, and not what became of it: that is what its next save has changed.
                write::stored(session, version, text, change)?;
                if merged.has_theirs {
                    session.get().with(|state| state.life.diverged())?;
                }
                return Ok(true);
            }
            Written::Refused => {}
        }
    }
    let id = session.get().with(|state| state.life.id().abbreviated())?;
    Err(LockError::new_err(format!(
        "session {id} is not stored: others wrote it each of the {TRIES} times that this was tried"
    )))
}

/// Keeps others from the record: from that which the session has by now, for it may have been given another id since it
/// was held. Who has to wait for the session does not keep its holder from writing it.
fn go_first(session: &Bound<'_, Session>, was_held: bool, first: Option<First>) -> PyResult<First> {
    let py = session.py();
    let id = session.get().with(|state| state.life.record_id().clone())?;
    if let Some(first) = first.filter(|first| first.id.as_str() == id.as_str()) {
        return Ok(first);
    }
    if !was_held {
        hold::acquire(session, HoldOf::Record)?;
    }
    let _precedence = Precedence::take(py, &id, &*record::patience(session)?).into_py(py)?;
    Ok(First { id, _precedence })
}

/// That a save goes before others.
struct First {
    id: SessionId,
    _precedence: Option<Precedence>,
}

struct Merged<'py> {
    data: Bound<'py, PyDict>,
    /// Whether others have changed what this session has otherwise, moments aside.
    has_theirs: bool,
}

fn merge<'py>(
    session: &Bound<'py, Session>,
    changes: &Changes<'_, 'py>,
    theirs: &Bound<'py, PyDict>,
) -> PyResult<Merged<'py>> {
    let py = session.py();
    let now = clock::now(py)?.seconds;
    let (base, ours) = (changes.before(), changes.now());
    let data = PyDict::new(py);
    let mut has_theirs = false;
    let mut keys: Vec<_> = ours.keys().iter().collect();
    for key in theirs.keys() {
        if !ours.contains(&key)? {
            keys.push(key);
        }
    }
    for key in keys {
        let row =
            Row { base: base.get_item(&key)?, ours: ours.get_item(&key)?, theirs: theirs.get_item(&key)? };
        let rule = rule(&key);
        let is_later = |one: &Bound<'_, PyAny>, other: &Bound<'_, PyAny>| Ok(is_later(one, other, now));
        let is_same = |before: &_, now: &_| changes.is_same(&key, before, now);
        let value = match decide(rule, &row, is_same, is_later)? {
            Side::Ours => row.ours,
            Side::Theirs => {
                has_theirs |= rule == Rule::Changed
                    && match (&row.ours, &row.theirs) {
                        (Some(ours), Some(theirs)) => !is_like(ours, theirs)?,
                        _ => true,
                    };
                row.theirs
            }
        };
        if let Some(value) = value {
            data.set_item(key, value)?;
        }
    }
    Ok(Merged { data, has_theirs })
}

fn rule(key: &Bound<'_, PyAny>) -> Rule {
    match key.cast::<PyString>().ok().and_then(|key| key.to_str().ok()) {
        Some("_accessed_time") => Rule::Latest,
        Some("_creation_time") => Rule::Kept,
        _ => Rule::Changed,
    }
}

/// Whether `one` is later than `other`, and not so late that only a clock which was ahead can have told it.
fn is_later(one: &Bound<'_, PyAny>, other: &Bound<'_, PyAny>, now: Timestamp) -> bool {
    matches!(
        (one.extract::<f64>(), other.extract::<f64>()),
        (Ok(one), Ok(other)) if one > other && !is_in_future(one, now)
    )
}
