//! Options: what a person writes, what it means, and what it cannot mean.
//!
//! An application gives options as Python values or as the strings of an ini file. [`rules`] says of each name
//! what kind of value it takes and turns one into the other; [`Settings`] is what remains: typed, checked once,
//! and shared by every request.

mod expires;
mod rules;
mod settings;

pub use expires::CookieExpires;
pub use rules::{Kind, Rule, Scope, Value, coerce, nearest_name, option_names, rule};
pub use settings::{PicklePolicy, STORE_GRACE_SECONDS, Settings};
