//! The class `Session`: a dictionary that is loaded from a store and saved to it.
//!
//! Programs subclass `Session`. A method that a subclass may override is called through `call`: by the table of the
//! class where the object is of one of our classes, and by Python where it is of a subclass.

mod access;
mod attributes;
pub(crate) mod call;
mod candidates;
mod changes;
mod class;
mod configurable;
pub(crate) mod content;
pub(crate) mod cookie;
pub(crate) mod cookie_scope;
mod cookie_state;
pub(crate) mod create;
pub(crate) mod encode;
mod end;
mod ending;
mod load;
mod lock;
pub(crate) mod locking;
mod mapping;
mod merge;
pub(crate) mod morsel;
pub(crate) mod option_attributes;
mod record;
mod rename;
mod renew;
pub(crate) mod request;
mod save;
mod saving;
pub(crate) mod session_timeout;
mod snapshots;
mod starvation;
mod state;
pub(crate) mod stored;
pub(crate) mod times;
mod verbs;
mod write;

pub(crate) use class::{Methods, Session, as_dict, class_in, is_exact, plain};
pub(crate) use configurable::ConfigurableSession;
pub(crate) use cookie_state::{CookieScope, CookieValue};
pub(crate) use create::create;
pub(crate) use state::State;
pub(crate) use times::{beginning, creation_time};
