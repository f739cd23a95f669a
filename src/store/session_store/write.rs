//! Writes and moves of a record that may be under either key.

use std::cell::Cell;
use std::time::Duration;

use super::super::{Blocking, Call, Expect, Rotation, Version, Write, Written};
use super::{IdStorage, Keys, SessionStore, no_id};
use crate::error::Result;
use crate::id::{IdSource, SessionId, StoreKey, passes_for_stored_key};

/// How often the last of several steps is tried, each time for as long as the store waits.
pub(super) const LAST_TRIES: usize = 40;

impl SessionStore {
    /// Stores the record of an id; see [`Store::write`](super::Store::write).
    ///
    /// # Errors
    /// Those of [`Store::write`](super::Store::write).
    pub fn write(&self, write: &Write<'_, SessionId>, call: &Call<'_>) -> Result<Written> {
        let Write { key: id, data, ttl, expect } = *write;
        let is_creating = matches!(expect, Expect::Any | Expect::Absent);
        let Some(keys) = self.keys(id) else {
            return if is_creating { Err(no_id()) } else { Ok(Written::Refused) };
        };
        let call = &self.under(call);
        let write = |key: &StoreKey, expect| self.store.write(&Write { key, data, ttl, expect }, call);
        if self.is_pinned {
            return write(&self.key_of(id), expect);
        }
        let written = match expect {
            // Nobody has heard of this id yet.
            Expect::Any if id.source() == IdSource::Generated => write(&keys.new, self.of_a_new_id())?,
            Expect::Any => self.overwrite(&keys, call, write)?,
            Expect::Absent => self.create(&keys, call, write)?,
            Expect::Present | Expect::Version(_) => self.where_it_is(&keys, call, |key| {
                let moves = self.ids == IdStorage::Hashed && !key.is_hashed();
                if moves { self.move_to(&keys.new, key, data, ttl, expect, call) } else { write(key, expect) }
            })?,
        };
        if self.ids == IdStorage::Hashed && written != Written::Refused {
            self.remember(keys, false);
        }
        Ok(written)
    }

    /// The condition of the first record of an id. A request to a server may be made late, after its reply was lost and
    /// another request stored the session: then it overwrites nothing.
    fn of_a_new_id(&self) -> Expect {
        if self.capabilities().blocking == Blocking::Network { Expect::Absent } else { Expect::Any }
    }

