//! The arguments of a store's verbs, and their outcomes.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::version::Version;
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::id::StoreKey;

/// The stored value of a key.
#[derive(Clone, Debug)]
pub struct Record {
    /// The session as the codec encoded it.
    pub data: Arc<[u8]>,
    /// The state that `data` is.
    pub version: Version,
    /// When the store will forget it, if it will and knows.
    pub expires_at: Option<Timestamp>,
}

/// The condition of a change. The check and the change are one step: no other writer comes between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Anything: the last writer wins.
    Any,
    /// No record: a create that never overwrites.
    Absent,
    /// Some record: a save that never brings a deleted session back.
    Present,
    /// This very state: compare and swap.
    Version(Version),
}

impl Expect {
    /// The condition of a write that replaces a record and never creates one; `None` if it expects no record.
    pub(crate) fn of_what_is_there(self) -> Option<Self> {
        match self {
            Self::Any | Self::Present => Some(Self::Present),
            Self::Absent => None,
            Self::Version(version) => Some(Self::Version(version)),
        }
    }

    /// The version that is expected, if one is.
    pub(crate) fn version(self) -> Option<Version> {
        match self {
            Self::Version(version) => Some(version),
            Self::Any | Self::Absent | Self::Present => None,
        }
    }

    /// The outcome of a deletion where the record is in the state `present`, or there is none.
    pub(crate) fn deletes(self, present: Option<Version>) -> Deleted {
        match present {
            None => Deleted::Nothing,
            Some(_) if self.holds(present) => Deleted::Record,
            Some(_) => Deleted::Refused,
        }
    }

    /// Whether it holds where the record is in the state `present`, or there is none.
    pub(crate) fn holds(self, present: Option<Version>) -> bool {
        match self {
            Self::Any => true,
            Self::Absent => present.is_none(),
            Self::Present => present.is_some(),
            Self::Version(version) => present == Some(version),
        }
    }
}

/// A record to store.
#[derive(Clone, Copy, Debug)]
pub struct Write<'a, K = StoreKey> {
    /// Where it is stored.
    pub key: &'a K,
    /// The data to store.
    pub data: &'a [u8],
    /// How long after the call the store may forget it. `None`: it is kept until it is deleted.
    pub ttl: Option<Duration>,
    /// The condition.
    pub expect: Expect,
}

/// The outcome of a write or a rotation. A refusal is an answer, not an error, and has to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Written {
    /// Stored, as this state.
    Stored(Version),
    /// The condition did not hold; nothing was changed.
    Refused,
}

/// The outcome of a deletion. A refusal is an answer, not an error, and has to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Deleted {
    /// There was a record, and it is gone.
    Record,
    /// There was no record.
    Nothing,
    /// There is a record, but not the expected one. Nothing was changed.
    Refused,
}

/// A renewal of a record's life that leaves its data alone.
#[derive(Clone, Copy, Debug)]
pub struct Renewal<'a, K = StoreKey> {
    /// The record.
    pub key: &'a K,
    /// The version that the caller loaded. If the record has another, its lifetime is never made shorter: the writer of
    /// that version may have given it a longer one.
    pub version: Version,
    /// The lifetime from now; see [`Write::ttl`].
    pub ttl: Option<Duration>,
}

impl<'a> Renewal<'a> {
    /// The same as a patch of no bytes.
    pub(crate) fn as_patch(&self) -> Patch<'a> {
        let Renewal { key, version, ttl } = *self;
        Patch { renewal: Renewal { key, version, ttl }, offset: 0, bytes: &[], loaded: None }
    }
}

/// A [`Renewal`] that also changes the bytes of the access time in the data. If the record has another version, its bytes
/// stay as they are.
#[derive(Clone, Copy, Debug)]
pub struct Patch<'a, K = StoreKey> {
    /// The renewal.
    pub renewal: Renewal<'a, K>,
    /// Where in the data the new bytes go. `offset + bytes.len()` lies within the data of that version.
    pub offset: usize,
    /// The new bytes, as many as the old.
    pub bytes: &'a [u8],
    /// The data of that version, if the caller still has it: a store that can only replace data as a whole need not load
    /// it then.
    pub loaded: Option<&'a [u8]>,
}

impl<K> Patch<'_, K> {
    /// The same of the record of another kind of key.
    pub(crate) fn of_key<'b, L>(&'b self, key: &'b L) -> Patch<'b, L> {
        let Renewal { version, ttl, .. } = self.renewal;
        let renewal = Renewal { key, version, ttl };
        Patch { renewal, offset: self.offset, bytes: self.bytes, loaded: self.loaded }
    }

    /// The range of the replaced bytes in a record of `length` bytes.
    ///
    /// # Errors
    /// `Invalid` if they do not lie within it.
    pub(crate) fn range(&self, length: usize, operation: &'static str) -> Result<Range<usize>> {
        match self.offset.checked_add(self.bytes.len()) {
            Some(end) if end <= length => Ok(self.offset..end),
            _ => Err(Error::invalid(operation).with_detail("the new bytes do not lie within the record")),
        }
    }
}

/// A record that gets another id, or another key of the same id.
#[derive(Clone, Copy, Debug)]
pub struct Rotation<'a, K = StoreKey> {
    /// The key that it has.
    pub old: &'a K,
    /// The key that it gets.
    pub new: &'a K,
    /// The data to store under the new key.
    pub data: &'a [u8],
    /// For how long; see [`Write::ttl`].
    pub ttl: Option<Duration>,
    /// The condition that the record under the old key has to meet.
    pub expect: Expect,
    /// The redirect to store under the old key, if any.
    pub redirect: Option<Redirect<'a>>,
}

impl<K> Rotation<'_, K> {
    /// The write of the new key.
    pub(crate) fn write(&self) -> Write<'_, K> {
        Write { key: self.new, data: self.data, ttl: self.ttl, expect: Expect::Any }
    }
}

impl Rotation<'_> {
    /// The write that this is where both keys are the same, and its outcome. `None` where they differ.
    pub(crate) fn as_write(
        &self,
        write: impl FnOnce(&Write<'_>) -> Result<Written>,
    ) -> Option<Result<Written>> {
        if self.old.record() != self.new.record() {
            return None;
        }
        let Some(expect) = self.expect.of_what_is_there() else { return Some(Ok(Written::Refused)) };
        Some(write(&Write { expect, ..self.write() }))
    }
}

/// A record that a rotation leaves under the old key.
#[derive(Clone, Copy, Debug)]
pub struct Redirect<'a> {
    /// The redirect's text. To the store it is data like any other.
    pub data: &'a [u8],
    /// How long after the rotation it may be forgotten.
    pub ttl: Duration,
}
