//! A database, and the way to run a step in it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
#[cfg(feature = "python")]
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, FileControl, MAIN_DB};

use super::checkpoint::Checkpoints;
use super::connection::Owned;
#[cfg(feature = "python")]
use super::connection::is_any_open;
use super::failure::Failure;
use super::flush;
#[cfg(feature = "python")]
use super::open::while_none_is_opened;
use super::open::{open, set_synchronous};
use super::pool::{Pool, Purpose, Turn, Waiting};
use super::transaction::Transaction;
use crate::error::{Error, Result};
use crate::fork::{ForkLocal, Process};
use crate::store::Durability;

/// The databases of this process. Each has its connections once, whoever opens it.
static DATABASES: Mutex<Vec<Weak<Database>>> = Mutex::new(Vec::new());

/// Between two looks whether every connection is closed.
#[cfg(feature = "python")]
const PAUSE: Duration = Duration::from_millis(1);

/// How long a checkpoint waits for a moment in which no thread writes.
const PATIENCE: Duration = Duration::from_secs(1);

fn databases() -> MutexGuard<'static, Vec<Weak<Database>>> {
    DATABASES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A database of sessions. Nothing is opened before it is used.
pub struct Database {
    path: PathBuf,
    durability: Durability,
    pools: ForkLocal<Pool>,
    checkpoints: ForkLocal<Arc<Checkpoints>>,
    /// This database itself, for the thread of a checkpoint.
    this: Weak<Self>,
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("path", &self.path).field("durability", &self.durability).finish()
    }
}

impl Database {
    /// The database at `path`, whose commits survive what `durability` says.
    ///
    /// # Errors
    /// `Unavailable` if the path is relative, and the current folder is gone.
    pub fn at(path: &Path, durability: Durability) -> Result<Arc<Self>> {
        let path = std::path::absolute(path)
            .map_err(|error| Error::unavailable("find the database of sessions").with_source(error))?;
        let mut databases = databases();
        databases.retain(|known| known.strong_count() > 0);
        let known = databases.iter().filter_map(Weak::upgrade);
        if let Some(known) = known.into_iter().find(|one| one.path == path && one.durability == durability) {
            return Ok(known);
        }
        let database = Arc::new_cyclic(|this| Self {
            path,
            durability,
            pools: ForkLocal::default(),
            checkpoints: ForkLocal::default(),
            this: Weak::clone(this),
        });
        databases.push(Arc::downgrade(&database));
        Ok(database)
    }

    /// The path of its file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder of the locks of its sessions.
    #[must_use]
    pub fn locks(&self) -> PathBuf {
        self.beside("-locks")
    }

    /// The file of the lease to sweep it.
    #[must_use]
    pub fn lease(&self) -> PathBuf {
        self.beside("-sweep")
    }

