//! Locks of sessions in memory.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use super::records::Records;
use crate::error::Result;
use crate::fork::Process;
use crate::id::StoreKey;
use crate::locks::Token;
use crate::store::{Call, Guard, Rotation, Written};
use crate::sync::{Mutex, lock};

/// The locks of one holder.
pub(super) struct MemoryGuard {
    records: Arc<Records>,
    process: Process,
    locked: Mutex<Vec<(StoreKey, Token)>>,
}

impl MemoryGuard {
    /// Locks the id of `key`.
    pub(super) fn acquire(records: &Arc<Records>, key: &StoreKey, wait: Duration) -> Result<Self> {
        let token = records.locks.acquire(key.lock(), wait)?;
        Ok(Self {
            records: Arc::clone(records),
            process: Process::current(),
            locked: Mutex::new(vec![(key.clone(), token)]),
        })
    }

    /// Runs `rotate`. Where the caller has locked the old id, it has the new one too from then on, if the rotation took
    /// place.
    pub(super) fn follow(
        rotation: &Rotation<'_>,
        call: &Call<'_>,
        rotate: impl FnOnce() -> Result<Written>,
    ) -> Result<Written> {
        let Rotation { old, new, .. } = *rotation;
        let guard = call.guard_of::<Self>().filter(|guard| guard.holds(old) && !guard.holds(new));
        let Some(Self { records, locked, .. }) = guard else { return rotate() };
        // The id is unknown to others until its session is stored under it, so there is no lock to wait for.
        let token = records.locks.acquire(new.lock(), Duration::ZERO)?;
        let written = rotate();
        if matches!(written, Ok(Written::Stored(_))) {
            lock(locked).push((new.clone(), token));
        } else {
            records.locks.release(new.lock(), token);
        }
        written
    }
}

impl Guard for MemoryGuard {
    fn holds(&self, key: &StoreKey) -> bool {
        lock(&self.locked).iter().any(|(locked, _)| locked.lock() == key.lock())
    }

    fn release(&self) -> Result<()> {
        if !self.process.is_current() {
            // They are held in the process that this one was forked from. Here another may hold them, and
            // a thread that is gone may have had the mutex.
            return Ok(());
        }
        for (key, token) in std::mem::take(&mut *lock(&self.locked)) {
            self.records.locks.release(key.lock(), token);
        }
        Ok(())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Drop for MemoryGuard {
    fn drop(&mut self) {
        // There is nothing that could fail.
        let _ = self.release();
    }
}
