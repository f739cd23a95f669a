//! Writing a session's record.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::class::Session;
use super::state::State;
use super::stored::{Base, Text};
use super::{encode, own_timeout, record};
use crate::codec::pointer;
use crate::id::SessionId;
use crate::py::clock;
use crate::py::errors::{BeakerException, IntoPyResult};
use crate::py::gil;
use crate::py::options::Options;
use crate::store::{Expect, Left, Rotation, Version, Written};

/// How often a session is encoded for the id that it has by then.
const ENCODINGS: usize = 8;

/// What a session was when it was loaded or saved last.
pub(super) struct Basis {
    /// As what its record is known, if that is known.
    pub(super) expect: Option<Expect>,
    /// What it was.
    pub(super) base: Option<Base>,
}

impl Basis {
    pub(super) fn of(state: &State) -> Self {
        let merges = state.options.settings.concurrency.merges();
        Self { expect: state.life.expectation(merges), base: state.base.clone() }
    }
}

/// What a session has become.
pub(super) struct Change<'a, 'py> {
    pub(super) data: &'a Bound<'py, PyDict>,
    /// What that is a changed copy of.
    pub(super) basis: Basis,
    /// Whether the program has saved it.
    pub(super) is_saved: bool,
}

/// Writes `text`, which `data` encodes to, under the session's id, in place of the record under the id before if there
/// is one. Where another thread gave the session a new id since it was encoded, it is encoded for that.
pub(super) fn attempt(
    session: &Bound<'_, Session>,
    data: &Bound<'_, PyDict>,
    text: &mut Text,
    expect: Expect,
) -> PyResult<Written> {
    let py = session.py();
    let (options, id, replaces) = encoded_for_id(session, data, text)?;
    let store = record::store(session)?;
    let ttl = options.settings.store_ttl(own_timeout::in_data(data)?);
    let now = clock::now(py)?.seconds;
    let Some(old) = replaces else {
        return gil::with_store(py, &*store, &*record::patience(session)?, |store| {
            store.write(&id, &text.bytes, ttl, expect, now)
        })
        .into_py(py);
    };
    let pointer = match options.settings.old_id.grace() {
        Some(grace) => Some((pointer::write(&old, &id, now, now + grace.as_secs_f64()).into_py(py)?, grace)),
        None => None,
    };
    let left = pointer.as_ref().map(|(text, ttl)| Left { data: text.as_bytes(), ttl: *ttl });
    let rotation = Rotation { old: &old, new: &id, data: &text.bytes, ttl, expect, left };
    gil::with_store(py, &*store, &*record::patience(session)?, |store| store.rotate(&rotation, now))
        .into_py(py)
}

/// Has `text` be one that `data` encodes to under the id that the session has, and gives that, with the id before.
fn encoded_for_id(
    session: &Bound<'_, Session>,
    data: &Bound<'_, PyDict>,
    text: &mut Text,
) -> PyResult<(Arc<Options>, SessionId, Option<SessionId>)> {
    for _ in 0..ENCODINGS {
        let (options, id, replaces) = session.get().with(|state| {
            (Arc::clone(&state.options), state.life.id().clone(), state.life.rotated_from().cloned())
        })?;
        if text.id.as_str() == id.as_str() {
            return Ok((options, id, replaces));
        }
        *text = encode::text_for_record(session, data)?;
    }
    let id = session.get().with(|state| state.life.id().abbreviated())?;
    Err(BeakerException::new_err(format!(
        "session {id} is not stored: it was given another id each of the {ENCODINGS} times that it was encoded; a value \
         that is pickled, a serializer or `_encrypt_data` must not do so"
    )))
}

/// The record is in this state now, and this session is a copy of `base`, which has the change.
pub(super) fn stored(
    session: &Bound<'_, Session>,
    version: Version,
    base: Text,
    change: &Change<'_, '_>,
) -> PyResult<()> {
    let base = Base::Written(Arc::new(base));
    let saved = change.is_saved.then(|| change.data.clone().unbind());
    let _dropped = session.get().with(|state| {
        state.life.saved(version);
        // In one step, so that none of them is another thread's.
        let before = saved.and_then(|saved| state.saved.replace(saved));
        (state.loaded.take(), state.base.replace(base), before)
    })?;
    Ok(())
}
