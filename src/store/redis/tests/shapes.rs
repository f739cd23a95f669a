//! What lies in Redis is what Beaker puts there, and whatever Beaker puts there is read.

use super::*;
use crate::error::ErrorKind;
use crate::store::{Deleted, Patch, Redirect, Renewal, Rotation};

const KEY: &str = "beaker_cache:abc:session";

fn abc() -> StoreKey {
    SessionId::from_program("abc").into()
}

#[test]
fn a_record_is_the_pickle_of_its_text_under_the_key_that_beaker_uses() {
    let Some(home) = Home::new() else { return };
    home.write(&abc(), b"gAJ9", None);
    let pickle = b"\x80\x02X\x04\0\0\0gAJ9q\x00.".to_vec();
    assert_eq!(home.command(&format!("GET {KEY}")), Value::BulkString(pickle));
    assert_eq!(home.number(&format!("PTTL {KEY}")), -1);
}

#[test]
fn the_server_is_told_the_lifetime_with_every_change() {
    let Some(home) = Home::new() else { return };
    let (key, call) = (abc(), Call::at(NOW));
    let minutes = |minutes: u64| Some(Duration::from_secs(60 * minutes));
    let is = |key: &str, minutes: i64| {
        let left = home.number(&format!("PTTL {key}"));
        assert!((minutes * 60_000 - 50_000..=minutes * 60_000).contains(&left), "{left}");
    };
    let mut version = home.write(&key, b"first", minutes(1));
    is(KEY, 1);
    for (expect, more) in [(Expect::Present, 2), (Expect::Version(version), 3)] {
        let expect = if more == 3 { Expect::Version(version) } else { expect };
        let write = Write::new(&key, b"more", expect).lasting(minutes(more));
        let Written::Stored(stored) = home.store.write(&write, &call).unwrap() else { unreachable!() };
        version = stored;
        is(KEY, i64::try_from(more).unwrap());
    }
    assert!(home.store.renew(&Renewal { key: &key, version, ttl: minutes(4) }, &call).unwrap());
    is(KEY, 4);
    assert!(home.store.patch(&Patch::new(&key, version, 0, b"M").lasting(minutes(5)), &call).unwrap());
    is(KEY, 5);
    let new = SessionId::from_program("def").into();
    let redirect = Some(Redirect { data: b"moved", ttl: Duration::from_secs(60) });
    let rotation =
        Rotation { ttl: minutes(6), redirect, ..Rotation::new(&key, &new, b"new", Expect::Present) };
    assert_ne!(home.store.rotate(&rotation, &call).unwrap(), Written::Refused);
    is(KEY, 1);
    is("beaker_cache:def:session", 6);
    assert!(home.store.renew(&Renewal { key: &new, version, ttl: None }, &call).unwrap());
    assert_eq!(home.number("PTTL beaker_cache:def:session"), -1);
}

#[test]
fn the_pickles_of_every_protocol_are_read_and_patched_in_place() {
    let Some(home) = Home::new() else { return };
    let key = abc();
    for pickle in [
        "Vabcdef\np0\n.",
        "\u{80}\u{2}X\u{6}\0\0\0abcdefq\0.",
        "\u{80}\u{4}\u{95}\u{a}\0\0\0\0\0\0\0\u{8c}\u{6}abcdef\u{94}.",
    ] {
        let bytes: Vec<u8> = pickle.chars().map(|byte| u8::try_from(u32::from(byte)).unwrap()).collect();
        let mut request = cmd("SET");
        request.arg(KEY).arg(bytes);
        home.client.request("set", &request, Effect::Change, WAIT, Some).unwrap();
        let record = home.load(&key).unwrap();
        assert_eq!(&*record.data, b"abcdef");
        assert!(home.store.patch(&Patch::new(&key, record.version, 4, b"EF"), &Call::at(NOW)).unwrap());
        assert_eq!(&*home.load(&key).unwrap().data, b"abcdEF");
        let beyond =
            home.store.patch(&Patch::new(&key, home.load(&key).unwrap().version, 5, b"!!"), &Call::at(NOW));
        assert_eq!(beyond.unwrap_err().kind(), ErrorKind::Invalid);
        assert_eq!(&*home.load(&key).unwrap().data, b"abcdEF");
    }
}

#[test]
fn what_another_program_writes_is_another_version() {
    let Some(home) = Home::new() else { return };
    let key = abc();
    let version = home.write(&key, b"ours", None);
    home.command(&format!("SET {KEY} Vtheirs\np0\n."));
    let expect = Expect::Version(version);
    assert_eq!(
        home.store.write(&Write::new(&key, b"late", expect), &Call::at(NOW)).unwrap(),
        Written::Refused
    );
    assert_eq!(home.store.delete(&key, expect, &Call::at(NOW)).unwrap(), Deleted::Refused);
    assert_eq!(&*home.load(&key).unwrap().data, b"theirs");
}

