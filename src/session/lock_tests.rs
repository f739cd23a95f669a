//! Laws of locking.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use proptest::prelude::*;

use super::lock::{Goal, Held, Locking, Step};
use super::{Failed, Failure, Reply};
use crate::id::SessionId;
use crate::store::LockTarget;

type Error = Failure;

fn id(text: &str) -> SessionId {
    SessionId::from_program(text)
}

/// The locks of one session, as a caller has them.
#[derive(Debug, Default)]
struct Session {
    held: Option<SessionId>,
    opened: Option<SessionId>,
    locks: usize,
    is_by_request: bool,
}

impl Session {
    fn held(&self, wanted: Option<&SessionId>) -> Held {
        match (&self.held, wanted) {
            (None, _) => Held::Nothing,
            (Some(held), Some(wanted)) if held.as_str() == wanted.as_str() => Held::Id,
            (Some(_), _) => Held::Another,
        }
    }

    /// Works for `goal`; the steps whose number is in `fails` fail. The last step, and those before it.
    fn work(&mut self, goal: Goal, fails: &[usize]) -> (Step<Error>, Vec<Step<Error>>) {
        let mut locking = Locking::new(goal.clone(), self.held(goal.id()), self.is_by_request);
        let mut reply: Reply<(), Error> = Ok(());
        let mut steps = Vec::new();
        loop {
            let step = locking.next(&mut self.locks, reply);
            if matches!(step, Step::Done(_) | Step::NotLocked) {
                return (step, steps);
            }
            let fails = fails.contains(&steps.len());
            match &step {
                // It is released all the same.
                Step::Release => (self.held, self.opened) = (None, None),
                Step::Acquire(id, _) if !fails => {
                    assert!(self.held.is_none(), "a lock is not reentrant");
                    self.held = Some(id.clone());
                }
                Step::Open(id) if !fails => self.opened = Some(id.clone()),
                Step::Close => self.opened = None,
                _ => {}
            }
            reply = if fails { Err(Failed { kind: Failure::Busy, error: Failure::Busy }) } else { Ok(()) };
            steps.push(step);
            assert!(steps.len() < 10, "it ends");
        }
    }
}

const DONE: Step<Error> = Step::Done(Ok(()));

#[test]
fn a_request_locks_its_id_once() {
    let mut session = Session { is_by_request: true, ..Session::default() };
    let goal = || Goal::Request(id("a"), LockTarget::Record);
    assert_eq!(session.work(goal(), &[]), (DONE, vec![Step::Acquire(id("a"), LockTarget::Record)]));
    assert_eq!(session.work(goal(), &[]), (DONE, vec![]));
    let other = Goal::Request(id("b"), LockTarget::Id);
    let made = session.work(other, &[]);
    assert_eq!(made, (DONE, vec![Step::Release, Step::Acquire(id("b"), LockTarget::Id)]));
}

#[test]
fn an_application_unlocks_as_often_as_it_locked() {
    let mut session = Session::default();
    let made = session.work(Goal::Lock(id("a")), &[]);
    assert_eq!(made, (DONE, vec![Step::Acquire(id("a"), LockTarget::Id), Step::Open(id("a"))]));
    session.work(Goal::Lock(id("a")), &[]);
    assert_eq!(session.work(Goal::Unlock, &[]), (DONE, vec![]));
    assert_eq!(session.work(Goal::Unlock, &[]), (DONE, vec![Step::Release]));
    assert_eq!(session.work(Goal::Unlock, &[]), (Step::NotLocked, vec![]));
}

#[test]
fn a_lock_of_another_id_ends_the_one_before() {
    let mut session = Session::default();
    session.work(Goal::Lock(id("a")), &[]);
    session.work(Goal::Lock(id("b")), &[]);
    assert_eq!((session.locks, session.held(Some(&id("b")))), (1, Held::Id));
}

#[test]
fn a_request_keeps_the_lock_that_the_application_releases() {
    let mut session = Session { is_by_request: true, ..Session::default() };
    session.work(Goal::Lock(id("a")), &[]);
    assert_eq!(session.work(Goal::Unlock, &[]), (DONE, vec![Step::Close]));
    assert!(session.held.is_some());
    assert_eq!(
        session.work(Goal::Unlock, &[]),
        (DONE, vec![Step::Release]),
        "it releases the request's lock, too"
    );
}

