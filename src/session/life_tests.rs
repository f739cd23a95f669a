//! Laws of the life of a session.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::Life;
use crate::id::SessionId;
use crate::store::{Expect, Version};

/// A session whose record has the version 1.
pub(super) fn loaded(id: &str) -> Life {
    let mut life = Life::named(SessionId::from_program(id), true);
    life.found(Version::from(1));
    life
}

#[test]
fn a_fresh_session_is_new_and_expects_nothing_of_the_store() {
    let life = Life::fresh(SessionId::generate());
    assert!(life.is_new());
    assert_eq!(life.expectation(true), Some(Expect::Any));
}

#[test]
fn a_session_that_was_found_is_saved_only_where_it_still_is() {
    for keeps_others in [false, true] {
        assert_eq!(loaded("a").expectation(keeps_others), Some(Expect::Version(Version::from(1))));
    }
}

#[test]
fn an_id_from_a_cookie_that_the_store_does_not_know_is_not_taken_on() {
    assert!(Life::named(SessionId::from_request("made-up"), true).not_found());
    assert!(!Life::named(SessionId::from_program("chosen"), false).not_found());
}

#[test]
fn a_session_that_was_looked_for_in_vain_is_saved_over_nobodys() {
    let mut life = Life::named(SessionId::from_program("chosen"), false);
    let _from_cookie = life.not_found();
    assert_eq!(life.expectation(true), Some(Expect::Absent));
    assert_eq!(life.expectation(false), Some(Expect::Any));
    life.turn_to(SessionId::from_program("another"));
    assert_eq!(life.expectation(true), Some(Expect::Any));
    let _from_cookie = life.not_found();
    life.saved(Version::from(1));
    assert_eq!(life.expectation(true), Some(Expect::Version(Version::from(1))));
}

#[test]
fn a_rotated_session_is_written_under_the_new_id_and_its_old_record_goes() {
    let mut life = loaded("old");
    assert_eq!(life.rotated_from(), None);
    life.rename(SessionId::from_program("new"));
    assert!(life.is_rotated());
    assert_eq!(life.rotated_from().unwrap().as_str(), "old");
    assert_eq!(life.expectation(false), Some(Expect::Version(Version::from(1))));
    life.saved(Version::from(2));
    assert!(!life.is_rotated());
    assert_eq!(life.stored_as().unwrap().as_str(), "new");
}

#[test]
fn a_session_that_turned_to_another_id_leaves_the_record_it_had() {
    let mut life = loaded("one");
    life.turn_to(SessionId::from_program("one"));
    assert_eq!(life.expectation(false), Some(Expect::Version(Version::from(1))));
    life.turn_to(SessionId::from_program("other"));
    assert!(!life.is_rotated());
    assert_eq!(life.expectation(true), Some(Expect::Any));
}

#[test]
fn a_rotated_session_is_looked_for_under_its_old_id_until_it_is_saved() {
    let mut life = loaded("old");
    life.rename(SessionId::from_program("new"));
    assert_eq!(life.record_id().as_str(), "old");
    life.found(Version::from(1));
    assert!(life.is_rotated());
    life.saved(Version::from(2));
    assert_eq!(life.record_id().as_str(), "new");
}

#[test]
fn a_session_whose_record_has_more_than_it_is_not_written_unseen() {
    let mut life = loaded("a");
    life.diverged();
    assert_eq!(life.expectation(true), None);
    life.saved(Version::from(2));
    assert_eq!(life.expectation(true), Some(Expect::Version(Version::from(2))));
}

#[test]
fn a_session_that_was_renewed_is_saved_over_what_renewed_it() {
    let mut life = loaded("a");
    life.clear();
    life.rename(SessionId::from_program("new"));
    assert!(life.renewed(Version::from(1), Version::from(2)));
    assert_eq!(life.version(), Some(Version::from(2)));
    assert!(life.forgets(), "what the program has said is not forgotten");
    assert!(!life.renewed(Version::from(1), Version::from(3)));
    assert_eq!(life.version(), Some(Version::from(2)));
}

