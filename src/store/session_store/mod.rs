//! The store as a session uses it: by the session's id.
//!
//! The record of an id is under one of two keys: the id itself, or a hash of it. The option `hash_ids` says which of
//! them new records get. Processes before and after the change of that option serve the same sessions, so both keys
//! are read, and each process does as the option says with what it finds:
//!
//! * With hashes, a record under the plain id moves to the hash when it is written, and is renewed where it is.
//! * Without, a record under the hash stays there.
//!
//! Records move in one direction only, and are under the new key before they leave the old one. So a reader that looks
//! under the plain id first needs two looks; one that looks under the hash first looks there once more, because the
//! record may have come there meanwhile. Only an id that is not under the first key costs more than one look. The other
//! key is never written before something was seen there, since a backend may allocate for that.
//!
//! The key of the last record is remembered. A save that finds it elsewhere is refused, like any save whose record
//! changed, and the caller loads again.
//!
//! An id that has the form of a stored key is no id: it is absent, and nothing is stored under it.

#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{
    Capabilities, Deleted, Expect, Held, HoldOf, Record, Rotation, Store, Timestamp, Touch, Version, Written,
};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{IdSource, SessionId, StoreKey, passes_for_stored_key};

const WRITING: &str = "store a session";

/// How often the last of several steps is tried, each time for as long as the store waits.
const LAST_TRIES: usize = 40;

/// At this time no record is over.
const ANY_TIME: Timestamp = Timestamp::NEG_INFINITY;

/// The key of new records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdStorage {
    /// The id.
    Plain,
    /// A hash of the id.
    Hashed,
}

/// A store for one session: it knows the keys of ids, and remembers which of them the session's record has.
pub struct SessionStore {
    store: Arc<dyn Store>,
    ids: IdStorage,
    /// The record has the remembered key and no other is looked at.
    is_pinned: bool,
    last: Arc<Mutex<Option<Keys>>>,
    locked: Option<Locked>,
}

/// What is locked, and what has to be done when it is released.
struct Locked {
    held: Arc<dyn Held>,
    store: Arc<dyn Store>,
    /// Keys that the record has left.
    left: Mutex<Vec<StoreKey>>,
}

/// The keys of an id.
#[derive(Clone)]
struct Keys {
    /// The key of new records.
    new: StoreKey,
    /// Whether the record was found under the other key.
    is_other: bool,
}

impl Keys {
    /// The key of records in processes on the other side of the change.
    fn other(&self) -> StoreKey {
        if self.new.is_hashed() { StoreKey::plain(self.new.id()) } else { StoreKey::hashed(self.new.id()) }
    }

    /// The key under which the record was found last, or else that of new records, and the remaining one.
    fn in_order(&self) -> [StoreKey; 2] {
        let keys = [self.new.clone(), self.other()];
        if self.is_other {
            let [new, other] = keys;
            [other, new]
        } else {
            keys
        }
    }

    fn plain_and_hashed(&self) -> [StoreKey; 2] {
        let (new, other) = (self.new.clone(), self.other());
        if new.is_hashed() { [other, new] } else { [new, other] }
    }
}

