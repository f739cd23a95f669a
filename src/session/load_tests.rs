//! Laws of loading, one sequence of answers each.
#![allow(clippy::indexing_slicing, reason = "a test fails by panicking")]

use super::load::{Answer, LONGEST_CHAIN, Loading, Policy, RELOADS, Step};
use super::{Candidate, Facts, Failed, Failure, Found, Life, Limits, Times};
use crate::id::SessionId;
use crate::store::{Expect, LockTarget, Timestamp, Version};

type Error = Failure;

const NOW: Timestamp = 1_000.0;
const IDLE: Limits = Limits { idle: Some(60.0), absolute: None, epoch: None, touch_interval: 0.0 };

fn id(text: &str) -> SessionId {
    SessionId::from_program(text)
}

fn candidate(text: &str) -> Candidate {
    Candidate { id: id(text), is_current: true, signed_at: None }
}

fn failed<T>(kind: Failure) -> Result<T, Failed<Error>> {
    Err(Failed { kind, error: kind })
}

fn session(version: u64) -> Answer<Error> {
    Answer::Loaded(Ok(Found::Session(Version::from(version))))
}

fn absent() -> Answer<Error> {
    Answer::Loaded(Ok(Found::Absent))
}

fn redirect(to: &str) -> Answer<Error> {
    Answer::Loaded(Ok(Found::Redirect { to: id(to), version: Version::from(1) }))
}

fn done() -> Answer<Error> {
    Answer::Called(Ok(()))
}

fn used_at(accessed: Timestamp) -> Answer<Error> {
    let times = Times { accessed: Some(accessed), begun: Some(accessed) };
    Answer::Decoded(Ok(Some(Facts { times, timeout: None, is_current: true })))
}

/// Gives `answers` one after the other and returns the steps.
fn steps(
    policy: Policy,
    life: &mut Life,
    answers: impl IntoIterator<Item = Answer<Error>>,
) -> Vec<Step<Error>> {
    let mut loading = Loading::new(policy, life);
    let begin = std::iter::once(Answer::Begin);
    begin.chain(answers).map(|answer| loading.next(life, answer, NOW)).collect()
}

fn plain() -> Policy {
    Policy { locks: false, limits: IDLE }
}

fn locking() -> Policy {
    Policy { locks: true, ..plain() }
}

#[test]
fn a_session_is_loaded_in_four_calls() {
    let mut life = Life::from_cookie(candidate("a"));
    let made = steps(plain(), &mut life, [session(7), done(), used_at(NOW), done()]);
    let fill = Step::Fill { is_corrected: false };
    assert_eq!(made, [Step::Load(id("a")), Step::Clear, Step::Decode(id("a")), fill, Step::Done(Ok(()))]);
    assert_eq!(life.version(), Some(Version::from(7)));
    assert!(!life.is_new() && !life.is_stale());
}

#[test]
fn a_lock_of_the_request_is_taken_before_the_record_is_loaded_and_moves_with_the_session() {
    let mut life = Life::named(id("a"), true);
    let made = steps(locking(), &mut life, [done(), redirect("b"), done(), absent()]);
    let locked = Step::Lock(id("a"), LockTarget::Record);
    let cleanup = Step::DeleteRedirect(id("a"), Version::from(1));
    assert_eq!(made, [locked, Step::Load(id("a")), Step::MoveLock(id("b")), Step::Load(id("b")), cleanup]);
}

#[test]
fn an_id_that_the_program_chose_is_locked_even_without_a_record() {
    let mut life = Life::named(id("a"), false);
    assert_eq!(steps(locking(), &mut life, []), [Step::Lock(id("a"), LockTarget::Id)]);
}

#[test]
fn a_session_that_the_program_gave_up_is_removed_before_another_is_loaded() {
    let mut life = Life::named(id("old"), false);
    life.found(Version::from(1));
    life.begin_anew(id("new"));
    let mut loading = Loading::<Error>::new(plain(), &life);
    assert_eq!(loading.next(&mut life, Answer::Begin, NOW), Step::GiveUp);
    life.give_up();
    assert_eq!(loading.next(&mut life, done(), NOW), Step::Load(id("new")));
}

