//! Writes and moves of a record that may be under either key.

use std::cell::Cell;
use std::time::Duration;

use super::super::{Expect, Rotation, Timestamp, Version, Written};
use super::{ANY_TIME, IdStorage, Keys, SessionStore, no_id};
use crate::error::Result;
use crate::id::{IdSource, SessionId, StoreKey, passes_for_stored_key};

/// How often the last of several steps is tried, each time for as long as the store waits.
pub(super) const LAST_TRIES: usize = 40;

impl SessionStore {
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
    pub(super) fn settle_from(
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
}

/// Does the last step of what cannot be asked for again, because a step before has changed something: it is tried again
/// here if somebody else has what it needs.
pub(super) fn in_the_end<T>(step: impl Fn() -> Result<T>) -> Result<T> {
    for _ in 1..LAST_TRIES {
        match step() {
            Err(error) if error.is_busy() => {}
            outcome => return outcome,
        }
    }
    step()
}
