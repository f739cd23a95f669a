//! Walks the files of a store, however many there are.

use std::ffi::OsString;
use std::fs::{self, ReadDir};
use std::io;
use std::path::{Path, PathBuf};

use crate::store::file::disk::is_absence;

/// How many folders deep the files of a store lie.
const DEPTH: usize = 2;

/// The files two folders below a root. No more than three folders are open at a time, and no list of names is
/// kept. Links are not followed.
pub(super) struct Walk {
    root: PathBuf,
    started: bool,
    open: Vec<(PathBuf, ReadDir)>,
}

/// An entry that a walk finds.
pub(super) enum Found {
    /// A folder, or anything else that cannot be a file of the store.
    Passing,
    /// A folder that cannot be read. Its contents are unknown.
    Closed,
    /// Anything two folders deep that is no folder.
    File { folder: PathBuf, name: OsString },
}

impl Walk {
    pub(super) fn of(root: &Path) -> Self {
        Self { root: root.to_owned(), started: false, open: Vec::new() }
    }

    /// The next entry, or `None` at the end.
    ///
    /// # Errors
    /// That of listing the root, unless there is none.
    pub(super) fn next(&mut self) -> io::Result<Option<Found>> {
        if !self.started {
            match fs::read_dir(&self.root) {
                Ok(entries) => self.open.push((self.root.clone(), entries)),
                Err(error) if is_absence(&error) => {}
                Err(error) => return Err(error),
            }
            self.started = true;
        }
        loop {
            let depth = self.open.len();
            let Some((folder, entries)) = self.open.last_mut() else { return Ok(None) };
            let entry = match entries.next() {
                None => {
                    self.open.pop();
                    continue;
                }
                Some(Err(_)) => {
                    self.open.pop();
                    return Ok(Some(Found::Closed));
                }
                Some(Ok(entry)) => entry,
            };
            let found = match entry.file_type().map(|kind| (depth > DEPTH, kind.is_dir())) {
                Ok((true, false)) => Ok(Found::File { folder: folder.clone(), name: entry.file_name() }),
                Ok((false, true)) => {
                    let below = entry.path();
                    fs::read_dir(&below).map(|entries| {
                        self.open.push((below, entries));
                        Found::Passing
                    })
                }
                Ok(_) => Ok(Found::Passing),
                Err(error) => Err(error),
            };
            return Ok(Some(match found {
                Ok(found) => found,
                // It has gone since it was listed.
                Err(error) if is_absence(&error) => Found::Passing,
                Err(_) => Found::Closed,
            }));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

    use super::*;

    #[test]
    fn a_folder_that_goes_after_it_was_listed_is_passed() {
        let home = tempfile::tempdir().unwrap();
        let folders = ["a", "b"].map(|name| home.path().join(name));
        for folder in &folders {
            fs::create_dir(folder).unwrap();
        }
        let mut walk = Walk::of(home.path());
        // The first is open then, and both are listed.
        assert!(matches!(walk.next().unwrap(), Some(Found::Passing)));
        for folder in &folders {
            fs::remove_dir(folder).unwrap();
        }
        assert!(matches!(walk.next().unwrap(), Some(Found::Passing)));
        assert!(walk.next().unwrap().is_none());
    }
}
