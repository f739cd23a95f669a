//! Sweeping the files of sessions: first the records and what writers left beside them, then the locks.
//!
//! A record has no time of its own in it. Its file's time of change is when it was last written or touched, by
//! the clock of the machine that has the file, and a record whose own lifetime is another than the store's has
//! its file's time moved by the difference. So a record is over when that time lies a lifetime back. A time
//! in the future is never over: after a clock was set back, records stay longer and none goes early.
//!
//! Folders stay. Processes of the original make the folder of an id first and open a file in it later, and the
//! ids that Beaker makes have 272 folders in all.

mod leftovers;
pub(super) mod records;
mod seen;
mod walk;

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use seen::Seen;
use walk::{Found, Walk};

use super::FileStore;
use super::upkeep::promise::{self, Keeping};
use crate::error::{Error, Result};
use crate::store::{Sweep, Swept, Timestamp};

const OPERATION: &str = "sweep the session files";

/// How old what a writer left behind has to be before it goes, in seconds. Writers need milliseconds; one that
/// was stopped for longer than this between two system calls gets an error, and has lost nothing that it
/// said was saved.
pub(super) const LEFTOVER_AGE: f64 = 3600.0;

/// What a sweep of files removes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SweepPlan {
    /// How long after its last use a record is kept. Without, all records are.
    pub lifetime: Option<Duration>,
    /// Whether records are kept for longer where another application keeps its own in the folder for longer.
    pub heeds_others: bool,
    /// Whether to count only, and remove nothing.
    pub dry_run: bool,
}

/// A sweep of the files of a store.
pub struct FileSweep {
    /// As it is swept: it waits for no lock.
    store: FileStore,
    plan: SweepPlan,
    stage: Stage,
    /// The names of the locks whose records were found.
    seen: Seen,
    /// Whether a folder could not be read, so that records may be there which were not found.
    is_partial: bool,
    /// How long records are kept, once it is known what others promise.
    keeping: Option<Keeping>,
}

enum Stage {
    Records(Walk),
    Locks(Walk),
}

impl FileSweep {
    pub(super) fn new(store: &FileStore, plan: SweepPlan) -> Self {
        let store = store.clone().with_lock_time_limit(Duration::ZERO);
        let stage = Stage::Records(Walk::of(&store.file_dir));
        Self { store, plan, stage, seen: Seen::new(), is_partial: false, keeping: None }
    }

    /// How long after its last use a record is kept.
    fn keeping(&mut self, now: Timestamp) -> Result<Keeping> {
        let own = Keeping(self.plan.lifetime);
        let keeping = match self.keeping {
            Some(known) => known,
            None if !self.plan.heeds_others => own,
            None => promise::longest(&self.store.file_dir, own, now, self.plan.dry_run)
                .map_err(|error| Error::unavailable(OPERATION).with_source(error))?,
        };
        self.keeping = Some(keeping);
        Ok(keeping)
    }

    fn next(&mut self) -> Result<Option<Found>> {
        let (Stage::Records(walk) | Stage::Locks(walk)) = &mut self.stage;
        walk.next().map_err(|error| Error::unavailable(OPERATION).with_source(error))
    }

    fn examine(
        &mut self,
        folder: &Path,
        name: &OsStr,
        keeping: Keeping,
        now: Timestamp,
        orphans: &mut Vec<PathBuf>,
    ) -> Swept {
        // Names that are no text are none of ours.
        let Some(name) = name.to_str() else { return Swept::default() };
        let path = folder.join(name);
        match self.stage {
            Stage::Records(_) => self.examine_beside_records(&path, name, keeping, now),
            Stage::Locks(_) => {
                if leftovers::is_orphaned_lock(&self.store, &path, name, &self.seen, now) {
                    orphans.push(path);
                }
                Swept::default()
            }
        }
    }

    /// The next part of the sweep; `false` after the last, with which it begins anew.
    fn next_stage(&mut self) -> bool {
        let has_more = matches!(self.stage, Stage::Records(_)) && !self.is_partial;
        self.stage = if has_more {
            Stage::Locks(Walk::of(&self.store.lock_dir))
        } else {
            self.seen = Seen::new();
            self.is_partial = false;
            self.keeping = None;
            Stage::Records(Walk::of(&self.store.file_dir))
        };
        has_more
    }
}

impl Sweep for FileSweep {
    fn step(&mut self, limit: usize, now: Timestamp) -> Result<Swept> {
        let keeping = self.keeping(now)?;
        let mut swept = Swept::default();
        let mut orphans = Vec::new();
        let limit = u64::try_from(limit.max(1)).unwrap_or(u64::MAX);
        while swept.examined < limit && !swept.finished {
            match self.next()? {
                None => {
                    if !self.next_stage() {
                        swept.finished = true;
                    }
                }
                Some(Found::Passing) => swept.examined += 1,
                Some(Found::Closed) => {
                    self.is_partial |= matches!(self.stage, Stage::Records(_));
                    swept.examined += 1;
                    swept.skipped += 1;
                }
                Some(Found::File { folder, name }) => {
                    let finished = swept.finished;
                    swept += self.examine(&folder, &name, keeping, now, &mut orphans);
                    swept.finished = finished;
                    swept.examined += 1;
                }
            }
        }
        let finished = swept.finished;
        swept += leftovers::remove_locks(&orphans, self.plan.dry_run);
        swept.finished = finished;
        Ok(swept)
    }
}

/// How many seconds ago the file changed, by its own time; negative if that is yet to come.
pub(super) fn age(metadata: &std::fs::Metadata, now: Timestamp) -> io::Result<f64> {
    let changed = match metadata.modified()?.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => after.as_secs_f64(),
        Err(before) => -before.duration().as_secs_f64(),
    };
    Ok(now - changed)
}
