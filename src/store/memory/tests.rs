#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use super::shard::SMALLEST_SHRUNK;
use super::*;
use crate::store::laws::{Fixture, laws};

fn fixture() -> Fixture {
    let store = Arc::new(MemoryStore::new());
    let counted = Arc::clone(&store);
    Fixture::new(store, move || counted.len())
}

laws!(fixture);

fn id(number: usize) -> SessionId {
    SessionId::from_program(format!("{number:032x}"))
}

#[test]
fn expired_records_leave_while_others_are_written() {
    let store = MemoryStore::new();
    let minute = Some(Duration::from_secs(60));
    for number in 0..1000 {
        let _ = store.write(&id(number), b"old", minute, Expect::Any, 0.0).unwrap();
    }
    for number in 0..1000 {
        let _ = store.write(&id(1000 + number), b"new", minute, Expect::Any, 100.0).unwrap();
    }
    assert_eq!(store.len(), 1000);
    assert_eq!(store.ids(100.0).len(), 1000);
}

#[test]
fn an_expired_record_that_is_met_is_dropped() {
    let store = MemoryStore::new();
    let _ = store.write(&id(1), b"x", Some(Duration::from_secs(1)), Expect::Any, 0.0).unwrap();
    assert!(store.contains(id(1).as_str(), 0.5));
    assert!(!store.contains(id(1).as_str(), 1.0));
    assert!(store.ids(1.0).is_empty());
    assert_eq!(store.len(), 1);
    assert!(store.load(&id(1), 1.0).unwrap().is_none());
    assert!(store.is_empty());
}

#[test]
fn clearing_forgets_everything() {
    let store = MemoryStore::new();
    for number in 0..100 {
        let _ = store.write(&id(number), b"x", None, Expect::Any, 0.0).unwrap();
    }
    store.clear();
    assert!(store.is_empty());
    assert!(store.load(&id(7), 0.0).unwrap().is_none());
}

#[test]
fn removing_leaves_every_other_record_where_it_can_be_found() {
    let store = MemoryStore::new();
    for number in 0..500 {
        let _ = store.write(&id(number), &number.to_le_bytes(), None, Expect::Any, 0.0).unwrap();
    }
    for number in (0..500).filter(|number| number % 3 != 0) {
        store.delete(&id(number)).unwrap();
    }
    for number in 0..500 {
        let found = store.load(&id(number), 0.0).unwrap().map(|record| record.data.to_vec());
        assert_eq!(found, (number % 3 == 0).then(|| number.to_le_bytes().to_vec()));
    }
}

#[test]
fn room_is_given_back_when_most_records_are_gone() {
    let store = MemoryStore::new();
    for number in 0..20_000 {
        let _ = store.write(&id(number), b"x", None, Expect::Any, 0.0).unwrap();
    }
    for number in 0..20_000 {
        store.delete(&id(number)).unwrap();
    }
    assert!(store.records.shards.iter().all(|shard| lock(shard).capacity() <= SMALLEST_SHRUNK * 4));
}

#[test]
fn debug_shows_neither_ids_nor_data() {
    let store = MemoryStore::new();
    let _ = store.write(&id(0xabcdef), b"secret", None, Expect::Any, 0.0).unwrap();
    assert_eq!(format!("{store:?}"), "MemoryStore { records: 1, most: None }");
}
