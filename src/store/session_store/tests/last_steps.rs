//! Last steps of several, which somebody else's lock does not leave undone.

use std::cell::Cell;

use super::*;
use crate::error::Error;

/// A step that others are in the way of at its first tries, and how often it was tried.
fn tried(busy: usize, then: fn() -> Result<bool>) -> (Result<bool>, usize) {
    let tries = Cell::new(0);
    let outcome = in_the_end(|| {
        tries.set(tries.get() + 1);
        if tries.get() <= busy { Err(Error::busy("step")) } else { then() }
    });
    (outcome, tries.get())
}

#[test]
fn a_last_step_is_tried_again_while_somebody_else_has_what_it_needs() {
    for busy in 0..LAST_TRIES {
        let (outcome, tries) = tried(busy, || Ok(true));
        assert!(outcome.unwrap());
        assert_eq!(tries, busy + 1);
    }
}

#[test]
fn a_last_step_ends_and_tells_who_was_in_the_way() {
    let (outcome, tries) = tried(usize::MAX, || Ok(true));
    assert!(outcome.unwrap_err().is_busy());
    assert_eq!(tries, LAST_TRIES);
}

#[test]
fn a_last_step_that_fails_or_finds_nothing_is_not_done_twice() {
    for busy in [0, 3] {
        let (outcome, tries) = tried(busy, || Err(Error::unavailable("step")));
        assert!(!outcome.unwrap_err().is_busy());
        assert_eq!(tries, busy + 1);
        let (outcome, tries) = tried(busy, || Ok(false));
        assert!(!outcome.unwrap());
        assert_eq!(tries, busy + 1);
    }
}

/// The calls that somebody else is in the way of for a while.
#[test]
fn a_rotation_that_meets_a_lock_after_it_has_changed_something_leaves_one_session() {
    for ids in [IdStorage::Plain, IdStorage::Hashed] {
        for at in 0..12 {
            for (inner, _folder) in inners() {
                let (id, next) = (some_id(), some_id());
                // A process that died while it moved the record has left both.
                let places = [plain(&id), hashed(&id)];
                for place in &places {
                    assert!(put(&*inner, place, b"x", Expect::Absent).is_some());
                }
                let counting = Arc::new(Counting::over(Arc::clone(&inner)));
                counting.busy_at(at, LAST_TRIES - 1);
                let store = over(&(counting as Arc<dyn Store>), ids);
                let rotated = store.rotate(&Rotation::new(&id, &next, b"y", Expect::Present), &Call::at(NOW));
                let is_left = data(&over(&inner, ids), &id).is_some();
                let is_there = data(&over(&inner, ids), &next).is_some();
                match rotated {
                    Ok(written) => {
                        assert_ne!(written, Written::Refused);
                        assert!(is_there && !is_left, "{ids:?} {at}");
                    }
                    Err(error) => {
                        assert!(error.is_busy());
                        assert!(is_left && !is_there, "{ids:?} {at}");
                    }
                }
            }
        }
    }
}
