//! Laws of one save, step by step.
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use super::answer::{Failed, Failure, Found};
use super::save::{Answer, ENCODINGS, FREE_TRIES, Outcome, Rules, Saving, Step, TRIES};
use super::{Life, life_tests::loaded};
use crate::id::SessionId;
use crate::store::{Expect, Version, Written};

const MERGING: Rules = Rules { merges: true, uses_cookies: true, is_locked: false };
const REPLACING: Rules = Rules { merges: false, ..MERGING };
const LOCKED: Rules = Rules { is_locked: true, ..MERGING };

fn id(text: &str) -> SessionId {
    SessionId::from_program(text)
}

fn found(version: u64) -> Answer<Failure> {
    Answer::Found(Found::Session(Version::from(version)))
}

fn redirect(to: &str) -> Answer<Failure> {
    Answer::Found(Found::Redirect { to: id(to), version: Version::from(99) })
}

fn absent() -> Answer<Failure> {
    Answer::Found(Found::Absent)
}

fn stored(version: u64) -> Answer<Failure> {
    Answer::Written(Written::Stored(Version::from(version)))
}

fn refused() -> Answer<Failure> {
    Answer::Written(Written::Refused)
}

fn failed(kind: Failure) -> Answer<Failure> {
    Answer::Failed(Failed { kind, error: kind })
}

fn write(id_of_record: &str, version: u64) -> Step<Failure> {
    Step::Write { id: id(id_of_record), expect: Expect::Version(Version::from(version)) }
}

/// The steps of a save whose loads, writes and verifications are answered by `answers`. Every merge finds changes of
/// others.
fn steps(life: &mut Life, rules: Rules, answers: Vec<Answer<Failure>>) -> Vec<Step<Failure>> {
    let mut saving = Saving::new(life, rules);
    let (mut answers, mut steps, mut answer) =
        (answers.into_iter(), vec![Step::Encode], Answer::Encoded(life.id().clone()));
    while !matches!(steps.last(), Some(Step::Done(_))) {
        let step = saving.next(life, answer);
        answer = match &step {
            Step::Encode => Answer::Encoded(life.id().clone()),
            Step::Merge => Answer::Merged { id: life.id().clone(), has_theirs: true },
            Step::Load(_)
            | Step::Verify(_)
            | Step::Fence { .. }
            | Step::Write { .. }
            | Step::Rotate { .. } => answers.next().expect("as many answers as calls"),
            _ => Answer::Ready,
        };
        steps.push(step);
    }
    assert!(answers.next().is_none(), "{steps:?}");
    steps
}

#[test]
fn a_save_without_a_conflict_encodes_once_and_writes_once() {
    let mut life = loaded("a");
    let begin = [Step::Encode, Step::GiveWay(id("a")), write("a", 1)];
    let steps = steps(&mut life, MERGING, vec![stored(2)]);
    assert_eq!(steps[..3], begin);
    assert_eq!(steps[3..], [Step::Done(Outcome::Stored)]);
    assert_eq!(life.expectation(true), Some(Expect::Version(Version::from(2))));
}

#[test]
fn a_refused_save_merges_with_what_is_stored_by_then_and_is_not_written_over_it_unseen_again() {
    let mut life = loaded("a");
    let steps = steps(&mut life, MERGING, vec![refused(), found(5), refused(), found(6), stored(7)]);
    let merge = |version| [Step::Load(id("a")), Step::Merge, write("a", version)];
    assert_eq!(steps[3..6], merge(5));
    assert_eq!(steps[6..9], merge(6));
    assert_eq!(steps[9], Step::Done(Outcome::Stored));
    assert_eq!(life.expectation(true), None, "the record has more than the session");
}

#[test]
fn a_refused_save_of_the_last_writer_replaces_what_is_stored_by_then() {
    let mut life = loaded("a");
    let steps = steps(&mut life, REPLACING, vec![refused(), found(5), stored(6)]);
    assert_eq!(steps[3..], [Step::Load(id("a")), write("a", 5), Step::Done(Outcome::Stored)]);
    assert_eq!(life.expectation(true), Some(Expect::Version(Version::from(6))));
}

