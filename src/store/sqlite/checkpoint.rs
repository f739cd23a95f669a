//! Checkpoints: the pages in the log are written into the file, and the log begins anew.
//!
//! A thread makes them, so that requests seldom wait for the disk. Where other processes write all the time, so that it
//! does not get at the last of the log, or where none can be started, the request that finds the log too long makes a
//! checkpoint itself.

use std::ffi::c_int;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;

use rusqlite::hooks::Wal;
use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, Result};

use crate::sync::AtomicU32;

/// The pages that are added to the log before the next checkpoint.
const PAGES: u32 = 1000;

/// The pages in the log for which no request waits.
const MOST_PAGES: u32 = 4 * PAGES;

/// So many are there after a long read, such as a backup. While most of them are written into the file, others may write.
const FAR_TOO_MANY_PAGES: u32 = 4 * MOST_PAGES;

const THREAD_NAME: &str = "beaker-log";
const STACK: usize = 256 * 1024;

/// Instead of a number of pages: a thread is making a checkpoint.
const AT_WORK: u32 = u32::MAX;

/// The checkpoints that one process makes of one database.
#[derive(Default)]
pub(super) struct Checkpoints {
    /// The pages that were in the log at the last checkpoint.
    last: AtomicU32,
}

impl Checkpoints {
    /// Has every commit of a connection look at the length of the log. `make` makes a checkpoint, on another connection.
    pub(super) fn watch(
        self: &Arc<Self>,
        connection: &mut Connection,
        make: impl Fn() + Clone + Send + 'static,
    ) -> Result<()> {
        let checkpoints = Arc::clone(self);
        connection.wal_hook(Some(move |log: &mut Wal, pages: c_int| {
            let pages = pages.unsigned_abs();
            if pages >= MOST_PAGES {
                if pages >= FAR_TOO_MANY_PAGES {
                    let _ = log.checkpoint();
                }
                // The commit is done, and a checkpoint that fails is no reason for it to fail. No other process may write
                // meanwhile: the log begins anew only if none of it is left.
                let _ = log.checkpoint_v2(CheckpointMode::RESTART);
            } else if checkpoints.is_due(pages) {
                checkpoints.start(pages, make.clone());
            }
            Ok(())
        }))
    }

    /// Whether a checkpoint is due, of all who ask at once for one alone.
    pub(super) fn is_due(&self, pages: u32) -> bool {
        let known = self.last.load(Ordering::Relaxed);
        if known == AT_WORK {
            return false;
        }
        // A shorter log has begun anew.
        let last = if pages < known { 0 } else { known };
        let next = if pages - last >= PAGES { AT_WORK } else { last };
        let is_told = next == known
            || self.last.compare_exchange(known, next, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        is_told && next == AT_WORK
    }

    /// Counts from `pages` to the next.
    pub(super) fn done(&self, pages: u32) {
        self.last.store(pages, Ordering::Relaxed);
    }

    fn start(self: &Arc<Self>, pages: u32, make: impl FnOnce() + Send + 'static) {
        let checkpoints = Arc::clone(self);
        let work = move || {
            make();
            checkpoints.done(pages);
        };
        if thread::Builder::new().name(THREAD_NAME.to_owned()).stack_size(STACK).spawn(work).is_err() {
            self.done(pages);
        }
    }
}
