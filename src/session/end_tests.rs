//! The end of a session, step by step.

#![allow(clippy::indexing_slicing, reason = "a test fails by panicking")]

use super::*;
use crate::store::Version;

fn id(text: &str) -> SessionId {
    SessionId::from_program(text)
}

fn loaded() -> Life {
    let mut life = Life::named(id("a"), true);
    life.found(Version::from(1));
    life
}

fn delete(id_of_record: &str, expect: Expect) -> Step<()> {
    Step::Delete { id: id(id_of_record), expect }
}

/// The steps of an end whose loads and deletions are answered by `answers`, and all others by `Ready`.
fn steps(life: &mut Life, reason: Reason, redirects: bool, answers: Vec<Answer<()>>) -> Vec<Step<()>> {
    let mut ending = Ending::new(life, reason, redirects, true);
    let (mut answers, mut steps, mut answer) = (answers.into_iter(), Vec::new(), Answer::Begin);
    loop {
        let step = ending.next(life, answer);
        answer = match &step {
            Step::Load(_) | Step::Delete { .. } => answers.next().unwrap_or(Answer::Deleted),
            _ => Answer::Ready,
        };
        steps.push(step);
        if matches!(steps.last(), Some(Step::Done(_))) {
            assert!(answers.next().is_none(), "{steps:?}");
            return steps;
        }
    }
}

fn give_up(answers: Vec<Answer<()>>) -> Vec<Step<()>> {
    let mut life = loaded();
    life.begin_anew(id("b"));
    steps(&mut life, Reason::GiveUp, true, answers)
}

#[test]
fn a_deleted_session_loses_its_record_before_its_cookie_and_its_content() {
    let mut life = loaded();
    let deleted = steps(&mut life, Reason::Delete, false, vec![Answer::Deleted]);
    let after = [Step::ExpireCookie, Step::Clear, Step::Done(Outcome::Ended)];
    assert_eq!(deleted[0], delete("a", Expect::Any));
    assert_eq!(deleted[1..], after);
    assert!(life.is_deleted());
    let mut ending = Ending::<()>::new(&mut life, Reason::Delete, false, false);
    let _delete = ending.next(&mut life, Answer::Begin);
    assert_eq!(ending.next(&mut life, Answer::Deleted), Step::Clear, "it has no cookie");
}

#[test]
fn an_invalidated_session_gives_way_to_another() {
    let mut life = loaded();
    let steps = steps(&mut life, Reason::Invalidate, false, vec![Answer::Deleted]);
    let after = [Step::Clear, Step::CreateId, Step::Begin, Step::Done(Outcome::Ended)];
    assert_eq!(steps[1..], after);
    assert!(life.was_invalidated());
}

#[test]
fn a_session_without_a_record_is_not_looked_for() {
    let mut life = Life::fresh(SessionId::generate());
    for redirects in [true, false] {
        let steps = steps(&mut life, Reason::Invalidate, redirects, vec![]);
        assert_eq!(steps[0], Step::Clear);
    }
    let mut life = loaded();
    let kept = steps(&mut life, Reason::GiveUp, true, vec![]);
    assert_eq!(kept, [Step::Done(Outcome::Ended)], "the application has not said that it may go");
}

#[test]
fn a_record_is_deleted_only_as_it_was_loaded() {
    let found = |version| Answer::Found(Found::Session(Version::from(version)));
    let steps = give_up(vec![found(1), Answer::Refused, found(2), Answer::Deleted]);
    let load = || Step::Load(id("a"));
    let expect = |version| delete("a", Expect::Version(Version::from(version)));
    assert_eq!(steps, [load(), expect(1), load(), expect(2), Step::Done(Outcome::Ended)]);
}

#[test]
fn a_session_that_moved_meanwhile_is_deleted_under_its_new_id_too() {
    let moved = || Answer::Found(Found::Redirect { to: id("c"), version: Version::from(2) });
    let found = || Answer::Found(Found::Session(Version::from(7)));
    let lost = || Answer::Failed(Failed { kind: Failure::Unknown, error: () });
    let redirect = delete("a", Expect::Version(Version::from(2)));
    let target = delete("c", Expect::Version(Version::from(7)));
    let steps = give_up(vec![moved(), found(), Answer::Deleted, Answer::Deleted]);
    assert_eq!(steps[..2], [Step::Load(id("a")), Step::Load(id("c"))]);
    assert_eq!(steps[2..], [target.clone(), redirect.clone(), Step::Done(Outcome::Ended)]);
    let absent = Answer::Found(Found::Absent);
    let steps = give_up(vec![moved(), found(), lost(), absent, Answer::Deleted]);
    assert_eq!(steps[3..], [Step::Load(id("c")), redirect, Step::Done(Outcome::Ended)]);
}