#[test]
fn a_save_never_brings_a_session_back() {
    let dead = Answer::Found(Found::DeadRedirect(Version::from(3)));
    for gone in [absent(), dead] {
        for rules in [MERGING, REPLACING, LOCKED] {
            let steps = steps(&mut loaded("a"), rules, vec![refused(), gone.clone()]);
            assert_eq!(steps[3..], [Step::Load(id("a")), Step::Done(Outcome::Ended)]);
        }
    }
}

#[test]
fn a_save_goes_on_with_the_id_that_another_request_gave_to_the_session() {
    let mut life = loaded("a");
    let steps = steps(&mut life, MERGING, vec![refused(), redirect("b"), found(5), stored(6)]);
    let rest =
        [Step::WithholdCookie, Step::Load(id("b")), Step::Merge, write("b", 5), Step::Done(Outcome::Stored)];
    assert_eq!(steps[4..], rest);
    assert!(life.via_old_id());
}

#[test]
fn the_lock_of_a_session_goes_with_it_to_its_new_id() {
    let steps = steps(&mut loaded("a"), LOCKED, vec![refused(), redirect("b"), found(5), stored(6)]);
    assert_eq!(steps[4..6], [Step::MoveLock(id("b")), Step::WithholdCookie]);
}

#[test]
fn a_session_without_a_cookie_withholds_none() {
    let rules = Rules { uses_cookies: false, ..MERGING };
    let steps = steps(&mut loaded("a"), rules, vec![refused(), redirect("b"), absent()]);
    assert_eq!(steps[4..], [Step::Load(id("b")), Step::Done(Outcome::Ended)]);
}

#[test]
fn a_rotated_session_is_written_under_its_new_id_and_encoded_for_that() {
    let mut life = loaded("a");
    life.rename(id("b"));
    let rotate = |version| Step::Rotate {
        old: id("a"),
        new: id("b"),
        expect: Expect::Version(Version::from(version)),
    };
    let steps = steps(&mut life, MERGING, vec![refused(), found(5), stored(6)]);
    assert_eq!(steps[1..3], [Step::GiveWay(id("a")), rotate(1)]);
    assert_eq!(steps[3..], [Step::Load(id("a")), Step::Merge, rotate(5), Step::Done(Outcome::Stored)]);
    assert_eq!(life.record_id(), &id("b"));
}

#[test]
fn a_save_that_is_overtaken_too_often_goes_first_and_gives_up_at_last() {
    let conflicts = (0..TRIES as u64).flat_map(|turn| [refused(), found(turn)]).chain([refused()]);
    for (rules, locks) in [(MERGING, true), (LOCKED, false)] {
        let steps = steps(&mut loaded("a"), rules, conflicts.clone().collect());
        let firsts: Vec<_> = steps.iter().filter(|step| matches!(step, Step::GoFirst { .. })).collect();
        assert_eq!(firsts, [&Step::GoFirst { id: id("a"), locks }]);
        let before = steps.iter().position(|step| matches!(step, Step::GoFirst { .. }));
        let loads = steps[..before.unwrap_or_default()].iter().filter(|step| matches!(step, Step::Load(_)));
        assert_eq!(loads.count(), FREE_TRIES);
        assert_eq!(steps.last(), Some(&Step::Done(Outcome::Overtaken)));
    }
}

#[test]
fn a_save_goes_first_at_each_id_that_the_session_gets() {
    let conflicts = (0..FREE_TRIES as u64).flat_map(|turn| [refused(), found(turn)]);
    let moved = [refused(), redirect("b"), found(1), stored(2)];
    let steps = steps(&mut loaded("a"), MERGING, conflicts.chain(moved).collect());
    let firsts: Vec<_> = steps.iter().filter(|step| matches!(step, Step::GoFirst { .. })).collect();
    let first = |at| Step::GoFirst { id: id(at), locks: true };
    assert_eq!(firsts, [&first("a"), &first("b")]);
}

