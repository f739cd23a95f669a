//! The store as the holder of a session has it.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::MemoryStore;
use crate::error::Result;
use crate::fork::Process;
use crate::id::StoreKey;
use crate::locks::Token;
use crate::store::{
    Capabilities, Deleted, Expect, Held, HoldOf, Record, Rotation, Store, Sweep, Timestamp, Touch, Written,
};
use crate::sync::{Mutex, MutexGuard};

/// The store as the holder of a session has it.
pub(super) struct HeldInMemory {
    store: Arc<MemoryStore>,
    process: Process,
    ids: Mutex<Vec<(StoreKey, Token)>>,
}

type Ids<'a> = MutexGuard<'a, Vec<(StoreKey, Token)>>;

impl HeldInMemory {
    /// Of an id that was taken.
    pub(super) fn new(store: Arc<MemoryStore>, key: &StoreKey, taken: Token) -> Self {
        Self { store, process: Process::current(), ids: Mutex::new(vec![(key.clone(), taken)]) }
    }

    fn ids(&self) -> Ids<'_> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for HeldInMemory {
    fn drop(&mut self) {
        // Nothing is kept for a hold that could not be put away.
        let _ = self.release();
    }
}

impl Held for HeldInMemory {
    fn holds(&self, key: &StoreKey) -> bool {
        self.ids().iter().any(|(held, _)| held.lock() == key.lock())
    }

    fn release(&self) -> Result<()> {
        if !self.process.is_current() {
            // They are held in the process that this one was forked from. Here somebody else may hold them, and
            // a thread that is gone may have had the mutex.
            return Ok(());
        }
        for (key, taken) in std::mem::take(&mut *self.ids()) {
            self.store.records.holds.release(key.lock(), taken);
        }
        Ok(())
    }
}

impl Store for HeldInMemory {
    fn load(&self, key: &StoreKey, now: Timestamp) -> Result<Option<Record>> {
        self.store.load(key, now)
    }

    fn write(
        &self,
        key: &StoreKey,
        data: &[u8],
        ttl: Option<Duration>,
        expect: Expect,
        now: Timestamp,
    ) -> Result<Written> {
        self.store.write(key, data, ttl, expect, now)
    }

    fn touch(
        &self,
        key: &StoreKey,
        touch: &Touch<'_>,
        ttl: Option<Duration>,
        now: Timestamp,
    ) -> Result<bool> {
        self.store.touch(key, touch, ttl, now)
    }

    fn delete(&self, key: &StoreKey, expect: Expect) -> Result<Deleted> {
        self.store.delete(key, expect)
    }

    fn rotate(&self, rotation: &Rotation<'_>, now: Timestamp) -> Result<Written> {
        let Rotation { old, new, .. } = *rotation;
        let holds = &self.store.records.holds;
        let taken = if self.holds(old) && !self.holds(new) {
            // Nobody knows an id before its session is stored under it, so there is nobody to wait for.
            Some(holds.acquire(new.lock(), Duration::ZERO)?)
        } else {
            None
        };
        let written = self.store.rotate(rotation, now);
        match (&written, taken) {
            (Ok(Written::Stored(_)), Some(taken)) => self.ids().push((new.clone(), taken)),
            (_, Some(taken)) => holds.release(new.lock(), taken),
            (_, None) => {}
        }
        written
    }

    fn hold(
        self: Arc<Self>,
        key: &StoreKey,
        of: HoldOf,
        limit: Duration,
        now: Timestamp,
    ) -> Result<Option<Arc<dyn Held>>> {
        Arc::clone(&self.store).hold(key, of, limit, now)
    }

    fn sweep(&self) -> Box<dyn Sweep + '_> {
        self.store.sweep()
    }

    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }
}
