//! The store as the holder of a session has it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::places::put_away;
use super::{HashedStore, KeptUnder};
use crate::error::Result;
use crate::id::SessionId;
use crate::store::{
    Capabilities, Deleted, Expect, Held, HoldOf, Record, Rotation, Store, Sweep, Timestamp, Touch, Version,
    Written,
};

/// How long the holder of the one place of a record waits for the other, where it was not known to be needed.
const BRIEFLY: Duration = Duration::from_millis(25);

/// A [`HashedStore`] as the holder of a session has it, who holds each place of it that others could use.
pub struct HeldHashed {
    process: u32,
    store: Arc<HashedStore>,
    places: HeldPlaces,
}

impl HeldHashed {
    pub(super) fn new(store: Arc<HashedStore>, held: Vec<Arc<dyn Held>>) -> Self {
        let places =
            HeldPlaces { inner: Arc::clone(&store.inner), held: Mutex::new(held), left: Mutex::default() };
        Self { process: std::process::id(), store, places }
    }

    /// Has the record of `id`, which is held, in one place that stays the same: moves it there if it is to be moved.
    /// Returns that place.
    ///
    /// # Errors
    /// Those of [`Store::load`] and [`Store::rotate`].
    pub fn settle(&self, id: &SessionId, ttl: Option<Duration>, now: Timestamp) -> Result<SessionId> {
        let found = self.load(id, now)?;
        let place = self.store.place_of(id);
        let key = self.store.key_of(id);
        match found {
            Some(record) if self.store.kept_under == KeptUnder::Hash && place.as_str() != key.as_str() => {
                let expect = Expect::Version(record.version);
                let (old, new, data, left) = (&place, &key, &*record.data, None);
                match self.places.rotate(&Rotation { old, new, data, ttl, expect, left }, now)? {
                    Written::Stored(_) => self.store.remember(id, false),
                    Written::Refused => return Ok(place),
                }
                put_away(&self.places, &place);
                Ok(key)
            }
            _ => Ok(place),
        }
    }

    /// Holds what is to be held of the places of `id`, which has just come into being, and is not held yet. The record
    /// that it had before may have been in a place which was not the one that is held.
    fn hold_places_of(&self, id: &SessionId, now: Timestamp) -> Result<()> {
        let Some(keys) = self.store.keys(id) else { return Ok(()) };
        let one = [keys.first()];
        let both = [keys.plain(), keys.hash()];
        let places = if self.capabilities().hold_excludes_writers { &one[..] } else { &both };
        for key in places {
            if self.places.holder(key).is_none()
                && let Some(held) =
                    Arc::clone(&self.store.inner).hold(key, HoldOf::Id, Duration::ZERO, now)?
            {
                self.places.add(held);
            }
        }
        Ok(())
    }

    /// Removes what is kept under a key.
    ///
    /// # Errors
    /// Those of [`Store::delete`].
    pub fn delete_key(&self, key: &SessionId) -> Result<Deleted> {
        self.places.delete(key, Expect::Any)
    }

    /// Renews what is kept under a key; see [`Store::touch`].
    ///
    /// # Errors
    /// Those of [`Store::touch`].
    pub fn touch_key(
        &self,
        key: &SessionId,
        touch: &Touch<'_>,
        ttl: Option<Duration>,
        now: Timestamp,
    ) -> Result<bool> {
        self.places.touch(key, touch, ttl, now)
    }
}

impl Drop for HeldHashed {
    fn drop(&mut self) {
        // Whoever wants to know what went wrong releases in so many words.
        let _ = self.release();
    }
}

impl Held for HeldHashed {
    fn holds(&self, id: &SessionId) -> bool {
        let Some(keys) = self.store.keys(id) else { return false };
        self.places.holder(keys.first()).or_else(|| self.places.holder(keys.second())).is_some()
    }

    fn release(&self) -> Result<()> {
        if std::process::id() != self.process {
            // What it holds belongs to the process that this one was forked from. A thread may have had the mutex
            // then, and will never give it back here.
            let held = self.places.held.try_lock().map(|mut held| std::mem::take(&mut *held));
            return held.into_iter().flatten().try_for_each(|held| held.release());
        }
        let mut outcome = Ok(());
        for held in self.places.take_all() {
            // Each is let go, whatever becomes of the others.
            outcome = outcome.and(held.release());
        }
        for key in self.places.take_left() {
            put_away(&*self.store.inner, &key);
        }
        outcome
    }
}

impl Store for HeldHashed {
    fn load(&self, id: &SessionId, now: Timestamp) -> Result<Option<Record>> {
        self.store.load_in(&self.places, id, now)
    }

    fn write(
        &self,
        id: &SessionId,
        data: &[u8],
        ttl: Option<Duration>,
        expect: Expect,
        now: Timestamp,
    ) -> Result<Written> {
        self.store.write_in(&self.places, id, data, ttl, expect, now)
    }

    fn touch(
        &self,
        id: &SessionId,
        touch: &Touch<'_>,
        ttl: Option<Duration>,
        now: Timestamp,
    ) -> Result<bool> {
        self.store.touch_in(&self.places, id, touch, ttl, now)
    }

