//! Connections, which belong to the process that opened them.
//!
//! SQLite knows by a table in its memory which files the process has open and locked. A forked process inherits the table
//! and not the locks, and then damages the database, even by connections of its own. So no connection is open while
//! Python forks (see [`pool`](super::pool)), and where a program forks without Python, the forked process opens none.

use std::mem;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use crate::error::{Error, Result};
use crate::fork::Process;
use crate::store::Durability;
use crate::sync::AtomicU64;

use std::sync::atomic::Ordering;

/// A connection, which is closed when it is dropped, but for a copy in a forked process.
pub(super) struct Owned {
    connection: Option<Connection>,
    owner: Process,
    /// What commits survive.
    pub(super) synchronous: Durability,
    _counted: Counted,
}

impl Owned {
    /// Counts a connection, and has `open` open it.
    pub(super) fn new<E: From<Error>>(
        durability: Durability,
        open: impl FnOnce() -> std::result::Result<Option<Connection>, E>,
    ) -> std::result::Result<Option<Self>, E> {
        let owner = Process::current();
        let counted = Counted::new(owner)?;
        let Some(connection) = open()? else { return Ok(None) };
        Ok(Some(Self { connection: Some(connection), owner, synchronous: durability, _counted: counted }))
    }

    pub(super) fn get(&self) -> Option<&Connection> {
        self.connection.as_ref()
    }

    /// Closes it, and leaves the log for the next connection.
    pub(super) fn close_quickly(self) {
        if let Some(connection) = &self.connection {
            // Without it, closing takes longer.
            let _ = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
        }
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        if !self.owner.is_current() {
            mem::forget(self.connection.take());
        }
    }
}

/// The process that has connections, and their number in the lower half.
static OPEN: AtomicU64 = AtomicU64::new(0);

/// Whether this process has a connection open, be it one that is being closed.
#[cfg(feature = "python")]
pub(super) fn is_any_open() -> bool {
    let open = OPEN.load(Ordering::Acquire);
    open >> 32 == u64::from(Process::current().id()) && open & u64::from(u32::MAX) > 0
}

/// A connection in that number.
struct Counted(Process);

impl Counted {
    fn new(process: Process) -> Result<Self> {
        let mine = u64::from(process.id()) << 32;
        let count = |open: u64| match open & u64::from(u32::MAX) {
            0 => Some(mine | 1),
            number if open & !u64::from(u32::MAX) == mine => Some(mine | (number + 1)),
            _ => None,
        };
        match OPEN.fetch_update(Ordering::Relaxed, Ordering::Relaxed, count) {
            Ok(_) => Ok(Self(process)),
            Err(_) => Err(Error::unavailable("open the database of sessions").with_detail(
                "this process was forked by other means than os.fork from one that had it open; load the application \
                 after the fork (uWSGI: lazy-apps = true)",
            )),
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if self.0.is_current() {
            OPEN.fetch_sub(1, Ordering::Release);
        }
    }
}
