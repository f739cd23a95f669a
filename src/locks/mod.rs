//! Locks with a time limit: between the threads of a process, and between processes.

#[cfg(unix)]
mod flock;
mod table;

#[cfg(unix)]
pub use flock::{LockFile, Locked, Mode, is_in_use};
pub(crate) use table::{LockTable, Token};
