//! Sessions in memcached, where Beaker and python-memcached put them.
//!
//! An item is the text of a session under the key that Beaker makes, on the server that python-memcached chooses. The
//! version of a record is the token that its server gave the item (*cas unique*). Requests are meta commands, of which
//! each checks its condition and makes its change in one step.

mod client;
mod connection;
mod items;
mod keys;
mod locks;
mod protocol;
mod servers;
#[cfg(test)]
mod tests;
mod value;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use protocol::{Code, Mode, Reply, Request, TEXT, token_of};

use super::lease::LeaseGuard;
use super::{
    Blocking, Call, Capabilities, Deleted, Expect, Locks, Record, Renewal, Rotation, Store, Version, Write,
    Written, rotate_in_order,
};
use crate::error::{Error, Result};
use crate::id::StoreKey;

pub use client::{Access, Client};
pub use items::{Condition, Item};
pub use keys::item_key;
pub use servers::Servers;

/// The key of a session's text within its namespace.
const KEY: &str = "session";

/// A server takes a longer lifetime for a moment.
const LONGEST_RELATIVE: u64 = 30 * 24 * 60 * 60;

/// How long a lock lasts if its holder is gone.
const LEASE: Duration = Duration::from_secs(30);

/// The flags of a text that bmemcached stores.
const NO_FLAGS: u32 = 0;

/// The Python client that reads and writes the same sessions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flavour {
    /// python-memcached.
    #[default]
    PythonMemcached,
    /// bmemcached, which takes bytes for what python-memcached takes for a text.
    Bmemcached,
}

/// Keeps sessions in memcached.
#[derive(Clone, Debug)]
pub struct MemcachedStore {
    client: Arc<Client>,
    flavour: Flavour,
    lease: Duration,
}

impl MemcachedStore {
    /// A store on the servers of `client`.
    pub fn new(client: Arc<Client>, flavour: Flavour) -> Self {
        Self { client, flavour, lease: LEASE }
    }

    fn flags(&self) -> u32 {
        match self.flavour {
            Flavour::PythonMemcached => TEXT,
            Flavour::Bmemcached => NO_FLAGS,
        }
    }
}

fn name_of(key: &StoreKey) -> String {
    item_key(key.record(), KEY)
}

/// The lifetime as a server takes it: in seconds, or beyond 30 days a moment by the machine's clock, since the server has
/// its own, too. 0 is without an end, which is what is taken for a moment that a server cannot count to.
fn expiry(ttl: Option<Duration>) -> i64 {
    let Some(ttl) = ttl else { return 0 };
    let seconds = ttl.as_secs() + u64::from(ttl.subsec_nanos() > 0);
    let seconds = match seconds {
        0..=LONGEST_RELATIVE => seconds.max(1),
        _ => {
            seconds.saturating_add(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs())
        }
    };
    i32::try_from(seconds).unwrap_or_default().into()
}

/// The version that a reply names.
fn version_of(reply: &Reply, operation: &'static str) -> Result<Version> {
    match reply.token {
        0 => Err(Error::unsupported(operation).with_detail(
            "the server has no tokens: start memcached without -C, which turns off compare-and-swap",
        )),
        token => Ok(Version::from(token)),
    }
}

impl Store for MemcachedStore {
    fn load(&self, key: &StoreKey, call: &Call<'_>) -> Result<Option<Record>> {
        const OPERATION: &str = "read the session in memcached";
        let name = name_of(key);
        let reply = self.client.ask(&name, &Request::get(&name), OPERATION)?;
        if reply.code == Code::Absent {
            return Ok(None);
        }
        let version = version_of(&reply, OPERATION)?;
        // No lifetime is as long as a float cannot count it.
        let expires_at = reply.lifetime.map(|left| call.now + left as f64);
        let data = value::text_of(reply.flags, reply.value)?;
        Ok(Some(Record { data: data.into(), version, expires_at }))
    }

    fn write(&self, write: &Write<'_>, _call: &Call<'_>) -> Result<Written> {
        const OPERATION: &str = "write the session to memcached";
        let mode = match write.expect {
            Expect::Any => Mode::Set,
            Expect::Absent => Mode::Add,
            Expect::Present => Mode::Replace,
            Expect::Version(version) => match token_of(version) {
                Some(token) => Mode::Cas(token),
                None => return Ok(Written::Refused),
            },
        };
        let name = name_of(write.key);
        self.client.check_size(&name, write.data, OPERATION)?;
        let request = Request::set(&name, write.data, self.flags(), expiry(write.ttl), mode);
        let reply = self.client.ask(&name, &request, OPERATION)?;
        match reply.code {
            Code::Done => Ok(Written::Stored(version_of(&reply, OPERATION)?)),
            _ => Ok(Written::Refused),
        }
    }

    fn renew(&self, renewal: &Renewal<'_>, _call: &Call<'_>) -> Result<bool> {
        const OPERATION: &str = "renew the session in memcached";
        let name = name_of(renewal.key);
        let expiry = expiry(renewal.ttl);
        let found = self.client.ask(&name, &Request::look(&name), OPERATION)?;
        if found.code == Code::Absent {
            return Ok(false);
        }
        let is_loaded = token_of(renewal.version) == Some(found.token);
        let is_longer = match (found.lifetime, renewal.ttl) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(left), Some(ttl)) => ttl > Duration::from_secs(left),
        };
        if !is_loaded && !is_longer {
            return Ok(true);
        }
        let reply = self.client.ask(&name, &Request::touch(&name, expiry), OPERATION)?;
        Ok(reply.code == Code::Done)
    }

    fn delete(&self, key: &StoreKey, expect: Expect, _call: &Call<'_>) -> Result<Deleted> {
        const OPERATION: &str = "remove the session from memcached";
        let name = name_of(key);
        let request = match expect {
            Expect::Any | Expect::Present => Request::delete(&name, None),
            Expect::Version(version) => match token_of(version) {
                Some(token) => Request::delete(&name, Some(token)),
                None => Request::look(&name),
            },
            Expect::Absent => Request::look(&name),
        };
        let reply = self.client.ask(&name, &request, OPERATION)?;
        Ok(match reply.code {
            Code::Absent => Deleted::Nothing,
            Code::Done if request.is_change => Deleted::Record,
            _ => Deleted::Refused,
        })
    }

    fn rotate(&self, rotation: &Rotation<'_>, call: &Call<'_>) -> Result<Written> {
        LeaseGuard::follow(rotation, call, || rotate_in_order(self, rotation, call))
    }

    fn locks(self: Arc<Self>) -> Option<Arc<dyn Locks>> {
        Some(self)
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            native_expiry: true,
            compare_and_swap: true,
            atomic_rotation: false,
            blocking: Blocking::Network,
        }
    }
}
