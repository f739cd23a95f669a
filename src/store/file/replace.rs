//! Replaces a file by way of a temporary one, so that a reader sees the old contents or the new.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind as IoKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::error::{Error, Result};
use crate::private_dir::{self, ensure_private_dir};
use crate::store::Durability;

/// The operation of a failed write.
pub(super) const WRITING: &str = "write the session file";

/// No name that an id has begins with a dot.
const PREFIX: &str = ".beaker-";
const SUFFIX: &str = ".tmp";
const RANDOM_DIGITS: usize = 16;

const PRIVATE: u32 = 0o600;
const PERMISSIONS: u32 = 0o777;

/// A folder may go missing more than once.
const ATTEMPTS: usize = 4;

/// Whether a file of this name is a temporary one of ours. A process that was killed leaves it behind.
#[must_use]
pub fn is_temporary(file_name: &OsStr) -> bool {
    file_name
        .to_str()
        .and_then(|name| name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX))
        .is_some_and(|digits| digits.len() == RANDOM_DIGITS && digits.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Puts a private file that holds `bytes` at `target`, making the folders above it if they are missing.
///
/// # Errors
/// `Unavailable` if it cannot be written; what was there is whole then, and no temporary file is left.
pub fn replace_file(target: &Path, bytes: &[u8], durability: Durability) -> Result<()> {
    let (mut file, temporary) = create_beside(target)?;
    let written = write(&mut file, bytes, durability);
    drop(file);
    if let Err(error) = written.and_then(|()| put(&temporary, target, durability)) {
        // The first error counts. A file that cannot be removed is swept.
        let _ = fs::remove_file(&temporary);
        return Err(failed(error, target));
    }
    match target.parent() {
        Some(folder) if durability == Durability::Full => {
            private_dir::sync_with_names(folder).map_err(|error| failed(error, target))
        }
        _ => Ok(()),
    }
}

fn write(file: &mut File, bytes: &[u8], durability: Durability) -> io::Result<()> {
    // A umask may have taken away what the owner needs.
    if file.metadata()?.mode() & PERMISSIONS != PRIVATE {
        file.set_permissions(Permissions::from_mode(PRIVATE))?;
    }
    file.write_all(bytes)?;
    if durability == Durability::Full { file.sync_all() } else { Ok(()) }
}

/// Gives the finished file its name, in one step for readers.
///
/// A rename onto a file that is there makes ext4 write the new one to the disk before it returns, which is most
/// of what a save costs. When two files change their names with each other it does not, and readers
/// see as little of it; what was the old file then goes under the name of a temporary one.
fn put(temporary: &Path, target: &Path, durability: Durability) -> io::Result<()> {
    if durability == Durability::Process && exchange(temporary, target) {
        // If this fails, the old file is a leftover temporary file, and is swept.
        let _ = fs::remove_file(temporary);
        return Ok(());
    }
    fs::rename(temporary, target)
}

/// `false` if there is no file to change with, or the system cannot do it.
fn exchange(one: &Path, other: &Path) -> bool {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let outcome = {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)
    };
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let outcome = {
        let _files = (one, other);
        Err::<(), _>(rustix::io::Errno::NOSYS)
    };
    outcome.is_ok()
}

/// Removes the file at `path` once `settle` has brought it to the disk that it is not there. If that fails, or if
/// the file cannot be removed, it is where it was.
///
/// Meanwhile it has the name of a temporary one, since what is removed cannot be put back.
pub(super) fn retire(path: &Path, settle: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let folder = path.parent().ok_or(IoKind::InvalidInput)?;
    let aside = name_in(folder)?;
    match fs::rename(path, &aside) {
        Err(error) if error.kind() == IoKind::NotFound => return Ok(()),
        outcome => outcome?,
    }
    if let Err(error) = settle() {
        // Should this fail too, the disk is past helping; a sweep removes what is left.
        let _ = fs::rename(&aside, path);
        return Err(error);
    }
    // Should this fail, it is swept.
    let _ = fs::remove_file(&aside);
    Ok(())
}

fn name_in(folder: &Path) -> io::Result<PathBuf> {
    let number = getrandom::u64()?;
    Ok(folder.join(format!("{PREFIX}{number:0RANDOM_DIGITS$x}{SUFFIX}")))
}

fn create_beside(target: &Path) -> Result<(File, PathBuf)> {
    let Some(folder) = target.parent() else {
        return Err(Error::unavailable(WRITING).with_detail("its path has no folder"));
    };
    let mut last = io::Error::from(IoKind::NotFound);
    for _ in 0..ATTEMPTS {
        let path = name_in(folder).map_err(|error| failed(error, target))?;
        let created = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(PRIVATE)
            .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
            .open(&path);
        match created {
            Ok(file) => return Ok((file, path)),
            Err(error) => match error.kind() {
                IoKind::NotFound => {
                    private_dir::forget(folder);
                    ensure_private_dir(folder)?;
                    last = error;
                }
                _ => return Err(failed(error, target)),
            },
        }
    }
    Err(failed(last, target))
}

fn failed(error: io::Error, target: &Path) -> Error {
    Error::unavailable(WRITING).with_source(error).in_folder_of(target)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    #[test]
    fn a_save_that_survives_a_power_cut_brings_its_file_to_the_disk_and_no_other_save_does() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("fifo");
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        // A fifo is never on a disk, and refuses to be brought there.
        let mut file = File::options().read(true).write(true).open(&path).unwrap();
        for (durability, is_refused) in
            [(Durability::Beaker, false), (Durability::Process, false), (Durability::Full, true)]
        {
            assert_eq!(write(&mut file, b"x", durability).is_err(), is_refused, "{durability:?}");
        }
    }
}
