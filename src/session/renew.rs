//! The end of a request that did not save its session: a new access time, or the changes in place.
//!
//! A reader never writes data. It writes only where the application changed a value in place, where the session has a
//! new id, or where the record cannot take a new access time by itself.

use super::answer::{Failed, Failure};
use super::life::Life;
use crate::id::SessionId;
use crate::store::Version;

/// The content that is compared or stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// The content that the application saved in this request.
    Saved,
    /// The content that was loaded.
    Loaded,
}

/// The next call that a renewal needs.
#[derive(Clone, Debug, PartialEq)]
pub enum Step<E> {
    /// Compare the content with the record that it is a copy of. Answer: [`Answer::Changed`].
    Compare(Content),
    /// Wait a moment for a starved save of this record. Answer: [`Answer::Ready`].
    GiveWay(SessionId),
    /// Write the new access time into the record in this state. Answer: [`Answer::Renewed`].
    Renew {
        /// The id of the record.
        id: SessionId,
        /// The state of the record.
        version: Version,
    },
    /// The renewal is over.
    Done(Outcome<E>),
}

/// The result of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer<E> {
    /// There was no step yet.
    Begin,
    /// The step is done.
    Ready,
    /// Whether the application changed the content.
    Changed(bool),
    /// The record is renewed, and in a new state if there is one.
    Renewed(Option<Version>),
    /// The step failed.
    Failed(Failed<E>),
}

/// The result of a renewal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome<E> {
    /// There is nothing to store.
    Nothing,
    /// The access time is stored.
    Renewed,
    /// The content has to be stored by a save.
    Save(Content),
    /// The access time is not stored, which is worth a log entry and nothing more.
    NotRenewed(E),
    /// A step failed.
    Failed(E),
}

/// The facts on a session at the end of its request.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// Whether access times are kept, or the record is not in the form of today.
    pub is_due: bool,
    /// Whether the application got a value that it can change in place.
    pub maybe_mutated: bool,
    /// Whether the application saved the session in this request.
    pub was_saved: bool,
}

/// One renewal.
#[derive(Debug)]
pub struct Renewing {
    facts: Facts,
    /// The state of the record when the renewal began.
    version: Option<Version>,
    /// Whether the step is the one that stores the access time.
    renews: bool,
}

impl Renewing {
    /// The renewal of the session as it is now.
    pub fn new(life: &Life, facts: Facts) -> Self {
        Self { facts, version: life.version(), renews: false }
    }

    /// The next step, after the answer to the one before.
    pub fn next<E>(&mut self, life: &mut Life, answer: Answer<E>) -> Step<E> {
        match answer {
            Answer::Begin => self.begin(life),
            Answer::Changed(true) => Step::Done(Outcome::Save(self.content())),
            Answer::Changed(false) => self.unchanged(life),
            Answer::Ready => self.renew(life),
            Answer::Renewed(now) => {
                if let (Some(before), Some(now)) = (self.version, now) {
                    life.renewed(before, now);
                }
                Step::Done(Outcome::Renewed)
            }
            Answer::Failed(Failed {
                kind: Failure::Unavailable | Failure::Busy | Failure::Unknown,
                error,
            }) if self.renews => Step::Done(Outcome::NotRenewed(error)),
            Answer::Failed(failed) => Step::Done(Outcome::Failed(failed.error)),
        }
    }

    fn begin<E>(&mut self, life: &Life) -> Step<E> {
        let is_rotated = life.is_rotated();
        // No browser or store knows an unsaved session under a new id.
        let is_unknown = is_rotated && life.is_begun_anew();
        let has_to_go_on = is_rotated || self.facts.is_due && !life.is_new();
        if is_unknown || !has_to_go_on {
            Step::Done(Outcome::Nothing)
        } else if is_rotated {
            Step::Done(Outcome::Save(self.content()))
        } else if self.facts.maybe_mutated {
            Step::Compare(self.content())
        } else {
            self.unchanged(life)
        }
    }

    fn content(&self) -> Content {
        if self.facts.was_saved { Content::Saved } else { Content::Loaded }
    }

    fn unchanged<E>(&mut self, life: &Life) -> Step<E> {
        match (self.content(), self.version) {
            // It was stored with its access time.
            (Content::Saved, _) => Step::Done(Outcome::Nothing),
            (Content::Loaded, Some(_)) if life.is_recent() && !life.is_stale() => {
                Step::Done(Outcome::Nothing)
            }
            (Content::Loaded, Some(_)) => Step::GiveWay(life.id().clone()),
            (Content::Loaded, None) => Step::Done(Outcome::Save(Content::Loaded)),
        }
    }

