//! The store as the holder of a session has it.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::MemoryStore;
use crate::error::Result;
use crate::id::SessionId;
use crate::locks::Token;
use crate::store::{
    Capabilities, Deleted, Expect, Held, HoldOf, Record, Rotation, Store, Sweep, Timestamp, Touch, Written,
};
use crate::sync::{Mutex, MutexGuard};

/// The store as the holder of a session has it.
pub(super) struct HeldInMemory {
    store: Arc<MemoryStore>,
    process: u32,
    ids: Mutex<Vec<(SessionId, Token)>>,
}

type Ids<'a> = MutexGuard<'a, Vec<(SessionId, Token)>>;

impl HeldInMemory {
    /// Of an id that was taken.
    pub(super) fn new(store: Arc<MemoryStore>, id: &SessionId, taken: Token) -> Self {
        Self { store, process: std::process::id(), ids: Mutex::new(vec![(id.clone(), taken)]) }
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
    fn holds(&self, id: &SessionId) -> bool {
        self.ids().iter().any(|(held, _)| held.as_str() == id.as_str())
    }

    fn release(&self) -> Result<()> {
        if std::process::id() != self.process {
            // They are held in the process that this one was forked from. Here somebody else may hold them, and
            // a thread that is gone may have had the mutex.
            return Ok(());
        }
        for (id, taken) in std::mem::take(&mut *self.ids()) {
            self.store.records.holds.release(id.as_str(), taken);
        }
        Ok(())
    }
}

impl Store for HeldInMemory {
    fn load(&self, id: &SessionId, now: Timestamp) -> Result<Option<Record>> {
        self.store.load(id, now)
    }

    fn write(
        &self,
        id: &SessionId,
        data: &[u8],
        ttl: Option<Duration>,
        expect: Expect,
        now: Timestamp,
    ) -> Result<Written> {
        self.store.write(id, data, ttl, expect, now)
    }

    fn touch(
        &self,
        id: &SessionId,
        touch: &Touch<'_>,
        ttl: Option<Duration>,
        now: Timestamp,
    ) -> Result<bool> {
        self.store.touch(id, touch, ttl, now)
    }

    fn delete(&self, id: &SessionId, expect: Expect) -> Result<Deleted> {
        self.store.delete(id, expect)
    }

    fn rotate(&self, rotation: &Rotation<'_>, now: Timestamp) -> Result<Written> {
        let Rotation { old, new, .. } = *rotation;
        let holds = &self.store.records.holds;
        let taken = if self.holds(old) && !self.holds(new) {
            // Nobody knows an id before its session is stored under it, so there is nobody to wait for.
            Some(holds.acquire(new.as_str(), Duration::ZERO)?)
        } else {
            None
        };
        let written = self.store.rotate(rotation, now);
        match (&written, taken) {
            (Ok(Written::Stored(_)), Some(taken)) => self.ids().push((new.clone(), taken)),
            (_, Some(taken)) => holds.release(new.as_str(), taken),
            (_, None) => {}
        }
        written
    }

    fn hold(
        self: Arc<Self>,
        id: &SessionId,
        of: HoldOf,
        limit: Duration,
        now: Timestamp,
    ) -> Result<Option<Arc<dyn Held>>> {
        Arc::clone(&self.store).hold(id, of, limit, now)
    }

    fn sweep(&self) -> Box<dyn Sweep + '_> {
        self.store.sweep()
    }

    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }
}
