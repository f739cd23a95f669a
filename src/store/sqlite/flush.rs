//! Writing a database's file to the disk while others use it.
//!
//! SQLite does so only at the end of a checkpoint, when nobody else may write. Little is left to be written then if most of
//! it is on the disk already.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::fork::{ForkLocal, Process};

/// The files that were flushed. Closing one would drop every lock that SQLite has on it in this process: it stays open, and
/// is closed only once it was removed, so that nobody can open it any more.
static FILES: ForkLocal<Mutex<Vec<File>>> = ForkLocal::new();

/// Has the disk write what the system keeps of the file at `path`.
pub(super) fn flush(path: &Path) -> io::Result<()> {
    let mut files = FILES.of(Process::current()).lock().unwrap_or_else(PoisonError::into_inner);
    files.retain(|file| !file.metadata().is_ok_and(|found| found.nlink() == 0));
    let there = fs::metadata(path)?;
    let is_it = |file: &&File| {
        file.metadata().is_ok_and(|known| (known.dev(), known.ino()) == (there.dev(), there.ino()))
    };
    if let Some(file) = files.iter().find(is_it) {
        return file.sync_data();
    }
    let file = File::open(path)?;
    let flushed = file.sync_data();
    files.push(file);
    flushed
}
