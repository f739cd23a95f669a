//! What holds when a record gets another id, and when it is removed.

use std::sync::Barrier;
use std::thread;

use super::{Fixture, NOW, some_id};
use crate::id::SessionId;
use crate::store::{Expect, Version, Written};

const ROUNDS: usize = 100;

impl Fixture {
    fn rotate(&self, old: &SessionId, new: &SessionId, data: &[u8], expect: Expect) -> Written {
        self.store.rotate(old, new, data, None, expect, NOW).unwrap()
    }
}

pub(in crate::store) fn deleting_says_whether_there_was_a_record(fixture: &Fixture) {
    let id = some_id();
    assert!(!fixture.store.delete(&id).unwrap());
    fixture.stored(&id, b"x");
    assert!(fixture.store.delete(&id).unwrap());
    assert!(!fixture.store.delete(&id).unwrap());
}

pub(in crate::store) fn a_rotation_leaves_nothing_under_the_old_id(fixture: &Fixture) {
    let (old, new) = (some_id(), some_id());
    fixture.stored(&old, b"before");
    let footprint = (fixture.footprint)();
    let Written::Stored(version) = fixture.rotate(&old, &new, b"after", Expect::Any) else {
        unreachable!("the record was there");
    };
    assert!(fixture.load(&old).is_none());
    assert!(!fixture.store.delete(&old).unwrap());
    assert_eq!(fixture.data(&new).unwrap(), b"after");
    assert_eq!(fixture.load(&new).unwrap().version, version);
    fixture.store.delete(&new).unwrap();
    assert!((fixture.footprint)() <= footprint + 4, "at most the folders of the new id are more");
}

pub(in crate::store) fn a_rotation_does_not_revive_a_deleted_record(fixture: &Fixture) {
    let (old, new) = (some_id(), some_id());
    let version = fixture.stored(&old, b"x");
    fixture.store.delete(&old).unwrap();
    let before = (fixture.footprint)();
    for expect in [Expect::Any, Expect::Present, Expect::Version(version)] {
        assert_eq!(fixture.rotate(&old, &new, b"y", expect), Written::Refused);
    }
    assert!(fixture.load(&old).is_none());
    assert!(fixture.load(&new).is_none());
    assert_eq!((fixture.footprint)(), before);
}

pub(in crate::store) fn a_rotation_expecting_a_version_is_refused_once_another_was_stored(fixture: &Fixture) {
    let (old, new) = (some_id(), some_id());
    let first = fixture.stored(&old, b"first");
    let second = fixture.stored(&old, b"second");
    assert_eq!(fixture.rotate(&old, &new, b"third", Expect::Version(first)), Written::Refused);
    assert_eq!(fixture.rotate(&old, &new, b"third", Expect::Absent), Written::Refused);
    assert_eq!(fixture.data(&old).unwrap(), b"second");
    assert!(fixture.load(&new).is_none());
    assert!(matches!(fixture.rotate(&old, &new, b"third", Expect::Version(second)), Written::Stored(_)));
    assert_eq!(fixture.data(&new).unwrap(), b"third");
}

pub(in crate::store) fn a_rotation_overwrites_what_is_under_the_new_id(fixture: &Fixture) {
    let (old, new) = (some_id(), some_id());
    fixture.stored(&old, b"mine");
    fixture.stored(&new, b"another's");
    assert!(matches!(fixture.rotate(&old, &new, b"mine", Expect::Present), Written::Stored(_)));
    assert_eq!(fixture.data(&new).unwrap(), b"mine");
    assert!(fixture.load(&old).is_none());
}

pub(in crate::store) fn a_rotation_to_the_same_id_is_a_write_that_creates_nothing(fixture: &Fixture) {
    let id = some_id();
    for expect in [Expect::Any, Expect::Absent, Expect::Present, Expect::Version(Version(1))] {
        assert_eq!(fixture.rotate(&id, &id, b"x", expect), Written::Refused);
    }
    assert!(fixture.load(&id).is_none());
    fixture.stored(&id, b"first");
    assert!(matches!(fixture.rotate(&id, &id, b"second", Expect::Any), Written::Stored(_)));
    assert_eq!(fixture.data(&id).unwrap(), b"second");
}

pub(in crate::store) fn of_a_rotation_and_a_deletion_at_once_one_finds_the_record(fixture: &Fixture) {
    for _ in 0..ROUNDS {
        let (old, new) = (some_id(), some_id());
        fixture.stored(&old, b"x");
        let start = Barrier::new(2);
        let (rotated, deleted) = thread::scope(|scope| {
            let rotation = scope.spawn(|| {
                start.wait();
                fixture.rotate(&old, &new, b"y", Expect::Present) != Written::Refused
            });
            let deletion = scope.spawn(|| {
                start.wait();
                fixture.store.delete(&old).unwrap()
            });
            (rotation.join().unwrap(), deletion.join().unwrap())
        });
        assert_ne!(rotated, deleted);
        assert!(fixture.load(&old).is_none());
        assert_eq!(fixture.load(&new).is_some(), rotated);
    }
}

pub(in crate::store) fn of_concurrent_rotations_one_succeeds(fixture: &Fixture) {
    for _ in 0..ROUNDS {
        let old = some_id();
        let new = [some_id(), some_id()];
        fixture.stored(&old, b"x");
        let start = Barrier::new(2);
        let rotate = |new: &SessionId| {
            start.wait();
            fixture.rotate(&old, new, b"y", Expect::Present) != Written::Refused
        };
        let rotated: Vec<bool> = thread::scope(|scope| {
            let threads: Vec<_> = new.iter().map(|new| scope.spawn(|| rotate(new))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_ne!(rotated[0], rotated[1]);
        assert!(fixture.load(&old).is_none());
        assert_eq!(new.iter().map(|id| fixture.load(id).is_some()).collect::<Vec<_>>(), rotated);
    }
}

pub(in crate::store) fn rotations_in_a_circle_wait_for_nobody(fixture: &Fixture) {
    let ids = [some_id(), some_id()];
    fixture.stored(&ids[0], b"x");
    thread::scope(|scope| {
        for (old, new) in [(&ids[0], &ids[1]), (&ids[1], &ids[0])] {
            scope.spawn(move || {
                for _ in 0..ROUNDS {
                    // Both may find nothing, and then the record is where the other has put it.
                    let _ = fixture.rotate(old, new, b"x", Expect::Present);
                }
            });
        }
    });
    assert_eq!(ids.iter().filter(|id| fixture.load(id).is_some()).count(), 1);
}
