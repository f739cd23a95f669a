//! What is said of memory alone; the laws of every store run here too.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::sync::atomic::Ordering;

use super::records::signed;
use super::shard::{SMALLEST_SHRUNK, Shard, State};
use super::*;
use crate::id::SessionId;
use crate::store::Version;
use crate::store::laws::{Fixture, laws, lock_laws, scan_laws, sweep_laws};

fn fixture() -> Fixture {
    let store = Arc::new(MemoryStore::new());
    let counted = Arc::clone(&store);
    Fixture::new(store, move || counted.len())
}

laws!(fixture);
scan_laws!(fixture);
sweep_laws!(fixture);
lock_laws!(fixture);

fn id(number: usize) -> StoreKey {
    StoreKey::from(SessionId::from_program(format!("{number:032x}")))
}

#[test]
fn expired_records_leave_while_others_are_written() {
    let store = MemoryStore::new();
    let minute = Some(Duration::from_secs(60));
    for number in 0..1000 {
        let _ = store
            .write(&Write::new(&id(number), b"old", Expect::Any).lasting(minute), &Call::at(0.0))
            .unwrap();
    }
    for number in 0..1000 {
        let _ = store
            .write(&Write::new(&id(1000 + number), b"new", Expect::Any).lasting(minute), &Call::at(100.0))
            .unwrap();
    }
    assert_eq!(store.len(), 1000);
    assert_eq!(store.ids(100.0).len(), 1000);
}

#[test]
fn memory_claims_what_its_laws_show() {
    let claimed = MemoryStore::new().capabilities();
    assert!(claimed.native_expiry && claimed.compare_and_swap && claimed.atomic_rotation);
    assert_eq!(claimed.blocking, Blocking::None);
}

#[test]
fn an_expired_record_that_is_met_is_dropped() {
    let store = MemoryStore::new();
    let _ = store
        .write(&Write::new(&id(1), b"x", Expect::Any).lasting(Some(Duration::from_secs(1))), &Call::at(0.0))
        .unwrap();
    assert!(store.contains(id(1).record(), 0.5));
    assert!(!store.is_empty());
    assert!(!store.contains(id(1).record(), 1.0));
    assert!(store.ids(1.0).is_empty());
    assert_eq!(store.len(), 1);
    assert!(store.load(&id(1), &Call::at(1.0)).unwrap().is_none());
    assert!(store.is_empty());
}

#[test]
fn what_is_over_by_a_clock_that_jumped_is_absent_and_there_again_when_the_clock_is() {
    let store = MemoryStore::trusting(|| false);
    let minute = Some(Duration::from_secs(60));
    for number in 0..100 {
        let _ =
            store.write(&Write::new(&id(number), b"x", Expect::Any).lasting(minute), &Call::at(0.0)).unwrap();
    }
    let year = 31_536_000.0;
    for number in 0..100 {
        assert!(store.load(&id(number), &Call::at(year)).unwrap().is_none());
        assert_eq!(
            store
                .write(&Write::new(&id(number), b"y", Expect::Present).lasting(minute), &Call::at(year))
                .unwrap(),
            Written::Refused
        );
        let _ = store.write(&Write::new(&id(1000 + number), b"new", Expect::Any), &Call::at(year)).unwrap();
    }
    assert!((0..100).all(|number| store.load(&id(number), &Call::at(1.0)).unwrap().is_some()));
    assert!(matches!(
        store.write(&Write::new(&id(7), b"y", Expect::Absent).lasting(minute), &Call::at(year)).unwrap(),
        Written::Stored(_)
    ));
    assert_eq!(store.delete(&id(8), Expect::Any, &Call::at(0.0)).unwrap(), Deleted::Record);
    assert!(store.load(&id(8), &Call::at(1.0)).unwrap().is_none());
    assert_eq!(store.len(), 199);
}

#[test]
fn clearing_forgets_everything() {
    let store = MemoryStore::new();
    for number in 0..100 {
        let _ = store.write(&Write::new(&id(number), b"x", Expect::Any), &Call::at(0.0)).unwrap();
    }
    store.clear();
    assert!(store.is_empty());
    assert!(store.load(&id(7), &Call::at(0.0)).unwrap().is_none());
}