#[test]
fn a_redirect_that_stays_or_gave_way_to_another_session_ends_the_session_all_the_same() {
    for answer in [Answer::Refused, Answer::Failed(Failed { kind: Failure::Unavailable, error: () })] {
        let mut life = loaded();
        let moved = Answer::Found(Found::Redirect { to: id("c"), version: Version::from(2) });
        let found = Answer::Found(Found::Session(Version::from(7)));
        let made = steps(&mut life, Reason::Delete, true, vec![moved, found, Answer::Deleted, answer]);
        assert_eq!(made[4..], [Step::ExpireCookie, Step::Clear, Step::Done(Outcome::Ended)]);
        assert_eq!(life.stored_as(), None);
    }
}

#[test]
fn a_redirect_that_leads_nowhere_is_deleted() {
    let steps = give_up(vec![Answer::Found(Found::DeadRedirect(Version::from(2))), Answer::Deleted]);
    assert_eq!(steps[1..], [delete("a", Expect::Version(Version::from(2))), Step::Done(Outcome::Ended)]);
}

#[test]
fn a_deletion_whose_reply_was_lost_is_looked_after() {
    let found = || Answer::Found(Found::Session(Version::from(1)));
    let lost = || Answer::Failed(Failed { kind: Failure::Unknown, error: () });
    let steps = give_up(vec![found(), lost(), Answer::Found(Found::Absent)]);
    assert_eq!(steps[2..], [Step::Load(id("a")), Step::Done(Outcome::Ended)]);
    let steps = give_up(vec![found(), lost(), found(), Answer::Deleted]);
    assert_eq!(steps.len(), 5);
}

#[test]
fn an_error_after_the_record_is_gone_ends_the_call_whatever_its_kind() {
    let kinds = [Failure::Corrupt, Failure::Unavailable, Failure::Busy, Failure::Unknown, Failure::Other];
    for (kind, calls) in kinds.into_iter().flat_map(|kind| (0..3).map(move |calls| (kind, calls))) {
        let mut life = loaded();
        let mut ending = Ending::new(&mut life, Reason::Invalidate, false, true);
        let _delete = ending.next(&mut life, Answer::Begin);
        let _clear = ending.next(&mut life, Answer::Deleted);
        for _ in 0..calls {
            let _call = ending.next(&mut life, Answer::Ready);
        }
        let failed = Answer::Failed(Failed { kind, error: () });
        assert_eq!(ending.next(&mut life, failed), Step::Done(Outcome::Failed(())), "{kind:?} {calls}");
    }
}

#[test]
fn what_nobody_can_load_is_deleted_whatever_it_is() {
    let corrupt = || Answer::Failed(Failed { kind: Failure::Corrupt, error: () });
    let steps = give_up(vec![corrupt(), Answer::Deleted]);
    assert_eq!(steps, [Step::Load(id("a")), delete("a", Expect::Any), Step::Done(Outcome::Ended)]);
    let steps = give_up(vec![corrupt(), corrupt()]);
    assert_eq!(steps[2], Step::Done(Outcome::Failed(())));
}

#[test]
fn a_session_whose_record_could_not_be_deleted_still_has_it() {
    let failed = || vec![Answer::Failed(Failed { kind: Failure::Unavailable, error: () })];
    let mut life = loaded();
    steps(&mut life, Reason::Invalidate, false, failed());
    assert_eq!(life.expectation(true), Some(Expect::Version(Version::from(1))));
    life.begin_anew(id("b"));
    steps(&mut life, Reason::GiveUp, false, failed());
    assert_eq!(life.expectation(true), Some(Expect::Version(Version::from(1))));
    steps(&mut life, Reason::GiveUp, false, vec![Answer::Deleted]);
    assert_eq!(life.expectation(true), Some(Expect::Any));
}

#[test]
fn an_error_that_is_not_the_stores_is_raised_while_a_redirect_goes_and_the_next_end_goes_on() {
    for reason in [Reason::Delete, Reason::Invalidate] {
        let mut life = loaded();
        let moved = || Answer::Found(Found::Redirect { to: id("c"), version: Version::from(2) });
        let found = Answer::Found(Found::Session(Version::from(7)));
        let interrupted = Answer::Failed(Failed { kind: Failure::Other, error: () });
        let made = steps(&mut life, reason, true, vec![moved(), found, Answer::Deleted, interrupted]);
        assert_eq!(made[4..], [Step::Done(Outcome::Failed(()))], "{reason:?}");
        let absent = Answer::Found(Found::Absent);
        let made = steps(&mut life, reason, true, vec![moved(), absent, Answer::Deleted]);
        assert_eq!(made[2], delete("a", Expect::Version(Version::from(2))));
        assert_eq!(life.stored_as(), None);
    }
}

#[test]
fn a_request_with_an_old_id_is_told_the_new_one_only_once_the_session_is_gone() {
    let mut life = loaded();
    life.follow(id("c"));
    let failed = Answer::Failed(Failed { kind: Failure::Unavailable, error: () });
    let _failed = steps(&mut life, Reason::Delete, false, vec![failed]);
    assert!(life.via_old_id());
    // The cookie that has expired is sent.
    let _ended = steps(&mut life, Reason::Delete, false, vec![Answer::Deleted]);
    assert!(!life.via_old_id());
}

