//! From SQLite's errors to the kinds of errors of a store.

use std::io;
use std::path::Path;

use rusqlite::ErrorCode;
use rustix::io::Errno;

use crate::error::{Error, ErrorKind};

/// A failure of a step in the database.
pub(super) enum Failure {
    Sqlite(rusqlite::Error),
    Other(Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

impl Failure {
    /// Whether another connection had a lock, so that another attempt may succeed.
    pub(super) fn is_busy(&self) -> bool {
        match self {
            Self::Sqlite(error) => matches!(
                error.sqlite_error_code(),
                Some(
                    ErrorCode::DatabaseBusy
                        | ErrorCode::DatabaseLocked
                        | ErrorCode::FileLockingProtocolFailed
                )
            ),
            Self::Other(error) => error.is_busy(),
        }
    }

    /// Whether it says nothing of the connection, which may be used again.
    pub(super) fn spares_the_connection(&self) -> bool {
        match self {
            Self::Sqlite(error) => {
                // A new one would need room for the log and its index, and readers need none.
                let is_full = error.sqlite_error_code() == Some(ErrorCode::DiskFull);
                is_full || self.is_busy() || is_value_of_another_type(error)
            }
            Self::Other(error) => error.kind() != ErrorKind::Unavailable,
        }
    }

    /// The error of `operation` on the database at `path`. A damaged database is no damaged session: nothing is known
    /// about any session then.
    pub(super) fn into_error(self, operation: &'static str, path: &Path) -> Error {
        let error = match self {
            Self::Sqlite(error) => error,
            Self::Other(error) => return error,
        };
        let name = path.display();
        let failed = Error::unavailable(operation).in_folder_of(path);
        let detail = match error.sqlite_error_code() {
            Some(
                ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed,
            ) => {
                return Error::busy(operation)
                    .with_detail("the database was being written")
                    .in_folder_of(path);
            }
            Some(ErrorCode::DiskFull) => {
                let full = io::Error::from(Errno::NOSPC);
                return failed.with_detail(format!("there is no room for {name} to grow")).with_source(full);
            }
            Some(ErrorCode::NotADatabase) => {
                format!("{name} is no SQLite database; give the path of another file, or move this one away")
            }
            Some(ErrorCode::DatabaseCorrupt) => {
                format!(
                    "{name} is damaged; put a backup in its place, or move it away to begin with no session"
                )
            }
            Some(ErrorCode::ReadOnly) => {
                format!(
                    "{name} may not be written; check the file, its folder, and whether the disk is read-only"
                )
            }
            Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                format!("{name} cannot be opened; this user needs to read and write the file and its folder")
            }
            _ if is_value_of_another_type(&error) => return Error::corrupt(operation).with_source(error),
            _ => name.to_string(),
        };
        failed.with_detail(detail).with_source(error)
    }
}

/// Whether a row has what another program put there.
fn is_value_of_another_type(error: &rusqlite::Error) -> bool {
    use rusqlite::Error::{FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, Utf8Error};
    matches!(
        error,
        FromSqlConversionFailure(..) | IntegralValueOutOfRange(..) | InvalidColumnType(..) | Utf8Error(..)
    )
}
