//! Locks as leases.

use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Instant;

use super::fake::{Fake, Reply};
use super::*;
use crate::error::ErrorKind;
use crate::store::{Guard, LockTarget, Locks};

const LEASE: Duration = Duration::from_millis(300);

impl Home {
    fn with_leases() -> Option<Self> {
        let home = Self::new()?;
        Some(Self { store: Arc::new((*home.store).clone().with_lease(LEASE)), ..home })
    }

    fn lock(&self, key: &StoreKey, wait: Duration) -> crate::error::Result<Option<Arc<dyn Guard>>> {
        Arc::clone(&self.store).lock(key, LockTarget::Id, &Call::at(NOW).waiting(wait))
    }
}

#[test]
fn a_lock_is_renewed_while_its_holder_works() {
    let Some(home) = Home::with_leases() else { return };
    let key = new_key();
    let held = home.lock(&key, WAIT).unwrap().unwrap();
    assert_eq!(home.lock(&key, LEASE * 4).map(|_| ()).unwrap_err().kind(), ErrorKind::Busy);
    held.release().unwrap();
    assert_eq!(home.number("DBSIZE"), 0);
    assert!(home.lock(&key, Duration::ZERO).unwrap().is_some());
}

#[test]
fn a_lock_whose_holder_is_gone_lapses() {
    let Some(home) = Home::with_leases() else { return };
    let key = new_key();
    // As a process that is killed leaves it: no thread renews it.
    let lock = home.store.keys.lock(&key);
    home.command(&format!("SET {lock} of-another-process PX 300"));
    assert_eq!(home.lock(&key, Duration::ZERO).map(|_| ()).unwrap_err().kind(), ErrorKind::Busy);
    let begin = Instant::now();
    let held = home.lock(&key, WAIT).unwrap().unwrap();
    assert!(begin.elapsed() < WAIT);
    drop(held);
}

#[test]
fn a_lock_that_lapsed_and_was_taken_by_another_is_not_released_for_it() {
    let Some(home) = Home::with_leases() else { return };
    let key = new_key();
    let held = home.lock(&key, WAIT).unwrap().unwrap();
    let lock = home.store.keys.lock(&key);
    home.command(&format!("SET {lock} of-another-process"));
    thread::sleep(LEASE);
    held.release().unwrap();
    assert_eq!(home.command(&format!("GET {lock}")), Value::BulkString(b"of-another-process".to_vec()));
    assert_eq!(home.number(&format!("PTTL {lock}")), -1);
}

#[test]
fn the_save_of_a_holder_whose_lock_lapsed_is_refused_after_another_save() {
    let Some(home) = Home::with_leases() else { return };
    let key = new_key();
    let version = home.write(&key, b"first", None);
    let held = home.lock(&key, WAIT).unwrap().unwrap();
    let lock = home.store.keys.lock(&key);
    home.command(&format!("DEL {lock}"));
    let other = home.lock(&key, Duration::ZERO).unwrap().unwrap();
    home.write(&key, b"another's", None);
    other.release().unwrap();
    let call = Call::at(NOW);
    let late =
        home.store.write(&Write::new(&key, b"late", Expect::Version(version)), &call.under(Some(&*held)));
    assert_eq!(late.unwrap(), Written::Refused);
}

#[test]
fn a_lock_does_not_tell_the_id() {
    let Some(home) = Home::new() else { return };
    let key = new_key();
    let _held = home.lock(&key, WAIT).unwrap().unwrap();
    let Value::Array(keys) = home.command("KEYS *") else { unreachable!() };
    let [Value::BulkString(lock)] = &keys[..] else { unreachable!() };
    let lock = String::from_utf8(lock.clone()).unwrap();
    assert!(lock.starts_with("beaker_lock:beaker_cache:") && !lock.contains(key.record()));
}

#[test]
fn a_lock_that_cannot_be_released_is_left_to_lapse() {
    let is_down = Arc::new(AtomicBool::new(false));
    let down = Arc::clone(&is_down);
    let fake = Fake::new(move |_words| {
        if down.load(Ordering::SeqCst) { Reply::Cut(Vec::new()) } else { Reply::Send(b":1\r\n".to_vec()) }
    });
    let home = Home::at(&fake.url(""), Keys::default());
    let held = home.lock(&new_key(), WAIT).unwrap().unwrap();
    is_down.store(true, Ordering::SeqCst);
    // The session is stored by now.
    held.release().unwrap();
}
