//! Sessions that move from one store to another while they are used.
//!
//! A record is in the main store or in the former one. A load that finds it in the former store moves it:
//!
//! 1. The main store gets a [`Transit`], if it has nothing under the key. A transit is no session yet.
//! 2. The former record is deleted, if it is still the one that was read.
//! 3. If it was, the transit becomes the record. If it was not, somebody saved the session or ended it, and the transit
//!    is deleted.
//!
//! So nobody sees a session before its end in the former store is certain: a logout meanwhile stays one. A process that
//! dies on the way leaves a transit. Others wait for it, and take it over once it is [too old](PATIENCE): then the
//! former record is still there and moves again, or it is gone and the transit has the only copy.
//!
//! Two groups of processes may serve the same sessions, one with the stores the other way round. A session then moves to
//! whoever used it last.

mod steps;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use super::{
    Blocking, Call, Capabilities, Deleted, Expect, Guard, LockTarget, Locks, Patch, Record, Renewal,
    Rotation, Scan, Store, Sweep, Write, Written,
};
use crate::error::{ErrorKind, Result};
use crate::id::{IdSource, StoreKey};

/// Keeps sessions in a main store, and moves those there that it finds in a former one.
///
/// Locks are those of the main store. A process that has the stores the other way round takes other locks; between the
/// two, the versions of the records keep one save from overwriting another.
pub struct MovingStore {
    main: Arc<dyn Store>,
    former: Arc<dyn Store>,
    /// The lifetime of a record that moves, where the former store does not know it.
    lifetime: Option<Duration>,
}

impl MovingStore {
    /// Sessions in `main`, to which those in `former` move. `lifetime` is that of a record whose store knows none.
    #[must_use]
    pub fn new(main: Arc<dyn Store>, former: Arc<dyn Store>, lifetime: Option<Duration>) -> Self {
        Self { main, former, lifetime }
    }

    /// Whether the former store may have a record of this key.
    fn may_be_former(key: &StoreKey) -> bool {
        key.source() != IdSource::Generated
    }
}

impl Store for MovingStore {
    fn load(&self, key: &StoreKey, call: &Call<'_>) -> Result<Option<Record>> {
        self.find(key, call)
    }

    fn write(&self, write: &Write<'_>, call: &Call<'_>) -> Result<Written> {
        match write.expect {
            Expect::Any => {
                let written = self.main.write(write, call)?;
                if Self::may_be_former(write.key) {
                    let _ = self.former.delete(write.key, Expect::Any, &elsewhere(call))?;
                }
                Ok(written)
            }
            Expect::Absent if Self::may_be_former(write.key) && self.is_there(write.key, call)? => {
                Ok(Written::Refused)
            }
            // A transit is no record to overwrite.
            Expect::Present if self.find(write.key, call)?.is_none() => Ok(Written::Refused),
            Expect::Absent | Expect::Present | Expect::Version(_) => self.main.write(write, call),
        }
    }

    fn renew(&self, renewal: &Renewal<'_>, call: &Call<'_>) -> Result<bool> {
        Ok(self.main.renew(renewal, call)?
            || self.find(renewal.key, call)?.is_some() && self.main.renew(renewal, call)?)
    }

    fn patch(&self, patch: &Patch<'_>, call: &Call<'_>) -> Result<bool> {
        Ok(self.main.patch(patch, call)?
            || self.find(patch.renewal.key, call)?.is_some() && self.main.patch(patch, call)?)
    }

    fn delete(&self, key: &StoreKey, expect: Expect, call: &Call<'_>) -> Result<Deleted> {
        if let Expect::Version(_) = expect {
            let deleted = self.main.delete(key, expect, call)?;
            // The version is one of the main store. A record that went back to the former one has another.
            if deleted == Deleted::Nothing && self.former.load(key, &elsewhere(call))?.is_some() {
                return Ok(Deleted::Refused);
            }
            return Ok(deleted);
        }
        // Whoever moves the record meanwhile finds it gone, and takes back its transit. A session must not outlive its
        // end in one store because the other is in trouble.
        let former = self.former.delete(key, expect, &elsewhere(call));
        let main = self.main.delete(key, expect, call);
        let deleted = [former?, main?];
        let outcomes = [Deleted::Refused, Deleted::Record];
        Ok(outcomes.into_iter().find(|outcome| deleted.contains(outcome)).unwrap_or(Deleted::Nothing))
    }

    fn rotate(&self, rotation: &Rotation<'_>, call: &Call<'_>) -> Result<Written> {
        match self.find(rotation.old, call) {
            Ok(None) => return Ok(Written::Refused),
            Err(error) if error.kind() != ErrorKind::Corrupt => return Err(error),
            Ok(Some(_)) | Err(_) => {}
        }
        if Self::may_be_former(rotation.new) && rotation.new.record() != rotation.old.record() {
            let _ = self.former.delete(rotation.new, Expect::Any, &elsewhere(call))?;
        }
        self.main.rotate(rotation, call)
    }

    fn purge(&self, key: &StoreKey, call: &Call<'_>) -> Result<()> {
        let former = self.former.purge(key, &elsewhere(call));
        self.main.purge(key, call).and(former)
    }

    fn locks(self: Arc<Self>) -> Option<Arc<dyn Locks>> {
        Arc::clone(&self.main).locks()?;
        Some(self)
    }

    fn sweep(&self) -> Box<dyn Sweep + '_> {
        self.main.sweep()
    }

    fn scan(&self) -> Option<Box<dyn Scan + '_>> {
        self.main.scan()
    }

    fn capabilities(&self) -> Capabilities {
        let [main, former] = [&self.main, &self.former].map(|store| store.capabilities());
        Capabilities {
            compare_and_swap: main.compare_and_swap && former.compare_and_swap,
            // A load may have to wait for whoever moves the record.
            blocking: main.blocking.max(former.blocking).max(Blocking::Disk),
            ..main
        }
    }
}

impl Locks for MovingStore {
    fn lock(
        self: Arc<Self>,
        key: &StoreKey,
        target: LockTarget,
        call: &Call<'_>,
    ) -> Result<Option<Arc<dyn Guard>>> {
        if target == LockTarget::Record && !self.is_there(key, call)? {
            return Ok(None);
        }
        match Arc::clone(&self.main).locks() {
            Some(locks) => locks.lock(key, target, call),
            None => Ok(None),
        }
    }
}

/// The same call of another store than the one whose lock the caller may hold.
fn elsewhere<'a>(call: &Call<'a>) -> Call<'a> {
    Call { guard: None, ..*call }
}
