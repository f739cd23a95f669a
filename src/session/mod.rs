//! The engine: everything that is decided about a session, from the request's cookie to the response's.
//!
//! The engine does no I/O. It calls no store, no Python and no clock, so every order of events can be tested without
//! them. Each *machine* has one file. A machine is made, and then asked for one step after the other:
//!
//! ```text
//! let mut answer = Answer::Begin;
//! loop {
//!     match machine.next(&mut life, answer, now) {
//!         Step::Load(id) => answer = Answer::Loaded(…),     // the caller does it and reports back
//!         Step::Done(outcome) => break outcome,
//!     }
//! }
//! ```
//!
//! * A **step** is one call that the caller makes: to a store, to the application's code, or to the response. The
//!   caller does exactly that and answers. WSGI answers after a blocking call, ASGI after an await.
//! * An **answer** is a plain value ([`Found`], [`Written`](crate::store::Written)) or a [`Failed`] with its kind.
//!   The caller's own error travels through the engine unread and comes back in the outcome.
//! * **Time** is passed in with each answer.
//! * **Data** stays with the caller. The engine knows a record by its version and a session by its times.
//! * [`Life`] is the state that outlives a machine: the id, the record that the session was read from, and what the
//!   application did to it. It is passed in, so that a caller may keep it behind a lock between two steps.
//!
//! Three rules hold for every machine: *absent*, *corrupt* and *unavailable* are never mixed up; a record that was
//! deleted is never brought back; and every machine ends, whatever the answers are.

mod answer;
mod candidate;
pub mod end;
pub mod finish;
mod life;
#[cfg(test)]
mod life_tests;
pub mod load;
#[cfg(test)]
mod load_model_tests;
#[cfg(test)]
mod load_tests;
pub mod lock;
#[cfg(test)]
mod lock_tests;
mod merge;
#[cfg(test)]
mod model_tests;
pub mod open;
mod opened;
pub mod renew;
pub mod save;
#[cfg(test)]
mod save_tests;
mod timeout;

pub use answer::{Failed, Failure, Found, Reply};
pub use candidate::Candidate;
pub use life::Life;
pub use merge::{Row, Rule, Side, decide};
pub use timeout::{Beginning, Facts, LONGEST_IDLE, Limits, Span, Times, is_in_future};
