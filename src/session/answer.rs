//! The answers that every machine of the engine understands.

use crate::id::SessionId;
use crate::store::Version;

/// The answer of a store that was asked for the record of an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The store has no record.
    Absent,
    /// A session in this state. The caller keeps the data; the engine never looks at it.
    Session(Version),
    /// A redirect record within its grace period.
    Redirect {
        /// The id that the session has now.
        to: SessionId,
        /// The state of the redirect record itself.
        version: Version,
    },
    /// A redirect record in this state that leads nowhere: its grace period is over, or it is damaged.
    DeadRedirect(Version),
}

/// The kind of a failed call. What the engine decides depends on the kind alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The record exists and cannot be understood.
    Corrupt,
    /// The store did not answer. Nothing is known about the record, so this is never a logout.
    Unavailable,
    /// Another process or thread held the record or its lock for too long. Nothing was changed.
    Busy,
    /// The reply to a change was lost: the store may have made the change or not.
    Unknown,
    /// Anything else, such as a signal handler's exception or an error in the application's own code.
    Other,
}

/// A failed call: the kind for the engine, and the caller's own error, which the engine hands back when it gives up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed<E> {
    /// The kind of the failure.
    pub kind: Failure,
    /// The caller's error.
    pub error: E,
}

impl<E> Failed<E> {
    /// Whether the record is damaged, rather than the store or the application.
    pub fn is_corrupt(&self) -> bool {
        self.kind == Failure::Corrupt
    }
}

/// The result of a call: a value, or the failure with the caller's error.
pub type Reply<T, E> = Result<T, Failed<E>>;
