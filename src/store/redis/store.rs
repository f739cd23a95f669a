//! The verbs of the store.

use std::sync::Arc;
use std::time::Duration;

use redis::{Cmd, Value, cmd};

use super::client::{Effect, RedisClient};
use super::keys::Keys;
use super::lifetime;
use super::replies;
use super::scripts::{self, Script};
use super::version::Stored;
use crate::codec::pickled_text;
use crate::error::{Error, Result};
use crate::id::StoreKey;
use crate::store::lease::LeaseGuard;
use crate::store::{
    Blocking, Call, Capabilities, Deleted, Expect, Locks, Patch, Record, Renewal, Rotation, Scan, Store,
    Timestamp, WAIT, Write, Written,
};

/// How long a lock lasts if its holder is gone.
pub const LEASE: Duration = Duration::from_secs(10);

const READING: &str = "read the session from Redis";
const WRITING: &str = "write the session to Redis";
const RENEWING: &str = "renew the session in Redis";
const REMOVING: &str = "remove the session from Redis";
const ROTATING: &str = "rotate the session in Redis";
const LISTING: &str = "list the sessions in Redis";

/// The keys that the server looks at for a page.
const ENTRIES: usize = 500;

/// Keeps each session under a key of its own.
///
/// The server removes what is over, by its own clock. A record that is over at the time of a call, but not by the server's
/// clock, is still there.
#[derive(Clone, Debug)]
pub struct RedisStore {
    pub(super) client: Arc<RedisClient>,
    pub(super) keys: Keys,
    pub(super) lease: Duration,
}

impl RedisStore {
    /// A store on the server of `client`.
    pub fn new(client: Arc<RedisClient>, keys: Keys) -> Self {
        Self { client, keys, lease: LEASE }
    }

    /// The same, whose locks last for `lease` if their holder is gone.
    #[cfg(test)]
    pub(super) fn with_lease(self, lease: Duration) -> Self {
        Self { lease, ..self }
    }

    fn request<T>(
        &self,
        operation: &'static str,
        request: &Cmd,
        effect: Effect,
        call: &Call<'_>,
        read: impl Fn(Value) -> Option<T>,
    ) -> Result<T> {
        self.client.request(operation, request, effect, call.wait, read)
    }

    pub(super) fn run(
        &self,
        operation: &'static str,
        script: &Script,
        keys: &[String],
        arguments: &[&[u8]],
        effect: Effect,
        wait: Duration,
    ) -> Result<i64> {
        let keys: Vec<&[u8]> = keys.iter().map(String::as_bytes).collect();
        self.client.run(operation, script, &keys, arguments, effect, wait)
    }

    /// Stores a value by a command that has the condition, if there is one.
    fn set(&self, write: &Write<'_>, value: &[u8], condition: Option<&str>, call: &Call<'_>) -> Result<bool> {
        let mut request = cmd("SET");
        request.arg(self.keys.record(write.key)).arg(value);
        if let Some(ttl) = write.ttl {
            request.arg("PX").arg(lifetime::milliseconds(ttl));
        }
        request.arg(condition);
        self.request(WRITING, &request, Effect::Change, call, replies::is_set)
    }

    pub(super) fn is_there(&self, key: &StoreKey, call: &Call<'_>) -> Result<bool> {
        let mut request = cmd("EXISTS");
        request.arg(self.keys.record(key));
        Ok(self.request(READING, &request, Effect::Repeatable, call, replies::number)? > 0)
    }

    fn rotate_unlocked(&self, rotation: &Rotation<'_>, call: &Call<'_>) -> Result<Written> {
        let Rotation { old, new, data, ttl, expect, redirect } = *rotation;
        let digest = match expect.of_what_is_there() {
            None => return Ok(Written::Refused),
            Some(Expect::Version(version)) => Stored::digest_of(version),
            Some(_) => String::new(),
        };
        let stored = Stored::of_text(data)?;
        let redirect = redirect
            .map(|redirect| {
                Ok((pickled_text::write(redirect.data)?.0, lifetime::milliseconds(redirect.ttl).to_string()))
            })
            .transpose()?
            .unwrap_or_default();
        let (redirect, redirect_lifetime) = &redirect;
        let arguments = [
            digest.as_bytes(),
            &stored.value,
            &lifetime::argument(ttl),
            redirect,
            redirect_lifetime.as_bytes(),
        ];
        let keys = [self.keys.record(old), self.keys.record(new)];
        match self.run(ROTATING, &scripts::ROTATE, &keys, &arguments, Effect::Change, call.wait)? {
            0 => Ok(Written::Refused),
            _ => Ok(Written::Stored(stored.version)),
        }
    }
}

