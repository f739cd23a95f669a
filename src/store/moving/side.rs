//! The two stores, and what belongs to one of them: versions and locks.

use std::any::Any;
use std::sync::Arc;

use crate::error::Result;
use crate::id::StoreKey;
use crate::store::{Call, Guard, Version};

/// One of the two stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Old,
    New,
}

impl Side {
    pub(super) fn other(self) -> Self {
        match self {
            Self::Old => Self::New,
            Self::New => Self::Old,
        }
    }

    fn tag(self) -> u8 {
        match self {
            Self::Old => b'o',
            Self::New => b'n',
        }
    }

    /// The version of a record in the store on this side, as others see it: two stores may count alike.
    pub(super) fn mark(self, version: Version) -> Result<Version> {
        Version::from_bytes(&[&[self.tag()], version.as_bytes()].concat())
    }

    /// The store that a version is of, and the version there.
    pub(super) fn of(version: Version) -> Option<(Self, Version)> {
        let (tag, bytes) = version.as_bytes().split_first()?;
        let side = [Self::Old, Self::New].into_iter().find(|side| side.tag() == *tag)?;
        Some((side, Version::from_bytes(bytes).ok()?))
    }

    /// The version in the store on this side, or one that no record has if it is of the other store.
    pub(super) fn unmark(self, version: Version) -> Version {
        match Self::of(version) {
            Some((side, version)) if side == self => version,
            _ => version,
        }
    }

    /// The same call of the store on this side, which knows its own locks alone.
    pub(super) fn call<'a>(self, call: &Call<'a>) -> Call<'a> {
        let guard = call.guard_of::<MovingGuard>().filter(|guard| guard.side == self);
        Call { guard: guard.map(|guard| &*guard.guard), ..*call }
    }
}

/// A lock of one of the two stores.
pub(super) struct MovingGuard {
    pub(super) guard: Arc<dyn Guard>,
    pub(super) side: Side,
}

impl Guard for MovingGuard {
    fn holds(&self, key: &StoreKey) -> bool {
        self.guard.holds(key)
    }

    fn release(&self) -> Result<()> {
        self.guard.release()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
