//! Locks of sessions on a server: leases, which their holder renews while it works.
//!
//! A lease is a name on the server with a random token. It lapses when nobody renews it, so that a process which is killed
//! blocks a session no longer than that. A thread of the process renews its leases after a third of their time. A process
//! that is stopped for longer than a lease loses it without knowing. Its save is then refused if the session was saved
//! meanwhile, because the version of the record is another one.

use std::any::Any;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use super::{Call, Guard, LockTarget, Written};
use crate::error::{Error, Result};
use crate::fork::{ForkLocal, Process};
use crate::id::{SessionId, StoreKey};

const LOCKING: &str = "lock the session";

/// Between two attempts to take a lease: each is a request.
const PAUSE: Duration = Duration::from_millis(25);

/// A server that keeps leases. Every call may be repeated: a second time it does what the first did.
pub(crate) trait Leases: Send + Sync {
    /// Takes the lease of `key` for [`lasting`](Self::lasting), or renews it if `token` has it. `false` if another token has it.
    /// `wait` is for a connection, not for the lease.
    fn take(&self, key: &StoreKey, token: &str, wait: Duration) -> Result<bool>;

    /// Renews the lease. `false` if it has lapsed.
    fn renew(&self, key: &StoreKey, token: &str) -> Result<bool>;

    /// Ends the lease, if `token` has it.
    fn release(&self, key: &StoreKey, token: &str) -> Result<()>;

    /// How long a lease lasts if nobody renews it.
    fn lasting(&self) -> Duration;
}

/// Takes the lease of `key`, if the target is an id or `is_there` says that the id has a record.
pub(crate) fn lock(
    leases: Arc<dyn Leases>,
    key: &StoreKey,
    target: LockTarget,
    call: &Call<'_>,
    is_there: impl Fn() -> Result<bool>,
) -> Result<Option<Arc<dyn Guard>>> {
    let is_due = || Ok(target == LockTarget::Id || is_there()?);
    if !is_due()? {
        return Ok(None);
    }
    let lease = Lease::take(&leases, key, call.wait)?;
    let guard = LeaseGuard { leases, process: Process::current(), held: Mutex::new(vec![lease]) };
    // The record may have gone meanwhile.
    Ok(is_due()?.then(|| Arc::new(guard) as Arc<dyn Guard>))
}

/// A lease that this process has taken.
struct Lease {
    leases: Arc<dyn Leases>,
    key: StoreKey,
    token: String,
    is_over: AtomicBool,
}

impl Lease {
    fn take(leases: &Arc<dyn Leases>, key: &StoreKey, wait: Duration) -> Result<Arc<Self>> {
        let begin = Instant::now();
        let token = SessionId::generate().as_str().to_owned();
        loop {
            match leases.take(key, &token, wait.saturating_sub(begin.elapsed())) {
                Ok(true) => break,
                Ok(false) => {}
                // There was no connection.
                Err(error) if error.is_busy() => return Err(error),
                Err(error) => {
                    // It may have been taken all the same, and the reply be lost. If this fails, too, it lapses.
                    let _ = leases.release(key, &token);
                    return Err(error);
                }
            }
            let left = wait.saturating_sub(begin.elapsed());
            thread::sleep(PAUSE.min(left));
            if left <= PAUSE {
                return Err(Error::busy(LOCKING).with_detail(format!("it was held for {wait:?}")));
            }
        }
        let lease = Arc::new(Self {
            leases: Arc::clone(leases),
            key: key.clone(),
            token,
            is_over: AtomicBool::new(false),
        });
        RENEWER.of(Process::current()).add(&lease).inspect_err(|_| {
            let _ = lease.release();
        })?;
        Ok(lease)
    }

    fn release(&self) -> Result<()> {
        self.is_over.store(true, Ordering::Release);
        self.leases.release(&self.key, &self.token)
    }

    /// Renews it, if it is in use. `false` if there is nothing more to renew.
    fn renew(&self) -> bool {
        // A server that does not answer may answer the next time.
        !self.is_over.load(Ordering::Acquire) && self.leases.renew(&self.key, &self.token).unwrap_or(true)
    }
}

