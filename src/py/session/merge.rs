//! Merging a session with the changes that others have stored since it was loaded.
//!
//! The loaded record is decoded again only for a merge, since merges are rare. The application's own session keeps what
//! the application sees; the others' changes are in the record alone, and a later save in the same request merges again.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use super::changes::{Changes, is_like};
use crate::py::clock;
use crate::session::{Row, Rule, Side, decide, is_in_future};
use crate::store::Timestamp;

/// The merged session.
pub(super) struct Merged<'py> {
    pub(super) data: Bound<'py, PyDict>,
    /// Whether `data` has changes that this session does not have, the times aside.
    pub(super) has_theirs: bool,
}

/// Applies `changes` to `theirs`.
pub(super) fn merge<'py>(changes: &Changes<'_, 'py>, theirs: &Bound<'py, PyDict>) -> PyResult<Merged<'py>> {
    let py = theirs.py();
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

/// Whether `one` is later than `other`, and not so late that it must come from a clock that was ahead.
fn is_later(one: &Bound<'_, PyAny>, other: &Bound<'_, PyAny>, now: Timestamp) -> bool {
    matches!(
        (one.extract::<f64>(), other.extract::<f64>()),
        (Ok(one), Ok(other)) if one > other && !is_in_future(one, now)
    )
}