#[test]
fn a_session_that_gets_another_id_while_it_is_encoded_is_encoded_again() {
    let mut life = loaded("a");
    let mut saving = Saving::<Failure>::new(&life, MERGING);
    let mut step = Step::Encode;
    for turn in 0..ENCODINGS {
        assert_eq!(step, Step::Encode);
        life.rename(id(&turn.to_string()));
        step = saving.next(&mut life, Answer::Encoded(id("a")));
    }
    assert_eq!(step, Step::Encode);
    assert_eq!(
        saving.next(&mut life, Answer::Encoded(id("a"))),
        Step::<Failure>::Done(Outcome::IdNeverStays)
    );
}

#[test]
fn a_write_whose_reply_was_lost_is_looked_for_and_not_done_twice() {
    let mut life = loaded("a");
    let steps = steps(&mut life, MERGING, vec![failed(Failure::Unknown), stored(2)]);
    assert_eq!(steps[3..], [Step::Verify(id("a")), Step::Done(Outcome::Stored)]);
    assert_eq!(life.expectation(true), Some(Expect::Version(Version::from(2))));
}

#[test]
fn a_write_whose_reply_was_lost_and_that_was_not_done_is_merged_with_what_is_stored() {
    let steps = steps(&mut loaded("a"), MERGING, vec![failed(Failure::Unknown), found(1), stored(2)]);
    assert_eq!(steps[4..], [Step::Merge, write("a", 1), Step::Done(Outcome::Stored)]);
}

#[test]
fn a_rotation_whose_reply_was_lost_is_looked_for_under_both_ids() {
    for (left, is_ours) in [(redirect("b"), true), (absent(), true), (redirect("b"), false)] {
        let mut life = loaded("a");
        life.rename(id("b"));
        let under_new = if is_ours { vec![stored(2)] } else { vec![found(3), stored(4)] };
        let answers = [failed(Failure::Unknown), left].into_iter().chain(under_new).collect();
        let steps = steps(&mut life, MERGING, answers);
        assert_eq!(steps[3..5], [Step::Load(id("a")), Step::Verify(id("b"))]);
        assert_eq!(steps.last(), Some(&Step::Done(Outcome::Stored)));
        assert!(!life.via_old_id() && !life.is_rotated(), "its own cookie has the new id");
    }
}

fn rotate(version: u64) -> Step<Failure> {
    Step::Rotate { old: id("a"), new: id("b"), expect: Expect::Version(Version::from(version)) }
}

fn fence(version: u64) -> Step<Failure> {
    Step::Fence { id: id("a"), version: Version::from(version) }
}

/// The steps of a rotation whose reply was lost, after that.
fn in_doubt(answers: Vec<Answer<Failure>>) -> Vec<Step<Failure>> {
    let mut life = loaded("a");
    life.rename(id("b"));
    steps(&mut life, MERGING, [vec![failed(Failure::Unknown)], answers].concat()).split_off(3)
}

#[test]
fn a_rotation_in_doubt_is_made_impossible_before_it_is_made_again() {
    let steps = in_doubt(vec![found(1), stored(2), stored(3)]);
    let rest = [Step::Load(id("a")), fence(1), Step::Merge, rotate(2), Step::Done(Outcome::Stored)];
    assert_eq!(steps, rest);
}

#[test]
fn a_rotation_in_doubt_that_is_made_before_its_fence_is_found_under_the_new_id() {
    for left in [absent(), redirect("b")] {
        let steps = in_doubt(vec![found(1), refused(), left, stored(2)]);
        let rest = [Step::Load(id("a")), Step::Verify(id("b")), Step::Done(Outcome::Stored)];
        assert_eq!(steps[2..], rest);
    }
}

