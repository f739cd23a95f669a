//! Servers that are down, come back, answer late or in part, and want a password.

use std::fs;

use super::proxy::{Proxy, Then};
use super::*;

#[test]
fn a_server_that_is_down_is_an_error_and_its_neighbour_works() {
    let (Some(mut one), Some(two)) = (Server::start(), Server::start()) else { return };
    let store = store_on(&[&one, &two]);
    let keys: Vec<StoreKey> = (0..40).map(|_| new_key()).collect();
    for key in &keys {
        written(&store, key, b"x");
    }
    let lost = one.items();
    assert!((1..40).contains(&lost));
    one.kill();
    let mut failed = 0;
    for key in &keys {
        match store.load(key, &call()) {
            Ok(found) => assert_eq!(&*found.unwrap().data, b"x"),
            Err(error) => {
                failed += 1;
                assert_eq!(error.kind(), ErrorKind::Unavailable);
                assert!(error.os_error().is_some() && error.to_string().contains(&one.address()), "{error}");
                for outcome in [
                    store.write(&Write::new(key, b"y", Expect::Any), &call()).map(|_| ()),
                    store.delete(key, Expect::Any, &call()).map(|_| ()),
                    store.renew(&Renewal { key, version: Version::from(1), ttl: None }, &call()).map(|_| ()),
                ] {
                    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Unavailable);
                }
            }
        }
    }
    assert_eq!(failed, lost);
}

#[test]
fn a_server_that_was_started_again_is_found_at_once_and_has_nothing() {
    let Some(mut server) = Server::start() else { return };
    let store = store_on(&[&server]);
    let key = new_key();
    let version = written(&store, &key, b"x");
    server.kill();
    server.start_again();
    assert!(store.load(&key, &call()).unwrap().is_none());
    let late = Write::new(&key, b"late", Expect::Version(version));
    assert_eq!(store.write(&late, &call()).unwrap(), Written::Refused);
    server.kill();
    server.start_again();
    assert_ne!(store.write(&Write::new(&key, b"x", Expect::Absent), &call()).unwrap(), Written::Refused);
}

#[test]
fn a_change_whose_reply_is_cut_anywhere_is_unknown_and_made_once() {
    let Some(server) = Server::start() else { return };
    let direct = store_on(&[&server]);
    for then in [Then::Close, Then::Silence] {
        let proxy = Proxy::to(&server.address(), then);
        let store = MemcachedStore::new(
            Arc::new(Client::new(Access {
                operation_timeout: Duration::from_millis(if then == Then::Silence { 50 } else { 30_000 }),
                ..store_at(&[proxy.address()]).client.access().clone()
            })),
            Flavour::default(),
        );
        let key = new_key();
        for passing in [0, 1, 5] {
            let version = written(&direct, &key, b"before");
            proxy.pass(passing);
            let error =
                store.write(&Write::new(&key, b"after", Expect::Version(version)), &call()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unknown, "{passing} {error}");
            assert_eq!(data(&direct, &key).unwrap(), b"after");
            // Asking again does not make it twice.
            proxy.pass(usize::MAX);
            let again = store.write(&Write::new(&key, b"again", Expect::Version(version)), &call()).unwrap();
            assert_eq!(again, Written::Refused);
            proxy.pass(passing);
            assert_eq!(store.load(&key, &call()).unwrap_err().kind(), ErrorKind::Unavailable);
            proxy.pass(usize::MAX);
            assert_eq!(data(&store, &key).unwrap(), b"after");
            proxy.pass(passing.min(3));
            assert_eq!(store.delete(&key, Expect::Any, &call()).unwrap_err().kind(), ErrorKind::Unknown);
            assert_eq!(data(&direct, &key), None);
        }
    }
}

#[test]
fn an_idle_connection_that_ends_as_it_is_used_is_replaced() {
    let Some(server) = Server::start() else { return };
    let proxy = Proxy::to(&server.address(), Then::Close);
    let store = store_at(&[proxy.address()]);
    let key = new_key();
    let version = written(&store, &key, b"before");
    proxy.cut_next();
    assert_eq!(data(&store, &key).unwrap(), b"before");
    // A change may have been made.
    proxy.cut_next();
    let error = store.write(&Write::new(&key, b"after", Expect::Version(version)), &call()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unknown);
    assert_eq!(data(&store, &key).unwrap(), b"after");
    // A new connection is not replaced.
    let store = store_at(&[proxy.address()]);
    proxy.cut_next();
    assert_eq!(store.load(&key, &call()).unwrap_err().kind(), ErrorKind::Unavailable);
}

#[test]
fn a_value_that_is_cut_anywhere_is_no_value() {
    let Some(server) = Server::start() else { return };
    let proxy = Proxy::to(&server.address(), Then::Close);
    let store = store_at(&[proxy.address()]);
    let key = new_key();
    written(&store, &key, b"gAJ9");
    let whole = server.say(&format!("mg {}_session v f c t", key.record())).len() + "\r\ngAJ9\r\n".len();
    for passing in 0..whole {
        proxy.pass(passing);
        assert_eq!(store.load(&key, &call()).unwrap_err().kind(), ErrorKind::Unavailable, "{passing}");
    }
    proxy.pass(whole);
    assert_eq!(data(&store, &key).unwrap(), b"gAJ9");
}

#[test]
fn a_server_that_wants_a_user_gets_one() {
    let users = tempfile::NamedTempFile::new().unwrap();
    fs::write(users.path(), "someone:a-secret\n").unwrap();
    let Some(server) = Server::with(&["-Y", users.path().to_str().unwrap()]) else { return };
    let key = new_key();
    let store = store_at(&[&format!("someone:a-secret@{}", server.address())]);
    written(&store, &key, b"x");
    assert_eq!(data(&store, &key).unwrap(), b"x");
    for login in ["", "someone:another@", "nobody:a-secret@"] {
        let store = store_at(&[&format!("{login}{}", server.address())]);
        let error = store.load(&key, &call()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        let shown = format!("{error} {error:?} {store:?}");
        assert!(!shown.contains("secret") && !shown.contains("another"), "{shown}");
    }
}

#[cfg(unix)]
#[test]
fn a_server_may_listen_on_a_socket_in_the_file_system() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("socket");
    let mut process = std::process::Command::new("memcached")
        .args(["-u", "root", "-s", path.to_str().unwrap()])
        .spawn()
        .unwrap();
    let store = store_at(&[&format!("unix:{}", path.display())]);
    let key = new_key();
    let connected = (0..3000).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        store.load(&key, &call()).is_ok()
    });
    let outcome = connected.then(|| (written(&store, &key, b"x"), data(&store, &key)).1);
    process.kill().unwrap();
    process.wait().unwrap();
    assert_eq!(outcome, Some(Some(b"x".to_vec())));
    assert_eq!(store.load(&key, &call()).unwrap_err().kind(), ErrorKind::Unavailable);
}
