//! The store as the holder of a session has it: the lock of the id, which everybody else takes to write, is
//! its own from the first use to the last.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::FileStore;
use super::layout::Place;
use super::locked::Locks;
use super::record::{self, Found};
use crate::error::{Error, Result};
use crate::fork::Process;
use crate::id::StoreKey;
use crate::store::{
    Capabilities, Deleted, Expect, Held, HoldOf, Record, Rotation, Store, Sweep, Timestamp, Touch, Written,
};

/// Ids and the locks of theirs that this holder has. The kernel gives the locks back when the process is gone.
pub(super) struct HeldFile {
    store: Arc<FileStore>,
    process: Process,
    held: Mutex<Vec<(StoreKey, Locks)>>,
}

type HeldIds<'a> = MutexGuard<'a, Vec<(StoreKey, Locks)>>;

impl HeldFile {
    /// Of an id that was locked.
    pub(super) fn new(store: Arc<FileStore>, key: &StoreKey, locks: Locks) -> Self {
        Self { store, process: Process::current(), held: Mutex::new(vec![(key.clone(), locks.kept())]) }
    }

    /// Locked for as long as somebody works with what is held, so that it is not released meanwhile.
    fn held(&self) -> HeldIds<'_> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same if `id` is among it.
    fn holding(&self, key: &StoreKey) -> Option<HeldIds<'_>> {
        Some(self.held()).filter(|held| has(held, key))
    }

    /// Whether there is a record of `id`. The file may have that of an id which shares it.
    pub(super) fn has_record(&self, key: &StoreKey, now: Timestamp) -> Result<bool> {
        let place = self.store.place(key);
        let path = place.data_file(&self.store.file_dir);
        let found = record::read(&path, &place, self.store.lock_time_limit)?.live_at(now);
        Ok(matches!(found, Found::Ours(_) | Found::Unreadable(_)))
    }

    /// Whether it belongs to the process that this one was forked from.
    fn is_inherited(&self) -> bool {
        !self.process.is_current()
    }

    /// Lets an id go, and leaves no lock file if it has no record. Where that cannot be found out the file stays:
    /// it is empty, and what the holder has stored is stored.
    fn let_go(&self, key: &StoreKey, locks: Locks) {
        let place = self.store.place(key);
        let path = place.data_file(&self.store.file_dir);
        match std::fs::symlink_metadata(&path) {
            Err(error) if super::is_absence(&error) => locks.tidy(&Found::Absent),
            // Only a file that several ids have can be another's.
            Ok(_) if place.owner().is_some() => {
                if let Ok(found) = record::read(&path, &place, self.store.lock_time_limit) {
                    locks.tidy(&found);
                }
            }
            _ => {}
        }
    }
}

fn has(held: &[(StoreKey, Locks)], key: &StoreKey) -> bool {
    held.iter().any(|(one, _)| one.lock() == key.lock())
}

impl Drop for HeldFile {
    fn drop(&mut self) {
        if self.is_inherited() {
            return;
        }
        // What is left is an empty lock file, which harms nobody.
        let _ = self.release();
    }
}

impl Held for HeldFile {
    fn holds(&self, key: &StoreKey) -> bool {
        has(&self.held(), key)
    }

    fn release(&self) -> Result<()> {
        if self.is_inherited() {
            // A thread may have had this mutex when the process was forked, and will never give it back here.
            if let Ok(mut held) = self.held.try_lock() {
                held.clear();
            }
            return Ok(());
        }
        let all = std::mem::take(&mut *self.held());
        for (key, locks) in all {
            self.let_go(&key, locks);
        }
        Ok(())
    }
}

impl Store for HeldFile {
    fn load(&self, key: &StoreKey, now: Timestamp) -> Result<Option<Record>> {
        // A reader takes no lock of the id.
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
        let Some(_held) = self.holding(key) else {
            return self.store.write(key, data, ttl, expect, now);
        };
        let (place, _neighbour) = self.store.lock_shared(Place::of(key))?;
        let (_pinned, found) = self.store.look(&place)?;
        self.store.replace(&place, data, ttl, expect, &found.live_at(now), now)
    }

    fn touch(
        &self,
        key: &StoreKey,
        touch: &Touch<'_>,
        ttl: Option<Duration>,
        now: Timestamp,
    ) -> Result<bool> {
        let Some(_held) = self.holding(key) else {
            return self.store.touch(key, touch, ttl, now);
        };
        let place = self.store.place(key);
        self.store.renew(&place, touch, ttl, now)
    }

    fn delete(&self, key: &StoreKey, expect: Expect) -> Result<Deleted> {
        let Some(_held) = self.holding(key) else {
            return self.store.delete(key, expect);
        };
        self.store.remove(Place::of(key), expect)
    }

    fn rotate(&self, rotation: &Rotation<'_>, now: Timestamp) -> Result<Written> {
        let Rotation { old, new, data, ttl, .. } = *rotation;
        let write = |expect| self.write(old, data, ttl, expect, now);
        if let Some(written) = rotation.as_write(write) {
            return written;
        }
        let Some(mut held) = self.holding(old) else {
            return self.store.rotate(rotation, now);
        };
        let is_move = old.lock() == new.lock();
        if !is_move && has(&held, new) {
            return Err(Error::invalid("a session cannot be rotated to an id that its holder has left"));
        }
        let (written, locks) = self.store.move_locked(Place::of(old), Place::of(new), rotation, now)?;
        if is_move && matches!(written, Written::Stored(_)) {
            held.iter_mut().filter(|(key, _)| key == old).for_each(|(key, _)| *key = new.clone());
        }
        held.extend(locks.map(|locks| (new.clone(), locks.kept())));
        Ok(written)
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
