//! What came of a call, so that it can be compared.

use beaker_core::error::{ErrorKind, Result};
use beaker_core::store::{Deleted, Record, Version, Written};

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Loaded(Option<(Vec<u8>, Version)>),
    Stored(Version),
    Refused,
    Was(bool),
    Failed(ErrorKind),
}

impl Answer {
    pub(super) fn of_load(loaded: Result<Option<Record>>) -> Self {
        match loaded {
            Ok(record) => Self::Loaded(record.map(|record| (record.data.to_vec(), record.version))),
            Err(error) => Self::Failed(error.kind()),
        }
    }

    pub(super) fn of_write(written: Result<Written>) -> Self {
        match written {
            Ok(Written::Stored(version)) => Self::Stored(version),
            Ok(Written::Refused) => Self::Refused,
            Err(error) => Self::Failed(error.kind()),
        }
    }

    pub(super) fn of(answer: Result<bool>) -> Self {
        answer.map_or_else(|error| Self::Failed(error.kind()), Self::Was)
    }

    pub(super) fn of_delete(deleted: Result<Deleted>) -> Self {
        Self::of(deleted.map(|deleted| deleted == Deleted::Record))
    }

    /// Whether it says that nothing was changed.
    pub(super) fn is_negative(&self) -> bool {
        matches!(self, Self::Refused | Self::Was(false) | Self::Failed(_))
    }
}
