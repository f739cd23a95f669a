//! The engine of a session: any order of events, and any answers of a store, leave its laws true.
//!
//! The models are those of the crate's own tests, which try random events; here libFuzzer looks for them.

#[path = "../../src/session/model/mod.rs"]
mod model;

/// What the models need of the crate.
mod types {
    pub(super) use beaker_core::id::SessionId;
    pub(super) use beaker_core::session::finish::{
        AtEnd, Cookie, Facts as AtEndFacts, LateChanges, at_end, cookie_of_save, is_lost,
    };
    pub(super) use beaker_core::session::{
        Candidate, Facts, Failed, Failure, Found, Life, Limits, Reply, Row, Rule, Side, Times, decide, end,
        is_in_future, load, lock, open, renew, save,
    };
    pub(super) use beaker_core::store::{Expect, LockTarget, Timestamp, Version, Written};
}

/// Holds the laws for the order of events that the bytes are.
pub fn hold(data: &[u8]) {
    model::hold(data);
}
