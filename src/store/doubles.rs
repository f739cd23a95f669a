//! A store that counts its calls, and in which other processes act in between.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::id::StoreKey;
use crate::store::{
    Call, Capabilities, Deleted, Expect, LockTarget, Locks, Patch, Record, Renewal, Rotation, Store, Taken,
    Version, Write, Written,
};

type Act = Box<dyn Fn() + Send + Sync>;

/// Counts the calls, and before one of them does something.
pub(crate) struct Counting {
    inner: Arc<dyn Store>,
    pub(crate) calls: AtomicUsize,
    /// The verbs since the last look, with the key of each.
    log: Mutex<Vec<(&'static str, StoreKey)>>,
    /// A key whose record cannot be understood, as far as loads go.
    corrupt: Mutex<Option<StoreKey>>,
    /// The calls left until the one that fails.
    until_failure: AtomicUsize,
    until_busy: AtomicUsize,
    /// The calls that somebody else is in the way of then.
    busy: AtomicUsize,
    until_act: AtomicUsize,
    act: Act,
    /// Whether every write stores other data than it is given.
    mangles: AtomicBool,
    /// Whether the store answers.
    check: Box<dyn Fn() -> bool + Send + Sync>,
}

const NEVER: usize = usize::MAX;

impl Counting {
    pub(crate) fn over(inner: Arc<dyn Store>) -> Self {
        Self {
            inner,
            calls: AtomicUsize::new(0),
            log: Mutex::default(),
            corrupt: Mutex::default(),
            until_failure: AtomicUsize::new(NEVER),
            until_busy: AtomicUsize::new(NEVER),
            busy: AtomicUsize::new(0),
            until_act: AtomicUsize::new(NEVER),
            act: Box::new(|| ()),
            mangles: AtomicBool::new(false),
            check: Box::new(|| true),
        }
    }

    /// Does what another process does, before the call of this number, counted from 0.
    pub(crate) fn acting(inner: Arc<dyn Store>, at: usize, act: impl Fn() + Send + Sync + 'static) -> Self {
        Self { until_act: AtomicUsize::new(at), act: Box::new(act), ..Self::over(inner) }
    }

    /// Answers only while `check`, which is asked at each call, says so.
    pub(crate) fn checking(inner: Arc<dyn Store>, check: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self { check: Box::new(check), ..Self::over(inner) }
    }

    /// Has the call of this number fail, counted from 0 and from now on.
    pub(crate) fn fail_at(&self, number: usize) {
        self.until_failure.store(number, Ordering::Relaxed);
    }

    /// Has somebody else be in the way of the call of this number and of those after it, so many in all.
    pub(crate) fn busy_at(&self, number: usize, calls: usize) {
        self.until_busy.store(number, Ordering::Relaxed);
        self.busy.store(calls, Ordering::Relaxed);
    }

    /// The verbs since the last look.
    pub(crate) fn verbs(&self) -> Vec<(&'static str, StoreKey)> {
        std::mem::take(&mut *self.log.lock().unwrap())
    }

    /// From now on every write stores other data than it is given.
    pub(crate) fn mangle(&self) {
        self.mangles.store(true, Ordering::Relaxed);
    }

    /// From now on the record of `key` cannot be understood.
    pub(crate) fn corrupt(&self, key: StoreKey) {
        *self.corrupt.lock().unwrap() = Some(key);
    }