#[test]
fn removing_leaves_every_other_record_where_it_can_be_found() {
    let store = MemoryStore::new();
    for number in 0..500 {
        let _ = store
            .write(&Write::new(&id(number), &number.to_le_bytes(), Expect::Any), &Call::at(0.0))
            .unwrap();
    }
    for number in (0..500).filter(|number| number % 3 != 0) {
        let _ = store.delete(&id(number), Expect::Any, &Call::at(0.0)).unwrap();
    }
    for number in 0..500 {
        let found = store.load(&id(number), &Call::at(0.0)).unwrap().map(|record| record.data.to_vec());
        assert_eq!(found, (number % 3 == 0).then(|| number.to_le_bytes().to_vec()));
    }
}

#[test]
fn room_is_given_back_when_most_records_are_gone() {
    let store = MemoryStore::new();
    for number in 0..20_000 {
        let _ = store.write(&Write::new(&id(number), b"x", Expect::Any), &Call::at(0.0)).unwrap();
    }
    for number in 0..20_000 {
        let _ = store.delete(&id(number), Expect::Any, &Call::at(0.0)).unwrap();
    }
    let mut rooms = store.records.shards.iter().flat_map(|shard| lock(shard).capacities());
    assert!(rooms.all(|room| room <= SMALLEST_SHRUNK * 4));
}

#[test]
fn room_is_given_back_in_few_steps_that_leave_twice_the_room_needed() {
    let mut shard = Shard::default();
    let version = Version::from_bytes(b"1").unwrap();
    for number in 0..4096 {
        let state = State { data: Arc::from(&b"x"[..]), version, expires_at: None };
        assert!(shard.put(id(number).record(), state, 0));
    }
    let ([mut room, _], mut steps) = (shard.capacities(), 0);
    for number in 0..4096 {
        assert!(shard.remove(id(number).record()));
        let [slots, index] = shard.capacities();
        if slots != room {
            (room, steps) = (slots, steps + 1);
            let needed = 2 * shard.len();
            assert!((needed..2 * needed).contains(&slots), "{slots} for {needed}");
            assert!((needed..4 * needed).contains(&index), "{index} for {needed}");
        }
    }
    assert!(room <= SMALLEST_SHRUNK, "{room}");
    // Each halves it at least, and each record is moved about once by all of them.
    assert!((4..=8).contains(&steps), "{steps}");
}

#[test]
fn records_that_expired_make_room_for_others() {
    let store = bounded(100);
    let lasting = |number: usize, now| {
        let key = id(number);
        let write = Write::new(&key, b"x", Expect::Any).lasting(Some(Duration::from_secs(60)));
        let _ = store.write(&write, &Call::at(now)).unwrap();
    };
    (0..100).for_each(|number| lasting(number, 0.0));
    (100..200).for_each(|number| lasting(number, 100.0));
    let live = |number: &usize| store.contains(id(*number).record(), 100.0);
    assert_eq!((100..200).filter(live).count(), 100);
    assert_eq!(store.len(), 100);
}

#[test]
fn debug_shows_neither_ids_nor_data() {
    let store = MemoryStore::new();
    let _ = store.write(&Write::new(&id(0xabcdef), b"secret", Expect::Any), &Call::at(0.0)).unwrap();
    assert_eq!(format!("{store:?}"), "MemoryStore { records: 1, most: None }");
}

fn bounded(most: usize) -> MemoryStore {
    MemoryStore::new().bounded(NonZeroUsize::new(most))
}

fn save(store: &MemoryStore, number: usize) {
    let _ = store.write(&Write::new(&id(number), b"x", Expect::Any), &Call::at(0.0)).unwrap();
}

#[test]
fn no_more_records_are_kept_than_there_may_be() {
    let store = bounded(100);
    for number in 0..1000 {
        save(&store, number);
        assert!(store.len() <= 100);
    }
    assert_eq!(store.len(), 100);
}