#[test]
fn a_value_that_is_no_session_is_corrupt_and_is_replaced_only_unseen() {
    let Some(home) = Home::new() else { return };
    let (key, call) = (abc(), Call::at(NOW));
    for value in [format!("SET {KEY} nonsense"), format!("LPUSH {KEY} a b")] {
        home.command(&format!("DEL {KEY}"));
        home.command(&value);
        assert_eq!(home.store.load(&key, &call).unwrap_err().kind(), ErrorKind::Corrupt);
        let unseen = Expect::Version(Version::from(1));
        let write = |expect| home.store.write(&Write::new(&key, b"x", expect), &call).unwrap();
        assert_eq!(write(Expect::Absent), Written::Refused);
        assert_eq!(write(unseen), Written::Refused);
        assert_eq!(home.store.delete(&key, unseen, &call).unwrap(), Deleted::Refused);
        let rotation = Rotation::new(&key, &key, b"x", unseen);
        assert_eq!(home.store.rotate(&rotation, &call).unwrap(), Written::Refused);
        assert_eq!(home.store.delete(&key, Expect::Any, &call).unwrap(), Deleted::Record);
        home.command(&value);
        assert_ne!(write(Expect::Present), Written::Refused);
        assert_eq!(&*home.load(&key).unwrap().data, b"x");
    }
    home.command(&format!("DEL {KEY}"));
    home.command(&format!("LPUSH {KEY} a b"));
    let renewal = Renewal { key: &key, version: Version::from(1), ttl: None };
    assert_eq!(home.store.renew(&renewal, &call).unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn keys_have_the_form_that_beaker_gives_them() {
    let keys = Keys::default();
    assert_eq!(keys.value("abc", "session"), "beaker_cache:abc:session");
    assert_eq!(Keys::beginning_with("app:").value("abc", "session"), "app:abc:session");
    // What Beaker's `_format_key` returns: a session is shortened where its key has more than 1024 characters.
    let hashed = "fcbdc4c271c889825d8338d2d8f10b6e5e95c171";
    assert_eq!(
        keys.value(&"n".repeat(1003), "session"),
        format!("beaker_cache:{}:session", "n".repeat(1003))
    );
    assert_eq!(
        keys.value(&"n".repeat(1004), "session"),
        format!("beaker_cache:{}:{hashed}", "n".repeat(1004))
    );
    assert_eq!(
        keys.value(&"é".repeat(1003), "session"),
        format!("beaker_cache:{}:session", "é".repeat(1003))
    );
    assert_eq!(
        keys.value(&"n".repeat(5000), "session"),
        format!("beaker_cache:{}:{hashed}", "n".repeat(5000))
    );
}

#[test]
fn a_prefix_keeps_two_applications_apart() {
    let Some(home) = Home::with("", Keys::beginning_with("app:")) else { return };
    home.write(&abc(), b"x", None);
    assert_eq!(home.number("EXISTS app:abc:session"), 1);
    assert_eq!(home.number("DBSIZE"), 1);
}

#[test]
fn all_records_are_listed_and_nothing_else() {
    let Some(home) = Home::with("", Keys::beginning_with("a*b[?]:")) else { return };
    let mut expected: Vec<StoreKey> = (0..1200).map(|_| new_key()).collect();
    expected.push(StoreKey::hashed(&SessionId::generate()));
    expected.push(SessionId::from_program("with:a colon").into());
    for key in &expected {
        home.write(key, b"x", None);
    }
    for other in ["a*b[?]:name:cached", "aXb?:abc:session", "beaker_lock:a*b[?]:abc:session"] {
        home.command(&format!("SET {other} x"));
    }
    let mut found = Vec::new();
    let mut scan = home.store.scan().unwrap();
    while let Some(page) = scan.next_page(NOW).unwrap() {
        found.extend(page);
    }
    let names = |keys: &[StoreKey]| {
        let mut names: Vec<String> = keys.iter().map(|key| key.record().to_owned()).collect();
        names.sort();
        names.dedup();
        names
    };
    assert_eq!(names(&found), names(&expected));
}

#[test]
fn a_change_is_one_request() {
    let Some(home) = Home::new() else { return };
    let (key, new, call) = (new_key(), new_key(), Call::at(NOW));
    let version = home.write(&key, b"abc", None);
    let total = || {
        let Value::BulkString(info) = home.command("INFO stats") else { unreachable!() };
        let text = String::from_utf8(info).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("total_commands_processed:")).unwrap();
        line.parse::<i64>().unwrap()
    };
    // Requests of other tests come in between, so the fewest of many count.
    let fewest = |work: &dyn Fn()| {
        work();
        (0..50)
            .map(|_| {
                let before = total();
                work();
                total() - before - 1
            })
            .min()
            .unwrap()
    };
    let ttl = Some(Duration::from_secs(60));
    // A script is one command, and what it calls is counted, too.
    assert!(
        fewest(&|| {
            let _ = home.load(&key);
        }) <= 1
    );
    assert!(
        fewest(&|| {
            let _ = home.write(&key, b"abc", ttl);
        }) <= 1
    );
    assert!(
        fewest(&|| {
            home.store.patch(&Patch::new(&key, version, 0, b"a").lasting(ttl), &call).unwrap();
        }) <= 4
    );
    assert!(
        fewest(&|| {
            let expect = Expect::Version(version);
            assert_ne!(home.store.write(&Write::new(&key, b"abc", expect), &call).unwrap(), Written::Refused);
        }) <= 3
    );
    assert!(
        fewest(&|| {
            assert_ne!(
                home.store.rotate(&Rotation::new(&key, &new, b"abc", Expect::Any), &call).unwrap(),
                Written::Refused
            );
            home.write(&key, b"abc", None);
        }) <= 5
    );
}