#[test]
fn a_record_that_has_changed_needs_no_fence() {
    let steps = in_doubt(vec![found(5), stored(6)]);
    assert_eq!(steps[1..], [Step::Merge, rotate(5), Step::Done(Outcome::Stored)]);
}

#[test]
fn a_rotation_that_can_no_longer_be_made_is_in_doubt_no_more() {
    let mut life = loaded("a");
    life.rename(id("b"));
    let answers = vec![failed(Failure::Unknown), found(5), failed(Failure::Unavailable)];
    steps(&mut life, MERGING, answers);
    assert_eq!(life.in_doubt(), None);
    let mut life = loaded("a");
    steps(&mut life, MERGING, vec![failed(Failure::Unknown), failed(Failure::Unavailable)]);
    life.rename(id("b"));
    assert_eq!(life.in_doubt(), None, "a write was in doubt, and no rotation");
}

#[test]
fn a_fence_whose_reply_was_lost_is_there_or_is_made_again() {
    for (now, rest) in [(1, vec![fence(1), Step::Merge, rotate(9)]), (2, vec![Step::Merge, rotate(2)])] {
        let fences = if now == 1 { vec![stored(9)] } else { vec![] };
        let answers = [vec![found(1), failed(Failure::Unknown), found(now)], fences, vec![stored(10)]];
        let steps = in_doubt(answers.concat());
        assert_eq!(steps[3..steps.len() - 1], rest);
        assert_eq!(steps.last(), Some(&Step::Done(Outcome::Stored)));
    }
}

#[test]
fn a_rotation_whose_replies_are_lost_again_and_again_is_excluded_before_it_fails() {
    let fenced = |version| vec![found(version), stored(version + 1)];
    let lost = || vec![failed(Failure::Unknown)];
    let answers = [fenced(1), lost(), fenced(2), lost(), fenced(3), lost(), fenced(4)];
    let steps = in_doubt(answers.concat());
    let last = [rotate(4), Step::Load(id("a")), fence(4), Step::Done(Outcome::Failed(Failure::Unknown))];
    assert_eq!(steps[steps.len() - 4..], last);
    let answers = [fenced(1), lost(), fenced(2), lost(), fenced(3), lost(), vec![absent(), stored(5)]];
    assert_eq!(in_doubt(answers.concat()).last(), Some(&Step::Done(Outcome::Stored)));
}

#[test]
fn a_rotation_that_cannot_be_excluded_stays_unknown() {
    let unknown = Some(&Step::Done(Outcome::Failed(Failure::Unknown)));
    for answers in [
        vec![failed(Failure::Unavailable)],
        vec![found(1), failed(Failure::Busy)],
        // A store to which the same content is the same version.
        vec![found(1), stored(1)],
    ] {
        assert_eq!(in_doubt(answers).last(), unknown);
    }
    let after_a_fence = in_doubt(vec![found(1), stored(2), failed(Failure::Unavailable)]);
    assert_eq!(after_a_fence.last(), Some(&Step::Done(Outcome::Failed(Failure::Unavailable))));
}

#[test]
fn a_save_after_one_that_left_a_rotation_in_doubt_finds_what_became_of_it() {
    let in_doubt = |new| {
        let mut life = loaded("a");
        life.rename(id("b"));
        steps(&mut life, MERGING, vec![failed(Failure::Unknown), failed(Failure::Unavailable)]);
        life.rename(id(new));
        life
    };
    let mut life = in_doubt("b");
    let again = steps(&mut life, MERGING, vec![absent(), found(2), stored(3)]);
    let found_again = [Step::Load(id("a")), Step::Load(id("b")), Step::Merge, write("b", 2)];
    assert_eq!(again[1..5], found_again);
    let again = steps(&mut in_doubt("c"), MERGING, vec![absent(), found(2), stored(3)]);
    let expect = Expect::Version(Version::from(2));
    assert_eq!(again[4], Step::Rotate { old: id("b"), new: id("c"), expect });
    let again = steps(&mut in_doubt("b"), MERGING, vec![found(1), stored(2), stored(3)]);
    assert_eq!(again[1..5], [Step::Load(id("a")), fence(1), Step::Merge, rotate(2)]);
}

