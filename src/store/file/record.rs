//! Reading what is stored, and changing it in place.

use std::fs::{File, OpenOptions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use rustix::fs::OFlags;
use rustix::io::Errno;

use super::is_absence;
use super::lock::{Locked, Mode};
use super::path::Place;
use crate::codec::envelope;
use crate::error::{Error, Result};
use crate::store::{Timestamp, Touch, Version};

const READING: &str = "read the session file";
const TOUCHING: &str = "touch the session file";

/// In bytes. What is longer was not written as a session, and is not worth the memory to find out.
const LONGEST_FILE: u64 = 1 << 30;

/// Versions are compared within a process only, and a key of its own keeps anybody from making two texts
/// that have the same.
static VERSIONS: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// What a place holds for an id.
#[derive(Debug)]
pub(super) enum Found {
    /// No file, or one that holds no session.
    Absent,
    /// A record that belongs to another id.
    Foreign,
    /// A file that cannot be understood, in a place that is this id's.
    Unreadable(Error),
    /// The record of this id.
    Ours(Contents),
}

/// A record as it was read.
#[derive(Debug)]
pub(super) struct Contents {
    file: Vec<u8>,
    text: Range<usize>,
}

impl Contents {
    pub(super) fn text(&self) -> &[u8] {
        self.file.get(self.text.clone()).unwrap_or_default()
    }

    pub(super) fn version(&self) -> Version {
        version_of(self.text())
    }
}

/// The version of a record that holds `text`.
pub(super) fn version_of(text: &[u8]) -> Version {
    let mut hasher = VERSIONS.build_hasher();
    hasher.write(text);
    Version(hasher.finish())
}

/// Reads what `place` holds. A touch changes a file in place, so that the file is locked for the reading.
pub(super) fn read(path: &Path, place: &Place<'_>, limit: Duration) -> Result<Found> {
    match open(path, Mode::Shared, READING, limit)? {
        Some(data) => examine(&data, place, READING),
        None => Ok(Found::Absent),
    }
}

/// Puts the bytes of `touch` in, if the record is still in that state, and renews the file's time of change
/// in any case. `false` if there is no record.
pub(super) fn touch(
    path: &Path,
    place: &Place<'_>,
    touch: &Touch<'_>,
    now: Timestamp,
    limit: Duration,
) -> Result<bool> {
    let Some(data) = open(path, Mode::Exclusive, TOUCHING, limit)? else {
        return Ok(false);
    };
    let contents = match examine(&data, place, TOUCHING)? {
        Found::Absent | Found::Foreign => return Ok(false),
        Found::Unreadable(error) => return Err(error),
        Found::Ours(contents) => contents,
    };
    let changed = if contents.version() == touch.version {
        let range = touch.range(contents.text().len(), TOUCHING)?;
        (!range.is_empty()).then_some(contents.text.start + range.start)
    } else {
        None
    };
    match changed {
        Some(offset) => data.file().write_all_at(touch.bytes, offset as u64),
        None => data.file().set_modified(system_time(now)?),
    }
    .map_err(|error| Error::unavailable(TOUCHING).with_source(error))?;
    Ok(true)
}

/// Opens and locks the file. Nothing but a regular file is read, and nothing is waited for but the lock.
fn open(path: &Path, mode: Mode, operation: &'static str, limit: Duration) -> Result<Option<Locked>> {
    let opened = OpenOptions::new()
        .read(true)
        .write(mode == Mode::Exclusive)
        .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed())
        .open(path);
    match opened {
        Ok(file) => Locked::new(file, mode, limit).map(Some),
        Err(error) if is_absence(&error) => Ok(None),
        Err(error) if is_link(&error) => {
            Err(Error::unavailable(operation).with_detail("a symbolic link is in its place"))
        }
        Err(error) => Err(Error::unavailable(operation).with_source(error)),
    }
}

/// What `O_NOFOLLOW` answers to a link.
fn is_link(error: &io::Error) -> bool {
    error
        .raw_os_error()
        .is_some_and(|code| [Errno::LOOP, Errno::MLINK].map(Errno::raw_os_error).contains(&code))
}

fn examine(data: &Locked, place: &Place<'_>, operation: &'static str) -> Result<Found> {
    let unreadable = |error: Error| {
        if place.owns_the_unreadable() { Found::Unreadable(error) } else { Found::Foreign }
    };
    let failed = |error: io::Error| Error::unavailable(operation).with_source(error);
    let metadata = data.file().metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(Error::unavailable(operation).with_detail("what is in its place is not a regular file"));
    }
    if metadata.len() == 0 {
        return Ok(unreadable(Error::corrupt(operation).with_detail("the file is empty")));
    }
    if metadata.len() > LONGEST_FILE {
        return Ok(unreadable(Error::corrupt(operation).with_detail("the file is longer than any session")));
    }
    let file = read_whole(data.file(), metadata.len()).map_err(failed)?;
    Ok(match envelope::read(&file) {
        Err(error) => unreadable(error),
        Ok(None) => Found::Absent,
        Ok(Some(found)) if !place.is_owned(found.owner.as_deref()) => Found::Foreign,
        Ok(Some(found)) => Found::Ours(Contents { text: found.text, file }),
    })
}

fn read_whole(file: &File, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let expected = usize::try_from(length).map_err(|_| io::ErrorKind::OutOfMemory)?;
    bytes.try_reserve_exact(expected)?;
    // The lock keeps the length: only a rename gives a record another one, and that is another file.
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn system_time(now: Timestamp) -> Result<SystemTime> {
    Duration::try_from_secs_f64(now.abs())
        .ok()
        .and_then(|from_epoch| {
            if now < 0.0 {
                SystemTime::UNIX_EPOCH.checked_sub(from_epoch)
            } else {
                SystemTime::UNIX_EPOCH.checked_add(from_epoch)
            }
        })
        .ok_or_else(|| Error::invalid(TOUCHING).with_detail("the time is out of range"))
}
