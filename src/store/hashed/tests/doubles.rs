//! Stores that others stand on: a fleet whose processes are on both sides, and one that counts, fails, or moves a
//! record while somebody looks for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::super::{HashedStore, KeptUnder};
use super::{data, over};
use crate::error::{Error, Result};
use crate::id::SessionId;
use crate::store::key::stored_key;
use crate::store::{
    Capabilities, Deleted, Expect, Held, HoldOf, Record, Rotation, Store, Sweep, Timestamp, Touch, Written,
};

/// Each call is answered by the other one of two processes, of which one has switched.
pub(super) struct Mixed {
    processes: [Arc<HashedStore>; 2],
    next: AtomicUsize,
}

impl Mixed {
    pub(super) fn over(inner: &Arc<dyn Store>) -> Self {
        Self {
            processes: [over(inner, KeptUnder::Id), over(inner, KeptUnder::Hash)],
            next: AtomicUsize::new(0),
        }
    }

    fn process(&self) -> &Arc<HashedStore> {
        &self.processes[self.next.fetch_add(1, Ordering::Relaxed) % 2]
    }
}

impl Store for Mixed {
    fn load(&self, id: &SessionId, now: Timestamp) -> Result<Option<Record>> {
        self.process().load(id, now)
    }

    fn write(
        &self,
        id: &SessionId,
        data: &[u8],
        ttl: Option<Duration>,
        expect: Expect,
        now: Timestamp,
    ) -> Result<Written> {
        self.process().write(id, data, ttl, expect, now)
    }

    fn touch(
        &self,
        id: &SessionId,
        touch: &Touch<'_>,
        ttl: Option<Duration>,
        now: Timestamp,
    ) -> Result<bool> {
        self.process().touch(id, touch, ttl, now)
    }

    fn delete(&self, id: &SessionId, expect: Expect) -> Result<Deleted> {
        self.process().delete(id, expect)
    }

    fn rotate(&self, rotation: &Rotation<'_>, now: Timestamp) -> Result<Written> {
        self.process().rotate(rotation, now)
    }

    fn hold(
        self: Arc<Self>,
        id: &SessionId,
        of: HoldOf,
        limit: Duration,
        now: Timestamp,
    ) -> Result<Option<Arc<dyn Held>>> {
        Arc::clone(self.process()).hold(id, of, limit, now)
    }

    fn sweep(&self) -> Box<dyn Sweep + '_> {
        self.processes[0].sweep()
    }

    fn capabilities(&self) -> Capabilities {
        self.processes[0].capabilities()
    }
}

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
        let (id, key, store) = (id.clone(), stored_key(id), Arc::clone(&inner));
        Self::acting(inner, at, move || {
            if let Some(text) = data(&*store, &id) {
                let written =
                    store.rotate(&Rotation::new(&id, &key, &text, Expect::Present), super::NOW).unwrap();
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
    fn load(&self, id: &SessionId, now: Timestamp) -> Result<Option<Record>> {
        self.call()?.load(id, now)
    }

    fn write(
        &self,
        id: &SessionId,
        data: &[u8],
        ttl: Option<Duration>,
        expect: Expect,
        now: Timestamp,
    ) -> Result<Written> {
        self.call()?.write(id, data, ttl, expect, now)
    }

    fn touch(
        &self,
        id: &SessionId,
        touch: &Touch<'_>,
        ttl: Option<Duration>,
        now: Timestamp,
    ) -> Result<bool> {
        self.call()?.touch(id, touch, ttl, now)
    }

    fn delete(&self, id: &SessionId, expect: Expect) -> Result<Deleted> {
        self.call()?.delete(id, expect)
    }

    fn rotate(&self, rotation: &Rotation<'_>, now: Timestamp) -> Result<Written> {
        self.call()?.rotate(rotation, now)
    }

    fn hold(
        self: Arc<Self>,
        id: &SessionId,
        of: HoldOf,
        limit: Duration,
        now: Timestamp,
    ) -> Result<Option<Arc<dyn Held>>> {
        self.call()?;
        Arc::clone(&self.inner).hold(id, of, limit, now)
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }
}
