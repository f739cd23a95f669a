//! A server that is down, slow, full or wrong, and replies that are lost.

use std::thread;
use std::time::Instant;

use super::fake::{Fake, Reply, ok};
use super::*;
use crate::error::{Error, ErrorKind, Result};
use crate::store::{IdStorage, LockTarget, Locks, Patch, Renewal, SessionStore};

fn home_of(fake: &Fake, options: &str) -> Home {
    Home::at(&fake.url(options), Keys::default())
}

fn load(home: &Home) -> Result<Option<Record>> {
    home.store.load(&new_key(), &Call::at(NOW))
}

fn write(home: &Home, expect: Expect) -> Result<Written> {
    home.store.write(&Write::new(&new_key(), b"x", expect), &Call::at(NOW))
}

fn error<T>(outcome: Result<T>) -> Error {
    outcome.map(|_| ()).unwrap_err()
}

#[test]
fn each_error_of_a_server_is_told_by_what_it_means() {
    for (reply, kind, words) in [
        ("-LOADING Redis is loading the dataset in memory", ErrorKind::Unavailable, "loading"),
        ("-READONLY You can't write against a read only replica.", ErrorKind::Unavailable, "read-only"),
        ("-OOM command not allowed when used memory > 'maxmemory'.", ErrorKind::Unavailable, "maxmemory"),
        ("-MISCONF Redis is configured to save RDB snapshots", ErrorKind::Unavailable, "disk"),
        ("-NOAUTH Authentication required.", ErrorKind::Unavailable, "password"),
        ("-NOPERM this user has no permissions", ErrorKind::Unavailable, "allow"),
        ("-MOVED 3999 127.0.0.1:6381", ErrorKind::Unavailable, "cluster"),
        ("-MASTERDOWN Link with MASTER is down", ErrorKind::Unavailable, "primary"),
        ("-WRONGTYPE Operation against a key holding the wrong kind of value", ErrorKind::Corrupt, "string"),
        ("-ERR unknown command, with args beginning with: 'a secret'", ErrorKind::Unavailable, "ERR"),
        // As servers before version 7 tell of a script.
        (
            "-ERR Error running script (call to f_6b): @user_script:5: @user_script: 5: -OOM command not allowed",
            ErrorKind::Unavailable,
            "maxmemory",
        ),
    ] {
        let fake = Fake::saying(Reply::Send(format!("{reply}\r\n").into_bytes()));
        let home = home_of(&fake, "");
        let version = Expect::Version(Version::from(1));
        for error in [error(load(&home)), error(write(&home, Expect::Any)), error(write(&home, version))] {
            assert_eq!(error.kind(), kind, "{reply}");
            assert!(error.to_string().contains(words), "{error}");
            assert!(!error.to_string().contains("secret"));
        }
        // The connection is in order, and is used again, unless another server has to be asked.
        let leads_elsewhere = reply.starts_with("-READONLY") || reply.starts_with("-MASTERDOWN");
        assert_eq!(fake.accepted.load(Ordering::SeqCst), if leads_elsewhere { 3 } else { 1 }, "{reply}");
    }
}

#[test]
fn a_refused_password_is_not_shown() {
    let reply = |words: &[Vec<u8>]| match &words[0][..] {
        b"AUTH" => {
            Reply::Send(b"-WRONGPASS invalid username-password pair or user is disabled.\r\n".to_vec())
        }
        _ => ok(),
    };
    let fake = Fake::new(reply);
    let home = Home::at(&format!("redis://someone:secret@127.0.0.1:{}", fake.port), Keys::default());
    let error = error(load(&home));
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("user and the password"), "{error}");
    assert!(!format!("{error} {error:?} {:?}", home.store).contains("secret"));
}

#[test]
fn a_server_that_repeats_the_login_in_its_error_does_not_tell_the_password() {
    for (words, told) in [
        (
            "-ERR unknown command 'HELLO', with args beginning with: '3' 'AUTH' 'someone' 'secret'",
            "protocol=3",
        ),
        ("-ERR wrong: 'HELLO' '3' 'AUTH' 'someone' 'secret'", "error ERR"),
        ("-STRANGE 'secret'", "error STRANGE"),
    ] {
        let fake = Fake::new(move |request| match &request[0][..] {
            b"HELLO" => Reply::Send(format!("{words}\r\n").into_bytes()),
            _ => ok(),
        });
        let url = format!("redis://someone:secret@127.0.0.1:{}?protocol=3", fake.port);
        let error = error(load(&Home::at(&url, Keys::default())));
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.to_string().contains(told), "{error}");
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    }
}

