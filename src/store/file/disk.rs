//! Removes files.

use std::io::{self, ErrorKind as IoKind};
use std::path::Path;

use crate::error::{Error, Result};

/// The operation of a failed removal.
pub(super) const REMOVING: &str = "remove the session file";

/// Removes a file, or finds it gone.
pub(super) fn unlink(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if !is_absence(&error) => {
            Err(Error::unavailable(REMOVING).with_source(error).in_folder_of(path))
        }
        _ => Ok(()),
    }
}

/// Whether this error says that there is no such file.
pub(super) fn is_absence(error: &io::Error) -> bool {
    error.kind() == IoKind::NotFound
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

    use super::*;

    #[test]
    fn what_cannot_be_removed_is_an_error_and_what_is_not_there_is_none() {
        let home = tempfile::tempdir().unwrap();
        assert!(unlink(home.path()).is_err());
        assert!(unlink(&home.path().join("missing")).is_ok());
    }
}
