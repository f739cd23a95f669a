//! The locks of sessions: leases, each an item whose value is the token of its holder.
//!
//! A server that needs the room may evict such an item, and loses all when it is started again. The lock is free then, and
//! the version of the record is the fence.

use std::sync::Arc;
use std::time::Duration;

use super::keys::lock_key;
use super::protocol::{Code, Mode, Request};
use super::{MemcachedStore, NO_FLAGS, expiry, name_of};
use crate::error::Result;
use crate::id::StoreKey;
use crate::store::lease::{self, Leases, Server};
use crate::store::{Call, LockTarget, Locks, Taken};

const LOCKING: &str = "lock the session in memcached";

impl Locks for MemcachedStore {
    fn lock(self: Arc<Self>, key: &StoreKey, target: LockTarget, call: &Call<'_>) -> Result<Taken> {
        let store = Arc::clone(&self);
        let name = name_of(key);
        lease::lock(self, key, target, call, || {
            let found = store.client.ask(&name, &Request::look(&name), LOCKING)?;
            Ok(found.code != Code::Absent)
        })
    }
}

impl Leases for MemcachedStore {
    fn take(&self, key: &StoreKey, token: &str, _wait: Duration) -> Result<bool> {
        let name = lock_key(key.lock());
        Ok(self.put_lease(&name, token, Mode::Add)? || self.renew(key, token)?)
    }

    fn renew(&self, key: &StoreKey, token: &str) -> Result<bool> {
        let name = lock_key(key.lock());
        match self.held(&name, token)? {
            Some(held) => self.put_lease(&name, token, Mode::Cas(held)),
            None => Ok(false),
        }
    }

    fn release(&self, key: &StoreKey, token: &str) -> Result<()> {
        let name = lock_key(key.lock());
        if let Some(held) = self.held(&name, token)? {
            self.client.ask(&name, &Request::delete(&name, Some(held)).repeatable(), LOCKING)?;
        }
        Ok(())
    }

    fn lasting(&self) -> Duration {
        self.lease
    }

    fn server(&self, key: &StoreKey) -> Server {
        (Arc::as_ptr(&self.client).addr(), self.client.access().servers.of(&lock_key(key.lock())))
    }
}

impl MemcachedStore {
    fn put_lease(&self, name: &str, token: &str, mode: Mode) -> Result<bool> {
        let request = Request::set(name, token.as_bytes(), NO_FLAGS, expiry(Some(self.lease)), mode);
        Ok(self.client.ask(name, &request.repeatable(), LOCKING)?.code == Code::Done)
    }

    /// The state of a lease, if `token` has it.
    fn held(&self, name: &str, token: &str) -> Result<Option<u64>> {
        let found = self.client.ask(name, &Request::get(name), LOCKING)?;
        Ok((found.code == Code::Value && found.value == token.as_bytes()).then_some(found.token))
    }
}
