//! Sessions in Redis, or in a server that speaks its language, in the shape that the processes of a Beaker installation
//! share: under `beaker_cache:<id>:session` the pickle of the session's text.
//!
//! Every change is one request and one step of the server: a command where that has the condition, and a script where the
//! condition is a version. The version is the SHA-1 of the stored value, so that a change by Beaker or by another program
//! is seen.

mod address;
mod client;
mod keys;
mod lifetime;
mod limits;
mod locks;
mod pool;
pub mod replies;
mod scripts;
mod sentinel;
mod store;
#[cfg(test)]
mod tests;
mod tls;
mod trouble;
mod url;
mod version;

pub use address::Address;
pub use client::{Effect, RedisClient};
pub use keys::{DEFAULT_PREFIX, Keys};
pub use limits::Limits;
pub use store::{LEASE, RedisStore};
