//! Folders that nobody else can look into, and flushing names to the disk. The name of a file is in its folder, the name of
//! the folder in the one above.

use std::collections::HashSet;
use std::fs::{self, DirBuilder, File, Metadata, Permissions};
use std::io::{self, ErrorKind as IoKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex};

use rustix::io::Errno;

use crate::error::{Error, Result};

const PRIVATE: u32 = 0o700;
const PERMISSIONS: u32 = 0o777;
const GROUP_AND_OTHERS: u32 = 0o077;
const WRITABLE_BY_OTHERS: u32 = 0o022;
const STICKY: u32 = 0o1000;

/// How many folders are remembered. Ids as Beaker makes them have 272.
const MOST_KNOWN: usize = 4096;

/// The folders whose own names are known to be on the disk. Nobody waits for the mutex: a process that was forked while
/// it was locked would wait for ever. Without it, nothing is known.
static KNOWN: LazyLock<Mutex<HashSet<PathBuf>>> = LazyLock::new(|| Mutex::new(HashSet::new()));

/// Makes the folder `path`, and those above it that are missing, for this user alone (mode 0700, whatever the
/// umask). What is there already is taken as it is. Another process may be making the same.
///
/// # Errors
/// `Unavailable` if a folder cannot be made, or if something that is no folder is there.
pub fn ensure_private_dir(path: &Path) -> Result<()> {
    make_with_parents(path).map_err(|error| {
        Error::unavailable("create the session folder")
            .with_detail(path.display().to_string())
            .with_source(error)
            .in_folder(path)
    })
}

/// The folder for a program that names none: `beaker-sessions-<user id>` in the system's temporary directory,
/// made when it is missing.
///
/// Anybody may have put something of that name there, and who can write to the folder can put objects of
/// their own into our sessions. So it is used only if it is a folder, no link to one, which belongs to us and
/// is closed to everybody else.
///
/// # Errors
/// `Unavailable` if it cannot be made or is not such a folder.
pub fn default_directory() -> Result<PathBuf> {
    private_folder_in(&std::env::temp_dir(), rustix::process::geteuid().as_raw())
}

fn private_folder_in(parent: &Path, user: u32) -> Result<PathBuf> {
    let path = parent.join(format!("beaker-sessions-{user}"));
    let failed = || Error::unavailable("use the default session folder");
    let unsafe_because = |reason: &str| {
        let shown = path.display();
        failed().with_detail(format!("{shown} {reason}; set data_dir to a folder of your own"))
    };
    match make(&path) {
        Ok(()) => {}
        Err(error) if error.kind() == IoKind::AlreadyExists => {}
        Err(error) => {
            return Err(failed().with_detail(path.display().to_string()).with_source(error).in_folder(&path));
        }
    }
    let of = |path: &Path, look: fn(&Path) -> io::Result<Metadata>| {
        look(path).map_err(|error| {
            failed().with_detail(path.display().to_string()).with_source(error).in_folder(path)
        })
    };
    let above = of(parent, |path| fs::metadata(path))?;
    if above.mode() & WRITABLE_BY_OTHERS != 0 && above.mode() & STICKY == 0 {
        return Err(unsafe_because("could be replaced by other users, for its parent has no sticky bit"));
    }
    let found = of(&path, |path| fs::symlink_metadata(path))?;
    if found.is_symlink() {
        return Err(unsafe_because("is a symbolic link"));
    }
    if !found.is_dir() {
        return Err(unsafe_because("is not a folder"));
    }
    if found.uid() != user {
        return Err(unsafe_because(&format!("belongs to user {}", found.uid())));
    }
    if found.mode() & GROUP_AND_OTHERS != 0 {
        let mode = found.mode() & PERMISSIONS;
        return Err(unsafe_because(&format!("is open to other users (mode {mode:04o})")));
    }
    Ok(path)
}

fn make_with_parents(path: &Path) -> io::Result<()> {
    match make(path) {
        Err(error) if error.kind() == IoKind::NotFound => {}
        outcome => return accept_existing(path, outcome),
    }
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => make_with_parents(parent)?,
        _ => return Err(Errno::NOENT.into()),
    }
    accept_existing(path, make(path))
}

fn accept_existing(path: &Path, outcome: io::Result<()>) -> io::Result<()> {
    match outcome {
        Err(error) if error.kind() == IoKind::AlreadyExists => match fs::metadata(path) {
            Ok(found) if found.is_dir() => Ok(()),
            Ok(_) => Err(Errno::NOTDIR.into()),
            Err(error) => Err(error),
        },
        outcome => outcome,
    }
}

fn make(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(PRIVATE).create(path)?;
    // A umask may have taken away what the owner needs.
    if fs::symlink_metadata(path)?.mode() & PERMISSIONS != PRIVATE {
        fs::set_permissions(path, Permissions::from_mode(PRIVATE))?;
    }
    Ok(())
}