#[test]
fn a_server_that_is_not_there_is_unavailable_with_the_number_of_the_systems_error() {
    let home = Home::at("redis://127.0.0.1:1", Keys::default());
    let refused = error(load(&home));
    assert_eq!(refused.kind(), ErrorKind::Unavailable);
    assert!(refused.os_error().is_some(), "{refused}");
    let home = Home::at("unix:///nowhere/redis.sock", Keys::default());
    assert_eq!(error(load(&home)).kind(), ErrorKind::Unavailable);
}

#[test]
fn a_server_of_another_kind_is_unavailable() {
    let home = home_of(&Fake::new(|_words| Reply::Send(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec())), "");
    let error = error(load(&home));
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("as Redis does") && !error.to_string().contains("HTTP"), "{error}");
}

#[test]
fn a_reply_that_is_cut_at_any_byte_is_lost() {
    let whole = b"$19\r\n\x80\x02X\x0a\0\0\0abcdefghijq\0.\r\n";
    for length in 0..whole.len() {
        let home = home_of(&Fake::saying(Reply::Cut(whole[..length].to_vec())), "");
        assert_eq!(error(load(&home)).kind(), ErrorKind::Unavailable, "{length} bytes");
    }
    for (reply, expect) in [(&b"+OK\r\n"[..], Expect::Any), (b":1\r\n", Expect::Version(Version::from(1)))] {
        for length in 0..reply.len() {
            let home = home_of(&Fake::saying(Reply::Cut(reply[..length].to_vec())), "");
            assert_eq!(error(write(&home, expect)).kind(), ErrorKind::Unknown, "{length} bytes");
        }
    }
}

#[test]
fn a_server_that_does_not_answer_is_waited_for_no_longer_than_the_time_limit() {
    let fake = Fake::saying(Reply::Silence);
    let home = home_of(&fake, "socket_timeout=0.1");
    let begin = Instant::now();
    assert_eq!(error(load(&home)).kind(), ErrorKind::Unavailable);
    let unknown = error(write(&home, Expect::Any));
    assert_eq!(unknown.kind(), ErrorKind::Unknown);
    assert!(unknown.to_string().contains("100ms"), "{unknown}");
    assert!(begin.elapsed() < Duration::from_secs(5));
    // What comes late belongs to no later request.
    assert_eq!(fake.accepted.load(Ordering::SeqCst), 2);
}

#[test]
fn a_server_that_accepts_and_says_nothing_is_waited_for_no_longer_than_the_time_limit() {
    let fake = Fake::new(|_words| Reply::Silence);
    let home = home_of(&fake, "socket_connect_timeout=0.1");
    let error = error(write(&home, Expect::Any));
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("100ms"), "{error}");
}

#[test]
fn a_renewal_whose_reply_is_lost_is_sent_again() {
    let seen = AtomicUsize::new(0);
    let fake = Fake::new(move |words| match &words[0][..] {
        b"CLIENT" => ok(),
        // The first request finds the connection in order, and the second does not.
        _ if seen.fetch_add(1, Ordering::SeqCst) == 1 => Reply::Cut(Vec::new()),
        _ => Reply::Send(b":1\r\n".to_vec()),
    });
    let home = home_of(&fake, "");
    let key = new_key();
    let renewal = Renewal { key: &key, version: Version::from(1), ttl: None };
    for _ in 0..3 {
        assert!(home.store.renew(&renewal, &Call::at(NOW)).unwrap());
    }
    assert_eq!(fake.accepted.load(Ordering::SeqCst), 2);
}

#[test]
fn a_change_is_not_sent_twice() {
    let seen = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&seen);
    let fake = Fake::new(move |words| match &words[0][..] {
        b"GET" => Reply::Send(b"$-1\r\n".to_vec()),
        b"SET" => {
            count.fetch_add(1, Ordering::SeqCst);
            Reply::Cut(Vec::new())
        }
        _ => ok(),
    });
    let home = home_of(&fake, "");
    assert!(load(&home).unwrap().is_none());
    assert_eq!(error(write(&home, Expect::Any)).kind(), ErrorKind::Unknown);
    assert_eq!(seen.load(Ordering::SeqCst), 1);
    assert!(load(&home).unwrap().is_none());
}