    fn beside(&self, ending: &str) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push(ending);
        path.into()
    }

    /// Runs a step that only reads. `None` if there is no database.
    pub(super) fn read<T>(
        &self,
        wait: Duration,
        operation: &'static str,
        step: impl Fn(&Connection) -> Result<T, Failure>,
    ) -> Result<Option<T>> {
        self.attempt(Purpose::Read, wait, operation, |connection| step(connection))
    }

    /// Runs a step in a transaction of its own, in which no other writes. `None` if there is no database.
    pub(super) fn change<T>(
        &self,
        purpose: Purpose,
        wait: Duration,
        operation: &'static str,
        step: impl Fn(&Connection) -> Result<T, Failure>,
    ) -> Result<Option<T>> {
        self.attempt(purpose, wait, operation, |connection| {
            let transaction = Transaction::begin(connection)?;
            let done = step(connection)?;
            transaction.commit()?;
            Ok(done)
        })
    }

    /// Writes the log into the file, and has it begin anew. Pages that a reader still needs in their older state stay in the
    /// log.
    pub(super) fn checkpoint(&self) {
        let checkpoint = |purpose, sql| {
            let _ = self.attempt(purpose, PATIENCE, "write the log into the database", |connection| {
                Ok(connection.query_row(sql, [], |_row| Ok(()))?)
            });
        };
        // The second writes what was added during the first, so that little is left for the last.
        for _ in 0..2 {
            checkpoint(Purpose::Checkpoint, "PRAGMA wal_checkpoint(PASSIVE)");
            if self.durability != Durability::Process && flush::flush(&self.path).is_err() {
                // SQLite itself is to find what is wrong with the disk.
                return;
            }
        }
        // Only for this others wait, and if another process writes at this moment, the next checkpoint does it.
        checkpoint(Purpose::Restart, "PRAGMA wal_checkpoint(FULL)");
    }

    /// Closes the connections that nobody uses.
    #[cfg(test)]
    pub(super) fn close(&self) {
        self.pools.of(Process::current()).close();
    }

    fn attempt<T>(
        &self,
        purpose: Purpose,
        wait: Duration,
        operation: &'static str,
        step: impl Fn(&Connection) -> Result<T, Failure>,
    ) -> Result<Option<T>> {
        let mut waiting = Waiting::new(wait, operation);
        let pool = self.pools.of(Process::current());
        let mut turn = pool.take(purpose, &mut waiting).map_err(|error| error.in_folder_of(&self.path))?;
        loop {
            let done = match self.connect(&mut turn, purpose, pool) {
                Ok(Some(connection)) => step(connection),
                Ok(None) => return Ok(None),
                Err(failure) => Err(failure),
            };
            match done {
                Ok(done) => return Ok(Some(done)),
                Err(failure) if failure.is_busy() => {
                    waiting.pause().map_err(|error| error.in_folder_of(&self.path))?;
                }
                Err(failure) => {
                    if !failure.spares_the_connection() {
                        turn.connection = None;
                    }
                    return Err(failure.into_error(operation, &self.path));
                }
            }
        }
    }

    /// The connection of a turn, which is opened if need be. `None` if there is no database.
    fn connect<'a>(
        &self,
        turn: &'a mut Turn<'_>,
        purpose: Purpose,
        pool: &Pool,
    ) -> Result<Option<&'a Connection>, Failure> {
        if turn.connection.as_ref().is_some_and(has_moved) {
            // Somebody removed the file, or put another in its place.
            turn.connection = None;
            pool.close_idle();
            flush::close_removed();
        }
        if turn.connection.is_none() {
            let create = purpose == Purpose::Create;
            let checkpoints = self.checkpoints.of(Process::current());
            turn.connection = Owned::new(self.durability, || {
                let mut connection = open(&self.path, self.durability, create)?;
                if let Some(connection) = &mut connection {
                    let this = Weak::clone(&self.this);
                    checkpoints.watch(connection, move || {
                        if let Some(database) = this.upgrade() {
                            database.checkpoint();
                        }
                    })?;
                }
                Ok::<_, Failure>(connection)
            })?;
        }
        let Some(owned) = turn.connection.as_mut() else { return Ok(None) };
        let synchronous = match (self.durability, purpose) {
            (Durability::Full, Purpose::Touch) => Durability::Beaker,
            (durability, _) => durability,
        };
        if owned.synchronous != synchronous && purpose.writes() {
            if let Some(connection) = owned.get() {
                set_synchronous(connection, synchronous)?;
            }
            owned.synchronous = synchronous;
        }
        Ok(owned.get())
    }
}

/// Whether the file of a connection has not the path any more at which it was opened.
fn has_moved(owned: &Owned) -> bool {
    let Some(connection) = owned.get() else { return true };
    let mut moved = 0;
    let asked = connection.file_control(Some(MAIN_DB), FileControl::HasMoved(&mut moved));
    asked.is_err() || moved != 0
}

/// Closes every connection of this process, once the calls that use them are done. Until
/// [`after_fork`] calls wait. The hook for forks calls both in the parent.
#[cfg(feature = "python")]
pub(crate) fn before_fork() {
    let mut closed: Vec<Arc<Database>> = Vec::new();
    loop {
        for database in all() {
            if !closed.iter().any(|known| Arc::ptr_eq(known, &database)) {
                database.pools.of(Process::current()).begin_fork();
                closed.push(database);
            }
        }
        // A thread in the background that was the last to use a database is no part of the above, and closes it.
        if !is_any_open() {
            while_none_is_opened(|| {
                if !is_any_open() {
                    flush::close_unused();
                }
            });
            return;
        }
        thread::sleep(PAUSE);
    }
}

/// See [`before_fork`].
#[cfg(feature = "python")]
pub(crate) fn after_fork() {
    for database in all() {
        database.pools.of(Process::current()).end_of_fork();
    }
}

#[cfg(feature = "python")]
fn all() -> Vec<Arc<Database>> {
    databases().iter().filter_map(Weak::upgrade).collect()
}
