//! The options of a session: one table, and the way from given values to checked settings.
//!
//! An application gives options as Python values or as the strings of an ini file. The table ([`GROUPS`]) says what
//! each option takes, what it defaults to and what it is for. [`coerce()`] turns what was given into what the option
//! takes, [`Values`] adds the defaults, and [`Settings`] is the result: typed, checked once, shared by every request.

pub mod bytes_literal;
mod choices;
mod coerce;
mod cookie_expires;
mod key_options;
mod keys;
mod location;
pub(crate) mod lookup;
mod old_id;
mod option;
mod read;
mod session_kind;
mod settings;
mod table;
mod value;
mod values;

pub use choices::{Concurrency, PicklePolicy, Profile, SerializerName};
pub use coerce::{coerce, word_as_bool};
pub use cookie_expires::CookieExpires;
pub use key_options::KeyOptions;
pub use keys::{Keys, SHORTEST_GOOD_KEY};
pub use location::Location;
#[cfg(feature = "python")]
pub(crate) use lookup::known;
pub use lookup::{COOKIE_SESSION_PARAMETERS, SESSION_PARAMETERS, nearest_name, option, options};
pub use old_id::OldId;
pub use option::{DefaultValue, Hardened, Kind, OptionSpec};
pub use read::UNKNOWN_CIPHER;
pub use session_kind::SessionKind;
pub use settings::{CookieKeys, STORE_GRACE_SECONDS, Settings};
pub use table::{GROUPS, Group};
pub use value::Value;
pub use values::Values;
