//! Removes files, and flushes names to the disk. The name of a file is in its folder, the name of the folder in the one above.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, ErrorKind as IoKind};
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex};

use crate::error::{Error, Result};

/// The operation of a failed removal.
pub(super) const REMOVING: &str = "remove the session file";

/// How many folders are remembered. Ids as Beaker makes them have 272.
const MOST_KNOWN: usize = 4096;

/// The folders whose own names are known to be on the disk. Nobody waits for the mutex: a process that was forked while
/// it was locked would wait for ever. Without it, nothing is known.
static KNOWN: LazyLock<Mutex<HashSet<PathBuf>>> = LazyLock::new(|| Mutex::new(HashSet::new()));

/// Flushes the names in `folder`: a file that was added, removed or replaced.
pub(super) fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// The same, and the names of `folder` and the folders above it, which may be new, and made by a process that has not
/// flushed them yet.
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
            // A folder that this process may not read was not made by it; nor was any above.
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

/// Forgets `folder`, which was missing: once it is made, its name is not on the disk yet.
pub(super) fn forget(folder: &Path) {
    if let Ok(mut known) = KNOWN.try_lock() {
        // Folders above it may have been missing too.
        known.retain(|known| !folder.starts_with(known));
    }
}

/// Removes a file, or finds it gone.
pub(super) fn unlink(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if !is_absence(&error) => {
            Err(Error::unavailable(REMOVING).with_source(error).in_folder_of(path))
        }
        _ => Ok(()),
    }
}

/// Whether this error says that there is no such file.
pub(super) fn is_absence(error: &io::Error) -> bool {
    error.kind() == IoKind::NotFound
}
