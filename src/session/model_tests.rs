//! The model check of loads, saves, rotations and ends, with random events.

use proptest::prelude::*;

#[path = "model/mod.rs"]
mod model;

/// What the model needs of the crate. The fuzz target gives it the same.
mod types {
    pub(super) use crate::id::SessionId;
    pub(super) use crate::session::{
        Candidate, Facts, Failed, Failure, Found, Life, Limits, Reply, Row, Rule, Side, Times, decide, end,
        load, save,
    };
    pub(super) use crate::store::{Expect, Timestamp, Version, Written};
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn loads_saves_rotations_and_ends_keep_every_law_in_any_order(events in prop::collection::vec(any::<u8>(), 0..600)) {
        model::hold(&events);
    }
}

#[test]
fn another_session_may_begin_under_a_programs_id_where_a_redirect_is_and_be_ended_in_its_place() {
    // No merges, and redirects.
    const SETTINGS: u8 = 1;
    const VISIT: u8 = 0;
    const SAVE: u8 = 4;
    const RENAME: u8 = 6;
    const END: u8 = 7;
    const FAIR: u8 = 6;
    let turns = [
        (2, VISIT, 4),
        (0, VISIT, 4),
        (2, SAVE, 3),
        (1, VISIT, 5),
        (2, RENAME, 0),
        (2, SAVE, 3),
        (0, SAVE, 3),
        (1, END, 5),
    ];
    let turns = turns.into_iter().flat_map(|(visitor, act, steps)| {
        let all = std::iter::once(act).chain(std::iter::repeat_n(FAIR, steps));
        all.flat_map(move |what| [visitor, what])
    });
    model::hold(&std::iter::once(SETTINGS).chain(turns).collect::<Vec<_>>());
}
