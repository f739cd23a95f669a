//! What a patch changes, and what it leaves alone.

use super::{Fixture, NOW, some_id};
use crate::error::ErrorKind;
use crate::store::{Call, Deleted, Expect, Patch, Version};

pub(in crate::store) fn a_touch_splices_bytes_into_the_state_that_was_loaded(fixture: &Fixture) {
    let id = some_id();
    for (offset, expected) in [(0, "XYcdef"), (2, "abXYef"), (4, "abcdXY")] {
        let version = fixture.stored(&id, b"abcdef");
        assert!(fixture.touch(&id, version, offset, b"XY"));
        assert_eq!(fixture.data(&id).unwrap(), expected.as_bytes());
    }
    let version = fixture.load(&id).unwrap().version;
    assert!(fixture.touch(&id, version, 0, b"Zz"));
    assert_eq!(fixture.data(&id).unwrap(), b"ZzcdXY");
}

pub(in crate::store) fn a_touch_leaves_the_bytes_of_another_state_alone(fixture: &Fixture) {
    let id = some_id();
    let version = fixture.stored(&id, b"abcdef");
    let current = fixture.stored(&id, b"ABCDEF");
    assert!(fixture.touch(&id, version, 2, b"!!"));
    assert_eq!(fixture.data(&id).unwrap(), b"ABCDEF");
    assert_eq!(fixture.load(&id).unwrap().version, current);
}

pub(in crate::store) fn a_touch_creates_nothing(fixture: &Fixture) {
    let id = some_id();
    assert!(!fixture.touch(&id, Version::from(0), 0, b"x"));
    assert!(fixture.load(&id).is_none());
}

pub(in crate::store) fn a_touch_does_not_resurrect_a_deleted_record(fixture: &Fixture) {
    let id = some_id();
    let version = fixture.stored(&id, b"abc");
    let _ = fixture.store.delete(&id, Expect::Any, &Call::at(NOW)).unwrap();
    assert!(!fixture.touch(&id, version, 0, b"x"));
    assert!(fixture.load(&id).is_none());
}

pub(in crate::store) fn a_touch_outside_the_record_is_an_error_and_changes_nothing(fixture: &Fixture) {
    let id = some_id();
    let version = fixture.stored(&id, b"abcdef");
    for offset in [5, 6, 7, usize::MAX] {
        let error =
            fixture.store.patch(&Patch::new(&id, version, offset, b"xy"), &Call::at(NOW)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
    assert_eq!(fixture.data(&id).unwrap(), b"abcdef");
}

pub(in crate::store) fn a_touch_of_no_bytes_changes_no_data(fixture: &Fixture) {
    let id = some_id();
    let version = fixture.stored(&id, b"abcdef");
    assert!(fixture.touch(&id, version, 6, b""));
    assert_eq!(fixture.data(&id).unwrap(), b"abcdef");
}

pub(in crate::store) fn a_touch_that_changes_bytes_changes_the_version(fixture: &Fixture) {
    let id = some_id();
    let version = fixture.stored(&id, b"abcdef");
    assert!(fixture.touch(&id, version, 0, b"AB"));
    let deleted = fixture.store.delete(&id, Expect::Version(version), &Call::at(NOW)).unwrap();
    assert_eq!(deleted, Deleted::Refused, "what looked expired is in use");
    assert_eq!(fixture.data(&id).unwrap(), b"ABcdef");
}