/// The leases of one holder.
pub(crate) struct LeaseGuard {
    leases: Arc<dyn Leases>,
    process: Process,
    held: Mutex<Vec<Arc<Lease>>>,
}

impl LeaseGuard {
    /// Runs `rotate`. Where the old id is locked, the new one is too from then on, if the rotation took place. `wait` is for a
    /// connection.
    pub(crate) fn follow(
        &self,
        old: &StoreKey,
        new: &StoreKey,
        wait: Duration,
        rotate: impl FnOnce() -> Result<Written>,
    ) -> Result<Written> {
        if !self.holds(old) || self.holds(new) {
            return rotate();
        }
        // The id is unknown to others until its session is stored under it, so there is no lease to wait for.
        let lease = Lease::take(&self.leases, new, wait)?;
        let written = rotate();
        match written {
            // It lapses if this fails.
            Ok(Written::Refused) => lease.release().unwrap_or_default(),
            // After a lost reply the session may have the new id.
            Ok(Written::Stored(_)) | Err(_) => self.held().push(lease),
        }
        written
    }

    fn held(&self) -> MutexGuard<'_, Vec<Arc<Lease>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Guard for LeaseGuard {
    fn holds(&self, key: &StoreKey) -> bool {
        self.held().iter().any(|lease| lease.key.lock() == key.lock())
    }

    fn release(&self) -> Result<()> {
        if !self.process.is_current() {
            // They are held in the process that this one was forked from, and a thread that is gone may have had the mutex.
            return Ok(());
        }
        let held = std::mem::take(&mut *self.held());
        for lease in held {
            // The connection may have broken. A lease that is not released lapses, and the session that its holder has stored
            // is no worse for that.
            let _ = lease.release().or_else(|_| lease.release());
        }
        Ok(())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Drop for LeaseGuard {
    fn drop(&mut self) {
        let _ = self.release();
    }
}

static RENEWER: ForkLocal<Renewer> = ForkLocal::new();

/// The leases that a process renews, and the thread that does it.
#[derive(Default)]
struct Renewer {
    due: Mutex<Due>,
    added: Condvar,
}

#[derive(Default)]
struct Due {
    leases: Vec<(Instant, Weak<Lease>)>,
    has_thread: bool,
}

impl Renewer {
    fn add(&'static self, lease: &Arc<Lease>) -> Result<()> {
        let mut due = self.due();
        if !due.has_thread {
            let thread = thread::Builder::new().name("beaker leases".to_owned());
            thread.spawn(|| self.run()).map_err(|error| {
                Error::unavailable(LOCKING)
                    .with_detail("the thread that renews locks cannot start")
                    .with_source(error)
            })?;
            due.has_thread = true;
        }
        due.leases.push((Instant::now() + lease.leases.lasting() / 3, Arc::downgrade(lease)));
        self.added.notify_one();
        Ok(())
    }

    fn run(&self) {
        loop {
            for lease in self.next() {
                if lease.renew() {
                    let next = Instant::now() + lease.leases.lasting() / 3;
                    self.due().leases.push((next, Arc::downgrade(&lease)));
                }
            }
        }
    }

    /// Waits until leases are due, and takes them out.
    fn next(&self) -> Vec<Arc<Lease>> {
        let mut due = self.due();
        loop {
            let now = Instant::now();
            due.leases.retain(|(_, lease)| lease.strong_count() > 0);
            let (ready, later) = std::mem::take(&mut due.leases).into_iter().partition(|(at, _)| *at <= now);
            due.leases = later;
            let ready: Vec<(Instant, Weak<Lease>)> = ready;
            let ready: Vec<_> = ready.iter().filter_map(|(_, lease)| lease.upgrade()).collect();
            if !ready.is_empty() {
                return ready;
            }
            let first = due.leases.iter().map(|(at, _)| *at).min();
            due = match first {
                Some(first) => {
                    let waited = self.added.wait_timeout(due, first.saturating_duration_since(now));
                    waited.map_or_else(|poisoned| poisoned.into_inner().0, |(due, _)| due)
                }
                None => self.added.wait(due).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    fn due(&self) -> MutexGuard<'_, Due> {
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
