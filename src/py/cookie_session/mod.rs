//! The class `CookieSession`: a session that its cookie keeps, so that it needs no store.
//!
//! Programs see a `Session`. The functions here read its data from the cookie and write it there; the functions of
//! `session` that do not touch a store serve both classes.

mod create;
mod data;
mod load;
mod python;
mod save;
mod value;
mod verbs;

pub(crate) use create::{CookieSession, create};