#[test]
fn an_end_that_failed_is_made_by_the_next_one() {
    for next in [Reason::Delete, Reason::Invalidate] {
        let mut life = loaded();
        life.rename(id("b"));
        let failed = Answer::Failed(Failed { kind: Failure::Unavailable, error: () });
        let steps_that_failed = steps(&mut life, Reason::Delete, false, vec![failed]);
        assert_eq!(steps_that_failed.last(), Some(&Step::Done(Outcome::Failed(()))));
        let made = steps(&mut life, next, false, vec![Answer::Deleted]);
        assert_eq!(made.first(), Some(&delete("a", Expect::Any)), "{next:?}");
        assert_eq!(life.stored_as(), None);
    }
}

#[test]
fn a_redirect_stays_until_the_session_that_it_leads_to_is_gone() {
    for reason in [Reason::Delete, Reason::Invalidate] {
        let mut life = loaded();
        let moved = Answer::Found(Found::Redirect { to: id("c"), version: Version::from(2) });
        let failed = Answer::Failed(Failed { kind: Failure::Unavailable, error: () });
        let made = steps(&mut life, reason, true, vec![moved, failed]);
        assert_eq!(made, [Step::Load(id("a")), Step::Load(id("c")), Step::Done(Outcome::Failed(()))]);
        assert_eq!(life.stored_as(), Some(&id("a")));
    }
}

#[test]
fn a_store_that_does_not_answer_ends_no_session() {
    for kind in [Failure::Unavailable, Failure::Busy, Failure::Other] {
        let steps = give_up(vec![Answer::Failed(Failed { kind, error: () })]);
        assert_eq!(steps, [Step::Load(id("a")), Step::Done(Outcome::Failed(()))]);
    }
}

#[test]
fn a_deletion_in_doubt_that_cannot_be_looked_after_stays_unknown() {
    let failed = |kind| Answer::Failed(Failed { kind, error: kind });
    for (kind, told) in [
        (Failure::Unavailable, Failure::Unknown),
        (Failure::Busy, Failure::Unknown),
        (Failure::Other, Failure::Other),
    ] {
        let mut life = loaded();
        let mut ending = Ending::new(&mut life, Reason::Delete, false, true);
        let _delete = ending.next(&mut life, Answer::Begin);
        let _look = ending.next(&mut life, failed(Failure::Unknown));
        assert_eq!(ending.next(&mut life, failed(kind)), Step::Done(Outcome::Failed(told)));
    }
}

#[test]
fn a_session_whose_rotation_is_in_doubt_ends_under_both_ids() {
    for reason in [Reason::Delete, Reason::Invalidate] {
        let mut life = loaded();
        life.rename(id("b"));
        life.doubt_rotation(Some(Version::from(1)));
        let found = Answer::Found(Found::Session(Version::from(2)));
        let steps = steps(&mut life, reason, false, vec![Answer::Deleted, found, Answer::Deleted]);
        let second = delete("b", Expect::Version(Version::from(2)));
        assert_eq!(steps[..3], [delete("a", Expect::Any), Step::Load(id("b")), second]);
        assert_eq!(life.in_doubt(), None);
    }
}

#[test]
fn a_record_that_others_keep_writing_goes_at_last() {
    let turns = (0..TRIES as u64)
        .flat_map(|turn| [Answer::Found(Found::Session(Version::from(turn))), Answer::Refused]);
    let steps = give_up(turns.chain([Answer::Deleted]).collect());
    assert_eq!(steps[2 * TRIES], delete("a", Expect::Any));
    assert_eq!(steps[2 * TRIES + 1], Step::Done(Outcome::Ended));
}

#[test]
fn a_deletion_whose_replies_are_lost_again_and_again_fails() {
    let found = Answer::Found(Found::Session(Version::from(1)));
    let lost = Answer::Failed(Failed { kind: Failure::Unknown, error: () });
    let steps = give_up([found, lost].into_iter().cycle().take(2 * TRIES).collect());
    assert_eq!(steps[2 * TRIES..], [Step::Done(Outcome::Failed(()))]);
}

#[test]
fn nothing_of_a_session_that_has_ended_is_stored_before_another_begins() {
    let mut life = loaded();
    let mut ending = Ending::<()>::new(&mut life, Reason::Invalidate, false, true);
    let _delete = ending.next(&mut life, Answer::Begin);
    for (answer, step) in [(Answer::Deleted, Step::Clear), (Answer::Ready, Step::CreateId)] {
        assert_eq!(ending.next(&mut life, answer), step);
        assert!(life.is_deleted(), "it may still have the id and the content of the one before");
    }
    assert_eq!(ending.next(&mut life, Answer::Ready), Step::Begin);
    assert!(!life.is_deleted());
}
