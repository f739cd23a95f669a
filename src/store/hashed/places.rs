//! What is done to a record that may be in either of two places.
//!
//! `raw` is the store underneath, or the same as the holder of the record has it.

use std::cell::Cell;
use std::time::Duration;

use super::{HashedStore, KeptUnder, Keys, no_id};
use crate::error::{ErrorKind, Result};
use crate::id::{IdSource, SessionId};
use crate::store::{Deleted, Expect, Record, Rotation, Store, Timestamp, Touch, Version, Written};

const WRITING: &str = "store a session";

/// How often the last step of several is tried, each time for as long as the store waits.
pub(super) const LAST_TRIES: usize = 40;

/// At this time no record is over.
const ANY_TIME: Timestamp = Timestamp::NEG_INFINITY;

/// Whether there is a record, be it one that cannot be understood.
pub(super) fn is_there(raw: &dyn Store, key: &SessionId, now: Timestamp) -> Result<bool> {
    match raw.load(key, now) {
        Ok(found) => Ok(found.is_some()),
        Err(error) if error.kind() == ErrorKind::Corrupt => Ok(true),
        Err(error) => Err(error),
    }
}

/// Leaves no name behind that is the id of a session which lives on under its hash.
pub(super) fn put_away(raw: &dyn Store, key: &SessionId) {
    // The session is stored. An error here is none of its, and the place has no record.
    let _ = raw.put_away(key);
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

fn stored(written: Written) -> Option<Written> {
    (written != Written::Refused).then_some(written)
}

impl HashedStore {
    pub(super) fn load_in(&self, raw: &dyn Store, id: &SessionId, now: Timestamp) -> Result<Option<Record>> {
        let Some(keys) = self.keys(id) else { return Ok(None) };
        if let Some(record) = raw.load(keys.first(), now)? {
            self.remember(id, false);
            return Ok(Some(record));
        }
        if let Some(record) = raw.load(keys.second(), now)? {
            self.remember(id, true);
            return Ok(Some(record));
        }
        self.remember(id, false);
        if keys.come_to_first() { raw.load(keys.first(), now) } else { Ok(None) }
    }

    /// Does to a record what is done to it in the first place, or if it is not there, what is done to it in the
    /// second. Either answers `None` where it finds no record, or not the expected one.
    fn where_it_is<T>(
        &self,
        raw: &dyn Store,
        keys: &Keys<'_>,
        now: Timestamp,
        in_first: impl Fn() -> Result<Option<T>>,
        in_second: impl Fn() -> Result<Option<T>>,
    ) -> Result<Option<T>> {
        if let Some(done) = in_first()? {
            return Ok(Some(done));
        }
        // Refused for another reason, or here only since.
        if is_there(raw, keys.first(), now)? {
            return in_first();
        }
        if is_there(raw, keys.second(), now)?
            && let Some(done) = in_second()?
        {
            return Ok(Some(done));
        }
        if keys.come_to_first() && is_there(raw, keys.first(), now)? { in_first() } else { Ok(None) }
    }

    pub(super) fn write_in(
        &self,
        raw: &dyn Store,
        id: &SessionId,
        data: &[u8],
        ttl: Option<Duration>,
        expect: Expect,
        now: Timestamp,
    ) -> Result<Written> {
        let Some(keys) = self.keys(id) else {
            return match expect {
                Expect::Any | Expect::Absent => Err(no_id(WRITING)),
                Expect::Present | Expect::Version(_) => Ok(Written::Refused),
            };
        };
        let write = |key: &SessionId, expect| raw.write(key, data, ttl, expect, now);
        let written = match expect {
            // Nobody has heard of this id yet.
            Expect::Any if id.source() == IdSource::Generated => write(keys.first(), expect)?,
            Expect::Any => self.overwrite(raw, &keys, now, write)?,
            Expect::Absent => self.create(raw, &keys, now, write)?,
            Expect::Present | Expect::Version(_) => {
                let in_second = || match self.kept_under {
                    KeptUnder::Hash => {
                        let (old, new, left) = (keys.plain(), keys.hash(), None);
                        let moved = raw.rotate(&Rotation { old, new, data, ttl, expect, left }, now)?;
                        if moved != Written::Refused {
                            put_away(raw, keys.plain());
                        }
                        Ok(moved)
                    }
                    KeptUnder::Id => write(keys.hash(), expect),
                };
                let in_first = || write(keys.first(), expect).map(stored);
                let written = self.where_it_is(raw, &keys, now, in_first, || in_second().map(stored))?;
                written.unwrap_or(Written::Refused)
            }
        };
        if keys.come_to_first() && written != Written::Refused {
            self.remember(id, false);
        }
        Ok(written)
    }

    /// Stores a record whatever there is, and leaves none in another place.
    fn overwrite(
        &self,
        raw: &dyn Store,
        keys: &Keys<'_>,
        now: Timestamp,
        write: impl Fn(&SessionId, Expect) -> Result<Written>,
    ) -> Result<Written> {
        let remove_plain = || -> Result<()> {
            if is_there(raw, keys.plain(), now)? {
                let _ = raw.delete(keys.plain(), Expect::Any)?;
                put_away(raw, keys.plain());
            }
            Ok(())
        };
        if keys.come_to_first() {
            let written = write(keys.hash(), Expect::Any)?;
            remove_plain()?;
            return Ok(written);
        }
        if !is_there(raw, keys.hash(), now)? {
            let written = write(keys.plain(), Expect::Any)?;
            if !is_there(raw, keys.hash(), now)? {
                return Ok(written);
            }
        }
        match write(keys.hash(), Expect::Present)? {
            Written::Refused => write(keys.plain(), Expect::Any),
            written @ Written::Stored(_) => remove_plain().map(|()| written),
        }
    }

    /// Stores a record where there is none in either place. Of several who do so at once, wherever they keep theirs,
    /// one succeeds: each looks into the other place once more when it has written, and takes back what it wrote if
    /// there is something. Whoever is refused has seen the record of somebody who is not done yet or has succeeded,
    /// so the last of them to be done is not refused by those who gave up.
    fn create(
        &self,
        raw: &dyn Store,
        keys: &Keys<'_>,
        now: Timestamp,
        write: impl Fn(&SessionId, Expect) -> Result<Written>,
    ) -> Result<Written> {
        while !is_there(raw, keys.second(), now)? {
            let written = write(keys.first(), Expect::Absent)?;
            if written == Written::Refused || !in_the_end(|| is_there(raw, keys.second(), now))? {
                return Ok(written);
            }
            // What others have made of it since is no longer this one's.
            let Written::Stored(version) = written else { return Ok(written) };
            let _ = in_the_end(|| raw.delete(keys.first(), Expect::Version(version)))?;
        }
        Ok(Written::Refused)
    }

    pub(super) fn touch_in(
        &self,
        raw: &dyn Store,
        id: &SessionId,
        touch: &Touch<'_>,
        ttl: Option<Duration>,
        now: Timestamp,
    ) -> Result<bool> {
        let Some(keys) = self.keys(id) else { return Ok(false) };
        let touched = |key: &SessionId| Ok(raw.touch(key, touch, ttl, now)?.then_some(()));
        let found = self.where_it_is(raw, &keys, now, || touched(keys.first()), || touched(keys.second()))?;
        Ok(found.is_some())
    }

    /// Under the id first: a record that moves meanwhile is found under the hash.
    pub(super) fn delete_in(&self, raw: &dyn Store, id: &SessionId, expect: Expect) -> Result<Deleted> {
        let Some(keys) = self.keys(id) else { return Ok(Deleted::Nothing) };
        let delete = |key: &SessionId| {
            // Where it is not kept, nothing is touched before something was seen there.
            let may_be = key.as_str() == keys.first().as_str() || is_there(raw, key, ANY_TIME)?;
            if may_be { raw.delete(key, expect) } else { Ok(Deleted::Nothing) }
        };
        // A session must not outlive its end in one place because the other one is in trouble.
        let (under_id, under_hash) = (delete(keys.plain()), delete(keys.hash()));
        let (under_id, under_hash) = (under_id?, under_hash?);
        if under_id == Deleted::Refused || under_hash == Deleted::Refused {
            return Ok(Deleted::Refused);
        }
        self.remember(id, false);
        Ok(if under_id == Deleted::Record { under_id } else { under_hash })
    }

    pub(super) fn rotate_in(
        &self,
        raw: &dyn Store,
        rotation: &Rotation<'_>,
        now: Timestamp,
    ) -> Result<Written> {
        let Rotation { old, new, data, ttl, expect, left } = *rotation;
        let write = |expect| self.write_in(raw, old, data, ttl, expect, now);
        if let Some(written) = rotation.as_write(write) {
            return written;
        }
        let Some(from) = self.keys(old) else { return Ok(Written::Refused) };
        let to = self.keys(new).ok_or_else(|| no_id(WRITING))?;
        // A place that cannot be looked at is found out before the session has its new id, which nobody would
        // hear of.
        let may_be_left = is_there(raw, from.second(), ANY_TIME)?;
        let was_left_in_second = Cell::new(false);
        let rotate = |key: &SessionId, expect: Expect| {
            raw.rotate(&Rotation { old: key, new: to.first(), expect, ..*rotation }, now).map(stored)
        };
        let in_first = || rotate(from.first(), expect);
        let in_second = || {
            if left.is_some() && from.come_to_first() {
                // What is left goes where ids are not to be read, and so the record has to be there before.
                let moved = Self::move_to_first(raw, &from, ttl, expect, now)?;
                return moved.map_or(Ok(None), |version| rotate(from.first(), Expect::Version(version)));
            }
            let rotated = rotate(from.second(), expect)?;
            was_left_in_second.set(left.is_some() && rotated.is_some());
            Ok(rotated)
        };
        let moved = self.where_it_is(raw, &from, now, in_first, in_second)?;
        let Some(written) = moved else { return Ok(Written::Refused) };
        // A process that died while it moved the record may have left it in both places.
        let stays_in_second = was_left_in_second.get();
        let leftover = (if stays_in_second { from.first() } else { from.second() }, old);
        let overwritten = (to.second(), new);
        let all =
            if new.source() == IdSource::Generated { &[leftover][..] } else { &[leftover, overwritten] };
        for (key, id) in all {
            let is_known_absent = !may_be_left && key.as_str() == from.second().as_str();
            if !is_known_absent && in_the_end(|| is_there(raw, key, ANY_TIME))? {
                let _ = in_the_end(|| raw.delete(key, Expect::Any))?;
            }
            self.remember(id, id.as_str() == old.as_str() && stays_in_second);
        }
        Ok(written)
    }

    /// Moves the record that is expected from the second place to the first, as it is.
    fn move_to_first(
        raw: &dyn Store,
        keys: &Keys<'_>,
        ttl: Option<Duration>,
        expect: Expect,
        now: Timestamp,
    ) -> Result<Option<Version>> {
        let Some(found) = raw.load(keys.second(), now)? else { return Ok(None) };
        if !expect.holds(Some(found.version)) {
            return Ok(None);
        }
        let (old, new, expect) = (keys.second(), keys.first(), Expect::Version(found.version));
        let moved = raw.rotate(&Rotation { old, new, data: &found.data, ttl, expect, left: None }, now)?;
        Ok(match moved {
            Written::Stored(version) => {
                put_away(raw, old);
                Some(version)
            }
            Written::Refused => None,
        })
    }
}