    /// Changes the record under the key where it was found last. Where that is refused it is tried under the other key,
    /// if something is there.
    fn where_it_is(
        &self,
        keys: &Keys,
        call: &Call<'_>,
        change: impl Fn(&StoreKey) -> Result<Written>,
    ) -> Result<Written> {
        let first = keys.first();
        let written = change(&first)?;
        if written == Written::Refused && !self.is_there(&first, call)? {
            let second = keys.second();
            if self.is_there(&second, call)? {
                return change(&second);
            }
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
        call: &Call<'_>,
    ) -> Result<Written> {
        let moved = self.store.rotate(&Rotation { old, new, data, ttl, expect, redirect: None }, call)?;
        if moved != Written::Refused {
            self.purge(old, call);
        }
        Ok(moved)
    }

    /// Stores a record whatever there is, and leaves none under the other key.
    fn overwrite(
        &self,
        keys: &Keys,
        call: &Call<'_>,
        write: impl Fn(&StoreKey, Expect) -> Result<Written>,
    ) -> Result<Written> {
        let [plain, hashed] = keys.plain_and_hashed();
        let clear_plain = || -> Result<()> {
            if self.is_there(&plain, call)? {
                let _ = self.store.delete(&plain, Expect::Any, call)?;
                self.purge(&plain, call);
            }
            Ok(())
        };
        if self.ids == IdStorage::Hashed {
            let written = write(&hashed, Expect::Any)?;
            clear_plain()?;
            return Ok(written);
        }
        if !self.is_there(&hashed, call)? {
            let written = write(&plain, Expect::Any)?;
            if !self.is_there(&hashed, call)? {
                return Ok(written);
            }
        }
        match write(&hashed, Expect::Present)? {
            Written::Refused => write(&plain, Expect::Any),
            written @ Written::Stored(_) => clear_plain().map(|()| written),
        }
    }

    /// Stores a record where there is none under either key. Of several concurrent calls, on whichever side of the change
    /// of `id_storage`, one succeeds: each looks under the other key again after its write, and undoes the write if there
    /// is a record. A refused call has seen the record of a call that is not finished or has succeeded, so the last call
    /// to finish is not refused because of those that gave up.
    fn create(
        &self,
        keys: &Keys,
        call: &Call<'_>,
        write: impl Fn(&StoreKey, Expect) -> Result<Written>,
    ) -> Result<Written> {
        let other = keys.other();
        while !self.is_there(&other, call)? {
            let written = write(&keys.new, Expect::Absent)?;
            let Written::Stored(version) = written else { return Ok(written) };
            if !in_the_end(|| self.is_there(&other, call))? {
                return Ok(written);
            }
            let _ = in_the_end(|| self.store.delete(&keys.new, Expect::Version(version), call))?;
        }
        Ok(Written::Refused)
    }

    /// Gives the record of one id another id; see [`Store::rotate`](super::Store::rotate). Where the lock of the old id is held, that of the new
    /// one is afterwards, too.
    ///
    /// # Errors
    /// Those of [`Store::rotate`](super::Store::rotate).
    pub fn rotate(&self, rotation: &Rotation<'_, SessionId>, call: &Call<'_>) -> Result<Written> {
        let Rotation { old, new, data, ttl, expect, redirect } = *rotation;
        if old.as_str() == new.as_str() {
            let expect = expect.of_what_is_there();
            let Some(expect) = expect else { return Ok(Written::Refused) };
            return self.write(&Write { expect, ..rotation.write() }, call);
        }
        let Some(from) = self.keys(old) else { return Ok(Written::Refused) };
        if passes_for_stored_key(new.as_str()) {
            return Err(no_id());
        }
        let call = &self.under(call);
        let to = self.new_keys(new);
        let rotate = |key: &StoreKey, expect| {
            self.store.rotate(&Rotation { old: key, new: &to.new, data, ttl, expect, redirect }, call)
        };
        if self.is_pinned {
            return rotate(&self.key_of(old), expect);
        }
        // An unreadable key must fail before the session gets its new id, which would be lost.
        let other = from.other();
        let has_other = self.was_ever(&other, call)?;
        let redirect_under_other = Cell::new(false);
        let written = self.where_it_is(&from, call, |key| {
            if redirect.is_some() && self.ids == IdStorage::Hashed && !key.is_hashed() {
                // The redirect goes where ids are not to be read, and so the record has to be there before.
                return match self.settle_from(key, &from.new, ttl, expect, call)? {
                    Some(version) => rotate(&from.new, Expect::Version(version)),
                    None => Ok(Written::Refused),
                };
            }
            redirect_under_other.set(redirect.is_some() && *key == other);
            rotate(key, expect)
        })?;
        if written == Written::Refused {
            return Ok(written);
        }
        // A process that died while it moved the record may have left it under both keys.
        let redirect_under_other = redirect_under_other.get();
        if redirect_under_other {
            self.clear(&from.new, call)?;
        } else if has_other {
            self.clear(&other, call)?;
        }
        if new.source() != IdSource::Generated {
            self.clear(&to.other(), call)?;
        }
        self.remember(from, redirect_under_other);
        Ok(written)
    }

    /// Removes what is left under a key, if anything is.
    fn clear(&self, key: &StoreKey, call: &Call<'_>) -> Result<()> {
        if in_the_end(|| self.was_ever(key, call))? {
            let _ = in_the_end(|| self.store.delete(key, Expect::Any, call))?;
        }
        Ok(())
    }

    /// Moves the record that is expected under `old` to `new`, as it is.
    pub(super) fn settle_from(
        &self,
        old: &StoreKey,
        new: &StoreKey,
        ttl: Option<Duration>,
        expect: Expect,
        call: &Call<'_>,
    ) -> Result<Option<Version>> {
        let Some(found) = self.store.load(old, call)? else { return Ok(None) };
        if !expect.holds(Some(found.version)) {
            return Ok(None);
        }
        let expect = Expect::Version(found.version);
        match self.move_to(new, old, &found.data, ttl, expect, call)? {
            Written::Stored(version) => Ok(Some(version)),
            Written::Refused => Ok(None),
        }
    }
}

/// Does the last step of a change that its caller cannot repeat, because an earlier step is done: while the store is busy,
/// the step is repeated here.
pub(super) fn in_the_end<T>(step: impl Fn() -> Result<T>) -> Result<T> {
    for _ in 1..LAST_TRIES {
        match step() {
            Err(error) if error.is_busy() => {}
            outcome => return outcome,
        }
    }
    step()
}
