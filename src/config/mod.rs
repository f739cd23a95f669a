//! Options: what a person writes, what it means, and what it cannot mean.
//!
//! An application gives options as Python values or as the strings of an ini file. [`rules`] says of each name
//! what kind of value it takes, and [`coerce()`] turns one into the other; [`Keys`] are the keys that change;
//! [`Settings`] is what remains: typed, checked once, and shared by every request.

pub mod bytes_literal;
mod coerce;
mod expires;
mod key_options;
mod keys;
mod old_id;
mod profile;
mod read;
mod read_also;
mod remarks;
mod rules;
mod settings;
mod values;

pub use coerce::coerce;
pub use expires::CookieExpires;
pub use key_options::KeyOptions;
pub use keys::{Keys, SHORTEST_GOOD_KEY};
pub use old_id::OldId;
pub use profile::Profile;
pub use read::{UNKNOWN_CIPHER, cookie_expires};
pub use read_also::SerializerName;
pub use rules::{Kind, Rule, Scope, Value, nearest_name, option_names, rule};
pub use settings::{Concurrency, CookieKeys, Keeping, PicklePolicy, STORE_GRACE_SECONDS, Settings};
pub use values::Values;
