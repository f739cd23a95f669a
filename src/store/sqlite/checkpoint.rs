//! Checkpoints: the pages in the log are written into the file, and the log begins anew.
//!
//! A thread makes them, so that no request waits for the disk. Where requests write faster than the thread, or where none
//! can be started, the request that finds the log too long makes a checkpoint itself.

use std::ffi::c_int;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::thread;

use rusqlite::hooks::Wal;
use rusqlite::{Connection, Result};

use super::database::Database;
use crate::sync::AtomicU32;

/// The pages that are added to the log before the next checkpoint.
const PAGES: u32 = 1000;

/// The pages in the log for which no request waits.
const MOST_PAGES: u32 = 4 * PAGES;

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
    /// Has every commit of a connection look at the length of the log.
    pub(super) fn watch(
        self: &Arc<Self>,
        connection: &mut Connection,
        database: Weak<Database>,
    ) -> Result<()> {
        let checkpoints = Arc::clone(self);
        connection.wal_hook(Some(move |log: &mut Wal, pages: c_int| {
            let pages = pages.unsigned_abs();
            if pages >= MOST_PAGES {
                // The commit is done, and a checkpoint that fails is no reason for it to fail.
                let _ = log.checkpoint();
            } else if checkpoints.is_due(pages) {
                checkpoints.start(pages, &database);
            }
            Ok(())
        }))
    }

    /// Whether a checkpoint is due, of all who ask at once for one alone.
    fn is_due(&self, pages: u32) -> bool {
        let is_due = |last: u32| {
            // A shorter log has begun anew.
            let added = if pages < last { pages } else { pages - last };
            (last != AT_WORK && added >= PAGES).then_some(AT_WORK)
        };
        self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, is_due).is_ok()
    }

    fn start(self: &Arc<Self>, pages: u32, database: &Weak<Database>) {
        let (checkpoints, database) = (Arc::clone(self), Weak::clone(database));
        let work = move || {
            if let Some(database) = database.upgrade() {
                database.checkpoint();
            }
            checkpoints.last.store(pages, Ordering::Relaxed);
        };
        if thread::Builder::new().name(THREAD_NAME.to_owned()).stack_size(STACK).spawn(work).is_err() {
            self.last.store(pages, Ordering::Relaxed);
        }
    }
}
