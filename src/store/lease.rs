//! Locks of sessions on a server: leases, which their holder renews while it works.
//!
//! A lease is a name on the server with a random token. It lapses when nobody renews it, so that a process which is killed
//! blocks a session no longer than that. A process has a thread for each server, which renews the leases there after a
//! third of their time. A process that is stopped for longer than a lease loses it without knowing. Its save is then
//! refused if the session was saved meanwhile, because the version of the record is another one.

use std::any::Any;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use super::{Call, Guard, LockTarget, Rotation, Taken, Written};
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

    /// The server that has the lease of `key`.
    fn server(&self, key: &StoreKey) -> Server;
}

/// A server of this process: the address of its client, and the number of the server among those of the client. A lease keeps
/// the client, so no other has its address.
pub(crate) type Server = (usize, usize);

/// Takes the lease of `key`, if the target is an id or `is_there` says that the id has a record.
pub(crate) fn lock(
    leases: Arc<dyn Leases>,
    key: &StoreKey,
    target: LockTarget,
    call: &Call<'_>,
    is_there: impl Fn() -> Result<bool>,
) -> Result<Taken> {
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

    /// When it is to be renewed. It is held weakly, since it ends with its guard.
    fn next(self: &Arc<Self>) -> (Instant, Weak<Self>) {
        (Instant::now() + self.leases.lasting() / 3, Arc::downgrade(self))
    }
}

/// The leases of one holder.
pub(crate) struct LeaseGuard {
    leases: Arc<dyn Leases>,
    process: Process,
    held: Mutex<Vec<Arc<Lease>>>,
}

