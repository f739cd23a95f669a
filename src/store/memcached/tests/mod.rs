//! What is said of memcached alone; the laws of every store run here too, on two servers.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test says what it expects by failing"
)]

mod clocked;
mod locks;
mod proxy;
mod server;
mod trouble;

use super::*;
use crate::error::ErrorKind;
use crate::id::SessionId;
use crate::store::laws::{Fixture, laws, lock_laws};
use crate::store::{Patch, Rotation};
use clocked::Clocked;
use server::Server;

const NOW: f64 = 1_000_000.0;

/// A store on the servers, with short time limits.
fn store_on(servers: &[&Server]) -> MemcachedStore {
    let names: Vec<String> = servers.iter().map(|server| server.address()).collect();
    store_at(&names.iter().map(|name| &**name).collect::<Vec<_>>())
}

fn store_at(names: &[&str]) -> MemcachedStore {
    let access = Access {
        servers: Servers::new(names.iter().map(|name| (*name, 1))).unwrap(),
        connect_timeout: Duration::from_secs(30),
        operation_timeout: Duration::from_secs(30),
    };
    MemcachedStore::new(Arc::new(Client::new(access)), Flavour::default())
}

fn fixture() -> Option<Fixture> {
    let servers = [Server::start()?, Server::start()?];
    let store = Clocked::new(Arc::new(store_on(&[&servers[0], &servers[1]])));
    Some(Fixture::new(Arc::new(store), move || servers.iter().map(Server::items).sum()))
}

laws!(fixture);
lock_laws!(fixture);

fn new_key() -> StoreKey {
    SessionId::generate().into()
}

fn call() -> Call<'static> {
    Call::at(NOW)
}

fn written(store: &MemcachedStore, key: &StoreKey, data: &[u8]) -> Version {
    match store.write(&Write::new(key, data, Expect::Any), &call()).unwrap() {
        Written::Stored(version) => version,
        Written::Refused => unreachable!("nothing was expected"),
    }
}

fn data(store: &MemcachedStore, key: &StoreKey) -> Option<Vec<u8>> {
    store.load(key, &call()).unwrap().map(|record| record.data.to_vec())
}

#[test]
fn a_session_is_a_text_under_the_key_that_beaker_makes() {
    let Some(server) = Server::start() else { return };
    let store = store_on(&[&server]);
    let key = new_key();
    written(&store, &key, b"gAJ9");
    assert_eq!(server.say(&format!("mg {}_session v f t", key.record())), "VA 4 f16 t-1");
    let minute = Some(Duration::from_secs(60));
    let write = Write::new(&key, b"gAJ9", Expect::Any).lasting(minute);
    assert_ne!(store.write(&write, &call()).unwrap(), Written::Refused);
    assert_eq!(server.say(&format!("mg {}_session f t", key.record())), "HD f16 t60");
    let bmemcached = MemcachedStore { flavour: Flavour::Bmemcached, ..store };
    written(&bmemcached, &key, b"gAJ9");
    assert_eq!(server.say(&format!("mg {}_session v f", key.record())), "VA 4 f0");
}

#[test]
fn a_lifetime_is_at_least_as_long_as_it_is_said() {
    let seconds = |ttl| expiry(Some(ttl));
    assert_eq!(expiry(None), 0);
    assert_eq!(seconds(Duration::ZERO), 1);
    assert_eq!(seconds(Duration::from_millis(1500)), 2);
    assert_eq!(seconds(Duration::from_secs(2_592_000)), 2_592_000);
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
    assert!((now..now + 100).contains(&(seconds(Duration::from_secs(2_592_001)) - 2_592_001)));
    assert_eq!(seconds(Duration::from_secs(100 * 366 * 86_400)), 0, "no server counts so far");
}

#[test]
fn a_long_lifetime_is_stored_as_such() {
    let Some(server) = Server::start() else { return };
    let store = store_on(&[&server]);
    let key = new_key();
    let year = Some(Duration::from_secs(366 * 86_400));
    assert_ne!(
        store.write(&Write::new(&key, b"x", Expect::Any).lasting(year), &call()).unwrap(),
        Written::Refused
    );
    let left = store.load(&key, &call()).unwrap().unwrap().expires_at.unwrap() - NOW;
    assert!((31_622_300.0..=31_622_403.0).contains(&left), "{left}");
}

#[test]
fn a_record_that_is_too_large_is_an_error_and_the_older_one_stays() {
    let Some(server) = Server::start() else { return };
    let store = store_on(&[&server]);
    let key = new_key();
    written(&store, &key, &[b'x'; 1_048_000]);
    for length in [1_048_576, 5_000_000] {
        let error = store.write(&Write::new(&key, &vec![b'y'; length], Expect::Any), &call()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("larger -I"), "{error}");
    }
    assert_eq!(data(&store, &key).unwrap(), [b'x'; 1_048_000]);
    let Some(large) = Server::with(&["-I", "8m"]) else { return };
    let store = store_on(&[&large]);
    written(&store, &key, &vec![b'y'; 5_000_000]);
    assert_eq!(data(&store, &key).unwrap().len(), 5_000_000);
}

#[test]
fn a_server_without_tokens_is_refused() {
    let Some(server) = Server::with(&["-C"]) else { return };
    let store = store_on(&[&server]);
    let key = new_key();
    server.say(&format!("ms {}_session 1\r\nx", key.record()));
    let error = store.load(&key, &call()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("-C"), "{error}");
}

#[test]
fn a_patch_of_what_the_caller_has_is_one_request() {
    let Some(server) = Server::start() else { return };
    let store = store_on(&[&server]);
    let key = new_key();
    let version = written(&store, &key, b"abcdef");
    let gets = || server.count("cmd_get");
    let before = gets();
    let patch = Patch { loaded: Some(b"abcdef"), ..Patch::new(&key, version, 2, b"XY") };
    assert!(store.patch(&patch, &call()).unwrap());
    assert_eq!(gets(), before);
    assert_eq!(data(&store, &key).unwrap(), b"abXYef");
    // Another state is left as it is.
    written(&store, &key, b"other!");
    assert!(store.patch(&patch, &call()).unwrap());
    assert_eq!(data(&store, &key).unwrap(), b"other!");
    assert!(store.delete(&key, Expect::Any, &call()).unwrap() == Deleted::Record);
    assert!(!store.patch(&patch, &call()).unwrap());
}

#[test]
fn a_value_of_another_program_is_corrupt_and_can_be_removed() {
    let Some(server) = Server::start() else { return };
    let store = store_on(&[&server]);
    let key = new_key();
    server.say(&format!("ms {}_session 1 F2\r\n7", key.record()));
    assert_eq!(store.load(&key, &call()).unwrap_err().kind(), ErrorKind::Corrupt);
    assert_eq!(store.delete(&key, Expect::Any, &call()).unwrap(), Deleted::Record);
    assert!(store.load(&key, &call()).unwrap().is_none());
}

#[test]
fn a_rotation_may_lead_to_another_server() {
    let (Some(one), Some(two)) = (Server::start(), Server::start()) else { return };
    let store = store_on(&[&one, &two]);
    for _ in 0..20 {
        let (old, new) = (new_key(), new_key());
        let version = written(&store, &old, b"x");
        let rotation = Rotation::new(&old, &new, b"y", Expect::Version(version));
        assert_ne!(store.rotate(&rotation, &call()).unwrap(), Written::Refused);
        assert_eq!((data(&store, &old), data(&store, &new)), (None, Some(b"y".to_vec())));
    }
    assert_eq!(one.items() + two.items(), 20);
}