#[test]
fn a_connection_that_was_idle_is_asked_for_before_a_change() {
    let fake = Fake::new(move |words| match &words[0][..] {
        b"PING" => Reply::Cut(Vec::new()),
        _ => ok(),
    });
    let home = home_of(&fake, "health_check_interval=0.000001");
    assert_ne!(write(&home, Expect::Any).unwrap(), Written::Refused);
    thread::sleep(Duration::from_millis(5));
    assert_ne!(write(&home, Expect::Any).unwrap(), Written::Refused);
    assert_eq!(fake.accepted.load(Ordering::SeqCst), 2);
}

#[test]
fn who_finds_all_connections_in_use_waits_and_is_then_told_so() {
    let fake = Fake::saying(Reply::Silence);
    let home = home_of(&fake, "max_connections=1&socket_timeout=1");
    thread::scope(|scope| {
        let slow = scope.spawn(|| error(load(&home)).kind());
        while fake.accepted.load(Ordering::SeqCst) == 0 {
            thread::yield_now();
        }
        let call = Call::at(NOW).waiting(Duration::from_millis(10));
        let busy = error(home.store.load(&new_key(), &call));
        assert_eq!(busy.kind(), ErrorKind::Busy);
        assert!(busy.to_string().contains("max_connections"));
        let lock = Arc::clone(&home.store).lock(&new_key(), LockTarget::Id, &call);
        assert_eq!(error(lock).kind(), ErrorKind::Busy, "a lock waits no longer");
        assert_eq!(slow.join().unwrap(), ErrorKind::Unavailable);
    });
    assert_eq!(error(load(&home)).kind(), ErrorKind::Unavailable, "there is room again");
}

#[test]
fn a_server_that_is_killed_and_started_again_is_used_again() {
    let Some(server) = start(&[]) else { return };
    let port = server.port;
    let home = Home::at(&format!("redis://127.0.0.1:{port}"), Keys::default());
    let key = new_key();
    home.write(&key, b"x", None);
    drop(server);
    assert_eq!(error(home.store.load(&key, &Call::at(NOW))).kind(), ErrorKind::Unavailable);
    assert_eq!(error(write(&home, Expect::Any)).kind(), ErrorKind::Unavailable);
    let _again = start_at(port).unwrap();
    assert!(home.load(&key).is_none());
    assert_ne!(write(&home, Expect::Any).unwrap(), Written::Refused);
}

#[test]
fn a_full_server_refuses_saves_and_renewals_and_keeps_what_it_has() {
    let Some(server) = start(&["--maxmemory-policy", "noeviction"]) else { return };
    let home = Home::at(&format!("redis://127.0.0.1:{}", server.port), Keys::default());
    let (key, new, call) = (new_key(), new_key(), Call::at(NOW));
    let version = home.write(&key, b"abc", None);
    home.command("CONFIG SET maxmemory 1");
    let full = |error: Error| {
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.to_string().contains("maxmemory"), "{error}");
    };
    full(error(write(&home, Expect::Any)));
    let write = Write::new(&key, b"more", Expect::Version(version));
    full(error(home.store.write(&write, &call)));
    full(error(home.store.patch(&Patch::new(&key, version, 0, b"A"), &call)));
    let rotation = crate::store::Rotation::new(&key, &new, b"more", Expect::Present);
    full(error(home.store.rotate(&rotation, &call)));
    assert_eq!(&*home.load(&key).unwrap().data, b"abc");
    assert!(home.load(&new).is_none());
}

#[test]
fn a_script_that_the_server_has_forgotten_is_sent_again() {
    let Some(home) = Home::new() else { return };
    let key = new_key();
    let mut version = home.write(&key, b"0", None);
    for _ in 0..3 {
        home.command("SCRIPT FLUSH");
        let write = Write::new(&key, b"1", Expect::Version(version));
        let Written::Stored(stored) = home.store.write(&write, &Call::at(NOW)).unwrap() else {
            unreachable!()
        };
        version = stored;
    }
}

#[test]
fn the_first_record_of_an_id_overwrites_nothing_though_its_request_comes_late() {
    let Some(home) = Home::new() else { return };
    let sessions = SessionStore::new(home.store, IdStorage::Plain);
    let (id, call) = (SessionId::generate(), Call::at(NOW));
    let create = || sessions.write(&Write::new(&id, b"first", Expect::Any), &call).unwrap();
    let Written::Stored(version) = create() else { unreachable!("it is new") };
    let save = Write::new(&id, b"second", Expect::Version(version));
    assert_ne!(sessions.write(&save, &call).unwrap(), Written::Refused);
    assert_eq!(create(), Written::Refused);
    assert_eq!(sessions.load(&id, &call).unwrap().unwrap().data[..], b"second"[..]);
}