impl LeaseGuard {
    /// Runs `rotate`. Where the caller has locked the old id, it has the new one too from then on, if the rotation took
    /// place.
    pub(crate) fn follow(
        rotation: &Rotation<'_>,
        call: &Call<'_>,
        rotate: impl FnOnce() -> Result<Written>,
    ) -> Result<Written> {
        let Rotation { old, new, .. } = *rotation;
        let guard = call.guard_of::<Self>().filter(|guard| guard.holds(old) && !guard.holds(new));
        let Some(guard) = guard else { return rotate() };
        // The id is unknown to others until its session is stored under it, so there is no lease to wait for.
        let lease = Lease::take(&guard.leases, new, call.wait)?;
        let written = rotate();
        match written {
            // It lapses if this fails.
            Ok(Written::Refused) => lease.release().unwrap_or_default(),
            // After a lost reply the session may have the new id.
            Ok(Written::Stored(_)) | Err(_) => guard.held().push(lease),
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

/// When each lease on a server is to be renewed.
type Due = HashMap<Server, Vec<(Instant, Weak<Lease>)>>;

static RENEWER: ForkLocal<Renewer> = ForkLocal::new();

/// The leases that a process renews, by their servers. Each server has a thread while there are leases on it, so that one
/// that hangs does not keep the leases on others from being renewed.
#[derive(Default)]
struct Renewer {
    due: Mutex<Due>,
    added: Condvar,
}

impl Renewer {
    fn add(&'static self, lease: &Arc<Lease>) -> Result<()> {
        let server = lease.leases.server(&lease.key);
        let mut due = self.due();
        if !due.contains_key(&server) {
            let thread = thread::Builder::new().name("beaker leases".to_owned());
            thread.spawn(move || self.run(server)).map_err(|error| {
                Error::unavailable(LOCKING)
                    .with_detail("the thread that renews locks cannot start")
                    .with_source(error)
            })?;
        }
        due.entry(server).or_default().push(lease.next());
        self.added.notify_all();
        Ok(())
    }

    fn run(&self, server: Server) {
        while let Some(ready) = self.next(server) {
            for lease in ready {
                if lease.renew() {
                    self.due().entry(server).or_default().push(lease.next());
                }
            }
        }
    }

    /// Waits until leases on a server are due, and takes them out. `None` if there are no more.
    fn next(&self, server: Server) -> Option<Vec<Arc<Lease>>> {
        let mut due = self.due();
        loop {
            let now = Instant::now();
            let leases = due.get_mut(&server)?;
            leases.retain(|(_, lease)| lease.strong_count() > 0);
            let ready: Vec<_> = leases
                .extract_if(.., |(at, _)| *at <= now)
                .filter_map(|(_, lease)| lease.upgrade())
                .collect();
            if !ready.is_empty() {
                return Some(ready);
            }
            let Some(first) = leases.iter().map(|(at, _)| *at).min() else {
                due.remove(&server);
                return None;
            };
            let waited = self.added.wait_timeout(due, first.saturating_duration_since(now));
            due = waited.map_or_else(|poisoned| poisoned.into_inner().0, |(due, _)| due);
        }
    }

    fn due(&self) -> MutexGuard<'_, Due> {
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

    use std::sync::mpsc::{self, Receiver, Sender};

    use super::*;
    use crate::error::ErrorKind;
    use crate::store::Timestamp;

    const LONG: Duration = Duration::from_secs(60);

    /// A server that tells of each renewal, and answers when it may.
    struct Told {
        number: usize,
        renewed: Sender<()>,
        answers: Mutex<Option<Receiver<()>>>,
    }

    impl Leases for Told {
        fn take(&self, _key: &StoreKey, _token: &str, _wait: Duration) -> Result<bool> {
            Ok(true)
        }

        fn renew(&self, _key: &StoreKey, _token: &str) -> Result<bool> {
            let _ = self.renewed.send(());
            if let Some(answers) = &*self.answers.lock().unwrap() {
                let _ = answers.recv();
            }
            Ok(true)
        }

        fn release(&self, _key: &StoreKey, _token: &str) -> Result<()> {
            Ok(())
        }

        fn lasting(&self) -> Duration {
            Duration::from_millis(3)
        }

        fn server(&self, _key: &StoreKey) -> Server {
            (0, self.number)
        }
    }

    fn locked(number: usize, answers: Option<Receiver<()>>) -> (Arc<dyn Guard>, Receiver<()>) {
        let (renewed, told) = mpsc::channel();
        let leases = Arc::new(Told { number, renewed, answers: Mutex::new(answers) });
        let key = StoreKey::plain(&SessionId::generate());
        let guard = lock(leases, &key, LockTarget::Id, &Call::at(Timestamp::NEG_INFINITY), || Ok(true));
        (guard.unwrap().unwrap(), told)
    }

    #[test]
    fn a_server_that_hangs_keeps_no_lease_on_another_from_being_renewed() {
        let (answer, answers) = mpsc::channel();
        let (hanging, told_by_hanging) = locked(1, Some(answers));
        told_by_hanging.recv_timeout(LONG).unwrap();
        let (other, told) = locked(2, None);
        for _ in 0..3 {
            told.recv_timeout(LONG).unwrap();
        }
        drop(answer);
        told_by_hanging.recv_timeout(LONG).unwrap();
        drop((hanging, other));
    }

    #[test]
    fn a_server_is_forgotten_when_it_has_no_lease_any_more() {
        let (guard, told) = locked(3, None);
        told.recv_timeout(LONG).unwrap();
        drop(guard);
        while RENEWER.of(Process::current()).due().contains_key(&(0, 3)) {
            thread::sleep(Duration::from_millis(1));
        }
        let (guard, told) = locked(3, None);
        told.recv_timeout(LONG).unwrap();
        drop(guard);
    }

    /// A server whose reply to the taking of a lease is an error.
    struct Refusing {
        kind: ErrorKind,
        released: AtomicBool,
    }

    impl Leases for Refusing {
        fn take(&self, _key: &StoreKey, _token: &str, _wait: Duration) -> Result<bool> {
            Err(Error::new(self.kind, LOCKING))
        }

        fn renew(&self, _key: &StoreKey, _token: &str) -> Result<bool> {
            Ok(false)
        }

        fn release(&self, _key: &StoreKey, _token: &str) -> Result<()> {
            self.released.store(true, Ordering::Relaxed);
            Ok(())
        }

        fn lasting(&self) -> Duration {
            LONG
        }

        fn server(&self, _key: &StoreKey) -> Server {
            (0, 4)
        }
    }

    #[test]
    fn a_lease_that_may_have_been_taken_is_released_and_one_without_a_connection_is_not() {
        for (kind, is_released) in
            [(ErrorKind::Unknown, true), (ErrorKind::Unavailable, true), (ErrorKind::Busy, false)]
        {
            let server = Arc::new(Refusing { kind, released: AtomicBool::new(false) });
            let leases: Arc<dyn Leases> = Arc::<Refusing>::clone(&server);
            let key = StoreKey::plain(&SessionId::generate());
            assert_eq!(Lease::take(&leases, &key, LONG).err().map(|error| error.kind()), Some(kind));
            assert_eq!(server.released.load(Ordering::Relaxed), is_released, "{kind:?}");
        }
    }
}
