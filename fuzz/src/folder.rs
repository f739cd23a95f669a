//! A folder in memory for the stores of one input.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// Where Linux keeps files in memory.
const MEMORY: &str = "/dev/shm";

thread_local! {
    /// The folder of this thread, which is emptied and not removed: a fuzzer makes thousands a second.
    static FOLDER: RefCell<Option<Folder>> = const { RefCell::new(None) };
}

/// A folder that goes when the thread ends.
pub(crate) struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let memory = PathBuf::from(MEMORY);
        let parent = if memory.is_dir() { memory } else { std::env::temp_dir() };
        let folder = tempfile::Builder::new().prefix("beaker-fuzz-").tempdir_in(parent);
        Self(folder.expect("a folder can be made"))
    }

    /// Does something in a folder that is empty before.
    pub(crate) fn with<T>(work: impl FnOnce(&Self) -> T) -> T {
        FOLDER.with_borrow_mut(|folder| {
            let folder = folder.get_or_insert_with(Self::new);
            for entry in fs::read_dir(folder.path()).expect("the folder is there") {
                fs::remove_dir_all(entry.expect("it is there").path()).expect("it can be removed");
            }
            work(folder)
        })
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

/// The paths of all files below `root`, from there on; none if there is no such folder.
pub(crate) fn files(root: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders: Vec<_> = root.is_dir().then(|| root.to_owned()).into_iter().collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the folder is there") {
            let path = entry.expect("it is there").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path.strip_prefix(root).expect("it lies below").to_owned());
            }
        }
    }
    files
}