#[test]
fn a_lock_that_could_not_be_opened_is_released_unless_it_was_there_before() {
    let mut session = Session::default();
    let failed = Step::Done(Err(Failure::Busy));
    let (last, steps) = session.work(Goal::Lock(id("a")), &[1]);
    assert_eq!((last, &steps[2]), (failed.clone(), &Step::Release));
    assert_eq!((session.locks, session.held(None)), (0, Held::Nothing));
    session.work(Goal::Lock(id("a")), &[]);
    let again = session.work(Goal::Lock(id("a")), &[0]);
    assert_eq!(again, (failed, vec![Step::Open(id("a"))]));
    assert_eq!((session.locks, session.held(Some(&id("a")))), (1, Held::Id));
}

#[test]
fn a_redirect_moves_the_lock_of_whoever_has_it() {
    let to = || Goal::Move(id("b"), LockTarget::Record);
    assert_eq!(Session::default().work(to(), &[]), (DONE, vec![]));
    let mut by_request = Session { held: Some(id("a")), is_by_request: true, ..Session::default() };
    assert_eq!(by_request.work(to(), &[]).1[1], Step::Acquire(id("b"), LockTarget::Record));
    let mut by_program = Session { held: Some(id("a")), locks: 2, ..Session::default() };
    let opened = vec![Step::Release, Step::Acquire(id("b"), LockTarget::Id), Step::Open(id("b"))];
    assert_eq!(by_program.work(to(), &[]), (DONE, opened));
    assert_eq!(by_program.locks, 2);
}

fn goal() -> impl Strategy<Value = Goal> {
    let some_id = || prop::sample::select(vec!["a", "b"]).prop_map(id);
    let what = || prop::sample::select(vec![LockTarget::Record, LockTarget::Id]);
    prop_oneof![
        (some_id(), what()).prop_map(|(id, what)| Goal::Request(id, what)),
        some_id().prop_map(Goal::Lock),
        Just(Goal::Unlock),
        (some_id(), what()).prop_map(|(id, what)| Goal::Move(id, what)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn whoever_got_a_lock_has_it_and_nothing_else(
        goals in prop::collection::vec((goal(), prop::collection::vec(0_usize..4, 0..2)), 0..12),
        is_by_request: bool,
    ) {
        let mut session = Session { is_by_request, ..Session::default() };
        for (goal, fails) in goals {
            let before = session.locks;
            let (last, _) = session.work(goal.clone(), &fails);
            if session.held.is_none() {
                prop_assert!(session.opened.is_none(), "a view is open without a lock");
                // As a caller does when it has no lock any more.
                session.locks = 0;
            }
            if last == DONE {
                match &goal {
                    Goal::Lock(id) => {
                        prop_assert_eq!(session.held(Some(id)), Held::Id);
                        prop_assert!(session.opened.is_some() && session.locks > 0);
                    }
                    Goal::Request(id, _) => prop_assert_eq!(session.held(Some(id)), Held::Id),
                    Goal::Move(id, _) if is_by_request || before > 0 => {
                        prop_assert_eq!(session.held(Some(id)), Held::Id);
                    }
                    Goal::Move(..) => {}
                    Goal::Unlock => prop_assert!(session.locks > 0 || session.opened.is_none()),
                }
            }
        }
    }
}

#[test]
fn a_request_that_follows_a_redirect_opens_nothing_for_the_application() {
    let mut session = Session { held: Some(id("a")), is_by_request: true, ..Session::default() };
    let to = Goal::Move(id("b"), LockTarget::Record);
    let moved = vec![Step::Release, Step::Acquire(id("b"), LockTarget::Record)];
    assert_eq!(session.work(to, &[]), (DONE, moved));
}

#[test]
fn a_lock_that_could_not_be_opened_nor_released_reports_the_first_error() {
    let (mut locking, mut locks) = (Locking::new(Goal::Lock(id("a")), Held::Nothing, false), 0);
    let failed = |error| Err(Failed { kind: Failure::Other, error });
    for (reply, step) in [
        (Ok(()), Step::Acquire(id("a"), LockTarget::Id)),
        (Ok(()), Step::Open(id("a"))),
        (failed("open"), Step::Release),
        (failed("release"), Step::Done(Err("open"))),
    ] {
        assert_eq!(locking.next(&mut locks, reply), step);
    }
}
