//! File operations for the Python modules, each in one call.
//!
//! Python runs signal handlers between bytecodes. An exception from a handler therefore leaves neither an open file nor
//! a temporary one behind.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use rustix::fs::OFlags;
use rustix::io::Errno;

use super::lock::as_os_error;
use crate::error::{Error, Result};
use crate::py::gil;
use crate::store::Durability;
use crate::store::file::{
    digest_name, ensure_private_dir, file_name, hashed_name, replace_file, sync_with_names,
};

const OPERATION: &str = "use a file";
const PRIVATE: u32 = 0o600;

/// A link is not followed, and a pipe is not waited for.
const ITSELF: OFlags = OFlags::NOFOLLOW.union(OFlags::NONBLOCK);

/// The name, without an extension, of the file for an identifier: its SHA-1, or without `digest` the identifier without
/// its dots. If that cannot be a name, a hash.
#[pyfunction]
#[pyo3(name = "file_name")]
pub(crate) fn name_of_file(identifier: &[u8], digest: bool) -> String {
    if digest { digest_name(identifier) } else { file_name(identifier) }
}

/// The name, without an extension, of the file that no other identifier shares.
#[pyfunction]
pub(crate) fn own_file_name(identifier: &[u8]) -> String {
    hashed_name(identifier)
}

/// Makes a folder, and those above it, for this user alone (mode 0700), unless they exist. Raises `OSError`.
#[pyfunction]
pub(crate) fn make_folder(py: Python<'_>, path: PathBuf) -> PyResult<()> {
    let made = gil::detached(py, || ensure_private_dir(&path).map_err(|error| (error, first_missing(&path))));
    made.map_err(|(error, missing)| as_os_error(py, error, missing))
}

/// The first part of `path` that is no folder.
fn first_missing(path: &Path) -> &Path {
    let missing = path.ancestors().filter(|part| !part.as_os_str().is_empty() && !part.is_dir());
    missing.last().unwrap_or(path)
}

/// Replaces the file at `path` by one with `contents`, which only its owner may read. With `to_disk` it survives a power
/// cut afterwards. Raises `OSError`, and then the old file is unchanged.
#[pyfunction]
pub(crate) fn write_file(py: Python<'_>, path: PathBuf, contents: &[u8], to_disk: bool) -> PyResult<()> {
    let durability = if to_disk { Durability::Full } else { Durability::Beaker };
    let contents = contents.to_vec();
    let written = gil::detached(py, || {
        match path.parent() {
            // The caller makes the folder.
            Some(folder) if !folder.as_os_str().is_empty() => {
                folder.metadata().map_err(failed)?;
            }
            _ => {}
        }
        replace_file(&path, &contents, durability)
    });
    written.map_err(|error| as_os_error(py, error, &path))
}

/// Writes `contents` into the file at `path`, from the byte `at` on. With `to_disk` they survive a power cut afterwards.
/// A missing file is made, readable by its owner alone. A link is not followed. Raises `OSError`, and then a part of
/// the contents may be written.
#[pyfunction]
pub(crate) fn write_part(
    py: Python<'_>,
    path: PathBuf,
    at: u64,
    contents: &[u8],
    to_disk: bool,
) -> PyResult<()> {
    let contents = contents.to_vec();
    let written = gil::detached(py, || write_at(&path, at, &contents, to_disk).map_err(failed));
    written.map_err(|error| as_os_error(py, error, &path))
}

/// Reads the file at `path`. A link is not followed, and only a regular file is read. Raises `OSError`.
#[pyfunction]
pub(crate) fn read_file(py: Python<'_>, path: PathBuf) -> PyResult<Bound<'_, PyBytes>> {
    let read = gil::detached(py, || read(&path).map_err(failed));
    Ok(PyBytes::new(py, &read.map_err(|error| as_os_error(py, error, &path))?))
}

/// Flushes the names in a folder to the disk. Raises `OSError`.
#[pyfunction]
pub(crate) fn sync_folder(py: Python<'_>, path: PathBuf) -> PyResult<()> {
    sync(py, &path, OFlags::DIRECTORY)
}

/// Flushes the contents of a file to the disk. A link is not followed. Raises `OSError`.
#[pyfunction]
pub(crate) fn sync_file(py: Python<'_>, path: PathBuf) -> PyResult<()> {
    sync(py, &path, ITSELF)
}

/// Flushes the names in a folder, and the names of the folder and all above it, to the disk. Raises `OSError`.
#[pyfunction]
pub(crate) fn sync_names(py: Python<'_>, path: PathBuf) -> PyResult<()> {
    let synced = gil::detached(py, || sync_with_names(&path).map_err(failed));
    synced.map_err(|error| as_os_error(py, error, &path))
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    contents(&mut open(path)?)
}

/// Opens the file at `path` for reading.
pub(super) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(ITSELF.bits().cast_signed()).open(path)
}

/// Reads a file, if it is a regular one.
pub(super) fn contents(file: &mut File) -> io::Result<Vec<u8>> {
    let kind = file.metadata()?;
    if kind.is_dir() {
        // `IsADirectory` has no error number.
        return Err(Errno::ISDIR.into());
    }
    if !kind.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut contents = Vec::new();
    file.read_to_end(&mut contents)?;
    Ok(contents)
}

fn write_at(path: &Path, at: u64, contents: &[u8], to_disk: bool) -> io::Result<()> {
    let flags = ITSELF.bits().cast_signed();
    let mut options = OpenOptions::new();
    let file =
        options.write(true).create(true).truncate(false).mode(PRIVATE).custom_flags(flags).open(path)?;
    file.write_all_at(contents, at)?;
    if to_disk { file.sync_all() } else { Ok(()) }
}

fn sync(py: Python<'_>, path: &Path, flags: OFlags) -> PyResult<()> {
    let flags = flags.bits().cast_signed();
    let synced: Result<()> = gil::detached(py, || {
        let opened = OpenOptions::new().read(true).custom_flags(flags).open(path);
        opened.and_then(|file| file.sync_all()).map_err(failed)
    });
    synced.map_err(|error| as_os_error(py, error, path))
}

pub(super) fn failed(error: io::Error) -> Error {
    Error::unavailable(OPERATION).with_source(error)
}
