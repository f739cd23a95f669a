//! Writing a database's file to the disk while others use it.
//!
//! SQLite does so only at the end of a checkpoint, when nobody else may write. Little is left to be written then if most of
//! it is on the disk already.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::fork::{ForkLocal, Process};
use crate::sync::{Mutex, lock};

/// The files that were flushed. Closing one would drop every lock that SQLite has on it in this process: it stays open, and
/// is closed only once it was removed, so that nobody can open it any more, or where this process has no connection.
static FILES: ForkLocal<Mutex<Files>> = ForkLocal::new();

/// Each with the path at which it was opened.
type Files = Vec<(PathBuf, Arc<File>)>;

/// Has the disk write what the system keeps of the file at `path`.
pub(super) fn flush(path: &Path) -> io::Result<()> {
    close_removed();
    let there = fs::metadata(path)?;
    let file = {
        let mut files = lock(FILES.of(Process::current()));
        match files.iter().find(|(_, file)| file.metadata().is_ok_and(|known| is_same(&known, &there))) {
            Some((_, file)) => Arc::clone(file),
            None => {
                let file = Arc::new(File::open(path)?);
                files.push((path.to_owned(), Arc::clone(&file)));
                file
            }
        }
    };
    // A disk that is slow keeps nobody from flushing a file on another one.
    file.sync_data()
}

/// Closes the files that were removed, so that the disk has their room again.
pub(super) fn close_removed() {
    lock(FILES.of(Process::current())).retain(|(path, file)| {
        let Ok(known) = file.metadata() else { return true };
        // Some file systems count no links.
        known.nlink() > 0 || fs::metadata(path).is_ok_and(|there| is_same(&known, &there))
    });
}

/// Closes every file that is not being flushed. This process must not have a connection, nor open one meanwhile.
#[cfg(feature = "python")]
pub(super) fn close_unused() {
    lock(FILES.of(Process::current())).retain(|(_, file)| Arc::strong_count(file) > 1);
}

fn is_same(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}
