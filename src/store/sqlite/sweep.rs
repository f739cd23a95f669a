//! Sweeping a database: first the records that are over, then the lock files that killed processes left, then the free
//! pages of the file, and its log.
//!
//! A step has the lock of the writers for as long as it takes to remove its records. While another has it, a step does
//! nothing.

use std::fs::{self, ReadDir};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;

use super::database::Database;
use super::failure::Failure;
use super::guard::{is_lock_file, is_lock_folder};
use super::pool::Purpose;
use super::records::due_after;
use crate::error::Result;
use crate::locks::LockFile;
use crate::store::sweeper::Job;
use crate::store::{Sweep, Swept, Timestamp};

const OPERATION: &str = "sweep the database of sessions";

/// The records of a step, which takes a millisecond or two.
const STEP: usize = 128;

/// With this rest others can write for as long as the sweep does.
const REST: u32 = 1;

/// How old a lock file is that a killed process has left.
const LEFTOVER_AGE: Duration = Duration::from_secs(3600);

/// How long a step waits for those who write.
const MOMENT: Duration = Duration::from_millis(25);

/// The part of a file that may be free pages, which new records use: an eighth, or a megabyte.
const FREE_PART: i64 = 8;
const FREE_PAGES: i64 = 256;

/// A sweep of a database.
pub(super) struct SqliteSweep {
    database: Arc<Database>,
    locks: PathBuf,
    stage: Stage,
}

enum Stage {
    /// The last record that was looked at, by `due` and `id`.
    Records(i64, i64),
    Locks(Folders),
    Pages,
}

/// The folders of the locks that were not walked yet, from the outermost to the innermost.
struct Folders(Vec<ReadDir>);

impl SqliteSweep {
    pub(super) fn new(database: Arc<Database>, locks: PathBuf) -> Self {
        Self { database, locks, stage: Stage::Records(i64::MIN, i64::MIN) }
    }

    /// The same for the background. After a jump of the clock it removes nothing for a `lifetime` of a session.
    pub(super) fn into_job(self, lifetime: Option<Duration>) -> Job {
        let lease = self.database.lease();
        let patience = lifetime.unwrap_or_default().max(LEFTOVER_AGE);
        Job { lease, patience, step: STEP, rest: REST, sweep: Box::new(self) }
    }

    /// Changes the database. `None` if it is not there or others write all the time.
    fn change<T>(&self, step: impl Fn(&Connection) -> Result<T, Failure>) -> Result<Change<T>> {
        match self.database.change(Purpose::Change, MOMENT, OPERATION, step) {
            Ok(Some(done)) => Ok(Change::Done(done)),
            Ok(None) => Ok(Change::NoDatabase),
            Err(error) if error.is_busy() => Ok(Change::Busy),
            Err(error) => Err(error),
        }
    }

    /// Whether the next stage can follow in the same step.
    fn sweep_records(
        &mut self,
        after: (i64, i64),
        limit: u64,
        now: Timestamp,
        swept: &mut Swept,
    ) -> Result<bool> {
        let last = match self.change(|connection| Ok(remove_over(connection, after, limit, now)?))? {
            Change::Busy => return Ok(false),
            Change::NoDatabase => None,
            Change::Done(Removed { examined, removed, last }) => {
                swept.examined += examined;
                swept.expired += removed;
                last
            }
        };
        self.stage = match last {
            Some((due, id)) => Stage::Records(due, id),
            None => Stage::Locks(Folders::of(&self.locks)),
        };
        Ok(last.is_none())
    }

    /// Gives free pages back to the file system, `limit` at the most, and says whether these were the last. The file is cut
    /// when the log is written into it.
    fn free_pages(&mut self, limit: u64) -> Result<bool> {
        let pages = i64::try_from(limit).unwrap_or(i64::MAX);
        let freed = self.change(|connection| {
            let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
            let (free, all) = (pragma("freelist_count")?, pragma("page_count")?);
            let more = free - FREE_PAGES.max(all / FREE_PART);
            if more > 0 {
                let number = more.min(pages);
                let mut vacuum = connection.prepare(&format!("PRAGMA incremental_vacuum({number})"))?;
                let mut rows = vacuum.query([])?;
                while rows.next()?.is_some() {}
            }
            Ok(more > pages)
        })?;
        Ok(!matches!(freed, Change::Busy | Change::Done(true)))
    }

