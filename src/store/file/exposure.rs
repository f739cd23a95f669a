//! Finds folders of sessions that other users can write to.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

const WRITABLE_BY_ALL: u32 = 0o002;
const PERMISSIONS: u32 = 0o7777;
const ROOT: u32 = 0;

/// The reason why a folder is not safe: another user can write to it, or owns it, and so can plant and remove sessions.
/// `Display` names the folder and the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposure {
    folder: PathBuf,
    reason: Reason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    WritableByAll { mode: u32 },
    OwnedBy { user: u32 },
}

impl fmt::Display for Exposure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let folder = self.folder.display();
        match self.reason {
            Reason::WritableByAll { mode } => {
                write!(f, "every user of the machine may write to {folder} (mode {mode:04o})")
            }
            Reason::OwnedBy { user } => write!(f, "{folder} belongs to user {user}"),
        }
    }
}

/// The first folder of `paths` that is not safe. Group members are trusted, since processes of several users share
/// sessions by a group. So is root, and root trusts everybody.
#[must_use]
pub fn exposure<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Option<Exposure> {
    let user = rustix::process::geteuid().as_raw();
    paths.into_iter().find_map(|path| exposure_to(path, user))
}

fn exposure_to(path: &Path, user: u32) -> Option<Exposure> {
    // A missing folder will be made private. One that cannot be examined is an error when it is used.
    let found = fs::metadata(path).ok().filter(fs::Metadata::is_dir)?;
    let mode = found.mode() & PERMISSIONS;
    let reason = if mode & WRITABLE_BY_ALL != 0 {
        Reason::WritableByAll { mode }
    } else if ![user, ROOT].contains(&found.uid()) && user != ROOT {
        Reason::OwnedBy { user: found.uid() }
    } else {
        return None;
    };
    Some(Exposure { folder: path.to_owned(), reason })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_folder_that_everybody_may_write_to_is_exposed() {
        let home = tempfile::tempdir().unwrap();
        let us = fs::metadata(home.path()).unwrap().uid();
        for (mode, is_open) in [(0o700, false), (0o775, false), (0o757, true), (0o777, true), (0o1777, true)]
        {
            fs::set_permissions(home.path(), fs::Permissions::from_mode(mode)).unwrap();
            let found = exposure_to(home.path(), us).map(|exposure| exposure.to_string());
            assert_eq!(found.is_some(), is_open, "{mode:o}");
            if let Some(found) = found {
                assert!(found.contains(&format!("{mode:04o}")), "{found}");
            }
        }
    }

    #[test]
    fn a_folder_of_another_user_is_exposed_but_not_to_root() {
        let home = tempfile::tempdir().unwrap();
        let stranger = 12_345;
        if fs::metadata(home.path()).unwrap().uid() == ROOT {
            // What belongs to root is safe from everybody but root.
            assert_eq!(exposure_to(home.path(), stranger), None);
            std::os::unix::fs::chown(home.path(), Some(54_321), None).unwrap();
        }
        let owner = fs::metadata(home.path()).unwrap().uid();
        let found = exposure_to(home.path(), stranger).map(|exposure| exposure.to_string());
        assert_eq!(found, Some(format!("{} belongs to user {owner}", home.path().display())));
        assert_eq!(exposure_to(home.path(), ROOT), None);
        assert_eq!(exposure_to(home.path(), owner), None);
    }

    #[test]
    fn the_first_exposed_folder_is_found() {
        let home = tempfile::tempdir().unwrap();
        let folders = ["private", "open", "too"].map(|name| home.path().join(name));
        for (folder, mode) in folders.iter().zip([0o700, 0o777, 0o777]) {
            fs::create_dir(folder).unwrap();
            fs::set_permissions(folder, fs::Permissions::from_mode(mode)).unwrap();
        }
        let found = exposure(folders.iter().map(PathBuf::as_path)).unwrap();
        let [_, open, _] = folders;
        assert_eq!(found.folder, open);
    }

    #[test]
    fn a_missing_folder_is_not_exposed() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(exposure([home.path().join("missing").as_path()]), None);
        fs::write(home.path().join("file"), b"").unwrap();
        assert_eq!(exposure([home.path().join("file").as_path()]), None);
    }
}