#[test]
fn a_write_in_doubt_that_cannot_be_looked_after_stays_unknown() {
    for answers in [vec![failed(Failure::Unavailable)], vec![found(1), failed(Failure::Busy)]] {
        let answers = [vec![failed(Failure::Unknown)], answers].concat();
        let steps = steps(&mut loaded("a"), MERGING, answers);
        assert_eq!(steps.last(), Some(&Step::Done(Outcome::Failed(Failure::Unknown))));
    }
}

#[test]
fn a_write_in_doubt_that_is_made_after_the_look_is_found_at_the_next_one() {
    let answers = vec![failed(Failure::Unknown), found(1), refused(), stored(2)];
    let steps = steps(&mut loaded("a"), MERGING, answers);
    assert_eq!(steps[6..], [Step::Verify(id("a")), Step::Done(Outcome::Stored)]);
}

#[test]
fn a_record_that_was_perhaps_created_is_created_again_only_under_an_id_that_nobody_knows() {
    let lost = || vec![failed(Failure::Unknown), absent()];
    let mut life = Life::fresh(SessionId::generate());
    let mut answers = lost();
    answers.push(stored(1));
    assert_eq!(steps(&mut life, MERGING, answers).last(), Some(&Step::Done(Outcome::Stored)));
    let mut life = Life::fresh(id("chosen"));
    assert_eq!(
        steps(&mut life, MERGING, lost()).last(),
        Some(&Step::Done(Outcome::Failed(Failure::Unknown)))
    );
}

#[test]
fn a_save_whose_replies_are_lost_again_and_again_fails() {
    let lost = || [failed(Failure::Unknown), found(1)];
    let answers = lost().into_iter().chain(lost()).chain(lost()).chain([failed(Failure::Unknown)]).collect();
    let steps = steps(&mut loaded("a"), MERGING, answers);
    assert_eq!(steps.last(), Some(&Step::Done(Outcome::Failed(Failure::Unknown))));
}

#[test]
fn a_failure_ends_a_save_and_changes_nothing_of_the_session() {
    for kind in [Failure::Corrupt, Failure::Unavailable, Failure::Busy, Failure::Other] {
        for answers in [vec![failed(kind)], vec![refused(), failed(kind)]] {
            let mut life = loaded("a");
            let steps = steps(&mut life, MERGING, answers);
            assert_eq!(steps.last(), Some(&Step::Done(Outcome::Failed(kind))));
            assert_eq!(life.expectation(true), Some(Expect::Version(Version::from(1))));
        }
    }
}

#[test]
fn a_record_that_is_gone_after_a_lost_reply_was_deleted_by_another_request() {
    let steps = steps(&mut loaded("a"), MERGING, vec![failed(Failure::Unknown), absent()]);
    assert_eq!(steps[3..], [Step::Verify(id("a")), Step::Done(Outcome::Ended)]);
}

#[test]
fn a_rotated_session_whose_old_record_is_gone_has_ended() {
    let mut life = loaded("a");
    life.rename(id("b"));
    let steps = steps(&mut life, MERGING, vec![refused(), absent()]);
    assert_eq!(steps[3..], [Step::Load(id("a")), Step::Done(Outcome::Ended)]);
}

#[test]
fn a_rotation_whose_reply_was_lost_gives_way_to_the_rotation_of_another_request() {
    let mut life = loaded("a");
    life.rename(id("b"));
    let answers = vec![failed(Failure::Unknown), redirect("c"), found(3), stored(4)];
    let rest = [Step::WithholdCookie, Step::Load(id("c")), Step::Merge, write("c", 3)];
    assert_eq!(steps(&mut life, MERGING, answers)[4..8], rest);
    assert!(life.via_old_id());
}
