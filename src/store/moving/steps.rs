//! The steps of a move.

use std::time::Duration;

use super::{MovingStore, elsewhere};
use crate::codec::transit::Transit;
use crate::error::{Error, ErrorKind, Result};
use crate::id::StoreKey;
use crate::store::{Call, Deleted, Expect, Record, Timestamp, Version, Write, Written};

const OPERATION: &str = "move the session to its new store";

/// In seconds. The time that a process has for a move. After that it is taken for dead, and another one goes on.
pub(super) const PATIENCE: f64 = 5.0;

/// How often a record is looked for that others move at the same time.
const LOOKS: usize = 8;

impl MovingStore {
    /// The record, which is in the main store afterwards.
    pub(super) fn find(&self, key: &StoreKey, call: &Call<'_>) -> Result<Option<Record>> {
        for _ in 0..LOOKS {
            if let Some(record) = self.main.load(key, call)? {
                match Transit::read(&record.data)? {
                    None => return Ok(Some(record)),
                    // The caller wants to know whether there is a record, at no time at all.
                    Some(_) if !call.now.is_finite() => return Ok(Some(record)),
                    Some(transit) => match self.take_over(key, &record, transit, call)? {
                        Some(record) => return Ok(Some(record)),
                        None => continue,
                    },
                }
            }
            match self.former.load(key, &elsewhere(call))? {
                Some(record) if !call.now.is_finite() => return Ok(Some(record)),
                Some(record) => match self.bring(key, &record, call)? {
                    Some(record) => return Ok(Some(record)),
                    None => continue,
                },
                // It may have moved between the two looks.
                None if self.main.load(key, call)?.is_none() => return Ok(None),
                None => {}
            }
        }
        Err(Error::busy(OPERATION))
    }

    /// Whether there is a record, be it one that cannot be understood.
    pub(super) fn is_there(&self, key: &StoreKey, call: &Call<'_>) -> Result<bool> {
        match self.find(key, call) {
            Err(error) if error.kind() == ErrorKind::Corrupt => Ok(true),
            found => Ok(found?.is_some()),
        }
    }

    /// Moves a record of the former store; `None` if it is no longer there.
    fn bring(&self, key: &StoreKey, record: &Record, call: &Call<'_>) -> Result<Option<Record>> {
        let ttl = self.ttl_of(record, call.now);
        let Some(transit) = self.put_transit(key, &record.data, ttl, Expect::Absent, call)? else {
            return Ok(None);
        };
        match self.former.delete(key, Expect::Version(record.version), &elsewhere(call))? {
            Deleted::Record => self.arrive(key, &record.data, ttl, transit, call),
            Deleted::Nothing | Deleted::Refused => {
                let _ = self.main.delete(key, Expect::Version(transit), call)?;
                Ok(None)
            }
        }
    }

    /// Goes on with the move of another process, if that seems to be dead.
    fn take_over(
        &self,
        key: &StoreKey,
        record: &Record,
        transit: Transit,
        call: &Call<'_>,
    ) -> Result<Option<Record>> {
        // The clock of another machine may be ahead.
        if (call.now - transit.since).abs() < PATIENCE {
            return Err(Error::busy(OPERATION));
        }
        let ttl = self.ttl_of(record, call.now);
        // The other process, if it lives, must not take back what is ours from here on.
        let expect = Expect::Version(record.version);
        let Some(ours) = self.put_transit(key, &transit.data, ttl, expect, call)? else { return Ok(None) };
        let Some(former) = self.former.load(key, &elsewhere(call))? else {
            return self.arrive(key, &transit.data, ttl, ours, call);
        };
        let ttl = self.ttl_of(&former, call.now);
        match self.former.delete(key, Expect::Version(former.version), &elsewhere(call))? {
            Deleted::Record => self.arrive(key, &former.data, ttl, ours, call),
            // It was the other process, or a logout. The transit has the record in the former case; in the latter it
            // is deleted by the logout.
            Deleted::Nothing | Deleted::Refused => Err(Error::busy(OPERATION)),
        }
    }

    /// Makes the transit a record.
    fn arrive(
        &self,
        key: &StoreKey,
        data: &[u8],
        ttl: Option<Duration>,
        transit: Version,
        call: &Call<'_>,
    ) -> Result<Option<Record>> {
        let write = Write { key, data, ttl, expect: Expect::Version(transit) };
        Ok(match self.main.write(&write, call)? {
            Written::Stored(version) => {
                let expires_at = ttl.map(|ttl| call.now + ttl.as_secs_f64());
                Some(Record { data: data.into(), version, expires_at })
            }
            Written::Refused => None,
        })
    }

    fn put_transit(
        &self,
        key: &StoreKey,
        data: &[u8],
        ttl: Option<Duration>,
        expect: Expect,
        call: &Call<'_>,
    ) -> Result<Option<Version>> {
        let text = Transit { since: call.now, data: data.to_vec() }.write();
        Ok(match self.main.write(&Write { key, data: text.as_bytes(), ttl, expect }, call)? {
            Written::Stored(version) => Some(version),
            Written::Refused => None,
        })
    }

    /// The rest of the record's lifetime.
    fn ttl_of(&self, record: &Record, now: Timestamp) -> Option<Duration> {
        match record.expires_at {
            Some(expires_at) => Duration::try_from_secs_f64((expires_at - now).max(0.0)).ok(),
            None => self.lifetime,
        }
    }
}
