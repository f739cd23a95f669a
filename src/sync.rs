//! What threads share, under the names that the standard library has for it.
//!
//! Tests with the feature `shuttle` put a scheduler's own locks in place of these, and then decide which thread
//! goes on at each of them. Everything else is compiled with the standard library's, and costs what that costs.

#[cfg(not(all(test, feature = "shuttle")))]
mod real {
    pub(crate) use std::hash::RandomState as HashKeys;
    pub(crate) use std::sync::atomic::{AtomicIsize, AtomicU32, AtomicU64};
    pub(crate) use std::sync::{Mutex, MutexGuard};
    pub(crate) use std::time::Instant;

    use std::sync::{Condvar, PoisonError};
    use std::time::Duration;

    /// Wakes those who wait for something that a mutex guards.
    #[derive(Debug, Default)]
    pub(crate) struct Signal(Condvar);

    impl Signal {
        /// Lets go of `mutex`, waits until somebody notifies, `limit` is over or for no reason, and locks it again.
        pub(crate) fn wait<'a, T>(
            &self,
            _mutex: &'a Mutex<T>,
            guard: MutexGuard<'a, T>,
            limit: Duration,
        ) -> MutexGuard<'a, T> {
            self.0.wait_timeout(guard, limit).unwrap_or_else(PoisonError::into_inner).0
        }

        pub(crate) fn notify_all(&self) {
            self.0.notify_all();
        }
    }
}

#[cfg(all(test, feature = "shuttle"))]
#[path = "sync_scheduled.rs"]
mod scheduled;

use std::sync::PoisonError;

#[cfg(not(all(test, feature = "shuttle")))]
pub(crate) use real::{AtomicIsize, AtomicU32, AtomicU64, HashKeys, Instant, Mutex, MutexGuard, Signal};

#[cfg(all(test, feature = "shuttle"))]
pub(crate) use scheduled::{
    AtomicIsize, AtomicU32, AtomicU64, FOR_EVER, HashKeys, Instant, Mutex, MutexGuard, Signal,
};

/// Locks a mutex, also one under whose lock a thread panicked: no change that it guards is made by halves.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