#[test]
fn a_program_that_chose_the_id_keeps_it_without_a_record() {
    let mut life = Life::named(id("a"), false);
    let made = steps(plain(), &mut life, [absent(), done(), done()]);
    assert_eq!(made, [Step::Load(id("a")), Step::Clear, Step::BeginEmpty, Step::Done(Ok(()))]);
    assert!(life.is_new());
}

#[test]
fn an_id_that_a_browser_made_up_is_replaced() {
    let mut life = Life::named(id("a"), true);
    let made = steps(plain(), &mut life, [absent(), done(), done(), done()]);
    assert_eq!(made[2..], [Step::CreateId, Step::BeginEmpty, Step::Done(Ok(()))]);
}

#[test]
fn the_next_candidate_is_tried_only_while_the_session_is_opened() {
    let mut life = Life::from_cookie(candidate("a"));
    let others = Answer::Cookies(Ok(vec![candidate("b")]));
    let made = steps(plain(), &mut life, [absent(), done(), others, session(2), done(), used_at(NOW)]);
    assert_eq!(made[2..4], [Step::ReadCookies, Step::Load(id("b"))]);
    assert_eq!((life.id().as_str(), life.version()), ("b", Some(Version::from(2))));
    assert_eq!(life.finish_opening(), Some(false));
    assert_eq!(steps(plain(), &mut life, [absent(), done()])[2], Step::CreateId);
}

#[test]
fn the_first_candidate_decides_where_none_leads_to_a_session() {
    let mut life = Life::from_cookie(candidate("a"));
    let others = Answer::Cookies(Ok(vec![candidate("b")]));
    let expired = [session(1), done(), used_at(0.0), others, absent(), done(), done()];
    let ended = [Answer::Clock(true), Answer::Deleted(Ok(true)), done()];
    let made = steps(plain(), &mut life, expired.into_iter().chain(ended));
    let delete = Step::DeleteExpired(id("a"), Version::from(1));
    assert_eq!(made[6..], [Step::Unlock, Step::CheckClock, delete, Step::Invalidate, Step::Done(Ok(()))]);
    assert_eq!((life.id().as_str(), life.stored_as()), ("a", None));
}

/// The answers that lead to an expired session.
fn expired(version: u64) -> [Answer<Error>; 4] {
    [session(version), done(), used_at(0.0), Answer::Clock(true)]
}

#[test]
fn an_expired_session_that_was_saved_since_is_loaded_again() {
    let mut life = Life::named(id("a"), true);
    let saved = [Answer::Deleted(Ok(false)), session(2), done(), used_at(NOW), done()];
    let made = steps(plain(), &mut life, expired(1).into_iter().chain(saved));
    let delete = Step::DeleteExpired(id("a"), Version::from(1));
    assert_eq!(made[4..6], [delete, Step::Load(id("a"))]);
    assert_eq!(made[8..], [Step::Fill { is_corrected: false }, Step::Done(Ok(()))]);
    assert_eq!(life.version(), Some(Version::from(2)));
}

#[test]
fn an_expired_session_that_never_stays_the_same_is_ended_all_the_same() {
    let mut life = Life::named(id("a"), true);
    let turns = (1..=RELOADS as u64 + 1)
        .flat_map(|turn| expired(turn).into_iter().chain([Answer::Deleted(Ok(false))]));
    let made = steps(plain(), &mut life, turns.chain([done()]));
    assert_eq!(made.iter().filter(|step| matches!(step, Step::Load(_))).count(), RELOADS + 1);
    assert_eq!(made[made.len() - 2..], [Step::Invalidate, Step::Done(Ok(()))]);
    assert_eq!(life.stored_as(), Some(&id("a")), "its record is yet to be deleted");
}

#[test]
fn a_lost_reply_to_the_deletion_of_an_expired_session_has_it_loaded_again() {
    let mut life = Life::named(id("a"), true);
    let answers = [Answer::Deleted(failed(Failure::Unknown)), absent(), done(), done(), done()];
    let made = steps(plain(), &mut life, expired(1).into_iter().chain(answers));
    assert_eq!(
        made[5..],
        [Step::Load(id("a")), Step::Clear, Step::CreateId, Step::BeginEmpty, Step::Done(Ok(()))]
    );
}

