//! Bringing names to the disk. That of a file is in its folder, that of the folder in the one above.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, ErrorKind as IoKind};
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex};

/// How many folders are remembered. Ids as Beaker makes them have 272.
const MOST_KNOWN: usize = 4096;

/// The folders whose own names are on the disk, in this process's knowledge. The lock is never waited for: a
/// process that was forked while somebody had it would wait for ever. Who does not get it knows nothing.
static KNOWN: LazyLock<Mutex<HashSet<PathBuf>>> = LazyLock::new(|| Mutex::new(HashSet::new()));

/// Brings what has changed in `folder` to the disk: a file that came, went or was replaced.
pub(super) fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// The same, and the names of `folder` and those above it, which may just have been made, by another process
/// perhaps that has not done so yet.
///
/// # Errors
/// If a folder cannot be opened or flushed.
pub fn sync_with_names(folder: &Path) -> io::Result<()> {
    sync(folder)?;
    let is_known = |folder: &Path| KNOWN.try_lock().is_ok_and(|known| known.contains(folder));
    let unknown: Vec<&Path> = folder.ancestors().take_while(|folder| !is_known(folder)).collect();
    for folder in &unknown {
        let above = match folder.parent() {
            None => break,
            Some(above) if above.as_os_str().is_empty() => Path::new("."),
            Some(above) => above,
        };
        match sync(above) {
            // What this process may not look into, it has not made; nor what is above.
            Err(error) if error.kind() == IoKind::PermissionDenied => break,
            outcome => outcome?,
        }
    }
    if let Ok(mut known) = KNOWN.try_lock() {
        if known.len() + unknown.len() > MOST_KNOWN {
            known.clear();
        }
        known.extend(unknown.into_iter().map(Path::to_owned));
    }
    Ok(())
}

/// `folder` was not there: if it is made, its name is not on the disk yet.
pub(super) fn forget(folder: &Path) {
    if let Ok(mut known) = KNOWN.try_lock() {
        // Which of those above was missing too is not known.
        known.retain(|known| !folder.starts_with(known));
    }
}