#[test]
fn the_record_goes_first_that_has_not_been_used_for_the_longest_time() {
    let store = bounded(50);
    for number in 0..50 {
        save(&store, number);
    }
    // The even ones are used, each in one of the ways there are.
    for number in (0..50).step_by(2) {
        let version = store.load(&id(number), &Call::at(0.0)).unwrap().unwrap().version;
        match number % 3 {
            0 => save(&store, number),
            1 => assert!(store.patch(&Patch::new(&id(number), version, 0, b"y"), &Call::at(0.0)).unwrap()),
            _ => {}
        }
    }
    for number in 50..75 {
        save(&store, number);
    }
    for number in 0..75 {
        let is_kept = number >= 50 || number % 2 == 0;
        assert_eq!(store.contains(id(number).record(), 0.0), is_kept, "{number}");
    }
}

#[test]
fn a_bound_is_for_the_writes_that_are_made_with_it() {
    let store = MemoryStore::new();
    for number in 0..100 {
        save(&store, number);
    }
    let bounded = store.bounded(NonZeroUsize::new(10));
    assert_eq!(bounded.len(), 100);
    save(&bounded, 100);
    assert_eq!(store.len(), 10);
    save(&store, 101);
    assert_eq!(store.len(), 11);
    assert_eq!(store.bounded(None).len(), 11);
}

#[test]
fn the_order_of_use_is_that_of_a_list_whatever_is_done() {
    // A generator of its own, so that a failure can be repeated.
    let mut seed = 1_u64;
    let mut next = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((seed >> 33) % below).unwrap()
    };
    let store = bounded(20);
    let mut order: Vec<usize> = Vec::new();
    for _ in 0..20_000 {
        let number = next(40);
        let is_there = order.contains(&number);
        match next(4) {
            0 => {
                let _ = store.delete(&id(number), Expect::Any, &Call::at(0.0)).unwrap();
                order.retain(|other| *other != number);
                continue;
            }
            1 => assert_eq!(store.load(&id(number), &Call::at(0.0)).unwrap().is_some(), is_there),
            _ => save(&store, number),
        }
        if is_there || store.contains(id(number).record(), 0.0) {
            order.retain(|other| *other != number);
            order.push(number);
        }
        if order.len() > 20 {
            order.remove(0);
        }
        assert_eq!(store.len(), order.len());
        assert!(order.iter().all(|number| store.contains(id(*number).record(), 0.0)));
    }
}

#[test]
fn threads_that_write_at_once_leave_no_more_records_than_there_may_be() {
    let store = bounded(64);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let store = &store;
            scope.spawn(move || {
                for number in 0..5000 {
                    save(store, thread * 5000 + number);
                    let _ =
                        store.delete(&id(thread * 5000 + number / 2), Expect::Any, &Call::at(0.0)).unwrap();
                }
            });
        }
    });
    assert!(store.len() <= 64);
    assert_eq!(signed(store.len()), store.records.count.load(Ordering::Relaxed));
}

#[test]
fn any_number_of_saves_leaves_what_a_cap_or_a_lifetime_lets_live() {
    const SAVES: u32 = 100_000;
    let capped = bounded(1000);
    let timed = MemoryStore::new();
    let mut most = 0;
    for number in 0..SAVES {
        let id = StoreKey::from(SessionId::from_program(format!("{number:032x}")));
        let _ = capped.write(&Write::new(&id, b"x", Expect::Any), &Call::at(0.0)).unwrap();
        // A thousand a second, each for two seconds.
        let two = Some(Duration::from_secs(2));
        let _ = timed
            .write(&Write::new(&id, b"x", Expect::Any).lasting(two), &Call::at(f64::from(number) / 1000.0))
            .unwrap();
        if number % 1000 == 0 {
            most = most.max(timed.len());
        }
    }
    assert_eq!(capped.len(), 1000);
    assert!(capped.records.shards.iter().all(|shard| lock(shard).capacities()[0] <= 512));
    // Two thousand live; the cursor passes each of them four times as fast as they come.
    assert!(most <= 3000, "{most}");
}
