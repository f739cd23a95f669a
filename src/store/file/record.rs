//! Reading what is stored, and changing it in place.

use std::fs::{File, Metadata, OpenOptions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use rustix::fs::OFlags;
use rustix::io::Errno;

use super::disk::is_absence;
use super::layout::Place;
use crate::codec::{Expiry, envelope};
use crate::error::{Error, Result};
use crate::locks::{Locked, Mode};
use crate::store::{Patch, Timestamp, Version};

const READING: &str = "read the session file";
const RENEWING: &str = "renew the session file";

/// In bytes. A longer file is no session, and not worth the memory to make sure.
const LONGEST_FILE: u64 = 1 << 30;

/// Versions are compared within a process only. A key of its own keeps anybody from making two texts of one version.
static VERSIONS: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// The contents of a place, for an id.
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
    expiry: Option<Expiry>,
}

impl Found {
    /// The same at `now`: a record past its lifetime is absent.
    pub(super) fn live_at(self, now: Timestamp) -> Self {
        match self {
            Self::Ours(contents) if contents.is_over(now) => Self::Absent,
            found => found,
        }
    }
}

impl Contents {
    /// When the record's lifetime ends, if the record says so. Beaker's never do.
    pub(super) fn expires_at(&self) -> Option<Timestamp> {
        self.expiry.map(|expiry| expiry.at)
    }

    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.expires_at().is_some_and(|expires_at| expires_at <= now)
    }

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
    Version::from(hasher.finish())
}

/// Reads what `place` holds. A touch changes a file in place, so that the file is locked for the reading.
pub(super) fn read(path: &Path, place: &Place<'_>, limit: Duration) -> Result<Found> {
    let found = match open(path, Mode::Shared, READING, limit)? {
        Some(data) => examine(&data, place, READING),
        None => Ok(Found::Absent),
    };
    found.map_err(|error| error.in_folder_of(path))
}

/// The same, and keeps everybody else from the file until what is returned is dropped.
pub(super) fn read_alone(path: &Path, place: &Place<'_>, limit: Duration) -> Result<(Option<Locked>, Found)> {
    let Some(data) = open_the_one_at(path, limit)? else { return Ok((None, Found::Absent)) };
    let found = examine(&data, place, READING).map_err(|error| error.in_folder_of(path))?;
    Ok((Some(data), found))
}

/// The owner of a record in a file that several ids may have.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Holder {
    /// There is no record.
    Nobody,
    /// The record names its owner.
    Named(String),
    /// The id that the file is named after: our records of other ids name their owner.
    Plain,
    /// Not known: Beaker wrote the record, or it cannot be read.
    Unknown,
}

/// The owner of the record at `path`.
pub(super) fn holder(path: &Path, limit: Duration) -> Result<Holder> {
    /// Beaker has never written this protocol, and we write no other.
    const OURS: &[u8] = &[0x80, 2];
    let Some(data) = open(path, Mode::Shared, READING, limit)? else { return Ok(Holder::Nobody) };
    let Some(file) = content(&data, READING)?.whole else { return Ok(Holder::Unknown) };
    Ok(match envelope::read(&file) {
        Ok(None) => Holder::Nobody,
        Ok(Some(found)) => match found.owner {
            Some(owner) => Holder::Named(owner),
            None if file.starts_with(OURS) => Holder::Plain,
            None => Holder::Unknown,
        },
        Err(_) => Holder::Unknown,
    })
}

/// The owner that the record at `path` names, if it does. Waits for no lock.
pub(super) fn owner(path: &Path) -> Result<Option<String>> {
    Ok(match holder(path, Duration::ZERO)? {
        Holder::Named(owner) => Some(owner),
        Holder::Nobody | Holder::Plain | Holder::Unknown => None,
    })
}

