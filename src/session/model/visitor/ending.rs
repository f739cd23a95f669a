//! The end of the session.

use super::super::types::{Expect, Failure, Found, SessionId, Written, end};
use super::super::weather::{Weather, failed, made};
use super::super::world::{Change, World};
use super::{Act, Frame, Visitor};

impl Visitor {
    pub(super) fn begin_end(&mut self, reason: end::Reason) {
        let mut ids = vec![self.life.id().clone(), self.life.record_id().clone()];
        ids.extend(self.life.in_doubt().map(|doubt| doubt.to.clone()));
        ids.extend(self.request.chosen.as_ref().map(|chosen| chosen.id.clone()));
        let is_of_another = matches!(self.stack.last(), Some(Frame::Open(..) | Frame::Load(..)))
            && reason == end::Reason::Invalidate;
        // What a load ends, it has deleted, or has to leave to others.
        let is_given_up = reason == end::Reason::GiveUp;
        // Nor is it known who has begun what is under a program's id.
        let lineage = if is_of_another || self.is_shared() { 0 } else { self.lineage };
        self.ending = (lineage, ids, is_given_up);
        self.is_end_in_doubt = false;
        let ending = end::Ending::new(&mut self.life, reason, self.rules.leaves_redirects, true);
        self.stack.push(Frame::End(ending, end::Answer::Begin));
    }

    /// The application ends the session.
    pub(super) fn end_by_program(&mut self, act: Act) {
        let reason = if act == Act::Delete { end::Reason::Delete } else { end::Reason::Invalidate };
        self.doing = act;
        self.begin_end(reason);
    }

    /// Whether the session is stored under an id that the request knows.
    pub(super) fn knows_a_record(&self, world: &World, lineage: u32) -> bool {
        let ids = self.ending.1.iter().chain([self.life.id(), self.life.record_id()]);
        let is_of = |id: &SessionId| world.session(id).is_some_and(|(_, record)| record.lineage == lineage);
        ids.into_iter().any(is_of)
    }

    pub(super) fn end(
        &mut self,
        world: &mut World,
        mut ending: end::Ending<Failure>,
        answer: end::Answer<Failure>,
        what: u8,
    ) {
        let step = ending.next(&mut self.life, answer);
        let answer = match step {
            end::Step::Load(id) => {
                let found = Weather::of_look(what, ()).and_then(|()| world.find(&id));
                self.is_end_in_doubt &= !matches!(found, Ok(Found::Absent | Found::Session(_)));
                found.map_or_else(end::Answer::Failed, end::Answer::Found)
            }
            end::Step::Delete { id, expect } => self.delete(world, id, expect, what),
            end::Step::ExpireCookie => {
                self.request.cookie.publish(&self.life, true, true);
                end::Answer::Ready
            }
            end::Step::Clear => match Weather::of_call(what) {
                Ok(()) => {
                    self.clear();
                    end::Answer::Ready
                }
                Err(failed) => end::Answer::Failed(failed),
            },
            end::Step::CreateId => {
                self.create_id(true);
                end::Answer::Ready
            }
            end::Step::Begin => {
                self.request.cookie.is_sent = true;
                self.life.opened(None, None, false);
                self.begin(world);
                self.request.is_found = false;
                end::Answer::Ready
            }
            end::Step::Done(outcome) => return self.ended(world, &outcome),
        };
        self.stack.push(Frame::End(ending, answer));
    }

    fn delete(&mut self, world: &mut World, id: SessionId, expect: Expect, what: u8) -> end::Answer<Failure> {
        let is_opening = matches!(self.stack.last(), Some(Frame::Open(..)));
        assert!(!is_opening || world.get(&id).is_none(), "a corrupt session stays stored");
        let deleted = made(world, what, Change::Delete { id, expect });
        match &deleted {
            Ok(Written::Stored(_)) => self.is_end_in_doubt = false,
            Err(failed) => self.is_end_in_doubt |= failed.kind == Failure::Unknown,
            Ok(Written::Refused) => {}
        }
        match deleted {
            Ok(Written::Stored(_)) => end::Answer::Deleted,
            Ok(Written::Refused) => end::Answer::Refused,
            Err(failed) => end::Answer::Failed(failed),
        }
    }

    fn ended(&mut self, world: &mut World, outcome: &end::Outcome<Failure>) {
        let (lineage, _, is_given_up) = self.ending;
        let is_ended = *outcome == end::Outcome::Ended;
        if is_ended && lineage != 0 {
            let is_gone = !self.rules.leaves_redirects || !world.has(lineage);
            assert!(is_gone && !self.knows_a_record(world, lineage), "a session that was ended is gone");
        }
        let due = self.request.cookie.due();
        if is_ended && self.doing == Act::Invalidate && self.stack.is_empty() {
            let id = due.filter(|due| !due.is_expired).map(|due| due.id.as_str());
            assert_eq!(id, Some(self.life.id().as_str()), "a logout sends the id of the session that begins");
        }
        let is_told = !matches!(outcome, end::Outcome::Failed(Failure::Unavailable | Failure::Busy));
        assert!(is_told || !self.is_end_in_doubt, "a doubt about an end is told");
        let is_inner = matches!(self.stack.last(), Some(Frame::Load(..)));
        if is_ended && (!is_inner || !self.request.seen.is_filled) {
            self.note_end();
        }
        if is_ended && is_given_up {
            self.request.known = None;
            self.lineage = world.new_lineage();
        }
        let reply = match outcome {
            end::Outcome::Ended => Ok(()),
            end::Outcome::Failed(kind) => Err(failed(*kind)),
        };
        self.give_back(world, reply);
    }

    fn note_end(&mut self) {
        let request = &mut self.request;
        request.has_invalidated |= self.life.was_invalidated();
        request.is_deleted = self.life.is_deleted();
        request.has_deleted |= request.is_deleted;
        (request.is_stored, request.stored_as) = (false, None);
        request.is_old = false;
        self.settle();
    }
}
