//! The model check of loads, saves, rotations and ends, with random events.

use proptest::prelude::*;

#[path = "model/mod.rs"]
mod model;

/// What the model needs of the crate. The fuzz target gives it the same.
mod types {
    pub(super) use crate::id::SessionId;
    pub(super) use crate::session::finish::{
        AtEnd, Cookie, Facts as AtEndFacts, LateChanges, at_end, cookie_of_save, is_lost,
    };
    pub(super) use crate::session::{
        Candidate, Facts, Failed, Failure, Found, Life, Limits, Reply, Row, Rule, Side, Times, decide, end,
        is_in_future, load, lock, open, renew, save,
    };
    pub(super) use crate::store::{Expect, LockTarget, Timestamp, Version, Written};
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn loads_saves_rotations_and_ends_keep_every_law_in_any_order(events in prop::collection::vec(any::<u8>(), 0..600)) {
        model::hold(&events);
    }
}
