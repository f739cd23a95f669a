//! Sweeping the files of sessions: first the records and what writers left beside them, then the locks.
//!
//! A record is over when the expiry that it carries has passed. One that carries none, as Beaker's, is over when its
//! file last changed a lifetime ago. A time in the future is never over: after a clock was set back, records stay
//! longer and none goes early.
//!
//! Folders stay. Processes of Beaker make the folder of an id first and open a file in it later, and the ids that
//! Beaker makes have 272 folders in all.

mod leftovers;
pub(super) mod records;

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::walk::{Found, Walk};
use leftovers::{LEFTOVER_AGE, age};

use super::folders::{Folders, Visit};
use crate::error::{Error, Result};
use crate::store::sweeper::Job;
use crate::store::{Sweep, Swept, Timestamp};

const OPERATION: &str = "sweep the session files";

/// The name of the lease in the folder of the records. No id has such a name.
const LEASE: &str = ".beaker-sweep";

/// Time enough for a waiting process to get a lock.
const HANDING_OVER: Duration = Duration::from_millis(5);

/// The entries of a step, which takes a millisecond or less.
const STEP: usize = 64;

/// With this rest a sweep takes a tenth of a processor or of a slow disk.
const REST: u32 = 9;

/// The records that a sweep removes, beside those whose own expiry has passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SweepPlan {
    /// How long after its last use a record within `reach` is removed. `None`: such records stay.
    pub lifetime: Option<Duration>,
    /// The records that `lifetime` is for.
    pub reach: Reach,
    /// Whether to count only, and remove nothing.
    pub dry_run: bool,
}

/// Records, by the expiry that they carry. Each includes those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// Those that carry none, as Beaker's.
    #[default]
    Unmarked,
    /// Those that are to be kept until they are deleted.
    Endless,
    /// All.
    All,
}

impl SweepPlan {
    /// Whether a record is over at `now` that carries this expiry, in a file of this metadata.
    fn is_over(&self, expires_at: Option<Timestamp>, metadata: &Metadata, now: Timestamp) -> bool {
        let kind = match expires_at {
            None => Reach::Unmarked,
            Some(at) if at.is_finite() => Reach::All,
            Some(_) => Reach::Endless,
        };
        let is_unused = |lifetime: Duration| age(metadata, now).is_ok_and(|age| age > lifetime.as_secs_f64());
        expires_at.is_some_and(|at| at <= now) || kind <= self.reach && self.lifetime.is_some_and(is_unused)
    }
}

/// The file of the lease to sweep the records in `folder`.
pub fn lease_of(folder: &Path) -> PathBuf {
    folder.join(LEASE)
}

/// A sweep of the files of a store.
pub struct FileSweep {
    folders: Folders,
    plan: SweepPlan,
    stage: Stage,
    /// The locks whose records were found, by the beginning of their names.
    seen: HashSet<u64>,
    /// Whether a folder could not be read, which may hide records.
    is_partial: bool,
}

enum Stage {
    Records(Walk),
    Locks(Walk),
}

impl FileSweep {
    pub(super) fn new(folders: Folders, plan: SweepPlan) -> Self {
        let stage = Stage::Records(Walk::of(&folders.file_dir));
        Self { folders, plan, stage, seen: HashSet::new(), is_partial: false }
    }

    /// The same for the background.
    pub(super) fn into_job(self) -> Job {
        Job {
            lease: lease_of(&self.folders.file_dir),
            patience: self.plan.lifetime.unwrap_or_default().max(Duration::from_secs_f64(LEFTOVER_AGE)),
            step: STEP,
            rest: REST,
            sweep: Box::new(self),
        }
    }

    /// It waits for no lock.
    fn visit(&self) -> Visit<'_> {
        self.folders.visit(Duration::ZERO)
    }

    fn next(&mut self) -> Result<Option<Found>> {
        let (Stage::Records(walk) | Stage::Locks(walk)) = &mut self.stage;
        walk.next().map_err(|error| Error::unavailable(OPERATION).with_source(error))
    }

    fn examine(&mut self, folder: &Path, name: &OsStr, now: Timestamp, orphans: &mut Vec<PathBuf>) -> Swept {
        // Our names are text.
        let Some(name) = name.to_str() else { return Swept::default() };
        let path = folder.join(name);
        match self.stage {
            Stage::Records(_) => self.examine_beside_records(&path, name, now),
            Stage::Locks(_) => {
                if leftovers::is_orphaned_lock(self.visit(), &path, name, &self.seen, now) {
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
            Stage::Locks(Walk::of(&self.folders.lock_dir))
        } else {
            self.seen = HashSet::new();
            self.is_partial = false;
            Stage::Records(Walk::of(&self.folders.file_dir))
        };
        has_more
    }
}

impl Sweep for FileSweep {
    fn step(&mut self, limit: usize, now: Timestamp) -> Result<Swept> {
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
                    swept += self.examine(&folder, &name, now, &mut orphans);
                    swept.finished = finished;
                    swept.examined += 1;
                }
            }
        }
        let finished = swept.finished;
        swept += leftovers::remove_locks(&orphans, self.plan.dry_run, || thread::sleep(HANDING_OVER));
        swept.finished = finished;
        Ok(swept)
    }
}
