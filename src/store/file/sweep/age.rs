//! The age of files.

use std::fs::Metadata;
use std::io;
use std::time::SystemTime;

use crate::store::Timestamp;

/// The age, in seconds, at which what a writer left behind is removed. Writers need milliseconds. A writer that was
/// stopped for longer between two system calls gets an error, and has acknowledged nothing that is lost.
pub(super) const LEFTOVER_AGE: f64 = 3600.0;

/// How many seconds ago the file changed, by its own time; negative if that is yet to come.
pub(super) fn age(metadata: &Metadata, now: Timestamp) -> io::Result<f64> {
    let changed = match metadata.modified()?.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => after.as_secs_f64(),
        Err(before) => -before.duration().as_secs_f64(),
    };
    Ok(now - changed)
}