/// The expiry that the record at `path` begins with, if it does. No lock is taken: this is a first look.
pub(super) fn expiry(path: &Path) -> Option<Timestamp> {
    let file = options(Mode::Shared).open(path).ok()?;
    let mut head = [0; Expiry::HEAD];
    let length = (&file).read(&mut head).ok()?;
    Expiry::at_head_of(head.get(..length)?).map(|expiry| expiry.at)
}

/// The content of `place`, with its locked file: nothing writes it while the lock is held, and with `Mode::Exclusive`
/// nothing reads it either. Waits for no lock; `None` if there is no file.
pub(super) fn hold(path: &Path, place: &Place<'_>, mode: Mode) -> Result<Option<(Locked, Metadata, Found)>> {
    let Some(data) = open(path, mode, READING, Duration::ZERO)? else { return Ok(None) };
    let metadata = data.file().metadata().map_err(|error| Error::unavailable(READING).with_source(error))?;
    if metadata.nlink() == 0 {
        return Ok(None);
    }
    let found = examine(&data, place, READING)?;
    Ok(Some((data, metadata, found)))
}

/// Puts the bytes of `patch` in if the record is still in that state, and renews its lifetime to `expires_at`; of
/// a record in another state the lifetime is never made shorter. One that carries no expiry has its file's time of
/// change renewed. `false` if there is no record at `now`.
pub(super) fn patch(
    path: &Path,
    place: &Place<'_>,
    patch: &Patch<'_>,
    expires_at: Timestamp,
    now: Timestamp,
    limit: Duration,
) -> Result<bool> {
    let Some(data) = open_the_one_at(path, limit)? else {
        return Ok(false);
    };
    let mut contents = match examine(&data, place, RENEWING)?.live_at(now) {
        Found::Absent | Found::Foreign => return Ok(false),
        Found::Unreadable(error) => return Err(error),
        Found::Ours(contents) => contents,
    };
    let changed = contents.patch(patch, expires_at)?;
    let renewed = if changed.is_empty() {
        data.file().set_modified(SystemTime::now())
    } else {
        changed.into_iter().try_for_each(|range| {
            let bytes = contents.file.get(range.clone()).unwrap_or_default();
            data.file().write_all_at(bytes, range.start as u64)
        })
    };
    renewed.map_err(|error| Error::unavailable(RENEWING).with_source(error).in_folder_of(path))?;
    Ok(true)
}

impl Contents {
    /// Changes what a renewal changes, and returns the ranges of the file that have to be written.
    fn patch(&mut self, patch: &Patch<'_>, expires_at: Timestamp) -> Result<Vec<Range<usize>>> {
        /// In bytes. Two changes no further apart are written as one, with what lies between them as it is.
        const NEAR: usize = 4096;
        let is_same = self.version() == patch.renewal.version;
        let mut changed = Vec::with_capacity(2);
        if let Some(expiry) = self.expiry {
            let expires_at = if is_same { expires_at } else { expires_at.max(expiry.at) };
            changed.push(self.put(expiry.offset, &expires_at.to_be_bytes()));
        }
        if is_same {
            let range = patch.range(self.text().len(), RENEWING)?;
            if !range.is_empty() {
                changed.push(self.put(self.text.start + range.start, patch.bytes));
            }
        }
        // A record that another program wrote may carry its expiry behind the text.
        changed.sort_unstable_by_key(|range| range.start);
        if let [first, last] = &mut *changed
            && last.end - first.start <= NEAR
        {
            first.end = last.end;
            changed.truncate(1);
        }
        Ok(changed)
    }

    fn put(&mut self, start: usize, bytes: &[u8]) -> Range<usize> {
        let range = start..start + bytes.len();
        if let Some(place) = self.file.get_mut(range.clone()) {
            place.copy_from_slice(bytes);
        }
        range
    }
}

