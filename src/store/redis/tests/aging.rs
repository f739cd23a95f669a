//! A store whose records age by the time that is passed in. The server has a clock of its own, which no test can set; so
//! all lifetimes are cut by as much as a call is later than the call before, and lengthened where it is earlier.

use std::sync::{Arc, Mutex};

use redis::cmd;

use crate::error::Result;
use crate::id::StoreKey;
use crate::store::redis::{Effect, RedisClient, RedisStore};
use crate::store::{
    Call, Capabilities, Deleted, Expect, Locks, Patch, Record, Renewal, Rotation, Store, Timestamp, Write,
    Written,
};

const AGE: &str = "for _, key in ipairs(redis.call('KEYS', '*')) do
    local left = redis.call('PTTL', key)
    if left >= 0 then redis.call('PEXPIRE', key, left - ARGV[1]) end
end";

pub(super) struct Aging {
    store: Arc<RedisStore>,
    client: Arc<RedisClient>,
    latest: Mutex<Timestamp>,
}

impl Aging {
    pub(super) fn new(store: Arc<RedisStore>, client: Arc<RedisClient>) -> Self {
        Self { store, client, latest: Mutex::new(super::NOW) }
    }

    fn at(&self, call: &Call<'_>) -> &RedisStore {
        let mut latest = self.latest.lock().unwrap();
        if call.now.is_finite() && call.now != *latest {
            let passed = ((call.now - *latest) * 1000.0).round().to_string();
            let mut request = cmd("EVAL");
            request.arg(AGE).arg(0).arg(passed);
            self.client.request("age the records", &request, Effect::Change, super::WAIT, Some).unwrap();
            *latest = call.now;
        }
        &self.store
    }
}

impl Store for Aging {
    fn load(&self, key: &StoreKey, call: &Call<'_>) -> Result<Option<Record>> {
        self.at(call).load(key, call)
    }

    fn write(&self, write: &Write<'_>, call: &Call<'_>) -> Result<Written> {
        self.at(call).write(write, call)
    }

    fn renew(&self, renewal: &Renewal<'_>, call: &Call<'_>) -> Result<bool> {
        self.at(call).renew(renewal, call)
    }

    fn patch(&self, patch: &Patch<'_>, call: &Call<'_>) -> Result<bool> {
        self.at(call).patch(patch, call)
    }

    fn delete(&self, key: &StoreKey, expect: Expect, call: &Call<'_>) -> Result<Deleted> {
        self.at(call).delete(key, expect, call)
    }

    fn rotate(&self, rotation: &Rotation<'_>, call: &Call<'_>) -> Result<Written> {
        self.at(call).rotate(rotation, call)
    }

    fn locks(self: Arc<Self>) -> Option<Arc<dyn Locks>> {
        Arc::clone(&self.store).locks()
    }

    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }
}