impl SessionStore {
    /// Sessions in `store`, whose new records have keys as `ids` says.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, ids: IdStorage) -> Self {
        Self { store, ids, is_pinned: false, last: Arc::default(), locked: None }
    }

    /// The same sessions by way of `store`, in which the record of `key` has that key and no other is looked at: the
    /// caller has locked it.
    #[must_use]
    pub fn pinned(&self, store: Arc<dyn Store>, key: &StoreKey) -> Self {
        let is_other = key.is_hashed() != (self.ids == IdStorage::Hashed);
        let mut keys = self.new_keys(key.id());
        keys.is_other = is_other;
        Self { store, ids: self.ids, is_pinned: true, last: Arc::new(Mutex::new(Some(keys))), locked: None }
    }

    /// The same store that does not wait for others, if it ever does.
    #[must_use]
    pub fn without_waiting(&self) -> Option<Self> {
        let store = self.store.without_waiting()?;
        Some(Self {
            store,
            ids: self.ids,
            is_pinned: self.is_pinned,
            last: Arc::clone(&self.last),
            locked: None,
        })
    }

    /// What the store can do.
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }

    /// The key under which the record of `id` was found last, or else that of new records.
    #[must_use]
    pub fn key_of(&self, id: &SessionId) -> StoreKey {
        let keys = self.known(id);
        if keys.is_other { keys.other() } else { keys.new }
    }

    fn new_keys(&self, id: &SessionId) -> Keys {
        let is_hashed = self.ids == IdStorage::Hashed || passes_for_stored_key(id.as_str());
        let new = if is_hashed { StoreKey::hashed(id) } else { StoreKey::plain(id) };
        Keys { new, is_other: false }
    }

    /// The keys of `id`, made once as long as it is the same id.
    fn known(&self, id: &SessionId) -> Keys {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some(keys) if keys.new.id() == id => keys.clone(),
            _ if self.is_pinned => self.new_keys(id),
            _ => last.insert(self.new_keys(id)).clone(),
        }
    }

    /// The same; none if it is a stored key itself.
    fn keys(&self, id: &SessionId) -> Option<Keys> {
        (!passes_for_stored_key(id.as_str())).then(|| self.known(id))
    }

    fn remember(&self, id: &SessionId, is_other: bool) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *last {
            Some(keys) if keys.new.id() == id => keys.is_other = is_other,
            _ if self.is_pinned => {}
            last => *last = Some(Keys { is_other, ..self.new_keys(id) }),
        }
    }

    /// The record of `id`; see [`Store::load`].
    ///
    /// # Errors
    /// Those of [`Store::load`].
    pub fn load(&self, id: &SessionId, now: Timestamp) -> Result<Option<Record>> {
        let Some(keys) = self.keys(id) else { return Ok(None) };
        if self.is_pinned {
            return self.store.load(&self.key_of(id), now);
        }
        if let Some(record) = self.store.load(&keys.new, now)? {
            self.remember(id, false);
            return Ok(Some(record));
        }
        let found = self.store.load(&keys.other(), now)?;
        self.remember(id, found.is_some());
        if found.is_none() && self.ids == IdStorage::Hashed {
            self.store.load(&keys.new, now)
        } else {
            Ok(found)
        }
    }

    /// Stores the record of `id`; see [`Store::write`].
    ///
    /// # Errors
    /// Those of [`Store::write`].
    pub fn write(
        &self,
        id: &SessionId,
        data: &[u8],
        ttl: Option<Duration>,
        expect: Expect,
        now: Timestamp,
    ) -> Result<Written> {
        let is_creating = matches!(expect, Expect::Any | Expect::Absent);
        let Some(keys) = self.keys(id) else {
            return if is_creating { Err(no_id()) } else { Ok(Written::Refused) };
        };
        let write = |key: &StoreKey, expect| self.store.write(key, data, ttl, expect, now);
        if self.is_pinned {
            return write(&self.key_of(id), expect);
        }
        let written = match expect {
            // Nobody has heard of this id yet.
            Expect::Any if id.source() == IdSource::Generated => write(&keys.new, expect)?,
            Expect::Any => self.overwrite(&keys, now, write)?,
            Expect::Absent => self.create(&keys, now, write)?,
            Expect::Present | Expect::Version(_) => self.where_it_is(&keys, now, |key| {
                let moves = self.ids == IdStorage::Hashed && !key.is_hashed();
                if moves { self.move_to(&keys.new, key, data, ttl, expect, now) } else { write(key, expect) }
            })?,
        };
        if self.ids == IdStorage::Hashed && written != Written::Refused {
            self.remember(id, false);
        }
        Ok(written)
    }

    /// Changes the record under the key where it was found last. Where that is refused it is tried under the other key,
    /// if something is there.
    fn where_it_is(
        &self,
        keys: &Keys,
        now: Timestamp,
        change: impl Fn(&StoreKey) -> Result<Written>,
    ) -> Result<Written> {
        let [first, second] = keys.in_order();
        let written = change(&first)?;
        if written == Written::Refused && !self.is_there(&first, now)? && self.is_there(&second, now)? {
            return change(&second);
        }
        Ok(written)
    }

    /// Moves a record to another key of the same id, with new data.
    fn move_to(
        &self,
        new: &StoreKey,
        old: &StoreKey,
        data: &[u8],
        ttl: Option<Duration>,
        expect: Expect,
        now: Timestamp,
    ) -> Result<Written> {
        let moved = self.store.rotate(&Rotation { old, new, data, ttl, expect, left: None }, now)?;
        if moved != Written::Refused {
            self.purge(old);
        }
        Ok(moved)
    }

    /// Stores a record whatever there is, and leaves none under the other key.
    fn overwrite(
        &self,
        keys: &Keys,
        now: Timestamp,
        write: impl Fn(&StoreKey, Expect) -> Result<Written>,
    ) -> Result<Written> {
        let [plain, hashed] = keys.plain_and_hashed();
        let clear_plain = || -> Result<()> {
            if self.is_there(&plain, now)? {
                let _ = self.store.delete(&plain, Expect::Any)?;
                self.purge(&plain);
            }
            Ok(())
        };
        if self.ids == IdStorage::Hashed {
            let written = write(&hashed, Expect::Any)?;
            clear_plain()?;
            return Ok(written);
        }
        if !self.is_there(&hashed, now)? {
            let written = write(&plain, Expect::Any)?;
            if !self.is_there(&hashed, now)? {
                return Ok(written);
            }
        }
        match write(&hashed, Expect::Present)? {
            Written::Refused => write(&plain, Expect::Any),
            written @ Written::Stored(_) => clear_plain().map(|()| written),
        }
    }

    /// Stores a record where there is none under either key. Of several who do so at once, on whichever side of the
    /// change, one succeeds: each looks under the other key once more when it has written, and takes back what it wrote
    /// if there is something. Whoever is refused has seen the record of somebody who is not done yet or has succeeded, so
    /// the last of them to be done is not refused by those who gave up.
    fn create(
        &self,
        keys: &Keys,
        now: Timestamp,
        write: impl Fn(&StoreKey, Expect) -> Result<Written>,
    ) -> Result<Written> {
        let other = keys.other();
        while !self.is_there(&other, now)? {
            let written = write(&keys.new, Expect::Absent)?;
            let Written::Stored(version) = written else { return Ok(written) };
            if !in_the_end(|| self.is_there(&other, now))? {
                return Ok(written);
            }
            let _ = in_the_end(|| self.store.delete(&keys.new, Expect::Version(version)))?;
        }
        Ok(Written::Refused)
    }

    /// Renews the record of `id`; see [`Store::touch`].
    ///
    /// # Errors
    /// Those of [`Store::touch`].
    pub fn touch(
        &self,
        id: &SessionId,
        touch: &Touch<'_>,
        ttl: Option<Duration>,
        now: Timestamp,
    ) -> Result<bool> {
        let Some(keys) = self.keys(id) else { return Ok(false) };
        let [first, second] = keys.in_order();
        if self.store.touch(&first, touch, ttl, now)? {
            return Ok(true);
        }
        Ok(!self.is_pinned && self.is_there(&second, now)? && self.store.touch(&second, touch, ttl, now)?)
    }

    /// Removes the record of `id`, under whichever key; see [`Store::delete`].
    ///
    /// # Errors
    /// Those of [`Store::delete`].
    pub fn delete(&self, id: &SessionId, expect: Expect) -> Result<Deleted> {
        let Some(keys) = self.keys(id) else { return Ok(Deleted::Nothing) };
        if self.is_pinned {
            return self.store.delete(&self.key_of(id), expect);
        }
        // Under the id first: a record that moves meanwhile is found under the hash. A session must not outlive its end
        // under one key because the store is in trouble with the other.
        let deleted = keys.plain_and_hashed().map(|key| {
            let may_be = key == keys.new || self.is_there(&key, ANY_TIME)?;
            if may_be { self.store.delete(&key, expect) } else { Ok(Deleted::Nothing) }
        });
        let [plain, hashed] = deleted;
        let deleted = [plain?, hashed?];
        let is = |outcome| deleted.contains(&outcome);
        if is(Deleted::Refused) {
            return Ok(Deleted::Refused);
        }
        self.remember(id, false);
        Ok(if is(Deleted::Record) { Deleted::Record } else { Deleted::Nothing })
    }

    /// Gives the record of one id another id; see [`Store::rotate`]. Where the lock of the old id is held, that of the new
    /// one is afterwards, too.
    ///
    /// # Errors
    /// Those of [`Store::rotate`].
    pub fn rotate(&self, rotation: &Rotation<'_, SessionId>, now: Timestamp) -> Result<Written> {
        let Rotation { old, new, data, ttl, expect, left } = *rotation;
        if old.as_str() == new.as_str() {
            let expect = expect.of_what_is_there();
            return expect.map_or(Ok(Written::Refused), |expect| self.write(old, data, ttl, expect, now));
        }
        let Some(from) = self.keys(old) else { return Ok(Written::Refused) };
        if passes_for_stored_key(new.as_str()) {
            return Err(no_id());
        }
        let to = self.new_keys(new);
        let rotate = |key: &StoreKey, expect| {
            self.store.rotate(&Rotation { old: key, new: &to.new, data, ttl, expect, left }, now)
        };
        if self.is_pinned {
            return rotate(&self.key_of(old), expect);
        }
        // A key that cannot be looked at is found out before the session has its new id, which nobody would hear of.
        let other = from.other();
        let has_other = self.is_there(&other, ANY_TIME)?;
        let left_under_other = Cell::new(false);
        let written = self.where_it_is(&from, now, |key| {
            if left.is_some() && self.ids == IdStorage::Hashed && !key.is_hashed() {
                // The redirect goes where ids are not to be read, and so the record has to be there before.
                return match self.settle_from(key, &from.new, ttl, expect, now)? {
                    Some(version) => rotate(&from.new, Expect::Version(version)),
                    None => Ok(Written::Refused),
                };
            }
            left_under_other.set(left.is_some() && *key == other);
            rotate(key, expect)
        })?;
        if written == Written::Refused {
            return Ok(written);
        }
        // A process that died while it moved the record may have left it under both keys.
        let left_under_other = left_under_other.get();
        if left_under_other {
            self.clear(&from.new)?;
        } else if has_other {
            self.clear(&other)?;
        }
        if new.source() != IdSource::Generated {
            self.clear(&to.other())?;
        }
        self.remember(old, left_under_other);
        Ok(written)
    }

    /// Removes what is left under a key, if anything is.
    fn clear(&self, key: &StoreKey) -> Result<()> {
        if in_the_end(|| self.is_there(key, ANY_TIME))? {
            let _ = in_the_end(|| self.store.delete(key, Expect::Any))?;
        }
        Ok(())
    }

    /// Moves the record that is expected under `old` to `new`, as it is.
    fn settle_from(
        &self,
        old: &StoreKey,
        new: &StoreKey,
        ttl: Option<Duration>,
        expect: Expect,
        now: Timestamp,
    ) -> Result<Option<Version>> {
        let Some(found) = self.store.load(old, now)? else { return Ok(None) };
        if !expect.holds(Some(found.version)) {
            return Ok(None);
        }
        let expect = Expect::Version(found.version);
        match self.move_to(new, old, &found.data, ttl, expect, now)? {
            Written::Stored(version) => Ok(Some(version)),
            Written::Refused => Ok(None),
        }
    }

    /// Has the record of `id`, whose lock is held, under the key that it stays under, and returns that.
    ///
    /// # Errors
    /// Those of [`Store::load`] and [`Store::rotate`].
    pub fn settle(&self, id: &SessionId, ttl: Option<Duration>, now: Timestamp) -> Result<StoreKey> {
        let found = self.load(id, now)?;
        let key = self.key_of(id);
        if found.is_some()
            && self.ids == IdStorage::Hashed
            && !key.is_hashed()
            && self.settle_from(&key, &self.known(id).new, ttl, Expect::Present, now)?.is_some()
        {
            self.remember(id, false);
        }
        Ok(self.key_of(id))
    }

    /// Locks `id`; see [`Store::hold`]. What is returned is this store for the holder of the lock.
    ///
    /// # Errors
    /// Those of [`Store::hold`].
    pub fn lock(&self, id: &SessionId, of: HoldOf, limit: Duration, now: Timestamp) -> Result<Option<Self>> {
        let Some(keys) = self.keys(id) else {
            return match of {
                HoldOf::Record => Ok(None),
                HoldOf::Id => Err(no_id()),
            };
        };
        let hold = |key: &StoreKey, of| Arc::clone(&self.store).hold(key, of, limit, now);
        let other = keys.other();
        // Whichever key the record has, the lock is that of the id. A backend written in Python locks its namespace.
        let mut held = hold(&keys.new, HoldOf::Record)?;
        for key in [&other, &keys.new] {
            if held.is_none() && self.is_there(key, now)? {
                held = hold(key, HoldOf::Record)?;
            }
        }
        if held.is_none() && of == HoldOf::Id {
            held = hold(&keys.new, HoldOf::Id)?;
        }
        Ok(held.map(|held| Self {
            store: Arc::clone(&held) as Arc<dyn Store>,
            ids: self.ids,
            is_pinned: false,
            last: Arc::clone(&self.last),
            locked: Some(Locked { held, store: Arc::clone(&self.store), left: Mutex::default() }),
        }))
    }

    /// Whether the lock of `id` is held.
    #[must_use]
    pub fn has_locked(&self, id: &SessionId) -> bool {
        self.locked.as_ref().is_some_and(|locked| locked.held.holds(&self.known(id).new))
    }

    /// Releases what is locked. Releasing again does nothing.
    ///
    /// # Errors
    /// Those of [`Held::release`].
    pub fn release(&self) -> Result<()> {
        let Some(locked) = &self.locked else { return Ok(()) };
        let released = locked.held.release();
        // A thread may have had this mutex when the process was forked, and will never give it back here.
        let left = locked.left.try_lock().map(|mut left| std::mem::take(&mut *left));
        for key in left.into_iter().flatten() {
            // The session is stored. An error here is none of its, and the key has no record.
            let _ = locked.store.purge(&key);
        }
        released
    }

    /// Leaves no name behind that is the id of a session which lives on under its hash.
    fn purge(&self, key: &StoreKey) {
        match &self.locked {
            Some(locked) if locked.held.holds(key) => {
                locked.left.lock().unwrap_or_else(PoisonError::into_inner).push(key.clone());
            }
            _ => {
                // As above.
                let _ = self.store.purge(key);
            }
        }
    }

    /// Whether there is a record, be it one that cannot be understood.
    fn is_there(&self, key: &StoreKey, now: Timestamp) -> Result<bool> {
        match self.store.load(key, now) {
            Ok(found) => Ok(found.is_some()),
            Err(error) if error.kind() == ErrorKind::Corrupt => Ok(true),
            Err(error) => Err(error),
        }
    }
}

/// Does the last step of what cannot be asked for again, because a step before has changed something: it is tried again
/// here if somebody else has what it needs.
fn in_the_end<T>(step: impl Fn() -> Result<T>) -> Result<T> {
    for _ in 1..LAST_TRIES {
        match step() {
            Err(error) if error.is_busy() => {}
            outcome => return outcome,
        }
    }
    step()
}

fn no_id() -> Error {
    Error::invalid(WRITING).with_detail("64 hexadecimal digits and -sha256 are a stored key and no id")
}
