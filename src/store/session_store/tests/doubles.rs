//! A store that counts its calls, and in which other processes act in between.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::{NOW, hashed, kept, plain};
use crate::error::{Error, Result};
use crate::id::{SessionId, StoreKey};
use crate::store::{
    Capabilities, Deleted, Expect, Held, HoldOf, Record, Rotation, Store, Timestamp, Touch, Written,
};

type Act = Box<dyn Fn() + Send + Sync>;

/// Counts the calls, and before one of them does something.
pub(super) struct Counting {
    inner: Arc<dyn Store>,
    pub(super) calls: AtomicUsize,
    /// The calls left until the one that fails.
    until_failure: AtomicUsize,
    until_busy: AtomicUsize,
    /// The calls that somebody else is in the way of then.
    busy: AtomicUsize,
    until_act: AtomicUsize,
    act: Act,
}

const NEVER: usize = usize::MAX;

impl Counting {
    pub(super) fn over(inner: Arc<dyn Store>) -> Self {
        Self {
            inner,
            calls: AtomicUsize::new(0),
            until_failure: AtomicUsize::new(NEVER),
            until_busy: AtomicUsize::new(NEVER),
            busy: AtomicUsize::new(0),
            until_act: AtomicUsize::new(NEVER),
            act: Box::new(|| ()),
        }
    }

    /// As another process would, moves the record of `id` before the call of this number, counted from 0.
    pub(super) fn moving(inner: Arc<dyn Store>, id: &SessionId, at: usize) -> Self {
        let (old, new, store) = (plain(id), hashed(id), Arc::clone(&inner));
        Self::acting(inner, at, move || {
            if let Some(text) = kept(&*store, &old) {
                let written = store.rotate(&Rotation::new(&old, &new, &text, Expect::Present), NOW).unwrap();
                assert_ne!(written, Written::Refused);
            }
        })
    }

    /// Does what another process does, before the call of this number, counted from 0.
    pub(super) fn acting(inner: Arc<dyn Store>, at: usize, act: impl Fn() + Send + Sync + 'static) -> Self {
        Self { until_act: AtomicUsize::new(at), act: Box::new(act), ..Self::over(inner) }
    }

    /// Has the call of this number fail, counted from 0 and from now on.
    pub(super) fn fail_at(&self, number: usize) {
        self.until_failure.store(number, Ordering::Relaxed);
    }

    /// Has somebody else be in the way of the call of this number and of those after it, so many in all.
    pub(super) fn busy_at(&self, number: usize, calls: usize) {
        self.until_busy.store(number, Ordering::Relaxed);
        self.busy.store(calls, Ordering::Relaxed);
    }

    fn call(&self) -> Result<&dyn Store> {
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
        let is_busy = self.until_busy.load(Ordering::Relaxed) == 0 && self.busy.load(Ordering::Relaxed) > 0;
        if is_busy {
            self.busy.fetch_sub(1, Ordering::Relaxed);
            return Err(Error::locked("answer"));
        }
        if self.until_busy.load(Ordering::Relaxed) != 0 {
            down(&self.until_busy);
        }
        if down(&self.until_failure) { Err(Error::unavailable("answer")) } else { Ok(&*self.inner) }
    }
}

impl Store for Counting {
    fn load(&self, key: &StoreKey, now: Timestamp) -> Result<Option<Record>> {
        self.call()?.load(key, now)
    }

    fn write(
        &self,
        key: &StoreKey,
        data: &[u8],
        ttl: Option<Duration>,
        expect: Expect,
        now: Timestamp,
    ) -> Result<Written> {
        self.call()?.write(key, data, ttl, expect, now)
    }

    fn touch(
        &self,
        key: &StoreKey,
        touch: &Touch<'_>,
        ttl: Option<Duration>,
        now: Timestamp,
    ) -> Result<bool> {
        self.call()?.touch(key, touch, ttl, now)
    }

    fn delete(&self, key: &StoreKey, expect: Expect) -> Result<Deleted> {
        self.call()?.delete(key, expect)
    }

    fn rotate(&self, rotation: &Rotation<'_>, now: Timestamp) -> Result<Written> {
        self.call()?.rotate(rotation, now)
    }

    fn hold(
        self: Arc<Self>,
        key: &StoreKey,
        of: HoldOf,
        limit: Duration,
        now: Timestamp,
    ) -> Result<Option<Arc<dyn Held>>> {
        self.call()?;
        Arc::clone(&self.inner).hold(key, of, limit, now)
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }
}
