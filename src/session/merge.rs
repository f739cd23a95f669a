//! Three histories of a session made into one: what was loaded, what this request made of it, and what others
//! made of it meanwhile.
//!
//! A request changes a key by setting it, by deleting it, or by changing its value in place; what counts is that
//! the value is another now. Where the request changed a key it wins, being the last to write; everywhere else
//! the others do. So requests that change different keys all have their way, in whatever order they come.

/// The value of a key in each of the three histories; `None` where it is absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row<V> {
    /// In what was loaded.
    pub base: Option<V>,
    /// In what this request made of it.
    pub ours: Option<V>,
    /// In the stored data.
    pub theirs: Option<V>,
}

/// How the histories of a key become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Ours where we changed it, theirs elsewhere.
    Changed,
    /// The later of two moments.
    Latest,
    /// Theirs while they have it: the beginning of a session does not change.
    Kept,
}

/// The side whose value a key has after a merge. Absence may be theirs or ours, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// That of this request.
    Ours,
    /// That of the others.
    Theirs,
}

/// Decides whose value a key has. `same` compares two values, `is_later` tells whether the first of two moments is
/// the later one; what is no moment is not later than anything.
///
/// # Errors
/// Those of `same` and `is_later`.
pub fn decide<V, E>(
    rule: Rule,
    row: &Row<V>,
    mut same: impl FnMut(&V, &V) -> Result<bool, E>,
    mut is_later: impl FnMut(&V, &V) -> Result<bool, E>,
) -> Result<Side, E> {
    let theirs = match rule {
        Rule::Changed => match (&row.base, &row.ours) {
            (Some(base), Some(ours)) => same(base, ours)?,
            (base, ours) => base.is_none() && ours.is_none(),
        },
        Rule::Kept => row.theirs.is_some(),
        Rule::Latest => match (&row.ours, &row.theirs) {
            (Some(ours), Some(theirs)) => is_later(theirs, ours)?,
            (None, _) => true,
            (Some(_), None) => false,
        },
    };
    Ok(if theirs { Side::Theirs } else { Side::Ours })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use std::collections::BTreeMap;
    use std::convert::Infallible;

    use super::*;

    type Content = BTreeMap<u8, u8>;

    fn merged(base: &Content, ours: &Content, theirs: &Content) -> Content {
        let keys = base.keys().chain(ours.keys()).chain(theirs.keys());
        let value = |key: &u8| {
            let [base, ours, theirs] = [base, ours, theirs].map(|content| content.get(key).copied());
            let row = Row { base, ours, theirs };
            let same = |one: &u8, other: &u8| Ok::<_, Infallible>(one == other);
            match decide(Rule::Changed, &row, same, |_, _| Ok(false)).unwrap() {
                Side::Ours => row.ours,
                Side::Theirs => row.theirs,
            }
        };
        keys.filter_map(|key| value(key).map(|value| (*key, value))).collect()
    }

    /// Every content of two keys with two values: each key is absent, or has one or the other.
    fn contents() -> Vec<Content> {
        let values = [None, Some(1), Some(2)];
        let mut all = Vec::new();
        for first in values {
            for second in values {
                all.push([(1, first), (2, second)].into_iter().filter_map(|(k, v)| Some((k, v?))).collect());
            }
        }
        all
    }

    fn every(law: impl Fn(&Content, &Content, &Content)) {
        let all = contents();
        for base in &all {
            for ours in &all {
                for theirs in &all {
                    law(base, ours, theirs);
                }
            }
        }
    }

    #[test]
    fn where_nobody_else_wrote_the_outcome_is_ours() {
        every(|base, ours, _| assert_eq!(&merged(base, ours, base), ours));
    }

    #[test]
    fn where_we_changed_nothing_the_outcome_is_theirs() {
        every(|base, _, theirs| assert_eq!(&merged(base, base, theirs), theirs));
    }

    #[test]
    fn every_key_that_we_changed_is_ours_and_every_other_is_theirs() {
        every(|base, ours, theirs| {
            let merged = merged(base, ours, theirs);
            for key in [1, 2] {
                let winner = if base.get(&key) == ours.get(&key) { theirs } else { ours };
                assert_eq!(merged.get(&key), winner.get(&key));
            }
        });
    }

    #[test]
    fn changes_of_different_keys_have_the_same_outcome_in_either_order() {
        every(|base, ours, theirs| {
            let both_changed = |key: &u8| base.get(key) != ours.get(key) && base.get(key) != theirs.get(key);
            if ![1, 2].iter().any(both_changed) {
                assert_eq!(merged(base, ours, theirs), merged(base, theirs, ours));
            }
        });
    }

    #[test]
    fn a_deleted_key_stays_deleted_unless_it_was_set_again_by_the_last_writer() {
        every(|base, ours, theirs| {
            for key in [1, 2] {
                let we_deleted = base.contains_key(&key) && !ours.contains_key(&key);
                let they_deleted = base.contains_key(&key) && !theirs.contains_key(&key);
                if we_deleted || they_deleted && base.get(&key) == ours.get(&key) {
                    assert!(!merged(base, ours, theirs).contains_key(&key));
                }
            }
        });
    }

    #[test]
    fn merging_again_changes_nothing() {
        every(|base, ours, theirs| {
            let once = merged(base, ours, theirs);
            assert_eq!(merged(base, ours, &once), once);
        });
    }

    fn decided(rule: Rule, base: Option<u8>, ours: Option<u8>, theirs: Option<u8>) -> Side {
        let row = Row { base, ours, theirs };
        decide(rule, &row, |a, b| Ok::<_, Infallible>(a == b), |a, b| Ok(a > b)).unwrap()
    }

    #[test]
    fn of_two_moments_the_later_stays() {
        assert_eq!(decided(Rule::Latest, Some(1), Some(2), Some(3)), Side::Theirs);
        assert_eq!(decided(Rule::Latest, Some(1), Some(3), Some(2)), Side::Ours);
        assert_eq!(decided(Rule::Latest, Some(1), None, Some(2)), Side::Theirs);
        assert_eq!(decided(Rule::Latest, Some(1), Some(2), None), Side::Ours);
    }

    #[test]
    fn what_is_kept_is_theirs_until_they_have_none() {
        assert_eq!(decided(Rule::Kept, Some(1), Some(9), Some(1)), Side::Theirs);
        assert_eq!(decided(Rule::Kept, Some(1), None, Some(1)), Side::Theirs);
        assert_eq!(decided(Rule::Kept, Some(1), Some(1), None), Side::Ours);
    }

    #[test]
    fn a_comparison_that_fails_fails_the_merge() {
        let row = Row { base: Some(1), ours: Some(1), theirs: None };
        assert_eq!(decide(Rule::Changed, &row, |_, _| Err("no"), |_, _| Ok(false)), Err("no"));
    }
}
