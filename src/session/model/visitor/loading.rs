//! A visit: the session of an id is loaded.

use super::super::super::types::{
    Candidate, Expect, Facts, Failure, Life, Limits, SessionId, Times, Timestamp, Written, load,
};
use super::super::PROGRAMS_ID;
use super::super::weather::{Weather, made};
use super::super::world::{Change, World};
use super::{Visitor, Work};

/// The time of each visit.
const NOW: Timestamp = 1_000.0;
const IDLE: Limits = Limits { idle: Some(60.0), absolute: None, epoch: None, touch_interval: 0.0 };

impl Visitor {
    /// A new request, with an id that a browser or a program has.
    pub(super) fn visit(&mut self, known: &[SessionId], which: usize) {
        let Some(id) = known.get(which % known.len().max(1)) else { return };
        self.is_shared = id.as_str() == PROGRAMS_ID;
        self.life = if id.as_str() == PROGRAMS_ID {
            Life::named(id.clone(), false)
        } else {
            Life::from_cookie(candidate(id))
        };
        self.begin_load(true);
    }

    pub(super) fn begin_load(&mut self, is_visit: bool) {
        self.is_visit = is_visit;
        (self.found, self.is_filled, self.was_down) = (None, false, false);
        let policy = load::Policy { locks: false, limits: IDLE };
        self.work = Work::Load(Box::new(load::Loading::new(policy, &self.life)), load::Answer::Begin);
    }

    pub(super) fn load(
        &mut self,
        world: &mut World,
        known: &[SessionId],
        mut loading: Box<load::Loading<Failure>>,
        answer: load::Answer<Failure>,
        what: u8,
    ) {
        let answer = match loading.next(&mut self.life, answer, NOW) {
            load::Step::Load(id) => {
                let found = self.find(world, &id, what);
                self.was_down |= found.is_err();
                load::Answer::Loaded(found)
            }
            load::Step::Decode(_) => {
                let is_expired = self.found.as_ref().is_some_and(|(.., is_expired)| *is_expired);
                let accessed = Some(if is_expired { NOW - 61.0 } else { NOW });
                let times = Times { accessed, begun: None };
                load::Answer::Decoded(Ok(Some(Facts { times, ..Facts::default() })))
            }
            load::Step::CheckClock => load::Answer::Clock(!what.is_multiple_of(8)),
            load::Step::DeleteExpired(id, version) => {
                let expect = Expect::Version(version);
                let deleted = made(world, Weather::of(what), Change::Delete { id, expect });
                self.was_down |= matches!(&deleted, Err(failed) if failed.kind == Failure::Unavailable);
                load::Answer::Deleted(deleted.map(|deleted| deleted != Written::Refused))
            }
            load::Step::ReadCookies => {
                // The browser has another cookie of the same name.
                let other = known.get(usize::from(what) % known.len().max(1));
                let other = other.filter(|id| id.as_str() != PROGRAMS_ID);
                load::Answer::Cookies(Ok(other.map(candidate).into_iter().collect()))
            }
            step => {
                match step {
                    load::Step::DeleteRedirect(id, version) => {
                        let _is_deleted = world.delete(&id, Expect::Version(version));
                    }
                    load::Step::Fill { .. } => {
                        self.is_filled = true;
                        self.lineage = self.loaded.0;
                        (self.base, self.ours) = (self.loaded.1.clone(), self.loaded.1.clone());
                    }
                    load::Step::CreateId => {
                        self.is_shared = false;
                        self.life.begin_anew(SessionId::generate());
                    }
                    load::Step::BeginEmpty => self.begin(),
                    load::Step::Invalidate => {
                        self.life = Life::fresh(SessionId::generate());
                        self.begin();
                    }
                    load::Step::Done(outcome) => return self.opened(known, outcome.is_ok()),
                    _ => {}
                }
                load::Answer::Called(Ok(()))
            }
        };
        self.work = Work::Load(loading, answer);
    }

    fn opened(&mut self, known: &[SessionId], is_open: bool) {
        assert!(!is_open || !self.was_down, "a store that is down is an error and never another session");
        if is_open && self.is_filled {
            let found = self.found.as_ref().map(|(id, version, _)| (id.as_str(), *version));
            let known = self.life.version().map(|version| (self.life.record_id().as_str(), version));
            assert_eq!(
                known, found,
                "the session has the id and the state of the record that it was loaded from"
            );
            let is_expired = self.found.as_ref().is_some_and(|(.., is_expired)| *is_expired);
            assert!(!is_expired, "an expired session does not go on");
        } else if is_open {
            assert_eq!(self.life.stored_as(), None, "a session that begins has no record");
        }
        if !is_open {
            // The request fails, and another one begins a session.
            self.life = Life::fresh(SessionId::generate());
            self.begin();
        }
        let is_a_browsers =
            |id: &SessionId| id.as_str() != PROGRAMS_ID && id.as_str() == self.life.id().as_str();
        if self.is_visit && self.life.is_new() {
            assert!(!known.iter().any(is_a_browsers), "an id that leads to no session is not taken on");
        }
    }
}

/// The id in a cookie.
fn candidate(id: &SessionId) -> Candidate {
    Candidate { id: id.clone(), is_current: true, signed_at: None }
}
