//! One error type for the crate: what kind it is, what was being done, and what caused it.
//!
//! Absence is not an error: a store that does not know an id answers `None`.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// The kind of an [`Error`], by which a caller decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The stored data, or a browser's cookie, cannot be decoded. The session is lost; the store works.
    Corrupt,
    /// The store could not be asked or did not answer. Nothing is known about the session.
    Unavailable,
    /// An option, an argument or a combination of them is invalid.
    Invalid,
    /// The backend cannot do what was asked of it.
    Unsupported,
    /// Another caller had the session's lock, or was writing it, for as long as this one would wait.
    Busy,
    /// The reply of the store was lost: what was asked for was done or not. Asking again must not do it twice.
    Unknown,
    /// An exception of the caller's own program, which is the source, ended a wait.
    Interrupted,
}

/// A failure with its [`ErrorKind`], the operation that failed and its cause.
///
/// The operation and the detail never hold a secret, a key or a whole session id.
#[derive(Debug)]
#[must_use]
pub struct Error {
    kind: ErrorKind,
    operation: &'static str,
    detail: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
    path: Option<PathBuf>,
}

/// The result of an operation of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of `kind` while doing `operation` (a phrase such as `"read the session file"`).
    pub fn new(kind: ErrorKind, operation: &'static str) -> Self {
        Self { kind, operation, detail: None, source: None, path: None }
    }

    /// [`ErrorKind::Corrupt`].
    pub fn corrupt(operation: &'static str) -> Self {
        Self::new(ErrorKind::Corrupt, operation)
    }

    /// [`ErrorKind::Unavailable`].
    pub fn unavailable(operation: &'static str) -> Self {
        Self::new(ErrorKind::Unavailable, operation)
    }

    /// [`ErrorKind::Invalid`].
    pub fn invalid(operation: &'static str) -> Self {
        Self::new(ErrorKind::Invalid, operation)
    }

    /// [`ErrorKind::Unsupported`].
    pub fn unsupported(operation: &'static str) -> Self {
        Self::new(ErrorKind::Unsupported, operation)
    }

    /// [`ErrorKind::Busy`].
    pub fn busy(operation: &'static str) -> Self {
        Self::new(ErrorKind::Busy, operation)
    }

    /// Adds what a person needs in order to act; never a secret or a whole id.
    pub fn with_detail(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    /// Whether another holder has the lock, so that another attempt may succeed.
    pub fn is_busy(&self) -> bool {
        self.kind == ErrorKind::Busy
    }

    /// Says which folder was concerned, unless that is known.
    pub fn in_folder(mut self, folder: &Path) -> Self {
        self.path.get_or_insert_with(|| folder.to_owned());
        self
    }

    /// The same by a file in it, whose own name may be a whole session id.
    pub fn in_folder_of(self, file: &Path) -> Self {
        if let Some(folder) = file.parent() { self.in_folder(folder) } else { self }
    }

    /// Adds the cause.
    pub fn with_source(self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { source: Some(source.into()), ..self }
    }

    /// The kind of the error.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The operation that failed.
    pub fn operation(&self) -> &'static str {
        self.operation
    }

    /// The folder that was concerned, if that is known.
    pub fn folder(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The number of the operating system's error that is the cause.
    pub fn os_error(&self) -> Option<i32> {
        self.source.as_deref()?.downcast_ref::<io::Error>()?.raw_os_error()
    }

    /// Takes the cause out, so that a Python exception can be given back as itself.
    pub fn take_source(&mut self) -> Option<Box<dyn StdError + Send + Sync>> {
        self.source.take()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            ErrorKind::Invalid => f.write_str(self.operation)?,
            _ => write!(f, "cannot {}", self.operation)?,
        }
        if let Some(detail) = &self.detail {
            write!(f, ": {detail}")?;
        }
        if let Some(source) = &self.source {
            write!(f, ": {source}")?;
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}