/// Flushes the names in `folder`: a file that was added, removed or replaced.
pub(crate) fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// The same, and the names of `folder` and the folders above it, which may be new, and made by a process that has not
/// flushed them yet.
///
/// # Errors
/// If a folder cannot be opened or flushed.
pub fn sync_with_names(folder: &Path) -> io::Result<()> {
    sync(folder)?;
    let is_known = |folder: &Path| KNOWN.try_lock().is_ok_and(|known| known.contains(folder));
    let unknown: Vec<&Path> = folder.ancestors().take_while(|folder| !is_known(folder)).collect();
    for folder in &unknown {
        let above = match folder.parent() {
            None => break,
            Some(above) if above.as_os_str().is_empty() => Path::new("."),
            Some(above) => above,
        };
        match sync(above) {
            // A folder that this process may not read was not made by it; nor was any above.
            Err(error) if error.kind() == IoKind::PermissionDenied => break,
            outcome => outcome?,
        }
    }
    if let Ok(mut known) = KNOWN.try_lock() {
        if known.len() + unknown.len() > MOST_KNOWN {
            known.clear();
        }
        known.extend(unknown.into_iter().map(Path::to_owned));
    }
    Ok(())
}

/// Forgets `folder`, which was missing: once it is made, its name is not on the disk yet.
pub(crate) fn forget(folder: &Path) {
    if let Ok(mut known) = KNOWN.try_lock() {
        // Folders above it may have been missing too.
        known.retain(|known| !folder.starts_with(known));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

    use std::os::unix::fs::symlink;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().mode() & PERMISSIONS
    }

    fn us() -> u32 {
        rustix::process::geteuid().as_raw()
    }

    #[test]
    fn missing_folders_are_made_private_and_those_there_are_left_alone() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("open")).unwrap();
        fs::set_permissions(home.path().join("open"), Permissions::from_mode(0o755)).unwrap();
        let path = home.path().join("open/a/b");
        ensure_private_dir(&path).unwrap();
        ensure_private_dir(&path).unwrap();
        assert_eq!(mode(&path), 0o700);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        assert_eq!(mode(&home.path().join("open")), 0o755);
    }

    #[test]
    fn a_folder_may_be_reached_by_a_link() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("real")).unwrap();
        symlink(home.path().join("real"), home.path().join("link")).unwrap();
        ensure_private_dir(&home.path().join("link")).unwrap();
        ensure_private_dir(&home.path().join("link/below")).unwrap();
        assert!(home.path().join("real/below").is_dir());
    }

    #[test]
    fn what_is_no_folder_is_not_taken_for_one() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("file"), b"").unwrap();
        symlink(home.path().join("nowhere"), home.path().join("dangling")).unwrap();
        for name in ["file", "file/below", "dangling", "dangling/below"] {
            let error = ensure_private_dir(&home.path().join(name)).unwrap_err();
            assert_eq!(error.kind(), crate::error::ErrorKind::Unavailable, "{name}");
        }
        assert!(!home.path().join("nowhere").exists());
    }

    #[test]
    fn folders_made_by_many_at_once_are_made_once() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("a/b/c/d");
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| ensure_private_dir(&path).unwrap());
            }
        });
        assert_eq!(mode(&path), 0o700);
    }

    #[test]
    fn the_default_folder_is_private_and_found_again() {
        let temp = tempfile::tempdir().unwrap();
        let path = private_folder_in(temp.path(), us()).unwrap();
        assert_eq!(path, temp.path().join(format!("beaker-sessions-{}", us())));
        assert_eq!(mode(&path), 0o700);
        assert_eq!(private_folder_in(temp.path(), us()).unwrap(), path);
    }

    #[test]
    fn a_default_folder_that_somebody_else_prepared_is_refused() {
        let refusal = |prepare: &dyn Fn(&Path), user: u32| {
            let temp = tempfile::tempdir().unwrap();
            prepare(&temp.path().join(format!("beaker-sessions-{user}")));
            private_folder_in(temp.path(), user).unwrap_err().to_string()
        };
        let elsewhere = tempfile::tempdir().unwrap();
        let link = refusal(&|path| symlink(elsewhere.path(), path).unwrap(), us());
        assert!(link.contains("symbolic link") && link.contains("data_dir"), "{link}");
        let file = refusal(&|path| fs::write(path, b"").unwrap(), us());
        assert!(file.contains("not a folder"), "{file}");
        let open = |path: &Path| {
            fs::create_dir(path).unwrap();
            fs::set_permissions(path, Permissions::from_mode(0o750)).unwrap();
        };
        let open = refusal(&open, us());
        assert!(open.contains("0750"), "{open}");
        let foreign = refusal(&|path| fs::create_dir(path).unwrap(), us() + 1);
        assert!(foreign.contains(&format!("belongs to user {}", us())), "{foreign}");
    }

    #[test]
    fn a_default_folder_that_others_could_replace_is_refused() {
        let temp = tempfile::tempdir().unwrap();
        fs::set_permissions(temp.path(), Permissions::from_mode(0o777)).unwrap();
        assert!(private_folder_in(temp.path(), us()).unwrap_err().to_string().contains("sticky"));
        fs::set_permissions(temp.path(), Permissions::from_mode(0o1777)).unwrap();
        assert!(private_folder_in(temp.path(), us()).is_ok());
    }
}
