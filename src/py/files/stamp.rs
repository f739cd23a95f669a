//! What tells a file from another that took its place.

use std::fs::{File, Metadata, symlink_metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use pyo3::prelude::*;

use super::io::{contents, failed, open};
use super::lock::as_os_error;
use crate::py::gil;

/// The device, number, size and times of a file. The kernel alone sets `changed`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    device: u64,
    number: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
    /// Whether no other machine can replace the file. Then a look at its name tells all.
    is_local: bool,
}

impl Stamp {
    /// Whether the file at `path` is the one with this stamp.
    pub(crate) fn is_still_at(&self, py: Python<'_>, path: &Path) -> bool {
        let found = if self.is_local {
            symlink_metadata(path).ok()
        } else {
            // A network's file system may answer a look from memory. When a file is opened, it asks the server.
            gil::detached(py, || open(path).and_then(|file| file.metadata()).ok())
        };
        found.is_some_and(|found| Self::of(&found, self.is_local) == *self)
    }

    fn of(file: &Metadata, is_local: bool) -> Self {
        Self {
            device: file.dev(),
            number: file.ino(),
            size: file.size(),
            modified: (file.mtime(), file.mtime_nsec()),
            changed: (file.ctime(), file.ctime_nsec()),
            is_local,
        }
    }
}

/// The contents of the file at `path`, and its stamp from before they were read. Raises `OSError`.
pub(crate) fn read_stamped(py: Python<'_>, path: &Path) -> PyResult<(Vec<u8>, Stamp)> {
    let read = gil::detached(py, || {
        let mut file = open(path)?;
        let stamp = Stamp::of(&file.metadata()?, is_local(&file));
        Ok((contents(&mut file)?, stamp))
    });
    read.map_err(|error| as_os_error(py, failed(error), path))
}

/// Whether the file system is known to belong to this machine alone.
#[cfg(target_os = "linux")]
fn is_local(file: &File) -> bool {
    /// ext2 to ext4, XFS, Btrfs, tmpfs, overlayfs, F2FS, ZFS: the numbers of `statfs(2)`.
    const LOCAL: [u64; 7] =
        [0xEF53, 0x5846_5342, 0x9123_683E, 0x0102_1994, 0x794C_7630, 0xF2F5_2010, 0x2FC1_2FC1];
    rustix::fs::fstatfs(file).is_ok_and(|system| {
        u64::try_from(system.f_type).is_ok_and(|kind| LOCAL.contains(&(kind & 0xFFFF_FFFF)))
    })
}

#[cfg(not(target_os = "linux"))]
fn is_local(_file: &File) -> bool {
    false
}
