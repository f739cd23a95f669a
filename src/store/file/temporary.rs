//! Replacing a file by way of a temporary one, so that whoever reads sees the old contents or the new.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind as IoKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::directory::ensure_private_dir;
use crate::error::{Error, Result};

const OPERATION: &str = "write the session file";

/// No name that an id has begins with a dot.
const PREFIX: &str = ".beaker-";
const SUFFIX: &str = ".tmp";
const RANDOM_DIGITS: usize = 16;

const PRIVATE: u32 = 0o600;
const PERMISSIONS: u32 = 0o777;

/// 64 random bits are taken already only if somebody plays with us, or the folder went missing again.
const ATTEMPTS: usize = 4;

/// Whether a file of this name is a temporary one of ours. A process that was killed leaves it behind.
#[must_use]
pub fn is_temporary(file_name: &OsStr) -> bool {
    file_name
        .to_str()
        .and_then(|name| name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX))
        .is_some_and(|digits| digits.len() == RANDOM_DIGITS && digits.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Puts a private file that holds `bytes` at `target`, making the folders above it if they are missing. If
/// it fails, what was there is whole and no temporary file is left.
pub(super) fn replace(target: &Path, bytes: &[u8]) -> Result<()> {
    let (mut file, temporary) = create_beside(target)?;
    let written = write(&mut file, bytes);
    drop(file);
    if let Err(error) = written.and_then(|()| fs::rename(&temporary, target)) {
        // The error above is the one to tell; a file that cannot be removed is recognised by its name later.
        let _ = fs::remove_file(&temporary);
        return Err(failed(error));
    }
    Ok(())
}

fn write(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    // A umask may have taken away what the owner needs.
    if file.metadata()?.mode() & PERMISSIONS != PRIVATE {
        file.set_permissions(Permissions::from_mode(PRIVATE))?;
    }
    file.write_all(bytes)
}

fn create_beside(target: &Path) -> Result<(File, PathBuf)> {
    let Some(folder) = target.parent() else {
        return Err(Error::unavailable(OPERATION).with_detail("its path has no folder"));
    };
    let mut last = io::Error::from(IoKind::AlreadyExists);
    for _ in 0..ATTEMPTS {
        let number = getrandom::u64().map_err(|error| failed(error.into()))?;
        let path = folder.join(format!("{PREFIX}{number:0RANDOM_DIGITS$x}{SUFFIX}"));
        let created = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(PRIVATE)
            .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
            .open(&path);
        match created {
            Ok(file) => return Ok((file, path)),
            Err(error) => {
                match error.kind() {
                    IoKind::NotFound => ensure_private_dir(folder)?,
                    IoKind::AlreadyExists => {}
                    _ => return Err(failed(error)),
                }
                last = error;
            }
        }
    }
    Err(failed(last))
}

fn failed(error: io::Error) -> Error {
    Error::unavailable(OPERATION).with_source(error)
}