    /// Writes the log into the file and empties it, unless somebody reads an older state or writes.
    fn empty_log(&self) -> Result<()> {
        let emptied = self.database.read(MOMENT, OPERATION, |connection| {
            Ok(connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_row| Ok(()))?)
        });
        match emptied {
            Err(error) if !error.is_busy() => Err(error),
            _ => Ok(()),
        }
    }
}

enum Change<T> {
    Done(T),
    NoDatabase,
    Busy,
}

impl Sweep for SqliteSweep {
    fn step(&mut self, limit: usize, now: Timestamp) -> Result<Swept> {
        let limit = u64::try_from(limit.max(1)).unwrap_or(u64::MAX);
        let mut swept = Swept::default();
        while swept.examined < limit && !swept.finished {
            let left = limit - swept.examined;
            match &mut self.stage {
                Stage::Records(due, id) => {
                    let after = (*due, *id);
                    if !self.sweep_records(after, left, now, &mut swept)? {
                        break;
                    }
                }
                Stage::Locks(folders) => {
                    if folders.sweep(&self.locks, left, now, &mut swept) {
                        self.stage = Stage::Pages;
                    }
                }
                Stage::Pages => {
                    if !self.free_pages(left)? {
                        break;
                    }
                    self.empty_log()?;
                    self.stage = Stage::Records(i64::MIN, i64::MIN);
                    swept.finished = true;
                }
            }
        }
        Ok(swept)
    }
}

struct Removed {
    examined: u64,
    removed: u64,
    /// The last record that was looked at; `None` if it was the last of all.
    last: Option<(i64, i64)>,
}

/// Looks at the records that may be over, those after `after`, and removes those that are.
fn remove_over(
    connection: &Connection,
    after: (i64, i64),
    limit: u64,
    now: Timestamp,
) -> rusqlite::Result<Removed> {
    let mut found = Removed { examined: 0, removed: 0, last: None };
    for row in due_after(connection, after, limit, now)? {
        found.examined += 1;
        found.removed += u64::from(row.settle(connection, now)?);
        found.last = Some((row.due, row.id));
    }
    if found.examined < limit {
        found.last = None;
    }
    Ok(found)
}

impl Folders {
    fn of(locks: &Path) -> Self {
        Self(fs::read_dir(locks).into_iter().collect())
    }

    /// Removes the lock files that are free and old. Looks at `limit` entries at the most, and says whether these were
    /// the last.
    fn sweep(&mut self, locks: &Path, limit: u64, now: Timestamp, swept: &mut Swept) -> bool {
        let end = swept.examined.saturating_add(limit);
        loop {
            let depth = self.0.len();
            let Some(folder) = self.0.last_mut() else { return true };
            if swept.examined >= end {
                return false;
            }
            let Some(Ok(entry)) = folder.next() else {
                self.0.pop();
                continue;
            };
            swept.examined += 1;
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                if is_lock_folder(&entry.file_name(), depth) {
                    self.0.extend(fs::read_dir(&path));
                }
            } else if is_lock_file(locks, &path) && is_old(&path, now) {
                match LockFile::acquire_existing(path, Duration::ZERO).map(|lock| lock.map(LockFile::remove))
                {
                    Ok(Some(Ok(()))) => swept.locks += 1,
                    Ok(None) => {}
                    Ok(Some(Err(_))) | Err(_) => swept.skipped += 1,
                }
            }
        }
    }
}

fn is_old(path: &Path, now: Timestamp) -> bool {
    let changed = fs::symlink_metadata(path).and_then(|found| found.modified()).ok();
    let changed = changed.and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    changed.is_some_and(|at| now - at.as_secs_f64() > LEFTOVER_AGE.as_secs_f64())
}
