//! Web sessions for WSGI applications: the Rust half of `beaker-rs`.

pub mod codec;
pub mod config;
pub mod cookie;
pub mod error;
pub mod id;
#[cfg(feature = "python")]
mod py;
pub mod session;
pub mod store;