    fn delete(&self, id: &SessionId, expect: Expect) -> Result<Deleted> {
        self.store.delete_in(&self.places, id, expect)
    }

    fn rotate(&self, rotation: &Rotation<'_>, now: Timestamp) -> Result<Written> {
        let was_held = self.holds(rotation.old);
        let written = self.store.rotate_in(&self.places, rotation, now)?;
        if written != Written::Refused && (was_held || self.holds(rotation.new)) {
            self.hold_places_of(rotation.new, now)?;
        }
        Ok(written)
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

/// The store underneath, where what is held is used by way of whoever holds it.
struct HeldPlaces {
    inner: Arc<dyn Store>,
    held: Mutex<Vec<Arc<dyn Held>>>,
    /// What is to be put away when it is not held any more.
    left: Mutex<Vec<SessionId>>,
}

impl HeldPlaces {
    fn take_left(&self) -> Vec<SessionId> {
        std::mem::take(&mut *self.left.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn holder(&self, key: &SessionId) -> Option<Arc<dyn Held>> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.iter().find(|held| held.holds(key)).map(Arc::clone)
    }

    fn add(&self, held: Arc<dyn Held>) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).push(held);
    }

    fn take_all(&self) -> Vec<Arc<dyn Held>> {
        std::mem::take(&mut *self.held.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn on<T>(&self, key: &SessionId, work: impl FnOnce(&dyn Store) -> T) -> T {
        match self.holder(key) {
            Some(held) => work(&*held),
            None => work(&*self.inner),
        }
    }

    /// A rotation between two places that are held by themselves: what [`Store::rotate`] does, in its order.
    fn move_held(from: &dyn Held, to: &dyn Held, rotation: &Rotation<'_>, now: Timestamp) -> Result<Written> {
        let Rotation { old, new, data, ttl, expect, left } = *rotation;
        let version: Option<Version> = match (from.load(old, now), expect) {
            (Ok(found), _) => found.map(|record| record.version),
            // What cannot be understood is there all the same.
            (Err(error), Expect::Any | Expect::Present)
                if error.kind() == crate::error::ErrorKind::Corrupt =>
            {
                Some(Version(0))
            }
            (Err(error), _) => return Err(error),
        };
        if version.is_none() || !expect.holds(version) {
            return Ok(Written::Refused);
        }
        let written = to.write(new, data, ttl, Expect::Any, now)?;
        let ended = match left {
            Some(left) => from.write(old, left.data, Some(left.ttl), Expect::Any, now).map(|_stored| ()),
            None => from.delete(old, Expect::Any).map(|_deleted| ()),
        };
        if let Err(error) = ended {
            // A session that is to have a new place must not have both.
            let _ = to.delete(new, Expect::Any);
            return Err(error);
        }
        Ok(written)
    }
}

impl Store for HeldPlaces {
    fn load(&self, key: &SessionId, now: Timestamp) -> Result<Option<Record>> {
        self.on(key, |store| store.load(key, now))
    }

    fn write(
        &self,
        key: &SessionId,
        data: &[u8],
        ttl: Option<Duration>,
        expect: Expect,
        now: Timestamp,
    ) -> Result<Written> {
        self.on(key, |store| store.write(key, data, ttl, expect, now))
    }

    fn touch(
        &self,
        key: &SessionId,
        touch: &Touch<'_>,
        ttl: Option<Duration>,
        now: Timestamp,
    ) -> Result<bool> {
        self.on(key, |store| store.touch(key, touch, ttl, now))
    }

    fn delete(&self, key: &SessionId, expect: Expect) -> Result<Deleted> {
        self.on(key, |store| store.delete(key, expect))
    }

    fn rotate(&self, rotation: &Rotation<'_>, now: Timestamp) -> Result<Written> {
        match (self.holder(rotation.old), self.holder(rotation.new)) {
            (Some(from), Some(to)) if !Arc::ptr_eq(&from, &to) => {
                Self::move_held(&*from, &*to, rotation, now)
            }
            (Some(from), _) => from.rotate(rotation, now),
            (None, Some(to)) => {
                // The store would wait for what is held here.
                let inner = Arc::clone(&self.inner);
                let Some(from) = inner.hold(rotation.old, HoldOf::Record, BRIEFLY, now)? else {
                    return Ok(Written::Refused);
                };
                self.add(Arc::clone(&from));
                Self::move_held(&*from, &*to, rotation, now)
            }
            (None, None) => self.inner.rotate(rotation, now),
        }
    }

    fn put_away(&self, key: &SessionId) -> Result<()> {
        if self.holder(key).is_none() {
            return self.inner.put_away(key);
        }
        self.left.lock().unwrap_or_else(PoisonError::into_inner).push(key.clone());
        Ok(())
    }

    fn hold(
        self: Arc<Self>,
        key: &SessionId,
        of: HoldOf,
        limit: Duration,
        now: Timestamp,
    ) -> Result<Option<Arc<dyn Held>>> {
        Arc::clone(&self.inner).hold(key, of, limit, now)
    }

    fn sweep(&self) -> Box<dyn Sweep + '_> {
        self.inner.sweep()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }
}
