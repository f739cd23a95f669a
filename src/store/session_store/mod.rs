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

mod lock;
#[cfg(test)]
mod tests;
mod write;

use std::sync::Arc;

use super::{Call, Capabilities, Deleted, Expect, Guard, Patch, Record, Store, Timestamp};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{SessionId, StoreKey, passes_for_stored_key};
use crate::sync::{Mutex, lock};

const WRITING: &str = "store a session";

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

/// A lock that is held, and the keys to purge at its release.
struct Locked {
    guard: Arc<dyn Guard>,
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

    /// The key under which the record was found last, or else that of new records.
    fn first(&self) -> StoreKey {
        if self.is_other { self.other() } else { self.new.clone() }
    }

    /// The remaining one. It is made only where it is needed, since a hash costs more than a look into memory.
    fn second(&self) -> StoreKey {
        if self.is_other { self.new.clone() } else { self.other() }
    }

    fn plain_and_hashed(&self) -> [StoreKey; 2] {
        let (new, other) = (self.new.clone(), self.other());
        if new.is_hashed() { [other, new] } else { [new, other] }
    }
}

impl SessionStore {
    /// Sessions in `store`, whose new records have keys as `ids` says.
    pub fn new(store: Arc<dyn Store>, ids: IdStorage) -> Self {
        Self { store, ids, is_pinned: false, last: Arc::default(), locked: None }
    }

    /// The same sessions by way of `store`, in which the record of `key` has that key and no other is looked at: the
    /// caller has locked it there.
    #[must_use]
    pub fn pinned(&self, store: Arc<dyn Store>, guard: Arc<dyn Guard>, key: &StoreKey) -> Self {
        let is_other = key.is_hashed() != (self.ids == IdStorage::Hashed);
        let mut keys = self.new_keys(key.id());
        keys.is_other = is_other;
        let locked = Some(Locked { guard, left: Mutex::default() });
        Self { store, ids: self.ids, is_pinned: true, last: Arc::new(Mutex::new(Some(keys))), locked }
    }

    /// The same store for the holder of its lock.
    fn locked_by(&self, locked: Locked) -> Self {
        Self {
            store: Arc::clone(&self.store),
            ids: self.ids,
            is_pinned: false,
            last: Arc::clone(&self.last),
            locked: Some(locked),
        }
    }

    /// The same call by the holder of the lock, if this is its store.
    fn under<'a>(&'a self, call: &Call<'a>) -> Call<'a> {
        call.under(self.locked.as_ref().map(|locked| &*locked.guard))
    }

    /// The capabilities of the store.
    pub fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }

    /// The key under which the record of `id` was found last, or else that of new records.
    pub fn key_of(&self, id: &SessionId) -> StoreKey {
        self.known(id).first()
    }

    fn new_keys(&self, id: &SessionId) -> Keys {
        let is_hashed = self.ids == IdStorage::Hashed || passes_for_stored_key(id.as_str());
        let new = if is_hashed { StoreKey::hashed(id) } else { StoreKey::plain(id) };
        Keys { new, is_other: false }
    }

    /// The keys of `id`: those that are remembered, if they are of this id.
    fn known(&self, id: &SessionId) -> Keys {
        let last = lock(&self.last);
        match &*last {
            Some(keys) if keys.new.id() == id => keys.clone(),
            _ => self.new_keys(id),
        }
    }

    /// The same; none if it is a stored key itself.
    fn keys(&self, id: &SessionId) -> Option<Keys> {
        (!passes_for_stored_key(id.as_str())).then(|| self.known(id))
    }

    /// Remembers under which of its keys a record is.
    fn remember(&self, keys: Keys, is_other: bool) {
        *lock(&self.last) = Some(Keys { is_other, ..keys });
    }

    /// The record of `id`; see [`Store::load`].
    ///
    /// # Errors
    /// Those of [`Store::load`].
    pub fn load(&self, id: &SessionId, call: &Call<'_>) -> Result<Option<Record>> {
        let Some(keys) = self.keys(id) else { return Ok(None) };
        let call = &self.under(call);
        if self.is_pinned {
            return self.store.load(&self.key_of(id), call);
        }
        if let Some(record) = self.store.load(&keys.new, call)? {
            self.remember(keys, false);
            return Ok(Some(record));
        }
        let mut found = self.store.load(&keys.other(), call)?;
        let is_other = found.is_some();
        if found.is_none() && self.ids == IdStorage::Hashed {
            found = self.store.load(&keys.new, call)?;
        }
        self.remember(keys, is_other);
        Ok(found)
    }

    /// Renews the record of an id; see [`Store::patch`].
    ///
    /// # Errors
    /// Those of [`Store::patch`].
    pub fn patch(&self, patch: &Patch<'_, SessionId>, call: &Call<'_>) -> Result<bool> {
        let Some(keys) = self.keys(patch.renewal.key) else { return Ok(false) };
        let call = &self.under(call);
        let patched = |key: &StoreKey| self.store.patch(&patch.of_key(key), call);
        if patched(&keys.first())? {
            return Ok(true);
        }
        if self.is_pinned {
            return Ok(false);
        }
        let second = keys.second();
        Ok(self.is_there(&second, call)? && patched(&second)?)
    }

    /// Removes the record of `id`, under whichever key; see [`Store::delete`].
    ///
    /// # Errors
    /// Those of [`Store::delete`].
    pub fn delete(&self, id: &SessionId, expect: Expect, call: &Call<'_>) -> Result<Deleted> {
        let Some(keys) = self.keys(id) else { return Ok(Deleted::Nothing) };
        let call = &self.under(call);
        if self.is_pinned {
            return self.store.delete(&self.key_of(id), expect, call);
        }
        // Under the id first: a record that moves meanwhile is found under the hash. A session must not outlive its end
        // under one key because the store is in trouble with the other.
        let deleted = keys.plain_and_hashed().map(|key| {
            let may_be = key == keys.new || self.was_ever(&key, call)?;
            if may_be { self.store.delete(&key, expect, call) } else { Ok(Deleted::Nothing) }
        });
        let deleted = match deleted {
            // Something is gone. The caller asks again for what is left.
            [Ok(Deleted::Record), Err(error)] if error.kind() == ErrorKind::Unavailable => {
                return Err(Error::new(ErrorKind::Unknown, error.operation()).with_source(error));
            }
            [plain, hashed] => [plain?, hashed?],
        };
        let is = |outcome| deleted.contains(&outcome);
        if is(Deleted::Refused) {
            return Ok(Deleted::Refused);
        }
        self.remember(keys, false);
        Ok(if is(Deleted::Record) { Deleted::Record } else { Deleted::Nothing })
    }

    /// Whether there is a record, be it one that cannot be understood.
    fn is_there(&self, key: &StoreKey, call: &Call<'_>) -> Result<bool> {
        match self.store.load(key, call) {
            Ok(found) => Ok(found.is_some()),
            Err(error) if error.kind() == ErrorKind::Corrupt => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Whether there is a record, even one past its lifetime.
    fn was_ever(&self, key: &StoreKey, call: &Call<'_>) -> Result<bool> {
        self.is_there(key, &Call { now: ANY_TIME, ..*call })
    }
}

fn no_id() -> Error {
    Error::invalid(WRITING).with_detail("64 hexadecimal digits and -sha256 are a stored key and no id")
}