impl Store for RedisStore {
    fn load(&self, key: &StoreKey, call: &Call<'_>) -> Result<Option<Record>> {
        let mut request = cmd("GET");
        request.arg(self.keys.record(key));
        let found = self.request(READING, &request, Effect::Repeatable, call, replies::value)?;
        found
            .map(|value| {
                let stored = Stored::of_value(value)?;
                Ok(Record { data: Arc::from(stored.text()), version: stored.version, expires_at: None })
            })
            .transpose()
    }

    fn write(&self, write: &Write<'_>, call: &Call<'_>) -> Result<Written> {
        let stored = Stored::of_text(write.data)?;
        let is_stored = match write.expect {
            Expect::Any => self.set(write, &stored.value, None, call)?,
            Expect::Absent => self.set(write, &stored.value, Some("NX"), call)?,
            Expect::Present => self.set(write, &stored.value, Some("XX"), call)?,
            Expect::Version(version) => {
                let digest = Stored::digest_of(version);
                let arguments = [digest.as_bytes(), &stored.value, &lifetime::argument(write.ttl)];
                let keys = [self.keys.record(write.key)];
                self.run(WRITING, &scripts::REPLACE, &keys, &arguments, Effect::Change, call.wait)? == 1
            }
        };
        Ok(if is_stored { Written::Stored(stored.version) } else { Written::Refused })
    }

    fn renew(&self, renewal: &Renewal<'_>, call: &Call<'_>) -> Result<bool> {
        self.patch(&renewal.as_patch(), call)
    }

    fn patch(&self, patch: &Patch<'_>, call: &Call<'_>) -> Result<bool> {
        let Renewal { key, version, ttl } = patch.renewal;
        let (start, after) = Stored::place_in(version);
        let digest = Stored::digest_of(version);
        let (offset, after) = (start.saturating_add(patch.offset).to_string(), after.to_string());
        let arguments =
            [digest.as_bytes(), &lifetime::argument(ttl), offset.as_bytes(), patch.bytes, after.as_bytes()];
        let keys = [self.keys.record(key)];
        // A second time it finds another version, and renews the lifetime again.
        match self.run(RENEWING, &scripts::PATCH, &keys, &arguments, Effect::Repeatable, call.wait)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Error::invalid(RENEWING).with_detail("the new bytes do not lie within the record")),
        }
    }

    fn delete(&self, key: &StoreKey, expect: Expect, call: &Call<'_>) -> Result<Deleted> {
        let digest = match expect {
            Expect::Any | Expect::Present => {
                let mut request = cmd("DEL");
                request.arg(self.keys.record(key));
                let deleted = self.request(REMOVING, &request, Effect::Change, call, replies::number)?;
                return Ok(if deleted > 0 { Deleted::Record } else { Deleted::Nothing });
            }
            Expect::Absent => {
                return Ok(if self.is_there(key, call)? { Deleted::Refused } else { Deleted::Nothing });
            }
            Expect::Version(version) => Stored::digest_of(version),
        };
        let keys = [self.keys.record(key)];
        let deleted =
            self.run(REMOVING, &scripts::DELETE, &keys, &[digest.as_bytes()], Effect::Change, call.wait)?;
        Ok(match deleted {
            0 => Deleted::Nothing,
            1 => Deleted::Record,
            _ => Deleted::Refused,
        })
    }

    fn rotate(&self, rotation: &Rotation<'_>, call: &Call<'_>) -> Result<Written> {
        if let Some(written) = rotation.as_write(|write| self.write(write, call)) {
            return written;
        }
        LeaseGuard::follow(rotation, call, || self.rotate_unlocked(rotation, call))
    }

    fn locks(self: Arc<Self>) -> Option<Arc<dyn Locks>> {
        Some(self)
    }

    fn scan(&self) -> Option<Box<dyn Scan + '_>> {
        let cursor = Some(b"0".to_vec());
        Some(Box::new(RedisScan { client: &self.client, keys: &self.keys, cursor }))
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            native_expiry: true,
            compare_and_swap: true,
            atomic_rotation: true,
            blocking: Blocking::Network,
        }
    }
}

/// Lists the records on the server.
struct RedisScan<'a> {
    client: &'a RedisClient,
    keys: &'a Keys,
    /// Where the next page begins; `None` behind the last one.
    cursor: Option<Vec<u8>>,
}

impl Scan for RedisScan<'_> {
    fn next_page(&mut self, _now: Timestamp) -> Result<Option<Vec<StoreKey>>> {
        let Some(cursor) = &self.cursor else { return Ok(None) };
        let mut request = cmd("SCAN");
        request.arg(cursor).arg("MATCH").arg(self.keys.pattern()).arg("COUNT").arg(ENTRIES);
        let (next, found) =
            self.client.request(LISTING, &request, Effect::Repeatable, WAIT, replies::page)?;
        self.cursor = Some(next).filter(|cursor| cursor != b"0");
        let names = found.iter().filter_map(|key| std::str::from_utf8(key).ok());
        Ok(Some(names.filter_map(|key| self.keys.record_of(key)).map(StoreKey::of_record).collect()))
    }
}
