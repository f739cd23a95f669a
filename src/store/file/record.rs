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

use super::is_absence;
use super::path::Place;
use crate::codec::envelope;
use crate::error::{Error, Result};
use crate::locks::{Locked, Mode};
use crate::store::{Touch, Version};

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
    let found = match open(path, Mode::Shared, READING, limit)? {
        Some(data) => examine(&data, place, READING),
        None => Ok(Found::Absent),
    };
    found.map_err(|error| error.in_folder_of(path))
}

/// Whose the record in a file is that several ids may have.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Holder {
    /// There is none.
    Nobody,
    /// It says whose it is.
    Named(String),
    /// It is that of the id which the file is named after. We write no others without a name.
    Plain,
    /// It is the original's, which writes no names, or it cannot be read.
    Unknown,
}

/// Whose the record at `path` is.
pub(super) fn holder(path: &Path, limit: Duration) -> Result<Holder> {
    /// The original has never written this protocol, and we write no other.
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

/// Whose the record at `path` is, if it says so.
pub(super) fn owner(path: &Path) -> Result<Option<String>> {
    let Some(data) = open(path, Mode::Shared, READING, Duration::ZERO)? else { return Ok(None) };
    let Some(file) = content(&data, READING)?.whole else { return Ok(None) };
    // A record that cannot be understood names nobody.
    Ok(envelope::read(&file).ok().flatten().and_then(|found| found.owner))
}

/// What `place` holds, with the file that keeps it so for as long as it is held: nobody touches it, and with
/// `Mode::Exclusive` nobody is reading it either. Waits for nobody; `None` if there is no file.
pub(super) fn hold(path: &Path, place: &Place<'_>, mode: Mode) -> Result<Option<(Locked, Metadata, Found)>> {
    let Some(data) = open(path, mode, READING, Duration::ZERO)? else { return Ok(None) };
    let metadata = data.file().metadata().map_err(|error| Error::unavailable(READING).with_source(error))?;
    if metadata.nlink() == 0 {
        return Ok(None);
    }
    let found = examine(&data, place, READING)?;
    Ok(Some((data, metadata, found)))
}

/// Puts the bytes of `touch` in, if the record is still in that state, and renews the file's time of change
/// in any case; that time is moved into the future by `later`, and may be moved into the past. `false` if there
/// is no record.
pub(super) fn touch(
    path: &Path,
    place: &Place<'_>,
    touch: &Touch<'_>,
    later: Later,
    limit: Duration,
) -> Result<bool> {
    let Some(data) = open_the_one_at(path, limit)? else {
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
        Some(offset) => data
            .file()
            .write_all_at(touch.bytes, offset as u64)
            .and_then(|()| if later.is_nothing() { Ok(()) } else { later.mark(data.file()) }),
        None if contents.version() == touch.version => later.mark(data.file()),
        None => later.mark_unless_later(data.file()),
    }
    .map_err(|error| Error::unavailable(TOUCHING).with_source(error).in_folder_of(path))?;
    Ok(true)
}

/// By how much the time of a record's file is moved, because the record's own lifetime is not the store's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Later {
    /// By nothing.
    #[default]
    Not,
    /// Into the future.
    By(Duration),
    /// Into the past.
    Earlier(Duration),
}

impl Later {
    /// A hundred years stand for ever: no file system takes a time that has no end.
    const FOR_EVER: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

    /// What a record of lifetime `own` needs in a store of lifetime `usual`, which sweeps by the file's time.
    pub(super) fn of(own: Option<Duration>, usual: Option<Duration>) -> Self {
        let Some(usual) = usual else { return Self::Not };
        let own = own.unwrap_or(Self::FOR_EVER).min(Self::FOR_EVER);
        match own.checked_sub(usual) {
            Some(Duration::ZERO) => Self::Not,
            Some(more) => Self::By(more),
            None => Self::Earlier(usual.saturating_sub(own)),
        }
    }

    pub(super) fn is_nothing(self) -> bool {
        self == Self::Not
    }

    /// Gives `file` the time of now, moved.
    pub(super) fn mark(self, file: &File) -> io::Result<()> {
        file.set_modified(self.time())
    }

    /// The same, unless the file has a later time already.
    fn mark_unless_later(self, file: &File) -> io::Result<()> {
        let time = self.time();
        if file.metadata()?.modified()? < time { file.set_modified(time) } else { Ok(()) }
    }

    /// It is this machine's clock that tells: the one that a sweep goes by.
    fn time(self) -> SystemTime {
        let now = SystemTime::now();
        let moved = match self {
            Self::Not => Some(now),
            Self::By(more) => now.checked_add(more),
            Self::Earlier(less) => now.checked_sub(less),
        };
        moved.unwrap_or(now)
    }
}

/// Opens and locks the file that is at `path` once it is locked. Whoever had it locked may have removed it.
fn open_the_one_at(path: &Path, limit: Duration) -> Result<Option<Locked>> {
    /// Every turn takes somebody who replaces the file; a file system that counts no names never ends it.
    const TURNS: usize = 16;
    for _ in 1..TURNS {
        let Some(data) = open(path, Mode::Exclusive, TOUCHING, limit)? else { return Ok(None) };
        let metadata =
            data.file().metadata().map_err(|error| Error::unavailable(TOUCHING).with_source(error))?;
        if metadata.nlink() != 0 {
            return Ok(Some(data));
        }
    }
    open(path, Mode::Exclusive, TOUCHING, limit)
}

/// Opens and locks the file. Nothing but a regular file is read, and nothing is waited for but the lock.
fn open(path: &Path, mode: Mode, operation: &'static str, limit: Duration) -> Result<Option<Locked>> {
    let failed = |error| Error::unavailable(operation).with_source(error).in_folder_of(path);
    let opened = OpenOptions::new()
        .read(true)
        .write(mode == Mode::Exclusive)
        .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed())
        .open(path);
    match opened {
        Ok(file) => Locked::new(file, mode, limit).map(Some),
        Err(error) if is_absence(&error) => Ok(None),
        Err(error) if is_link(&error) => Err(failed(error).with_detail("a symbolic link is in its place")),
        Err(error) => Err(failed(error)),
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
        Ok(Some(found)) => Found::Ours(Contents { text: found.text, file }),
    })
}

/// What a file holds.
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
