//! What holds when a record gets another id, and when it is removed.

use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use super::{Fixture, LIFETIME, NOW, another, some_id};
use crate::id::StoreKey;
use crate::store::{Blocking, Call, Deleted, Expect, Patch, Redirect, Rotation, Version, Write, Written};

const ROUNDS: usize = 100;

/// What a rotation leaves under the old id.
const POINTER: Redirect<'_> = Redirect { data: b"moved", ttl: Duration::from_secs(30) };

impl Fixture {
    fn rotate(&self, old: &StoreKey, new: &StoreKey, data: &[u8], expect: Expect) -> Written {
        self.rotate_leaving(old, new, data, expect, None)
    }

    fn rotate_leaving(
        &self,
        old: &StoreKey,
        new: &StoreKey,
        data: &[u8],
        expect: Expect,
        redirect: Option<Redirect<'_>>,
    ) -> Written {
        let rotation = Rotation { redirect, ..Rotation::new(old, new, data, expect) };
        self.store.rotate(&rotation, &Call::at(NOW)).unwrap()
    }
}

pub(in crate::store) fn deleting_says_whether_there_was_a_record(fixture: &Fixture) {
    let id = some_id();
    assert_eq!(fixture.store.delete(&id, Expect::Any, &Call::at(NOW)).unwrap(), Deleted::Nothing);
    fixture.stored(&id, b"x");
    assert_eq!(fixture.store.delete(&id, Expect::Any, &Call::at(NOW)).unwrap(), Deleted::Record);
    assert_eq!(fixture.store.delete(&id, Expect::Any, &Call::at(NOW)).unwrap(), Deleted::Nothing);
}

pub(in crate::store) fn a_deletion_expecting_a_version_spares_what_was_saved_since(fixture: &Fixture) {
    let id = some_id();
    let delete = |expect| fixture.store.delete(&id, expect, &Call::at(NOW)).unwrap();
    let first = fixture.stored(&id, b"first");
    assert_eq!(delete(Expect::Absent), Deleted::Refused);
    let second = fixture.stored(&id, b"second");
    assert_eq!(delete(Expect::Version(first)), Deleted::Refused);
    assert_eq!(fixture.data(&id).unwrap(), b"second");
    assert_eq!(delete(Expect::Version(second)), Deleted::Record);
    assert!(fixture.load(&id).is_none());
    for expect in [Expect::Version(second), Expect::Present, Expect::Absent] {
        assert_eq!(delete(expect), Deleted::Nothing);
    }
    fixture.stored(&id, b"third");
    assert_eq!(delete(Expect::Present), Deleted::Record);
}

pub(in crate::store) fn of_a_save_and_a_deletion_of_what_both_saw_one_is_refused(fixture: &Fixture) {
    for _ in 0..ROUNDS {
        let id = some_id();
        let seen = Expect::Version(fixture.stored(&id, b"seen"));
        let start = Barrier::new(2);
        let (saved, deleted) = thread::scope(|scope| {
            let save = scope.spawn(|| {
                start.wait();
                fixture.write(&id, b"saved", seen) != Written::Refused
            });
            let deletion = scope.spawn(|| {
                start.wait();
                fixture.store.delete(&id, seen, &Call::at(NOW)).unwrap() == Deleted::Record
            });
            (save.join().unwrap(), deletion.join().unwrap())
        });
        assert_ne!(saved, deleted);
        assert_eq!(fixture.data(&id).as_deref(), saved.then_some(&b"saved"[..]));
    }
}

pub(in crate::store) fn a_rotation_leaves_nothing_under_the_old_id(fixture: &Fixture) {
    let (old, new) = (some_id(), some_id());
    fixture.stored(&old, b"before");
    let footprint = (fixture.footprint)();
    let Written::Stored(version) = fixture.rotate(&old, &new, b"after", Expect::Any) else {
        unreachable!("the record was there");
    };
    assert!(fixture.load(&old).is_none());
    assert_eq!(fixture.store.delete(&old, Expect::Any, &Call::at(NOW)).unwrap(), Deleted::Nothing);
    assert_eq!(fixture.data(&new).unwrap(), b"after");
    assert_eq!(fixture.load(&new).unwrap().version, version);
    let _ = fixture.store.delete(&new, Expect::Any, &Call::at(NOW)).unwrap();
    assert!((fixture.footprint)() <= footprint + 4, "at most the folders of the new id are more");
}

