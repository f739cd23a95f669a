//! The same under a scheduler that decides at each lock which thread goes on.
//!
//! Its own condition variable never times out. Here time passes when the scheduler lets it: a limit is a thread that
//! may run at any moment, and then it is as late as the limit says. So a wait ends before anything else happens,
//! after everything else, or at any point between, and never for want of somebody who notifies.

#![allow(clippy::unwrap_used, reason = "no lock is poisoned: the first panic ends the test")]

use std::collections::hash_map::DefaultHasher;
use std::hash::BuildHasherDefault;
use std::sync::Arc;
use std::time::Duration;

use shuttle::sync::Condvar;
pub(crate) use shuttle::sync::atomic::{AtomicIsize, AtomicU32, AtomicU64};
pub(crate) use shuttle::sync::{Mutex, MutexGuard};

/// A limit that never comes: who waits so long and is not notified is in a deadlock.
pub(crate) const FOR_EVER: Duration = Duration::MAX;

/// The same keys each time, so that a schedule can be repeated.
pub(crate) type HashKeys = BuildHasherDefault<DefaultHasher>;

/// In nanoseconds. It is no lock of the test's, so that reading it is no point at which another thread goes on.
static CLOCK: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);

/// A moment of the time that passes when the scheduler lets it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Instant(u64);

impl Instant {
    pub(crate) fn now() -> Self {
        Self(CLOCK.load(std::sync::atomic::Ordering::SeqCst))
    }

    pub(crate) fn elapsed(self) -> Duration {
        Duration::from_nanos(Self::now().0 - self.0)
    }

    /// The moment that comes so much later, if it ever does.
    fn after(self, time: Duration) -> Option<Self> {
        u64::try_from(time.as_nanos()).ok().and_then(|time| self.0.checked_add(time)).map(Self)
    }

    fn comes(self) {
        CLOCK.fetch_max(self.0, std::sync::atomic::Ordering::SeqCst);
    }
}

/// Somebody who waits.
#[derive(Debug, Default)]
struct Waiter {
    woken: Mutex<bool>,
    waking: Condvar,
}

impl Waiter {
    fn wake(&self) {
        *self.woken.lock().unwrap() = true;
        self.waking.notify_one();
    }

    fn sleep(&self) {
        let mut woken = self.woken.lock().unwrap();
        while !*woken {
            woken = self.waking.wait(woken).unwrap();
        }
    }
}

/// See the one that is compiled elsewhere.
#[derive(Debug, Default)]
pub(crate) struct Signal(Mutex<Vec<Arc<Waiter>>>);

impl Signal {
    pub(crate) fn wait<'a, T>(
        &self,
        mutex: &'a Mutex<T>,
        guard: MutexGuard<'a, T>,
        limit: Duration,
    ) -> MutexGuard<'a, T> {
        let waiter = Arc::new(Waiter::default());
        self.0.lock().unwrap().push(Arc::clone(&waiter));
        drop(guard);
        if let Some(end) = Instant::now().after(limit) {
            let waiter = Arc::clone(&waiter);
            shuttle::thread::spawn(move || {
                end.comes();
                waiter.wake();
            });
        }
        waiter.sleep();
        mutex.lock().unwrap()
    }

    pub(crate) fn notify_all(&self) {
        let waiters = std::mem::take(&mut *self.0.lock().unwrap());
        for waiter in waiters {
            waiter.wake();
        }
    }
}
