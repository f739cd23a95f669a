//! The file that says when a folder was swept last, and that one process at a time has locked.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::fs::{FlockOperation, fcntl_lock};

use super::clock::Note;
use super::open_note;
use crate::error::{Error, Result};
use crate::store::file::is_absence;

const OPERATION: &str = "claim the session folder for a sweep";

/// No id has such a name.
const NAME: &str = ".beaker-sweep";

/// In bytes. A note is shorter.
const LONGEST: u64 = 4096;

/// The folder is this process's to sweep for as long as this lives.
///
/// The lock is the process's own (`fcntl`, POSIX): a process forked meanwhile does not have it, and it ends
/// with this one, however that ends.
pub struct Claim {
    file: File,
}

impl Claim {
    /// Claims the folder of the records of a store. `None` if another process is sweeping it, or if there is no
    /// such folder.
    ///
    /// # Errors
    /// `Unavailable` if the file that is locked for it cannot be made or locked.
    pub fn on(folder: &Path) -> Result<Option<Self>> {
        let failed = |error: io::Error| Error::unavailable(OPERATION).with_source(error);
        let file = match open_note(&folder.join(NAME)) {
            Ok(file) => file,
            Err(error) if is_absence(&error) => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        if !file.metadata().map_err(failed)?.is_file() {
            return Err(Error::unavailable(OPERATION).with_detail("the marker is not a regular file"));
        }
        match fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self { file })),
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::ACCESS) => Ok(None),
            Err(error) => Err(failed(error.into())),
        }
    }

    /// What the last sweep noted.
    pub(super) fn read(&self) -> Option<Note> {
        let mut text = String::new();
        (&self.file).take(LONGEST).read_to_string(&mut text).ok()?;
        Note::parse(&text)
    }

    /// Notes this one. A note that is cut short by the end of the process is no note.
    pub(super) fn write(&self, note: &Note) -> Result<()> {
        let text = note.to_text();
        self.file
            .write_all_at(text.as_bytes(), 0)
            .and_then(|()| self.file.set_len(text.len() as u64))
            .map_err(|error| Error::unavailable(OPERATION).with_source(error))
    }
}
