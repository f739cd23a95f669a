//! The locks of sessions: leases with a random token.

use std::sync::Arc;
use std::time::Duration;

use super::client::Effect;
use super::lifetime;
use super::scripts::{self, Script};
use super::store::RedisStore;
use crate::error::Result;
use crate::id::StoreKey;
use crate::store::lease::{self, Leases, Server};
use crate::store::{Call, LockTarget, Locks, Taken};

const LOCKING: &str = "lock the session in Redis";

impl Locks for RedisStore {
    fn lock(self: Arc<Self>, key: &StoreKey, target: LockTarget, call: &Call<'_>) -> Result<Taken> {
        let store = Arc::clone(&self);
        lease::lock(self, key, target, call, || store.is_there(key, call))
    }
}

impl Leases for RedisStore {
    fn take(&self, key: &StoreKey, token: &str, wait: Duration) -> Result<bool> {
        let arguments = [token.as_bytes(), &lifetime::argument(Some(self.lease))];
        self.run_lease(&scripts::TAKE_LEASE, key, &arguments, wait)
    }

    fn renew(&self, key: &StoreKey, token: &str) -> Result<bool> {
        let arguments = [token.as_bytes(), &lifetime::argument(Some(self.lease))];
        self.run_lease(&scripts::RENEW_LEASE, key, &arguments, self.lease)
    }

    fn release(&self, key: &StoreKey, token: &str) -> Result<()> {
        self.run_lease(&scripts::DELETE_IF, key, &[token.as_bytes()], self.lease).map(|_was_held| ())
    }

    fn lasting(&self) -> Duration {
        self.lease
    }

    fn server(&self, _key: &StoreKey) -> Server {
        (Arc::as_ptr(&self.client).addr(), 0)
    }
}

impl RedisStore {
    fn run_lease(
        &self,
        script: &Script,
        key: &StoreKey,
        arguments: &[&[u8]],
        wait: Duration,
    ) -> Result<bool> {
        let keys = [self.keys.lock(key)];
        Ok(self.run(LOCKING, script, &keys, arguments, Effect::Repeatable, wait)? == 1)
    }
}
