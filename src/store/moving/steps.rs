//! Changes of a session that is in one of the two stores.

use std::time::Duration;

use super::look::{LOOKS, Look, busy};
use super::side::Side;
use super::{MovingStore, may_be_known, pointer};
use crate::error::{ErrorKind, Result};
use crate::id::StoreKey;
use crate::store::{Call, Deleted, Expect, Redirect, Rotation, Version, Write, Written};

/// How long the end of a session is remembered. No process takes as long for a step of a move.
pub(super) const REMEMBERED: Duration = Duration::from_secs(3600);

impl MovingStore {
    /// Writes to one store.
    pub(super) fn write_on(
        &self,
        side: Side,
        write: &Write<'_>,
        expect: Expect,
        call: &Call<'_>,
    ) -> Result<Written> {
        // A migration does not know the id behind a hash, and so not its lock. All that create a record under a hash in
        // the new store have to take the same lock.
        let by_name = (side == Side::New && expect == Expect::Absent && write.key.is_hashed())
            .then(|| StoreKey::of_record(write.key.record()));
        let key = by_name.as_ref().unwrap_or(write.key);
        Ok(match self.on(side).write(&Write { key, expect, ..*write }, &side.call(call))? {
            Written::Stored(version) => Written::Stored(side.mark(version)?),
            Written::Refused => Written::Refused,
        })
    }

    /// Stores a record where there is none.
    pub(super) fn create(&self, write: &Write<'_>, call: &Call<'_>) -> Result<Written> {
        let home = self.home();
        if !may_be_known(write.key) {
            return self.write_on(home, write, Expect::Absent, call);
        }
        let (side, expect) = match self.look(write.key, call) {
            Ok(Look::At(..)) => return Ok(Written::Refused),
            Ok(Look::Ended(version)) => (Side::New, Expect::Version(version)),
            Ok(Look::Nowhere) => (home, Expect::Absent),
            Err(error) if error.kind() == ErrorKind::Corrupt => return Ok(Written::Refused),
            Err(error) => return Err(error),
        };
        let written = self.write_on(side, write, expect, call)?;
        // A process of the other phase may have created it at the same time.
        let other = side.other();
        if let Written::Stored(version) = written
            && self.on(other).load(write.key, &other.call(call))?.is_some()
        {
            let expect = Expect::Version(side.unmark(version));
            let _ = self.on(side).delete(write.key, expect, &side.call(call))?;
            return Ok(Written::Refused);
        }
        Ok(written)
    }

    /// Replaces what there is; with [`Expect::Any`] also nothing.
    pub(super) fn overwrite(&self, write: &Write<'_>, call: &Call<'_>) -> Result<Written> {
        let creates = write.expect == Expect::Any;
        if creates && !may_be_known(write.key) {
            return self.write_on(self.home(), write, Expect::Any, call);
        }
        for _ in 0..LOOKS {
            let written = match self.look(write.key, call) {
                Ok(Look::At(side, record)) => {
                    self.write_on(side, write, Expect::Version(record.version), call)?
                }
                Ok(Look::Ended(_) | Look::Nowhere) if !creates => return Ok(Written::Refused),
                Ok(Look::Ended(version)) => {
                    self.write_on(Side::New, write, Expect::Version(version), call)?
                }
                Ok(Look::Nowhere) => self.create(write, call)?,
                Err(error) if error.kind() == ErrorKind::Corrupt => {
                    match self.write_on(Side::New, write, Expect::Present, call)? {
                        Written::Refused => self.write_on(Side::Old, write, Expect::Present, call)?,
                        written @ Written::Stored(_) => written,
                    }
                }
                Err(error) => return Err(error),
            };
            if written != Written::Refused {
                return Ok(written);
            }
        }
        Err(busy())
    }

    /// Ends a session, if it has the expected version, which is one of the store on this side.
    pub(super) fn end_version(
        &self,
        key: &StoreKey,
        side: Side,
        version: Version,
        call: &Call<'_>,
    ) -> Result<Deleted> {
        let expect = Expect::Version(version);
        let found = self.new.load(key, &Side::New.call(call))?;
        let is_ended = found.as_ref().is_some_and(|record| pointer::is_nowhere(&record.data));
        match (side, found) {
            (Side::Old, Some(_)) if !is_ended => Ok(Deleted::Refused),
            (Side::Old, _) => self.old.delete(key, expect, &Side::Old.call(call)),
            (Side::New, Some(_)) if is_ended => Ok(Deleted::Nothing),
            (Side::New, Some(record)) if record.version != version => Ok(Deleted::Refused),
            (Side::New, None) => {
                // The new store has lost it. The copy that left must not take its place.
                if self.has_old(key, call)? && self.put_end(key, Expect::Absent, call)? != Written::Refused {
                    self.forget_leaving(key, call)?;
                }
                Ok(Deleted::Nothing)
            }
            (Side::New, Some(_)) => {
                // What a process left that died at the end of a move.
                self.forget_leaving(key, call)?;
                Ok(match self.put_end(key, expect, call)? {
                    Written::Stored(_) => Deleted::Record,
                    Written::Refused => Deleted::Refused,
                })
            }
        }
    }