    fn call(&self, verb: &'static str, key: &StoreKey) -> Result<&dyn Store> {
        self.log.lock().unwrap().push((verb, key.clone()));
        let down = |counter: &AtomicUsize| match counter.load(Ordering::Relaxed) {
            NEVER => false,
            0 => {
                counter.store(NEVER, Ordering::Relaxed);
                true
            }
            left => {
                counter.store(left - 1, Ordering::Relaxed);
                false
            }
        };
        self.calls.fetch_add(1, Ordering::Relaxed);
        if down(&self.until_act) {
            (self.act)();
        }
        if !(self.check)() {
            return Err(Error::unavailable("answer"));
        }
        let is_busy = self.until_busy.load(Ordering::Relaxed) == 0 && self.busy.load(Ordering::Relaxed) > 0;
        if is_busy {
            self.busy.fetch_sub(1, Ordering::Relaxed);
            return Err(Error::busy("answer"));
        }
        if self.until_busy.load(Ordering::Relaxed) != 0 {
            down(&self.until_busy);
        }
        if down(&self.until_failure) { Err(Error::unavailable("answer")) } else { Ok(&*self.inner) }
    }
}

impl Store for Counting {
    fn load(&self, key: &StoreKey, call: &Call<'_>) -> Result<Option<Record>> {
        let store = self.call("load", key)?;
        if self.corrupt.lock().unwrap().as_ref() == Some(key) {
            return Err(Error::new(ErrorKind::Corrupt, "read a record"));
        }
        store.load(key, call)
    }

    fn write(&self, write: &Write<'_>, call: &Call<'_>) -> Result<Written> {
        let data: &[u8] = if self.mangles.load(Ordering::Relaxed) { b"?" } else { write.data };
        self.call("write", write.key)?.write(&Write { data, ..*write }, call)
    }

    fn renew(&self, renewal: &Renewal<'_>, call: &Call<'_>) -> Result<bool> {
        self.call("renew", renewal.key)?.renew(renewal, call)
    }

    fn patch(&self, patch: &Patch<'_>, call: &Call<'_>) -> Result<bool> {
        self.call("patch", patch.renewal.key)?.patch(patch, call)
    }

    fn delete(&self, key: &StoreKey, expect: Expect, call: &Call<'_>) -> Result<Deleted> {
        self.call("delete", key)?.delete(key, expect, call)
    }

    fn rotate(&self, rotation: &Rotation<'_>, call: &Call<'_>) -> Result<Written> {
        self.call("rotate", rotation.old)?.rotate(rotation, call)
    }

    fn purge(&self, key: &StoreKey, call: &Call<'_>) -> Result<()> {
        self.log.lock().unwrap().push(("purge", key.clone()));
        self.inner.purge(key, call)
    }

    fn locks(self: Arc<Self>) -> Option<Arc<dyn Locks>> {
        Some(self)
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }
}

impl Locks for Counting {
    fn lock(self: Arc<Self>, key: &StoreKey, target: LockTarget, call: &Call<'_>) -> Result<Taken> {
        self.call("lock", key)?;
        Arc::clone(&self.inner).locks().unwrap().lock(key, target, call)
    }
}

impl<'a, K> Write<'a, K> {
    /// A record that is kept until it is deleted.
    pub(crate) fn new(key: &'a K, data: &'a [u8], expect: Expect) -> Self {
        Self { key, data, ttl: None, expect }
    }

    /// The same with a lifetime.
    pub(crate) fn lasting(self, ttl: Option<Duration>) -> Self {
        Self { ttl, ..self }
    }
}

impl<'a, K> Patch<'a, K> {
    /// A change of a record that is then kept until it is deleted.
    pub(crate) fn new(key: &'a K, version: Version, offset: usize, bytes: &'a [u8]) -> Self {
        Self { renewal: Renewal { key, version, ttl: None }, offset, bytes, loaded: None }
    }

    /// The same with a lifetime.
    pub(crate) fn lasting(self, ttl: Option<Duration>) -> Self {
        Self { renewal: Renewal { ttl, ..self.renewal }, ..self }
    }
}

impl<'a, K> Rotation<'a, K> {
    /// One that leaves nothing under the old key, and whose record is kept until it is deleted.
    pub(crate) fn new(old: &'a K, new: &'a K, data: &'a [u8], expect: Expect) -> Self {
        Self { old, new, data, ttl: None, expect, redirect: None }
    }
}
