//! The data of a session, and how two histories of it become one.

use std::collections::BTreeMap;
use std::convert::Infallible;

use super::types::{Row, Rule, Side, Timestamp, decide, is_in_future};

/// Keys and values.
pub(super) type Content = BTreeMap<u8, u32>;

/// The key of the idle timeout that a session has of its own.
pub(super) const TIMEOUT: u8 = 200;

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Data {
    pub(super) content: Content,
    pub(super) accessed: Option<Timestamp>,
    pub(super) begun: Option<Timestamp>,
}

impl Data {
    /// A session that begins.
    pub(super) fn begun_at(now: Timestamp) -> Self {
        Self { content: Content::new(), accessed: Some(now), begun: Some(now) }
    }

    pub(super) fn timeout(&self) -> Option<i64> {
        self.content.get(&TIMEOUT).map(|seconds| i64::from(*seconds))
    }
}

/// Merges what this request made of `base` into what others made of it. Whether the outcome has what `ours` has not.
pub(super) fn merge(base: &Data, ours: &Data, theirs: &Data, now: Timestamp) -> (Data, bool) {
    let mut merged = Data::default();
    let mut has_theirs = false;
    for key in ours.content.keys().chain(theirs.content.keys()) {
        let [base, ours, theirs] = [base, ours, theirs].map(|data| data.content.get(key).copied());
        let side = decided(Rule::Changed, base, ours, theirs, |_, _| false);
        has_theirs |= side == Side::Theirs && ours != theirs;
        let value = if side == Side::Ours { ours } else { theirs };
        assert_eq!(
            value,
            of_both(base, ours, theirs),
            "a key that a request changed is its own, any other the others'"
        );
        merged.content.extend(value.map(|value| (*key, value)));
    }
    let is_later = |one: Timestamp, other: Timestamp| one > other && !is_in_future(one, now);
    merged.accessed = match decided(Rule::Latest, base.accessed, ours.accessed, theirs.accessed, is_later) {
        Side::Ours => ours.accessed,
        Side::Theirs => theirs.accessed,
    };
    let latest = [ours.accessed, theirs.accessed.filter(|theirs| *theirs - now <= 120.0)];
    let latest = latest.into_iter().flatten().reduce(f64::max).or(theirs.accessed);
    assert_eq!(merged.accessed, latest, "the later access time is kept, unless a clock was ahead");
    merged.begun = match decided(Rule::Kept, base.begun, ours.begun, theirs.begun, is_later) {
        Side::Ours => ours.begun,
        Side::Theirs => theirs.begun,
    };
    assert_eq!(merged.begun, theirs.begun.or(ours.begun), "the creation time stays");
    (merged, has_theirs)
}

/// The value of a key after two requests.
fn of_both(base: Option<u32>, ours: Option<u32>, theirs: Option<u32>) -> Option<u32> {
    if base == ours { theirs } else { ours }
}

fn decided<V: Copy + PartialEq>(
    rule: Rule,
    base: Option<V>,
    ours: Option<V>,
    theirs: Option<V>,
    is_later: impl Fn(V, V) -> bool,
) -> Side {
    let row = Row { base, ours, theirs };
    let same = |one: &V, other: &V| Ok::<_, Infallible>(one == other);
    let Ok(side) = decide(rule, &row, same, |one, other| Ok(is_later(*one, *other)));
    side
}

/// Whether `written` has the changes from `base` to `ours`, and is as `before` elsewhere.
pub(super) fn has_changed(before: &Content, base: &Content, ours: &Content, written: &Content) -> bool {
    let mut keys = before.keys().chain(base.keys()).chain(ours.keys()).chain(written.keys());
    keys.all(|key| {
        let [before, base, ours, written] =
            [before, base, ours, written].map(|content| content.get(key).copied());
        written == of_both(base, ours, before)
    })
}
