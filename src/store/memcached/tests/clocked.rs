//! A store on servers whose clock is the caller's, so that the laws can pass any time. The lifetimes are those that the
//! servers tell; what is over by the caller's clock is removed by hand.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::error::Result;
use crate::id::StoreKey;
use crate::store::lease::LeaseGuard;
use crate::store::{
    Call, Capabilities, Deleted, Expect, Locks, MemcachedStore, Patch, Record, Renewal, Rotation, Store,
    Timestamp, Write, Written, rotate_in_order,
};

pub(super) struct Clocked {
    pub(super) inner: Arc<MemcachedStore>,
    /// When each record is over that has a lifetime.
    ends: Mutex<HashMap<String, Timestamp>>,
}

impl Clocked {
    pub(super) fn new(inner: Arc<MemcachedStore>) -> Self {
        Self { inner, ends: Mutex::default() }
    }

    /// Runs `work` at the time of `call`.
    fn at<T>(&self, key: &StoreKey, call: &Call<'_>, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let is_over = self.ends.lock().unwrap().get(key.record()).is_some_and(|end| *end <= call.now);
        if is_over {
            let _ = self.inner.delete(key, Expect::Any, call)?;
            self.ends.lock().unwrap().remove(key.record());
        }
        work()
    }

    /// The same with a change, which may give the record another lifetime.
    fn change<T>(&self, key: &StoreKey, call: &Call<'_>, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let outcome = self.at(key, call, work);
        let end = self.inner.load(key, call)?.and_then(|record| record.expires_at);
        let mut ends = self.ends.lock().unwrap();
        match end {
            Some(end) => ends.insert(key.record().to_owned(), end),
            None => ends.remove(key.record()),
        };
        outcome
    }
}

impl Store for Clocked {
    fn load(&self, key: &StoreKey, call: &Call<'_>) -> Result<Option<Record>> {
        let found = self.at(key, call, || self.inner.load(key, call))?;
        let end = self.ends.lock().unwrap().get(key.record()).copied();
        Ok(found.map(|record| Record { expires_at: end, ..record }))
    }

    fn write(&self, write: &Write<'_>, call: &Call<'_>) -> Result<Written> {
        self.change(write.key, call, || self.inner.write(write, call))
    }

    fn renew(&self, renewal: &Renewal<'_>, call: &Call<'_>) -> Result<bool> {
        self.change(renewal.key, call, || self.inner.renew(renewal, call))
    }

    fn patch(&self, patch: &Patch<'_>, call: &Call<'_>) -> Result<bool> {
        self.change(patch.renewal.key, call, || self.inner.patch(patch, call))
    }

    fn delete(&self, key: &StoreKey, expect: Expect, call: &Call<'_>) -> Result<Deleted> {
        self.at(key, call, || self.inner.delete(key, expect, call))
    }

    fn rotate(&self, rotation: &Rotation<'_>, call: &Call<'_>) -> Result<Written> {
        match call.guard_of::<LeaseGuard>() {
            // The guard takes the new id, too.
            Some(_) => self.inner.rotate(rotation, call),
            None => rotate_in_order(self, rotation, call),
        }
    }

    fn locks(self: Arc<Self>) -> Option<Arc<dyn Locks>> {
        Arc::clone(&self.inner).locks()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }
}