/// Opens and locks the file that is at `path` once it is locked. The holder before may have removed it.
fn open_the_one_at(path: &Path, limit: Duration) -> Result<Option<Locked>> {
    /// Each turn means that the file was replaced; on a file system that counts no names it would never end.
    const TURNS: usize = 16;
    for _ in 1..TURNS {
        let Some(data) = open(path, Mode::Exclusive, RENEWING, limit)? else { return Ok(None) };
        let metadata =
            data.file().metadata().map_err(|error| Error::unavailable(RENEWING).with_source(error))?;
        if metadata.nlink() != 0 {
            return Ok(Some(data));
        }
    }
    open(path, Mode::Exclusive, RENEWING, limit)
}

fn options(mode: Mode) -> OpenOptions {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(mode == Mode::Exclusive)
        .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed());
    options
}

/// Opens and locks the file. Nothing but a regular file is read, and nothing is waited for but the lock.
fn open(path: &Path, mode: Mode, operation: &'static str, limit: Duration) -> Result<Option<Locked>> {
    let failed = |error| Error::unavailable(operation).with_source(error).in_folder_of(path);
    match options(mode).open(path) {
        Ok(file) => Locked::new(file, mode, limit).map(Some),
        Err(error) if is_absence(&error) => Ok(None),
        Err(error) if is_link(&error) => Err(failed(error).with_detail("a symbolic link is in its place")),
        Err(error) => Err(failed(error)),
    }
}

/// The error of `O_NOFOLLOW` for a link.
fn is_link(error: &io::Error) -> bool {
    error
        .raw_os_error()
        .is_some_and(|code| [Errno::LOOP, Errno::MLINK].map(Errno::raw_os_error).contains(&code))
}

fn examine(data: &Locked, place: &Place<'_>, operation: &'static str) -> Result<Found> {
    let unreadable = |error: Error| {
        if place.owns_the_unreadable() { Found::Unreadable(error) } else { Found::Foreign }
    };
    let content = content(data, operation)?;
    let Some(file) = content.whole else {
        let problem =
            if content.length == 0 { "the file is empty" } else { "the file is longer than any session" };
        return Ok(unreadable(Error::corrupt(operation).with_detail(problem)));
    };
    Ok(match envelope::read(&file) {
        Err(error) => unreadable(error),
        Ok(None) => Found::Absent,
        Ok(Some(found)) if !place.is_owned(found.owner.as_deref()) => Found::Foreign,
        Ok(Some(found)) => Found::Ours(Contents { text: found.text, expiry: found.expiry, file }),
    })
}

/// The content of a file.
struct Content {
    length: u64,
    /// All of it, where it can be a record.
    whole: Option<Vec<u8>>,
}

fn content(data: &Locked, operation: &'static str) -> Result<Content> {
    let failed = |error: io::Error| Error::unavailable(operation).with_source(error);
    let metadata = data.file().metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(Error::unavailable(operation).with_detail("what is in its place is not a regular file"));
    }
    let length = metadata.len();
    let whole = if length == 0 || length > LONGEST_FILE {
        None
    } else {
        Some(read_whole(data.file(), length).map_err(failed)?)
    };
    Ok(Content { length, whole })
}

fn read_whole(file: &File, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let expected = usize::try_from(length).map_err(|_| io::ErrorKind::OutOfMemory)?;
    bytes.try_reserve_exact(expected)?;
    // The lock keeps the length: only a rename gives a record another one, and that is another file.
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::single_range_in_vec_init,
        reason = "a test says what it expects by failing"
    )]

    use super::*;
    use crate::id::{SessionId, StoreKey};

    #[test]
    fn two_changes_are_one_write_where_they_are_near_each_other() {
        let key = StoreKey::from(SessionId::generate());
        let far = (10, 18..9000, 8000, &[10..18, 8018..8020][..]);
        let near = (6000, 6008..9000, 100, &[6000..6110][..]);
        for (offset, text, at, written) in [far, near] {
            let mut contents =
                Contents { file: vec![0; 10_000], text, expiry: Some(Expiry { at: 0.0, offset }) };
            let patch = Patch::new(&key, contents.version(), at, b"XY");
            assert_eq!(contents.patch(&patch, 1.0).unwrap(), written);
        }
    }
}
