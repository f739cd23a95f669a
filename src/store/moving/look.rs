//! Looking for a session in both stores, and moving it.

use std::time::Duration;

use super::side::Side;
use super::{MovingStore, Phase, pointer, transit};
use crate::error::{Error, ErrorKind, Result};
use crate::id::StoreKey;
use crate::store::{Call, Deleted, Expect, Record, Timestamp, Version, Write, Written};

const OPERATION: &str = "move the session to its new store";

/// How often a record is looked for that others change at the same time.
pub(super) const LOOKS: usize = 16;

/// How long a record is kept at least that moves from a store which does not say how long it lives.
const UNKNOWN_LIFETIME: Duration = Duration::from_secs(30 * 24 * 3600);

/// The state of a session.
#[derive(Debug)]
pub(super) enum Look {
    /// It is there. The version is that of its store.
    At(Side, Record),
    /// It ended a while ago. The new store has a dead pointer of this version.
    Ended(Version),
    /// There is none.
    Nowhere,
}

/// The same call at no time, when no record is over.
pub(super) fn at_any_time<'a>(call: &Call<'a>) -> Call<'a> {
    Call { now: Timestamp::NEG_INFINITY, ..*call }
}

/// The error of a session that others changed at every look.
pub(super) fn busy() -> Error {
    Error::busy(OPERATION)
}

impl MovingStore {
    /// Looks for a session. A call at a real time goes on with a move that it meets, and begins one in the phase of
    /// moves.
    pub(super) fn look(&self, key: &StoreKey, call: &Call<'_>) -> Result<Look> {
        let (in_old, in_new) = (Side::Old.call(call), Side::New.call(call));
        for _ in 0..LOOKS {
            if let Some(record) = self.new.load(key, &in_new)? {
                let is_over = pointer::is_nowhere(&record.data);
                return Ok(if is_over { Look::Ended(record.version) } else { Look::At(Side::New, record) });
            }
            let Some(record) = self.old.load(key, &in_old)? else {
                // It may have moved between the two looks.
                if self.new.load(key, &in_new)?.is_none() {
                    return Ok(Look::Nowhere);
                }
                continue;
            };
            match transit::read(&record.data)? {
                Some(data) if call.now.is_finite() => {
                    self.arrive(key, &data, self.ttl_of(&record, call.now), record.version, call)?;
                }
                None if call.now.is_finite() && self.phase == Phase::Move => {
                    self.depart(key, &record, call)?
                }
                _ => return Ok(Look::At(Side::Old, record)),
            }
        }
        Err(busy())
    }

    /// Moves a record of the old store, unless somebody else changes it first.
    fn depart(&self, key: &StoreKey, record: &Record, call: &Call<'_>) -> Result<()> {
        let (ttl, leaving) = (self.ttl_of(record, call.now), transit::write(&record.data));
        let write = Write { key, data: leaving.as_bytes(), ttl, expect: Expect::Version(record.version) };
        match self.old.write(&write, &Side::Old.call(call))? {
            Written::Stored(version) => self.arrive(key, &record.data, ttl, version, call),
            Written::Refused => Ok(()),
        }
    }

    /// Stores the record that leaves in the new store, and deletes what leaves.
    fn arrive(
        &self,
        key: &StoreKey,
        data: &[u8],
        ttl: Option<Duration>,
        leaving: Version,
        call: &Call<'_>,
    ) -> Result<()> {
        let (in_old, in_new) = (Side::Old.call(call), Side::New.call(call));
        let write = Write { key, data, ttl, expect: Expect::Absent };
        let version = match self.write_on(Side::New, &write, Expect::Absent, call) {
            Ok(Written::Stored(version)) => Side::New.unmark(version),
            // Somebody else was faster, with this move or with another session of the id.
            Ok(Written::Refused) => return self.finish(key, call),
            Err(error) => {
                if !matches!(error.kind(), ErrorKind::Busy | ErrorKind::Unknown | ErrorKind::Unavailable) {
                    // The new store does not take this record. It stays what it was.
                    let back = Write { expect: Expect::Version(leaving), ..write };
                    let _ = self.old.write(&back, &in_old)?;
                }
                return Err(error);
            }
        };
        // A save of a process that hashes ids may have moved the session on, and another look have brought it here since.
        let is_elsewhere = !key.is_hashed() && self.new.load(&StoreKey::hashed(key.id()), &in_new)?.is_some();
        if is_elsewhere {
            let _ = self.new.delete(key, Expect::Version(version), &in_new)?;
        } else {
            let stored = self.new.load(key, &in_new)?;
            // Another version is a save that came since.
            if stored.is_none_or(|stored| stored.version == version && *stored.data != *data) {
                let _ = self.new.delete(key, Expect::Version(version), &in_new)?;
                let detail = "the new store does not give back what was written to it";
                return Err(Error::unavailable(OPERATION).with_detail(detail));
            }
        }
        self.old.delete(key, Expect::Version(leaving), &in_old).map(|_deleted| ())
    }

    /// Deletes what a process left that died at the end of a move, if anything.
    ///
    /// # Errors
    /// Those of [`Store::load`](crate::store::Store::load).
    pub fn finish(&self, key: &StoreKey, call: &Call<'_>) -> Result<()> {
        if self.new.load(key, &Side::New.call(call))?.is_none() {
            return Ok(());
        }
        self.forget_leaving(key, call).map(|_was_there| ())
    }

    /// Deletes a record that leaves, whether or not it has arrived. Whether there was one.
    pub(super) fn forget_leaving(&self, key: &StoreKey, call: &Call<'_>) -> Result<bool> {
        let in_old = Side::Old.call(call);
        let Some(record) = self.old.load(key, &in_old)? else { return Ok(false) };
        if transit::read(&record.data)?.is_none() {
            return Ok(false);
        }
        let deleted = self.old.delete(key, Expect::Version(record.version), &in_old)?;
        Ok(deleted == Deleted::Record)
    }

    /// The rest of the record's lifetime.
    fn ttl_of(&self, record: &Record, now: Timestamp) -> Option<Duration> {
        match record.expires_at {
            Some(expires_at) => Duration::try_from_secs_f64((expires_at - now).max(0.0)).ok(),
            // A session may have a timeout of its own. Who looks at it judges that; the store only keeps it long enough.
            None => self.lifetime.map(|lifetime| lifetime.max(UNKNOWN_LIFETIME)),
        }
    }
}
