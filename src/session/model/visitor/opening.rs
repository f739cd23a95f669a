//! The opening of the session of a request.

use super::super::data::Data;
use super::super::seen::Seen;
use super::super::types::{Failure, Life, Reply, SessionId, end, load, open};
use super::super::weather::{Weather, failed};
use super::super::world::World;
use super::{Act, Frame, Request, Visitor};

impl Visitor {
    /// A request of a browser.
    pub(super) fn open_by_cookie(&mut self, world: &mut World, jar: usize) {
        let offered = world.jars.get(jar).map(|jar| jar.candidates(self.rules.signs)).unwrap_or_default();
        self.life = match offered.first() {
            Some(first) => Life::from_cookie(first.clone()),
            None => Life::fresh(SessionId::generate()),
        };
        self.begin_open(world, Request { jar: Some(jar), offered, ..Request::default() });
    }

    /// A program opens a session by its id.
    pub(super) fn open_by_id(&mut self, world: &mut World, id: &str) {
        let id = SessionId::from_program(id);
        self.life = Life::named(id.clone(), false);
        self.begin_open(world, Request { programs: Some(id), ..Request::default() });
    }

    fn begin_open(&mut self, world: &mut World, request: Request) {
        self.request = request;
        self.is_open = true;
        (self.ours, self.base, self.loaded, self.saved) = Default::default();
        (self.maybe_mutated, self.found, self.lineage) = (false, None, world.new_lineage());
        let policy = open::Policy { replaces_corrupt: self.rules.replaces_corrupt, rolls: self.rules.rolls };
        self.begin_act(Act::Open, Frame::Open(open::Opening::new(policy, !self.life.is_new()), Ok(())));
    }

    pub(super) fn open(
        &mut self,
        world: &mut World,
        mut opening: open::Opening,
        reply: Reply<(), Failure>,
        what: u8,
    ) {
        let kind = reply.as_ref().err().map(|failed| failed.kind);
        let step = opening.next(&mut self.life, reply);
        let called = match step {
            open::Step::Begin => {
                assert!(self.request.offered.is_empty(), "a session that is named is loaded");
                self.life.set_new(true);
                self.request.cookie.publish(&self.life, false, false);
                self.begin(world);
                Ok(())
            }
            open::Step::Load => {
                self.stack.push(Frame::Open(opening, Ok(())));
                return self.begin_load(true);
            }
            open::Step::Warn(error) => {
                let is_corrupt = (error, kind) == (Failure::Corrupt, Some(Failure::Corrupt));
                assert!(
                    is_corrupt && self.rules.replaces_corrupt,
                    "only a corrupt session is replaced, if that is allowed"
                );
                Weather::of_call(what)
            }
            open::Step::Invalidate => {
                self.stack.push(Frame::Open(opening, Ok(())));
                return self.begin_end(end::Reason::Invalidate);
            }
            open::Step::SendCookie => {
                self.request.cookie.publish(&self.life, true, false);
                Ok(())
            }
            open::Step::Done(outcome) => {
                if outcome.is_ok() {
                    self.keep_laws_of_opening();
                }
                return self.give_back(world, outcome.map_err(failed));
            }
        };
        self.stack.push(Frame::Open(opening, called));
    }

    fn keep_laws_of_opening(&self) {
        assert!(!self.life.is_rotated(), "a session that was opened has the id of its record");
        if let Some(id) = self.request.programs.as_ref()
            && self.request.via.is_empty()
            && !self.request.has_invalidated
            && !self.request.seen.is_set_aside
            && !self.request.seen.is_via_old_id()
        {
            assert_eq!(self.life.id().as_str(), id.as_str(), "an id that a program chose is kept");
        }
        assert_eq!(self.life.is_new(), !self.request.is_found, "a session is new if it had no record");
    }

    pub(super) fn begin_load(&mut self, is_opening: bool) {
        let offered = if is_opening { self.request.offered.as_slice() } else { &[] };
        self.request.seen = Seen::new(offered, self.life.via_old_id());
        self.asked_at = None;
        self.request.known = self.life.version().zip(self.life.stored_as().cloned());
        let policy = load::Policy { locks: self.rules.locks, limits: self.rules.limits };
        let loading = Box::new(load::Loading::new(policy, &self.life));
        self.stack.push(Frame::Load(loading, load::Answer::Begin));
    }

    /// The content goes.
    pub(super) fn clear(&mut self) {
        self.ours = Data::default();
    }

    /// A new id, as in `src/py/session/rename.rs`.
    pub(super) fn create_id(&mut self, is_new: bool) {
        if !is_new && self.life.via_old_id() {
            return;
        }
        let id = SessionId::generate();
        if is_new {
            self.life.begin_anew(id);
        } else {
            self.life.rename(id);
        }
        self.request.cookie.publish(&self.life, !is_new, false);
    }
}
