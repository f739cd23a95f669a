//! How long a record lives.

use std::time::Duration;

use super::{Fixture, LIFETIME, NOW, another, some_id};
use crate::store::{Call, Expect, Patch, Redirect, Renewal, Rotation, Version, Write, Written};

const MINUTE: Option<Duration> = Some(LIFETIME);

pub(in crate::store) fn a_lifetime_that_is_over_is_absence(fixture: &Fixture) {
    let (id, store) = (some_id(), &fixture.store);
    let Written::Stored(version) =
        store.write(&Write::new(&id, b"x", Expect::Any).lasting(MINUTE), &Call::at(NOW)).unwrap()
    else {
        unreachable!("nothing was expected");
    };
    let record = store.load(&id, &Call::at(NOW + 59.0)).unwrap().unwrap();
    assert!(record.expires_at.is_none_or(|expires_at| (NOW + 59.0..=NOW + 61.0).contains(&expires_at)));
    let late = NOW + 61.0;
    assert_eq!(
        store.write(&Write::new(&id, b"y", Expect::Present).lasting(MINUTE), &Call::at(late)).unwrap(),
        Written::Refused
    );
    assert_eq!(
        store
            .write(&Write::new(&id, b"y", Expect::Version(version)).lasting(MINUTE), &Call::at(late))
            .unwrap(),
        Written::Refused
    );
    assert!(!store.patch(&Patch::new(&id, version, 0, b"z").lasting(MINUTE), &Call::at(late)).unwrap());
    assert!(store.load(&id, &Call::at(late)).unwrap().is_none());
    assert!(matches!(
        store.write(&Write::new(&id, b"y", Expect::Absent).lasting(MINUTE), &Call::at(late)).unwrap(),
        Written::Stored(_)
    ));
    assert_eq!(&*store.load(&id, &Call::at(late)).unwrap().unwrap().data, b"y");
}

pub(in crate::store) fn a_touch_renews_a_lifetime(fixture: &Fixture) {
    let (id, store) = (some_id(), &fixture.store);
    let Written::Stored(version) =
        store.write(&Write::new(&id, b"abc", Expect::Any).lasting(MINUTE), &Call::at(NOW)).unwrap()
    else {
        unreachable!("nothing was expected");
    };
    assert!(store.patch(&Patch::new(&id, version, 0, b"A").lasting(MINUTE), &Call::at(NOW + 50.0)).unwrap());
    assert_eq!(&*store.load(&id, &Call::at(NOW + 100.0)).unwrap().unwrap().data, b"Abc");
    // Renewed too where the bytes stay as they are.
    let other = another(version);
    assert!(store.patch(&Patch::new(&id, other, 0, b"!").lasting(MINUTE), &Call::at(NOW + 100.0)).unwrap());
    assert_eq!(&*store.load(&id, &Call::at(NOW + 150.0)).unwrap().unwrap().data, b"Abc");
    assert!(store.load(&id, &Call::at(NOW + 161.0)).unwrap().is_none());
}

pub(in crate::store) fn a_renewal_keeps_the_data_and_creates_nothing(fixture: &Fixture) {
    let (id, store) = (some_id(), &fixture.store);
    let renewal = |version| Renewal { key: &id, version, ttl: MINUTE };
    assert!(!store.renew(&renewal(Version::from(1)), &Call::at(NOW)).unwrap());
    assert!(store.load(&id, &Call::at(NOW)).unwrap().is_none());
    let written = store.write(&Write::new(&id, b"abc", Expect::Any).lasting(MINUTE), &Call::at(NOW)).unwrap();
    let Written::Stored(version) = written else { unreachable!("nothing was expected") };
    assert!(store.renew(&renewal(version), &Call::at(NOW + 50.0)).unwrap());
    let record = store.load(&id, &Call::at(NOW + 100.0)).unwrap().unwrap();
    assert_eq!((&*record.data, record.version), (&b"abc"[..], version));
    assert!(store.load(&id, &Call::at(NOW + 111.0)).unwrap().is_none());
}

pub(in crate::store) fn a_touch_of_another_state_makes_no_lifetime_shorter(fixture: &Fixture) {
    let (id, store) = (some_id(), &fixture.store);
    let hour = Some(Duration::from_secs(3600));
    let Written::Stored(version) =
        store.write(&Write::new(&id, b"abc", Expect::Any).lasting(hour), &Call::at(NOW)).unwrap()
    else {
        unreachable!("nothing was expected");
    };
    let other = another(version);
    assert!(store.patch(&Patch::new(&id, other, 0, b"!").lasting(MINUTE), &Call::at(NOW + 1.0)).unwrap());
    assert_eq!(&*store.load(&id, &Call::at(NOW + 3599.0)).unwrap().unwrap().data, b"abc");
    assert!(store.patch(&Patch::new(&id, version, 0, b"A").lasting(MINUTE), &Call::at(NOW + 2.0)).unwrap());
    assert!(store.load(&id, &Call::at(NOW + 63.0)).unwrap().is_none());
}

pub(in crate::store) fn a_write_renews_a_lifetime(fixture: &Fixture) {
    let (id, store) = (some_id(), &fixture.store);
    for round in 0..3 {
        let now = NOW + 50.0 * f64::from(round);
        assert!(matches!(
            store.write(&Write::new(&id, b"x", Expect::Any).lasting(MINUTE), &Call::at(now)).unwrap(),
            Written::Stored(_)
        ));
    }
    assert!(store.load(&id, &Call::at(NOW + 150.0)).unwrap().is_some());
}

pub(in crate::store) fn without_a_lifetime_a_record_stays(fixture: &Fixture) {
    let (id, store) = (some_id(), &fixture.store);
    fixture.stored(&id, b"x");
    let record = store.load(&id, &Call::at(NOW * 1000.0)).unwrap().unwrap();
    assert_eq!(record.expires_at, None);
}

pub(in crate::store) fn a_redirect_has_a_lifetime_of_its_own(fixture: &Fixture) {
    let (old, new, store) = (some_id(), some_id(), &fixture.store);
    let hour = Some(Duration::from_secs(3600));
    let written = store.write(&Write::new(&old, b"x", Expect::Any).lasting(hour), &Call::at(NOW)).unwrap();
    assert_ne!(written, Written::Refused);
    let redirect = Some(Redirect { data: b"moved", ttl: LIFETIME });
    let rotation = Rotation { ttl: hour, redirect, ..Rotation::new(&old, &new, b"y", Expect::Present) };
    assert_ne!(store.rotate(&rotation, &Call::at(NOW)).unwrap(), Written::Refused);
    assert_eq!(&*store.load(&old, &Call::at(NOW + 59.0)).unwrap().unwrap().data, b"moved");
    assert!(store.load(&old, &Call::at(NOW + 61.0)).unwrap().is_none());
    assert_eq!(&*store.load(&new, &Call::at(NOW + 3599.0)).unwrap().unwrap().data, b"y");
    assert!(store.load(&new, &Call::at(NOW + 3601.0)).unwrap().is_none());
}