    fn renew<E>(&mut self, life: &Life) -> Step<E> {
        let Some(version) = self.version else { return Step::Done(Outcome::Nothing) };
        self.renews = true;
        Step::Renew { id: life.id().clone(), version }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic, reason = "a test fails by panicking")]

    use super::*;

    const READ: Facts = Facts { is_due: true, maybe_mutated: false, was_saved: false };
    #[test]
    fn a_recent_access_time_is_left_as_it_is_and_a_change_in_place_is_not() {
        let mut life = Life::named(SessionId::from_program("a"), true);
        life.found(Version::from(1));
        life.set_recent(true);
        let first = |life: &mut Life, facts| Renewing::new(life, facts).next::<()>(life, Answer::Begin);
        assert_eq!(first(&mut life, READ), Step::Done(Outcome::Nothing));
        assert_eq!(first(&mut life, LOOKED_INTO), Step::Compare(Content::Loaded));
        let mut renewing = Renewing::new(&life, LOOKED_INTO);
        let changed = renewing.next::<()>(&mut life, Answer::Changed(true));
        assert_eq!(changed, Step::Done(Outcome::Save(Content::Loaded)));
        assert_eq!(renewing.next::<()>(&mut life, Answer::Changed(false)), Step::Done(Outcome::Nothing));
        life.set_stale(true);
        assert_eq!(first(&mut life, READ), Step::GiveWay(SessionId::from_program("a")));
    }

    const LOOKED_INTO: Facts = Facts { maybe_mutated: true, ..READ };
    const SAVED: Facts = Facts { was_saved: true, ..READ };

    fn id(text: &str) -> SessionId {
        SessionId::from_program(text)
    }

    fn loaded() -> Life {
        let mut life = Life::named(id("a"), true);
        life.found(Version::from(1));
        life
    }

    fn rotated() -> Life {
        let mut life = loaded();
        life.rename(id("b"));
        life
    }

    /// The steps of a renewal whose every comparison finds `changed` and whose record gets the version 2.
    fn steps(life: &mut Life, facts: Facts, changed: bool) -> Vec<Step<()>> {
        let mut renewing = Renewing::new(life, facts);
        let (mut steps, mut answer) = (Vec::new(), Answer::Begin);
        while !matches!(steps.last(), Some(Step::Done(_))) {
            let step = renewing.next(life, answer);
            answer = match &step {
                Step::Compare(_) => Answer::Changed(changed),
                Step::GiveWay(_) => Answer::Ready,
                Step::Renew { .. } => Answer::Renewed(Some(Version::from(2))),
                Step::Done(_) => Answer::Begin,
            };
            steps.push(step);
        }
        steps
    }

    #[test]
    fn a_reader_writes_nothing_but_the_access_time() {
        for (facts, compares) in [(READ, false), (LOOKED_INTO, true)] {
            let mut life = loaded();
            let mut steps = steps(&mut life, facts, false);
            if compares {
                assert_eq!(steps.remove(0), Step::Compare(Content::Loaded));
            }
            let renew = Step::Renew { id: id("a"), version: Version::from(1) };
            assert_eq!(steps, [Step::GiveWay(id("a")), renew, Step::Done(Outcome::Renewed)]);
            assert_eq!(life.version(), Some(Version::from(2)));
        }
    }

    #[test]
    fn a_value_changed_in_place_is_saved_as_a_change_of_the_content_it_belongs_to() {
        for (facts, content) in
            [(LOOKED_INTO, Content::Loaded), (Facts { was_saved: true, ..LOOKED_INTO }, Content::Saved)]
        {
            let steps = steps(&mut loaded(), facts, true);
            assert_eq!(steps, [Step::Compare(content), Step::Done(Outcome::Save(content))]);
        }
    }

    #[test]
    fn a_session_that_was_saved_and_not_changed_since_is_left_alone() {
        assert_eq!(steps(&mut loaded(), SAVED, true), [Step::Done(Outcome::Nothing)]);
        let looked_into = Facts { maybe_mutated: true, ..SAVED };
        let steps = steps(&mut loaded(), looked_into, false);
        assert_eq!(steps, [Step::Compare(Content::Saved), Step::Done(Outcome::Nothing)]);
    }

    #[test]
    fn a_new_session_or_one_without_access_times_is_left_alone() {
        let mut new = Life::fresh(SessionId::generate());
        assert_eq!(steps(&mut new, LOOKED_INTO, true), [Step::Done(Outcome::Nothing)]);
        let not_due = Facts { is_due: false, ..LOOKED_INTO };
        assert_eq!(steps(&mut loaded(), not_due, true), [Step::Done(Outcome::Nothing)]);
    }

    #[test]
    fn a_rotated_session_is_saved_though_nothing_in_it_changed() {
        let not_due = Facts { is_due: false, ..READ };
        assert_eq!(steps(&mut rotated(), not_due, false), [Step::Done(Outcome::Save(Content::Loaded))]);
        assert_eq!(steps(&mut rotated(), SAVED, false), [Step::Done(Outcome::Save(Content::Saved))]);
    }

    #[test]
    fn an_unsaved_session_that_begins_in_place_of_another_is_not_stored() {
        let mut life = loaded();
        life.begin_anew(id("b"));
        assert_eq!(steps(&mut life, LOOKED_INTO, true), [Step::Done(Outcome::Nothing)]);
    }

    #[test]
    fn a_session_whose_record_has_more_than_it_is_saved_and_merged() {
        let mut life = loaded();
        life.diverged();
        assert_eq!(steps(&mut life, READ, false), [Step::Done(Outcome::Save(Content::Loaded))]);
    }

    #[test]
    fn an_access_time_that_cannot_be_stored_fails_no_request() {
        let failed = |kind| Answer::Failed(Failed { kind, error: () });
        for (kind, outcome) in [
            (Failure::Unavailable, Outcome::NotRenewed(())),
            (Failure::Busy, Outcome::NotRenewed(())),
            (Failure::Unknown, Outcome::NotRenewed(())),
            (Failure::Corrupt, Outcome::Failed(())),
            (Failure::Other, Outcome::Failed(())),
        ] {
            let mut life = loaded();
            let mut renewing = Renewing::new(&life, READ);
            let _give_way = renewing.next::<()>(&mut life, Answer::Begin);
            let _renew = renewing.next::<()>(&mut life, Answer::Ready);
            assert_eq!(renewing.next(&mut life, failed(kind)), Step::Done(outcome));
            let mut comparing = Renewing::new(&life, LOOKED_INTO);
            let _compare = comparing.next::<()>(&mut life, Answer::Begin);
            assert_eq!(comparing.next(&mut life, failed(kind)), Step::Done(Outcome::Failed(())));
        }
    }
}
