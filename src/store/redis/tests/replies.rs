//! Replies that nobody asked for: none is taken for that to a request.

use std::thread;

use super::fake::{Fake, Reply, ok};
use super::*;
use crate::error::ErrorKind;

/// A server that answers the first `GET` with more than one reply, and keeps nothing. It refuses every `SET`.
fn talkative(stray: &'static [u8], options: &str) -> (Fake, Home) {
    let gets = AtomicUsize::new(0);
    let fake = Fake::new(move |words| match &words[0][..] {
        b"GET" if gets.fetch_add(1, Ordering::SeqCst) == 0 => Reply::Send([b"$-1\r\n", stray].concat()),
        b"GET" | b"SET" => Reply::Send(b"$-1\r\n".to_vec()),
        b"PING" => Reply::Send(b"+PONG\r\n".to_vec()),
        _ => ok(),
    });
    let home = Home::at(&fake.url(options), Keys::default());
    assert!(home.load(&new_key()).is_none());
    (fake, home)
}

fn add(home: &Home) -> crate::error::Result<Written> {
    home.store.write(&Write::new(&new_key(), b"x", Expect::Absent), &Call::at(NOW))
}

#[test]
fn what_a_server_tells_to_all_of_its_clients_is_no_reply() {
    let push = b">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n";
    let (fake, home) = talkative(push, "protocol=3");
    assert!(home.load(&new_key()).is_none());
    assert_eq!(add(&home).unwrap(), Written::Refused);
    assert_eq!(fake.accepted.load(Ordering::SeqCst), 1);
}

#[test]
fn a_read_that_finds_the_reply_to_another_request_is_sent_over_a_new_connection() {
    let (fake, home) = talkative(b":1\r\n", "");
    for _ in 0..3 {
        assert!(home.load(&new_key()).is_none());
    }
    assert_eq!(fake.accepted.load(Ordering::SeqCst), 2);
}

#[test]
fn a_change_that_finds_the_reply_to_another_request_is_in_doubt_and_ends_the_connection() {
    let (fake, home) = talkative(b":1\r\n", "");
    assert_eq!(add(&home).unwrap_err().kind(), ErrorKind::Unknown);
    for _ in 0..3 {
        assert_eq!(add(&home).unwrap(), Written::Refused);
    }
    assert_eq!(fake.accepted.load(Ordering::SeqCst), 2);
}

#[test]
fn a_connection_on_which_anything_but_pong_answers_the_check_is_not_used() {
    let (fake, home) = talkative(b"+OK\r\n", "health_check_interval=0.000001");
    thread::sleep(Duration::from_millis(5));
    // The reply that is left says that the key was set.
    assert_eq!(add(&home).unwrap(), Written::Refused);
    assert_eq!(fake.accepted.load(Ordering::SeqCst), 2);
}
