//! Locks as leases.

use std::thread;

use super::*;
use crate::store::{Guard, LockTarget};

/// Servers count in seconds.
const LEASE: Duration = Duration::from_secs(2);
const WAIT: Duration = Duration::from_secs(30);

fn store_with_leases(server: &Server) -> Arc<MemcachedStore> {
    Arc::new(MemcachedStore { lease: LEASE, ..store_on(&[server]) })
}

fn lock(store: &Arc<MemcachedStore>, key: &StoreKey, wait: Duration) -> Result<Option<Arc<dyn Guard>>> {
    Arc::clone(store).lock(key, LockTarget::Id, &call().waiting(wait))
}

#[test]
fn a_lock_is_renewed_while_its_holder_works() {
    let Some(server) = Server::start() else { return };
    let (store, key) = (store_with_leases(&server), new_key());
    let held = lock(&store, &key, WAIT).unwrap().unwrap();
    assert_eq!(lock(&store, &key, LEASE * 2).map(|_| ()).unwrap_err().kind(), ErrorKind::Busy);
    held.release().unwrap();
    assert_eq!(server.items(), 0);
    assert!(lock(&store, &key, Duration::ZERO).unwrap().is_some());
}

#[test]
fn a_lock_whose_holder_is_gone_lapses() {
    let Some(server) = Server::start() else { return };
    let (store, key) = (store_with_leases(&server), new_key());
    // As a process that is killed leaves it: no thread renews it.
    server.say(&format!("ms {} 2 T2\r\nme", keys::lock_key(key.lock())));
    assert_eq!(lock(&store, &key, Duration::ZERO).map(|_| ()).unwrap_err().kind(), ErrorKind::Busy);
    assert!(lock(&store, &key, WAIT).unwrap().is_some());
}

#[test]
fn a_lock_that_another_has_taken_since_is_left_to_it() {
    let Some(server) = Server::start() else { return };
    let (store, key) = (store_with_leases(&server), new_key());
    let held = lock(&store, &key, WAIT).unwrap().unwrap();
    let name = keys::lock_key(key.lock());
    server.say(&format!("ms {name} 7\r\nanother"));
    thread::sleep(LEASE);
    held.release().unwrap();
    assert_eq!(server.say(&format!("mg {name} v t")), "VA 7 t-1");
}

#[test]
fn a_lock_shows_no_id() {
    let Some(server) = Server::start() else { return };
    let (store, key) = (store_with_leases(&server), new_key());
    let _held = lock(&store, &key, WAIT).unwrap();
    assert_eq!(server.items(), 1);
    assert_eq!(server.say(&format!("mg {} s", keys::lock_key(key.lock()))), "HD s32");
    assert!(!keys::lock_key(key.lock()).contains(key.lock()));
}

#[test]
fn a_lock_that_is_lost_with_the_server_lets_no_save_pass_unseen() {
    let Some(mut server) = Server::start() else { return };
    let (store, key) = (Arc::new(store_on(&[&server])), new_key());
    let first = written(&store, &key, b"first");
    let held = lock(&store, &key, WAIT).unwrap().unwrap();
    server.kill();
    assert_eq!(lock(&store, &key, Duration::ZERO).map(|_| ()).unwrap_err().kind(), ErrorKind::Unavailable);
    server.start_again();
    let another = lock(&store, &key, Duration::ZERO).unwrap().unwrap();
    let write = Write::new(&key, b"late", Expect::Version(first));
    assert_eq!(store.write(&write, &call().under(Some(&*held))).unwrap(), Written::Refused);
    held.release().unwrap();
    assert_eq!(lock(&store, &key, Duration::ZERO).map(|_| ()).unwrap_err().kind(), ErrorKind::Busy);
    drop(another);
}