    /// Ends a session, whatever it is.
    pub(super) fn end(&self, key: &StoreKey, call: &Call<'_>) -> Result<Deleted> {
        // The end is remembered before the old record goes: whoever moves it meanwhile must not bring it.
        let ended = self.end_in_new(key, call);
        // A session must not outlive its end in one store because the other is in trouble.
        let deleted = self.old.delete(key, Expect::Any, &Side::Old.call(call));
        Ok(if ended? || deleted? == Deleted::Record { Deleted::Record } else { Deleted::Nothing })
    }

    /// Ends what the new store has, or may get. Whether it had a session.
    fn end_in_new(&self, key: &StoreKey, call: &Call<'_>) -> Result<bool> {
        for _ in 0..LOOKS {
            let (was_there, expect) = match self.new.load(key, &Side::New.call(call)) {
                Ok(Some(record)) if pointer::is_nowhere(&record.data) => return Ok(false),
                Ok(Some(record)) => (true, Expect::Version(record.version)),
                Ok(None) if !self.has_old(key, call)? => {
                    // It may have moved between the two looks.
                    match self.new.load(key, &Side::New.call(call))? {
                        None => return Ok(false),
                        Some(_) => continue,
                    }
                }
                Ok(None) => (false, Expect::Absent),
                Err(error) if error.kind() == ErrorKind::Corrupt => (true, Expect::Any),
                Err(error) => return Err(error),
            };
            if self.put_end(key, expect, call)? != Written::Refused {
                return Ok(was_there);
            }
        }
        Err(busy())
    }

    /// Whether the old store has a record, be it one that cannot be understood.
    fn has_old(&self, key: &StoreKey, call: &Call<'_>) -> Result<bool> {
        match self.old.load(key, &Side::Old.call(call)) {
            Err(error) if error.kind() == ErrorKind::Corrupt => Ok(true),
            found => Ok(found?.is_some()),
        }
    }

    fn put_end(&self, key: &StoreKey, expect: Expect, call: &Call<'_>) -> Result<Written> {
        let text = pointer::nowhere()?;
        let write = Write { key, data: text.as_bytes(), ttl: Some(REMEMBERED), expect };
        self.write_on(Side::New, &write, expect, call)
    }

    /// Gives a session another id, in the store that has it.
    pub(super) fn rotate_where_it_is(&self, rotation: &Rotation<'_>, call: &Call<'_>) -> Result<Written> {
        for _ in 0..LOOKS {
            let (side, expect) = match self.look(rotation.old, call) {
                Ok(Look::At(side, record)) if rotation.expect.holds(Some(side.mark(record.version)?)) => {
                    // Of another version it may be the pointer that a session leaves which has ended.
                    (side, Expect::Version(record.version))
                }
                Ok(Look::At(..) | Look::Ended(_) | Look::Nowhere) => return Ok(Written::Refused),
                Err(error) if error.kind() == ErrorKind::Corrupt => match rotation.expect {
                    Expect::Any | Expect::Present => {
                        (self.side_of_the_corrupt(rotation.old, call), Expect::Present)
                    }
                    Expect::Absent | Expect::Version(_) => return Ok(Written::Refused),
                },
                Err(error) => return Err(error),
            };
            let at_once = Rotation { expect, ..*rotation };
            let written = match side {
                Side::New => self.rotate_in_new(&at_once, call)?,
                Side::Old => self.old.rotate(&at_once, &Side::Old.call(call))?,
            };
            if let Written::Stored(version) = written {
                if may_be_known(rotation.new) {
                    // What the other store has under the new id is overwritten, too.
                    let other = side.other();
                    let _ = self.on(other).delete(rotation.new, Expect::Any, &other.call(call))?;
                }
                return Ok(Written::Stored(side.mark(version)?));
            }
            if let Expect::Version(_) | Expect::Absent = rotation.expect {
                return Ok(written);
            }
        }
        Err(busy())
    }

    fn rotate_in_new(&self, rotation: &Rotation<'_>, call: &Call<'_>) -> Result<Written> {
        // What a process left that died at the end of a move.
        self.forget_leaving(rotation.old, call)?;
        let text = pointer::nowhere()?;
        let end = Redirect { data: text.as_bytes(), ttl: REMEMBERED };
        // Where a record goes under the hash of its id, the id itself must not stay behind.
        let is_other_id = rotation.old.id() != rotation.new.id();
        let redirect = rotation.redirect.or_else(|| is_other_id.then_some(end));
        self.new.rotate(&Rotation { redirect, ..*rotation }, &Side::New.call(call))
    }

    fn side_of_the_corrupt(&self, key: &StoreKey, call: &Call<'_>) -> Side {
        if let Ok(None) = self.new.load(key, &Side::New.call(call)) { Side::Old } else { Side::New }
    }
}
