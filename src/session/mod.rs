//! The life of a session as pure state: which record it was read from, which it will be written to, and what
//! becomes of the old one. No store, no cookie and no interpreter is reached from here.

mod life;
#[cfg(test)]
mod life_tests;
mod merge;
mod timeout;

pub use life::Life;
pub use merge::{Row, Rule, Side, decide};
pub use timeout::{LONGEST_IDLE, Limits, Span, Times};
