//! The locks of the store.

use super::super::types::{LockTarget, SessionId};
use super::World;

/// The reply to somebody who asks for a lock.
#[derive(Clone, Copy, PartialEq)]
pub(in super::super) enum Locked {
    Yes,
    /// There is no record, and nothing is locked.
    Nothing,
    /// Another visitor has the lock.
    Taken,
}

impl World {
    pub(in super::super) fn lock(&mut self, id: &SessionId, what: LockTarget, who: usize) -> Locked {
        if what == LockTarget::Record && self.get(id).is_none() {
            return Locked::Nothing;
        }
        if self.locks.contains_key(id.as_str()) {
            return Locked::Taken;
        }
        self.locks.insert(id.as_str().to_owned(), who);
        Locked::Yes
    }

    pub(in super::super) fn unlock(&mut self, id: &SessionId, who: usize) {
        assert_eq!(self.locks.remove(id.as_str()), Some(who), "a lock is given back once, by its holder");
    }

    pub(in super::super) fn is_locked_by(&self, id: &SessionId, who: usize) -> bool {
        self.locks.get(id.as_str()) == Some(&who)
    }
}