#[test]
fn a_session_that_was_followed_is_saved_where_it_is_now_and_not_under_an_id_made_here() {
    let mut life = loaded("old");
    life.rename(SessionId::from_program("ours"));
    life.follow(SessionId::from_program("theirs"));
    assert!(life.via_old_id() && !life.is_rotated() && !life.is_new());
    assert_eq!((life.id().as_str(), life.record_id().as_str()), ("theirs", "theirs"));
    assert_eq!(life.expectation(true), None);
    life.found(Version::from(7));
    assert_eq!(life.expectation(false), Some(Expect::Version(Version::from(7))));
    assert_eq!(life.delete().as_str(), "theirs");
    assert!(life.via_old_id());
    life.deleted();
    assert!(!life.via_old_id());
}

#[test]
fn a_session_that_begins_anew_is_nobodys_successor() {
    for begin in [Life::rename, Life::turn_to] {
        let mut life = loaded("old");
        life.follow(SessionId::from_program("new"));
        begin(&mut life, SessionId::from_program("another"));
        assert!(!life.via_old_id());
    }
}

#[test]
fn an_ended_session_has_no_record() {
    let mut life = loaded("a");
    life.end();
    assert!(life.was_invalidated());
    assert_eq!(life.stored_as(), None);
}

#[test]
fn a_rotated_session_that_is_deleted_gives_up_the_record_it_had() {
    let mut life = loaded("old");
    life.rename(SessionId::from_program("new"));
    assert_eq!(life.delete().as_str(), "old");
    assert!(life.is_deleted());
}

#[test]
fn a_session_that_cannot_be_decoded_keeps_its_record() {
    let mut life = loaded("a");
    life.disown();
    assert_eq!(life.stored_as(), None);
}

#[test]
fn what_a_program_has_said_to_forget_is_given_up_with_the_id() {
    let new = || SessionId::from_program("new");
    let mut life = loaded("old");
    life.clear();
    life.rename(new());
    assert_eq!(life.forgotten().unwrap().as_str(), "old");
    life.give_up();
    assert_eq!(life.forgotten(), None);
    assert_eq!(life.record_id().as_str(), "new");
    let mut life = loaded("old");
    life.begin_anew(new());
    assert!(life.is_new() && life.forgets());
    assert_eq!(life.forgotten().unwrap().as_str(), "old");
}

#[test]
fn what_a_program_keeps_is_not_given_up() {
    let new = || SessionId::from_program("new");
    let mut life = loaded("old");
    life.rename(new());
    assert_eq!(life.forgotten(), None);
    let mut life = loaded("old");
    life.clear();
    assert_eq!(life.forgotten(), None);
    life.revert();
    life.rename(new());
    assert_eq!(life.forgotten(), None);
    let mut life = loaded("old");
    life.clear();
    life.saved(Version::from(2));
    life.rename(new());
    assert_eq!(life.forgotten(), None);
    let mut life = loaded("old");
    life.clear();
    life.turn_to(new());
    assert_eq!(life.forgotten(), None);
}

#[test]
fn a_program_overrules_what_is_known_of_a_session() {
    let mut life = loaded("a");
    for is_so in [true, false] {
        life.set_new(is_so);
        life.set_invalidated(is_so);
        assert_eq!((life.is_new(), life.was_invalidated()), (is_so, is_so));
    }
}

#[test]
fn a_session_that_lives_is_neither_ended_nor_deleted() {
    let life = loaded("a");
    assert!(!life.is_new() && !life.was_invalidated() && !life.is_deleted());
    assert_eq!(life.version(), Some(Version::from(1)));
}

#[test]
fn an_id_is_a_browsers_until_the_session_gets_another() {
    let mut life = loaded("a");
    assert!(life.is_from_cookie());
    life.rename(SessionId::from_program("b"));
    assert!(!life.is_from_cookie());
    assert!(!Life::fresh(SessionId::generate()).is_from_cookie());
}

#[test]
fn a_session_that_another_one_moved_is_rotated_and_not_begun_anew() {
    let mut life = Life::named(SessionId::from_program("new"), false);
    life.moved_from(Some(SessionId::from_program("old")));
    assert_eq!(life.rotated_from().unwrap().as_str(), "old");
    assert!(life.is_rotated() && !life.is_begun_anew() && !life.forgets());
    // To move it takes nothing back of what was begun.
    life.begin_anew(SessionId::from_program("newest"));
    life.moved_from(Some(SessionId::from_program("old")));
    assert!(life.is_begun_anew());
}
