//! The folders of a store, and a call's way to use them.

use std::ops::Deref;
use std::path::PathBuf;
use std::time::Duration;

use crate::store::Durability;

/// The folders of a store. The calls that use them are methods of [`Visit`].
#[derive(Clone, Debug)]
pub(super) struct Folders {
    pub(super) file_dir: PathBuf,
    pub(super) lock_dir: PathBuf,
    /// The failures that a save survives.
    pub(super) durability: Durability,
}

impl Folders {
    pub(super) fn new(file_dir: PathBuf, lock_dir: PathBuf) -> Self {
        Self { file_dir, lock_dir, durability: Durability::default() }
    }

    /// A visit that waits for a lock for `wait` at most.
    pub(super) fn visit(&self, wait: Duration) -> Visit<'_> {
        Visit { folders: self, wait }
    }
}

/// The folders during one call.
#[derive(Clone, Copy)]
pub(super) struct Visit<'a> {
    folders: &'a Folders,
    /// How long a lock is waited for.
    pub(super) wait: Duration,
}

impl Deref for Visit<'_> {
    type Target = Folders;

    fn deref(&self) -> &Folders {
        self.folders
    }
}
