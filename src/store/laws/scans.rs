//! Lists of records.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Fixture, LIFETIME, NOW, some_id};
use crate::id::{SessionId, StoreKey};
use crate::store::{Call, Expect, Timestamp, Write};

/// More than a page of any store, and than its folders or shards.
const MANY: usize = 600;

fn written(fixture: &Fixture, ttl: Option<Duration>) -> StoreKey {
    let id = some_id();
    let write = Write::new(&id, b"x", Expect::Any).lasting(ttl);
    let _ = fixture.store.write(&write, &Call::at(NOW)).unwrap();
    id
}

/// How often each record is listed. `between` runs after each page.
fn listed(fixture: &Fixture, now: Timestamp, mut between: impl FnMut()) -> BTreeMap<String, usize> {
    let mut scan = fixture.store.scan().unwrap();
    let mut times = BTreeMap::new();
    while let Some(page) = scan.next_page(now).unwrap() {
        for key in page {
            *times.entry(key.record().to_owned()).or_default() += 1;
        }
        between();
    }
    assert!(scan.next_page(now).unwrap().is_none(), "the end stays the end");
    assert_eq!(scan.unlisted(), 0);
    times
}

pub(in crate::store) fn a_scan_of_an_empty_store_lists_nothing(fixture: &Fixture) {
    let before = (fixture.footprint)();
    assert!(listed(fixture, NOW, || ()).is_empty());
    assert_eq!((fixture.footprint)(), before);
}

pub(in crate::store) fn a_scan_lists_each_record_that_can_be_loaded_and_no_other(fixture: &Fixture) {
    let mut ids: Vec<StoreKey> = (0..MANY).map(|_| written(fixture, Some(LIFETIME))).collect();
    let hashed = StoreKey::hashed(&SessionId::generate());
    fixture.stored(&hashed, b"x");
    ids.push(hashed);
    let longer: Vec<StoreKey> = (0..MANY / 10).map(|_| written(fixture, Some(LIFETIME * 10))).collect();
    for id in ids.iter().take(MANY / 4) {
        let _ = fixture.store.delete(id, Expect::Any, &Call::at(NOW)).unwrap();
    }
    for now in [NOW, NOW + 2.0 * LIFETIME.as_secs_f64()] {
        let alive: BTreeSet<String> = (ids.iter().chain(&longer))
            .filter(|id| fixture.store.load(id, &Call::at(now)).unwrap().is_some())
            .map(|id| id.record().to_owned())
            .collect();
        assert!(alive.len() >= longer.len());
        let times = listed(fixture, now, || ());
        assert!(times.values().all(|times| *times == 1), "nothing came or went");
        assert_eq!(times.into_keys().collect::<BTreeSet<_>>(), alive);
    }
}

pub(in crate::store) fn a_scan_lists_what_stays_while_other_records_come_and_go(fixture: &Fixture) {
    let stay: Vec<StoreKey> = (0..MANY).map(|_| written(fixture, None)).collect();
    let mut go: Vec<StoreKey> = (0..MANY).map(|_| written(fixture, None)).collect();
    let times = listed(fixture, NOW, || {
        for id in go.drain(..go.len().min(20)) {
            let _ = fixture.store.delete(&id, Expect::Any, &Call::at(NOW)).unwrap();
        }
        let _come = written(fixture, None);
    });
    for id in stay {
        assert!(times.contains_key(id.record()));
    }
}
