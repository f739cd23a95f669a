//! Sentinels that are down, that know nothing, or that are behind the times.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::super::{Address, Effect, Limits, RedisClient, replies};
use super::fake::{Fake, Reply, ok};
use crate::error::{ErrorKind, Result};
use crate::store::WAIT;

/// A port at which nobody answers.
const NOBODY: u16 = 1;

fn text(text: &str) -> Vec<u8> {
    format!("${}\r\n{text}\r\n", text.len()).into_bytes()
}

/// A server that has a role, and whose values are its role. It closes a connection that has asked for one.
fn server(role: &'static str) -> Fake {
    Fake::new(move |words| match &*words[0] {
        b"ROLE" => Reply::Send([b"*1\r\n".to_vec(), text(role)].concat()),
        b"GET" => Reply::Cut(text(role)),
        _ => ok(),
    })
}

/// A sentinel that names a server at a port.
fn sentinel(port: u16) -> Fake {
    Fake::new(move |words| match &*words[0] {
        b"SENTINEL" => {
            assert_eq!((&*words[1], &*words[2]), (&b"GET-MASTER-ADDR-BY-NAME"[..], &b"shop"[..]));
            Reply::Send([b"*2\r\n".to_vec(), text("127.0.0.1"), text(&port.to_string())].concat())
        }
        _ => ok(),
    })
}

fn client(ports: &[u16]) -> RedisClient {
    let places: Vec<_> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
    let url = format!("redis+sentinel://{}?service_name=shop", places.join(","));
    let limit = Duration::from_millis(300);
    RedisClient::new(
        Address::parse(&url, Limits { connect_timeout: limit, operation_timeout: limit }).unwrap(),
    )
}

fn get(client: &RedisClient) -> Result<Option<Vec<u8>>> {
    let request = redis::cmd("GET").arg("key").clone();
    client.request("read a key", &request, Effect::Repeatable, WAIT, replies::value)
}

fn refusal(client: &RedisClient) -> String {
    let error = get(client).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    error.to_string()
}

#[test]
fn the_server_that_a_sentinel_names_is_asked() {
    let primary = server("master");
    let sentinel = sentinel(primary.port);
    assert_eq!(get(&client(&[sentinel.port])).unwrap().unwrap(), b"master");
}

#[test]
fn a_sentinel_that_is_down_or_silent_or_ignorant_is_passed_over_and_the_good_one_asked_first_from_then_on() {
    let primary = server("master");
    let silent = Fake::saying(Reply::Silence);
    let ignorant = Fake::saying(Reply::Send(b"*-1\r\n".to_vec()));
    let good = sentinel(primary.port);
    let client = client(&[NOBODY, silent.port, ignorant.port, good.port]);
    let _ = get(&client).unwrap().unwrap();
    assert_eq!(silent.accepted.load(Ordering::SeqCst), 1);
    let _ = get(&client).unwrap().unwrap();
    assert_eq!(silent.accepted.load(Ordering::SeqCst), 1);
    assert_eq!(good.accepted.load(Ordering::SeqCst), 2);
}

#[test]
fn a_server_that_is_no_primary_is_not_used() {
    let (primary, replica) = (server("master"), server("slave"));
    let (behind, good) = (sentinel(replica.port), sentinel(primary.port));
    assert_eq!(get(&client(&[behind.port, good.port])).unwrap().unwrap(), b"master");
    assert!(refusal(&client(&[behind.port])).contains("no primary"));
}

#[test]
fn a_primary_that_has_become_a_replica_is_left_at_its_first_refusal() {
    let changes = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&changes);
    let demoted = Fake::new(move |words| match &*words[0] {
        b"ROLE" => Reply::Send([b"*1\r\n".to_vec(), text("master")].concat()),
        b"SET" => {
            counted.fetch_add(1, Ordering::SeqCst);
            Reply::Send(b"-READONLY You can't write against a read only replica.\r\n".to_vec())
        }
        _ => ok(),
    });
    let sentinel = sentinel(demoted.port);
    let client = client(&[sentinel.port]);
    let set = redis::cmd("SET").arg("key").arg("value").clone();
    for asked in 1..3 {
        let error = client.request("set a key", &set, Effect::Change, WAIT, replies::is_set).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        // The sentinels are asked for each new connection.
        assert_eq!(sentinel.accepted.load(Ordering::SeqCst), asked);
    }
    assert_eq!(changes.load(Ordering::SeqCst), 2);
}

#[test]
fn the_error_is_that_of_the_sentinel_that_led_furthest() {
    assert!(refusal(&client(&[NOBODY])).contains("no sentinel can be reached"));
    let ignorant = Fake::saying(Reply::Send(b"*-1\r\n".to_vec()));
    assert!(refusal(&client(&[ignorant.port, NOBODY])).contains("service shop"));
    let (good, silent) = (sentinel(NOBODY), Fake::saying(Reply::Silence));
    assert!(
        refusal(&client(&[good.port, ignorant.port, silent.port])).contains("the server cannot be reached")
    );
    assert!(refusal(&client(&[silent.port])).contains("no sentinel answered within"));
    let locked = Fake::saying(Reply::Send(b"-NOAUTH Authentication required.\r\n".to_vec()));
    assert!(refusal(&client(&[locked.port])).contains("sentinel_password"));
}
