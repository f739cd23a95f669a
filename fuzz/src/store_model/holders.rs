//! Who holds what, in the model.

use beaker_core::error::{ErrorKind, Result};
use beaker_core::id::SessionId;
use beaker_core::store::{LockTarget, SessionStore};

use super::model::{Model, can_be_a_name, dotless};
use super::operation::Verb;

impl Model {
    /// A holder shuts other holders out; in files, other writers too.
    pub(super) fn hold(
        &mut self,
        id: &SessionId,
        of: LockTarget,
        now: f64,
        found: &Result<Option<SessionStore>>,
    ) {
        let is_there = self.has(id, now);
        let is_taken = if self.is_files() {
            self.is_locked(id)
        } else {
            self.holders.iter().flatten().any(|held| held.as_str() == id.as_str())
        };
        match found {
            Err(error) => assert!(is_taken && error.kind() == ErrorKind::Busy, "{id:?} {error:?}"),
            Ok(None) => assert!(of == LockTarget::Record && !is_there),
            Ok(Some(held)) => {
                assert!(!is_taken && (is_there || of == LockTarget::Id), "{id:?} {of:?}");
                assert!(held.has_locked(id));
                self.holders.push(vec![id.clone()]);
            }
        }
    }

    pub(super) fn release(&mut self, holder: usize) {
        self.holders.remove(holder);
    }

    pub(super) fn release_all(&mut self) {
        self.holders.clear();
    }

    pub(super) fn holds(&self, holder: usize, id: &SessionId) -> bool {
        let ids = self.holders.get(holder).into_iter().flatten();
        ids.into_iter().any(|held| held.as_str() == id.as_str())
    }

    /// Whether a call takes a lock that a holder has. Only writers of files take any.
    pub(super) fn is_blocked(&self, call: &Verb, holder: Option<usize>) -> bool {
        let is_own = |id: &SessionId| holder.is_some_and(|holder| self.holds(holder, id));
        let is_open = |id: &SessionId| !is_own(id) && self.is_locked(id);
        self.is_files()
            && match call {
                Verb::Load(_) => false,
                // Two that touch one file are kept apart by the file itself.
                Verb::Touch { id, .. } => !is_own(id) && self.has_lock(id.as_str()),
                Verb::Write { id, .. } | Verb::Delete(id) => is_open(id),
                Verb::Rotate { old, new, .. } if old.as_str() == new.as_str() => is_open(old),
                // The store waits for what its caller holds.
                Verb::Rotate { old, new, .. } => is_open(old) || self.is_locked(new),
            }
    }

    /// Whether a call may wait for who holds the id without dots: what ends may have to go from the file of that name.
    pub(super) fn may_be_blocked(&self, call: &Verb) -> bool {
        let id = match call {
            Verb::Delete(id) | Verb::Rotate { old: id, .. } => id,
            _ => return false,
        };
        let is_dotted = can_be_a_name(id) && id.as_str().contains('.');
        self.are_shared() && is_dotted && self.has_lock(&dotless(id))
    }

    /// Whether somebody holds `id` in files.
    pub(super) fn is_locked(&self, id: &SessionId) -> bool {
        self.is_files() && self.has_lock(id.as_str())
    }

    fn has_lock(&self, lock: &str) -> bool {
        self.holders.iter().flatten().any(|held| held.as_str() == lock)
    }
}
