//! The class `SessionObject`: the object that an application finds in its environ. It stands for a session, and makes
//! the session when it is first used.

mod class;
pub(super) mod headers;
mod late;
mod make;
mod mapping;
mod persist;
mod python;
pub(super) mod response;
mod state;
mod watch;

pub(super) use class::SessionObject;
