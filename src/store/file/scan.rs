//! Lists the records in files.

use std::path::Path;

use super::folders::Folders;
use super::layout::{DATA_EXTENSION, Place};
use super::record;
use super::sweep::records::is_id;
use super::walk::{Found, Walk};
use crate::error::{Error, Result};
use crate::id::StoreKey;
use crate::store::{Scan, Timestamp};

const OPERATION: &str = "list the session files";

/// The entries that a page looks at.
const ENTRIES: usize = 500;

pub(super) struct FileScan<'a> {
    folders: &'a Folders,
    walk: Walk,
    unlisted: u64,
}

impl<'a> FileScan<'a> {
    pub(super) fn new(folders: &'a Folders) -> Self {
        Self { walk: Walk::of(&folders.file_dir), folders, unlisted: 0 }
    }

    /// The key of the record at `path`. Not every name tells an id: the dots of an id are not in its name, and Beaker
    /// stores them nowhere. So a name is an id only if it has the form of one that Beaker makes; others have to be
    /// named by the record.
    fn key_of(&self, path: &Path, stem: &str) -> Option<StoreKey> {
        let name = if is_id(stem) { Some(stem.to_owned()) } else { record::owner(path).ok()? };
        let key = StoreKey::of_record(&name?);
        Place::at(&key, path, &self.folders.file_dir).is_some().then_some(key)
    }
}

impl Scan for FileScan<'_> {
    fn next_page(&mut self, now: Timestamp) -> Result<Option<Vec<StoreKey>>> {
        let mut keys = Vec::new();
        for _ in 0..ENTRIES {
            match self.walk.next().map_err(|error| Error::unavailable(OPERATION).with_source(error))? {
                None if keys.is_empty() => return Ok(None),
                None => break,
                Some(Found::Passing) => {}
                Some(Found::Closed) => {
                    return Err(Error::unavailable(OPERATION).with_detail("a folder cannot be read"));
                }
                Some(Found::File { folder, name }) => {
                    let path = folder.join(&name);
                    let Some(stem) = name.to_str().and_then(|name| name.strip_suffix(DATA_EXTENSION)) else {
                        continue;
                    };
                    if record::expiry(&path).is_some_and(|expires_at| expires_at <= now) {
                        continue;
                    }
                    match self.key_of(&path, stem) {
                        Some(key) => keys.push(key),
                        None => self.unlisted += 1,
                    }
                }
            }
        }
        Ok(Some(keys))
    }

    fn unlisted(&self) -> u64 {
        self.unlisted
    }
}