#[test]
fn a_session_that_begins_in_place_of_one_that_a_redirect_led_to_does_not_get_its_id() {
    let mut life = Life::named(id("a"), false);
    let found = [redirect("b"), done(), session(1), done(), done(), used_at(0.0), Answer::Clock(true)];
    let deleted = [Answer::Deleted(failed(Failure::Unknown)), absent(), done(), done(), done()];
    let made = steps(plain(), &mut life, found.into_iter().chain(deleted));
    let begun = [Step::Load(id("b")), Step::Clear, Step::CreateId, Step::BeginEmpty, Step::Done(Ok(()))];
    assert_eq!(made[8..], begun);
}

#[test]
fn an_expired_session_that_cannot_be_deleted_is_an_error() {
    let mut life = Life::named(id("a"), true);
    let failed = [Answer::Deleted(failed(Failure::Unavailable)), done(), done()];
    let made = steps(plain(), &mut life, expired(1).into_iter().chain(failed));
    assert_eq!(made[5..], [Step::Restore, Step::Unlock, Step::Done(Err(Failure::Unavailable))]);
}

#[test]
fn a_session_that_expired_by_a_clock_that_jumped_keeps_its_record() {
    let mut life = Life::named(id("a"), true);
    let made =
        steps(plain(), &mut life, [session(1), done(), used_at(0.0), Answer::Clock(false), done(), done()]);
    assert_eq!(made[3..], [Step::CheckClock, Step::CreateId, Step::BeginEmpty, Step::Done(Ok(()))]);
    assert_eq!(life.stored_as(), None, "no record is left to end");
}

#[test]
fn an_error_releases_the_lock_and_is_raised() {
    for kind in [Failure::Unavailable, Failure::Busy, Failure::Unknown, Failure::Other, Failure::Corrupt] {
        let mut life = Life::named(id("a"), true);
        let made = steps(locking(), &mut life, [done(), Answer::Loaded(failed(kind)), done()]);
        assert_eq!(made[2..], [Step::Unlock, Step::Done(Err(kind))]);
        let broken = [done(), Answer::Loaded(failed(kind)), Answer::Called(failed(Failure::Other))];
        assert_eq!(
            steps(locking(), &mut life, broken)[3],
            Step::Done(Err(kind)),
            "the first error is raised"
        );
    }
}

#[test]
fn a_redirect_record_that_cannot_be_deleted_does_no_harm() {
    let after = |kind| {
        let mut life = Life::named(id("a"), false);
        let dead = Answer::Loaded(Ok(Found::DeadRedirect(Version::from(3))));
        let made = steps(plain(), &mut life, [dead, Answer::Called(failed(kind))]);
        assert_eq!(made[1], Step::DeleteRedirect(id("a"), Version::from(3)));
        made[2].clone()
    };
    for kind in [Failure::Unavailable, Failure::Busy, Failure::Unknown] {
        assert_eq!(after(kind), Step::Clear);
    }
    assert_eq!(after(Failure::Other), Step::Unlock);
}

#[test]
fn a_redirected_session_gets_no_cookie_and_no_other_id() {
    let mut life = Life::named(id("a"), true);
    let made = steps(plain(), &mut life, [redirect("b"), done(), session(5), done(), done()]);
    assert_eq!(made[4..], [Step::WithdrawCookie, Step::Decode(id("b"))]);
    assert!(life.via_old_id());
    assert_eq!((life.id().as_str(), life.version()), ("b", Some(Version::from(5))));
}

#[test]
fn a_chain_of_redirects_ends() {
    let mut life = Life::named(id("0"), false);
    let hops = (1..=LONGEST_CHAIN).flat_map(|hop| [redirect(&hop.to_string()), done()]);
    let made = steps(plain(), &mut life, hops.chain([redirect("one too many")]));
    assert_eq!(made.last(), Some(&Step::Clear));
    assert_eq!(made.iter().filter(|step| matches!(step, Step::Load(_))).count(), LONGEST_CHAIN + 1);
}