pub(in crate::store) fn a_rotation_does_not_revive_a_deleted_record(fixture: &Fixture) {
    let (old, new) = (some_id(), some_id());
    let version = fixture.stored(&old, b"x");
    let _ = fixture.store.delete(&old, Expect::Any, &Call::at(NOW)).unwrap();
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
    for expect in [Expect::Any, Expect::Absent, Expect::Present, Expect::Version(Version::from(1))] {
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
                fixture.store.delete(&old, Expect::Any, &Call::at(NOW)).unwrap() == Deleted::Record
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
        let rotate = |new: &StoreKey| {
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
    let left = ids.iter().filter(|id| fixture.load(id).is_some()).count();
    let capabilities = fixture.store.capabilities();
    if capabilities.atomic_rotation || capabilities.blocking != Blocking::Network {
        assert_eq!(left, 1);
    } else {
        // Each does two steps, which are on two servers, and both may take their first one back.
        assert!(left <= 1);
    }
}

pub(in crate::store) fn a_rotation_may_leave_something_under_the_old_id(fixture: &Fixture) {
    let (old, new) = (some_id(), some_id());
    let before = fixture.stored(&old, b"before");
    let rotated = fixture.rotate_leaving(&old, &new, b"after", Expect::Version(before), Some(POINTER));
    let Written::Stored(version) = rotated else { unreachable!("the record was there") };
    assert_eq!(fixture.data(&old).unwrap(), b"moved");
    assert_eq!(fixture.data(&new).unwrap(), b"after");
    assert_eq!(fixture.load(&new).unwrap().version, version);
    for expect in [Expect::Version(before), Expect::Absent] {
        assert_eq!(fixture.write(&old, b"late", expect), Written::Refused);
        assert_eq!(fixture.rotate(&old, &some_id(), b"late", expect), Written::Refused);
    }
    assert!(fixture.touch(&old, before, 0, b"M"));
    assert_eq!(fixture.data(&old).unwrap(), b"moved");
    assert_eq!(fixture.store.delete(&old, Expect::Any, &Call::at(NOW)).unwrap(), Deleted::Record);
    assert_eq!(fixture.data(&new).unwrap(), b"after");
}

pub(in crate::store) fn a_rotation_that_is_refused_leaves_nothing(fixture: &Fixture) {
    let (old, new) = (some_id(), some_id());
    let version = fixture.stored(&old, b"x");
    let other = another(version);
    for expect in [Expect::Version(other), Expect::Absent] {
        let rotated = fixture.rotate_leaving(&old, &new, b"y", expect, Some(POINTER));
        assert_eq!(rotated, Written::Refused);
        assert_eq!(fixture.data(&old).unwrap(), b"x");
    }
    let _ = fixture.store.delete(&old, Expect::Any, &Call::at(NOW)).unwrap();
    let before = (fixture.footprint)();
    assert_eq!(fixture.rotate_leaving(&old, &new, b"y", Expect::Any, Some(POINTER)), Written::Refused);
    assert!(fixture.load(&old).is_none() && fixture.load(&new).is_none());
    assert_eq!((fixture.footprint)(), before);
}

pub(in crate::store) fn a_rotation_to_the_same_id_leaves_nothing_but_what_was_written(fixture: &Fixture) {
    let id = some_id();
    fixture.stored(&id, b"first");
    let written = fixture.rotate_leaving(&id, &id, b"second", Expect::Any, Some(POINTER));
    assert!(matches!(written, Written::Stored(_)));
    assert_eq!(fixture.data(&id).unwrap(), b"second");
}

pub(in crate::store) fn what_a_rotation_leaves_has_a_life_of_its_own(fixture: &Fixture) {
    let (old, new, store) = (some_id(), some_id(), &fixture.store);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
    let day = Some(Duration::from_secs(86_400));
    assert!(matches!(
        store.write(&Write::new(&old, b"x", Expect::Any).lasting(day), &Call::at(now)).unwrap(),
        Written::Stored(_)
    ));
    let rotation = Rotation {
        old: &old,
        new: &new,
        data: b"y",
        ttl: day,
        expect: Expect::Present,
        redirect: Some(POINTER),
    };
    assert!(matches!(store.rotate(&rotation, &Call::at(now)).unwrap(), Written::Stored(_)));
    assert!(store.load(&old, &Call::at(now + 29.0)).unwrap().is_some());
    let mut sweep = store.sweep();
    let mut expired = 0;
    loop {
        let swept = sweep.step(10, now + LIFETIME.as_secs_f64()).unwrap();
        expired += swept.expired;
        if swept.finished {
            break;
        }
    }
    assert_eq!(expired, 1);
    assert!(store.load(&old, &Call::at(now)).unwrap().is_none());
    assert_eq!(&*store.load(&new, &Call::at(now)).unwrap().unwrap().data, b"y");
}

pub(in crate::store) fn a_holder_leaves_something_under_the_old_id_too(fixture: &Fixture) {
    let (old, new) = (some_id(), some_id());
    fixture.stored(&old, b"x");
    let held = fixture.lock(&old);
    let store = &fixture.store;
    let call = Call::at(NOW);
    let under = call.under(Some(&*held));
    let rotation = Rotation {
        old: &old,
        new: &new,
        data: b"y",
        ttl: None,
        expect: Expect::Present,
        redirect: Some(POINTER),
    };
    let Written::Stored(version) = store.rotate(&rotation, &under).unwrap() else {
        unreachable!("the record was there");
    };
    assert!(held.holds(&old) && held.holds(&new));
    assert!(store.patch(&Patch::new(&new, version, 0, b"Y"), &under).unwrap());
    held.release().unwrap();
    assert_eq!(fixture.data(&old).unwrap(), b"moved");
    assert_eq!(fixture.data(&new).unwrap(), b"Y");
}

pub(in crate::store) fn readers_find_what_they_look_for_under_one_id_or_the_other(fixture: &Fixture) {
    for _ in 0..ROUNDS {
        let (old, new) = (some_id(), some_id());
        fixture.stored(&old, b"x");
        let start = Barrier::new(2);
        thread::scope(|scope| {
            scope.spawn(|| {
                start.wait();
                fixture.rotate_leaving(&old, &new, b"y", Expect::Present, Some(POINTER))
            });
            start.wait();
            while fixture.data(&old).unwrap() != b"moved" {}
            // What leads to the new id is there only once that is.
            assert_eq!(fixture.data(&new).unwrap(), b"y");
        });
    }
}