#[test]
fn a_beginning_in_the_future_is_corrected_and_written_again() {
    let policy = Policy { limits: Limits { absolute: Some(60.0), ..Limits::default() }, locks: false };
    let facts = |begun| Facts { times: Times { accessed: None, begun }, timeout: Some(5), is_current: true };
    let open = |begun, signed_at| {
        let mut life = Life::from_cookie(Candidate { signed_at, ..candidate("a") });
        let decoded = Answer::Decoded(Ok(Some(facts(begun))));
        let made = steps(policy, &mut life, [session(1), done(), decoded]);
        (made[3].clone(), life.begun(), life.is_stale(), life.timeout())
    };
    let fill = |is_corrected| Step::Fill { is_corrected };
    assert_eq!(open(Some(NOW + 500.0), None), (fill(true), Some(NOW), true, Some(5)));
    assert_eq!(open(Some(NOW + 5.0), None), (fill(false), Some(NOW + 5.0), false, Some(5)));
    // Nothing in the record says when it began, so that the record need not be written again.
    assert_eq!(open(None, Some(NOW + 500.0)), (fill(false), Some(NOW), false, Some(5)));
    assert_eq!(open(None, Some(NOW - 60.0)), (fill(false), Some(NOW - 60.0), false, Some(5)));
    assert_eq!(open(None, Some(NOW - 60.1)).0, Step::ReadCookies, "it is over");
}

#[test]
fn an_outdated_encoding_is_written_again() {
    let mut life = Life::named(id("a"), false);
    let facts = Facts { is_current: false, ..Facts::default() };
    steps(plain(), &mut life, [session(1), done(), Answer::Decoded(Ok(Some(facts)))]);
    assert!(life.is_stale());
}

#[test]
fn a_load_that_fails_leaves_the_session_with_the_record_that_it_had() {
    let undecodable = || Answer::Decoded(failed(Failure::Corrupt));
    for found in [vec![session(7), done()], vec![redirect("b"), done(), session(7), done(), done()]] {
        let mut life = Life::named(id("a"), true);
        life.found(Version::from(1));
        life.set_timeout(Some(30));
        let made = steps(plain(), &mut life, found.into_iter().chain([undecodable(), done(), done()]));
        assert_eq!(made[made.len() - 3..], [Step::Restore, Step::Unlock, Step::Done(Err(Failure::Corrupt))]);
        assert_eq!(life.timeout(), Some(30));
        assert_eq!(
            life.version(),
            Some(Version::from(1)),
            "nothing of what others have stored since was seen"
        );
        assert_eq!(life.id().as_str(), "a");
    }
    let mut life = Life::named(id("a"), false);
    let _begins = steps(plain(), &mut life, [absent(), done(), done()]);
    let failed = steps(plain(), &mut life, [session(7), done(), undecodable(), done(), done()]);
    assert_eq!(failed.last(), Some(&Step::Done(Err(Failure::Corrupt))));
    assert_eq!(life.expectation(true), Some(Expect::Absent), "what others have begun is merged");
}

#[test]
fn the_first_error_is_raised_though_the_content_cannot_be_given_back() {
    let mut life = Life::named(id("a"), true);
    let undecodable = Answer::Decoded(failed(Failure::Corrupt));
    let answers = [session(7), done(), undecodable, Answer::Called(failed(Failure::Other)), done()];
    let made = steps(plain(), &mut life, answers);
    assert_eq!(made[3..], [Step::Restore, Step::Unlock, Step::Done(Err(Failure::Corrupt))]);
}

#[test]
fn a_session_that_cannot_be_emptied_keeps_its_timeout() {
    for found in [session(7), absent()] {
        let mut life = Life::named(id("a"), true);
        life.set_timeout(Some(30));
        let made = steps(plain(), &mut life, [found, Answer::Called(failed(Failure::Other)), done(), done()]);
        assert_eq!(made[2..], [Step::Restore, Step::Unlock, Step::Done(Err(Failure::Other))]);
        assert_eq!(life.timeout(), Some(30));
    }
}

#[test]
fn a_load_that_fails_does_not_bring_back_what_the_program_has_ended_meanwhile() {
    let mut life = Life::named(id("a"), true);
    life.found(Version::from(1));
    let mut loading = Loading::new(plain(), &life);
    for answer in [Answer::Begin, session(7), done()] {
        loading.next(&mut life, answer, NOW);
    }
    life.end();
    let failed = loading.next(&mut life, Answer::Decoded(failed(Failure::Corrupt)), NOW);
    assert_eq!((failed, life.version()), (Step::Unlock, None));
}
