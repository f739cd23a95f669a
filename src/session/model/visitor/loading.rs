//! A load of the session.

use super::super::limits::{Verdict, is_recent, judge};
use super::super::seen::Fate;
use super::super::types::{
    Candidate, Expect, Facts, Failure, Found, LockTarget, Reply, SessionId, Times, Version, Written, end,
    load, lock,
};
use super::super::weather::{Weather, failed, made};
use super::super::world::{Change, Form, World};
use super::{Frame, Visitor};

impl Visitor {
    pub(super) fn load(
        &mut self,
        world: &mut World,
        mut loading: Box<load::Loading<Failure>>,
        answer: load::Answer<Failure>,
        what: u8,
    ) {
        if answer == load::Answer::Begin {
            self.request.before_load = (self.ours.clone(), self.life.timeout());
        }
        let step = loading.next(&mut self.life, answer, self.asked_at.unwrap_or(0.0));
        if let load::Step::Done(outcome) = step {
            return self.loaded(world, outcome);
        }
        self.stack.push(Frame::Load(loading, load::Answer::Called(Ok(()))));
        let does_no_harm = matches!(step, load::Step::DeleteRedirect(..));
        let answer = match step {
            load::Step::Load(id) => load::Answer::Loaded(self.look_for_load(world, &id, what)),
            load::Step::Decode(id) => load::Answer::Decoded(self.decode(world, &id)),
            load::Step::ReadCookies => {
                let others = Candidate::others(self.request.offered.iter().cloned());
                load::Answer::Cookies(Weather::of_call(what).map(|()| others))
            }
            load::Step::CheckClock => {
                self.request.seen.checked_clock(world.is_steady);
                load::Answer::Clock(world.is_steady)
            }
            load::Step::DeleteExpired(id, version) => {
                load::Answer::Deleted(self.delete_expired(world, &id, version, what))
            }
            load::Step::Lock(id, target) => {
                self.asked_at = None;
                let is_programs =
                    self.request.programs.as_ref().is_some_and(|known| known.as_str() == id.as_str());
                assert!(
                    !is_programs || target == LockTarget::Id,
                    "a program locks an id, with or without a record"
                );
                return self.begin_lock(world, lock::Goal::Request(id, target));
            }
            load::Step::MoveLock(id) => {
                self.asked_at = None;
                let target = self.life.lock_of();
                return self.begin_lock(world, lock::Goal::Move(id, target));
            }
            load::Step::GiveUp => return self.begin_end(end::Reason::GiveUp),
            load::Step::Invalidate => {
                self.request.seen.invalidated();
                return self.begin_end(end::Reason::Invalidate);
            }
            step => load::Answer::Called(self.call(world, step, what)),
        };
        if let Some(kind) = failure_of(&answer).filter(|kind| !does_no_harm || *kind == Failure::Other) {
            self.request.seen.failed(kind);
        }
        if let Some(Frame::Load(_, next)) = self.stack.last_mut() {
            *next = answer;
        }
    }

    /// The calls without an answer of their own.
    fn call(&mut self, world: &mut World, step: load::Step<Failure>, what: u8) -> Reply<(), Failure> {
        match step {
            load::Step::DeleteRedirect(id, version) => {
                let is_session = world.session(&id).is_some_and(|(present, _)| present == version);
                assert!(!is_session, "a redirect that leads nowhere is deleted, and no session");
                self.request.seen.deletes_redirect(&id);
                let _deleted = made(world, what, Change::Delete { id, expect: Expect::Version(version) })?;
            }
            load::Step::Clear => {
                Weather::of_call(what)?;
                self.request.seen.cleared();
                self.clear();
                // As a class of the program's own does.
                self.life.clear();
            }
            load::Step::Restore => self.ours = self.request.before_load.0.clone(),
            load::Step::WithdrawCookie => self.request.cookie.withdraw(),
            load::Step::Unlock => self.release(world),
            load::Step::Fill { is_corrected } => self.fill(world, is_corrected),
            load::Step::CreateId => self.create_id(true),
            load::Step::BeginEmpty => {
                self.life.opened(None, None, false);
                self.begin(world);
                self.request.is_found = false;
            }
            _ => {}
        }
        Ok(())
    }

    fn look_for_load(&mut self, world: &World, id: &SessionId, what: u8) -> Reply<Found, Failure> {
        self.asked_at.get_or_insert(world.now);
        self.request.cookie.is_sent = true;
        self.request.seen.asked(id);
        let is_held = self.held.as_ref().is_some_and(|held| held.as_str() == id.as_str());
        let has_lock = is_held || self.request.has_locked_nothing;
        let is_due = self.rules.locks
            || self.claims > 0 && !self.request.loses_lock && self.request.seen.is_via_old_id();
        assert!(has_lock || !is_due, "a request has the lock of what it loads");
        let found = self.look(world, id, what);
        match &found {
            Ok(Found::Absent) => self.request.seen.is_absent(),
            Ok(Found::DeadRedirect(_)) => self.request.seen.is_dead(id),
            Ok(Found::Redirect { to, .. }) => self.request.seen.redirected(id, to.clone()),
            Err(failed) if failed.kind == Failure::Corrupt => self.request.seen.leads_to(Fate::Corrupt),
            _ => {}
        }
        found
    }

    /// Loads the record of an id, and keeps it.
    pub(super) fn look(&mut self, world: &World, id: &SessionId, what: u8) -> Reply<Found, Failure> {
        Weather::of_look(what, ())?;
        let found = world.find(id)?;
        if let Some((version, record)) = world.session(id) {
            self.found = Some((id.clone(), version, record.clone()));
        }
        Ok(found)
    }

    fn decode(&mut self, world: &World, id: &SessionId) -> Reply<Option<Facts>, Failure> {
        let Some((at, version, record)) = &self.found else { return Ok(None) };
        assert_eq!(at.as_str(), id.as_str(), "a record is decoded under its id");
        let known = self.life.version().zip(self.life.stored_as().map(SessionId::as_str));
        assert_eq!(
            known,
            Some((*version, id.as_str())),
            "the session is known by the record that was loaded"
        );
        let data = &record.data;
        match record.form {
            Form::Foreign | Form::Damaged => {
                self.request.seen.leads_to(Fate::Corrupt);
                return Err(failed(Failure::Corrupt));
            }
            Form::Empty => {
                self.request.seen.leads_to(Fate::Absent);
                return Ok(None);
            }
            Form::Current | Form::Old => {}
        }
        let now = self.asked_at.unwrap_or(world.now);
        let begun = if self.request.is_reloaded { self.life.begun() } else { self.signed_at() };
        let is_over = judge(&self.rules.limits, now, data, begun) == Verdict::Over;
        self.request.seen.leads_to(if is_over { Fate::Expired } else { Fate::Alive });
        Ok(Some(Facts {
            times: Times { accessed: data.accessed, begun: data.begun },
            timeout: data.timeout(),
            is_current: record.form == Form::Current,
        }))
    }

    /// When the cookie was signed whose session is opened.
    fn signed_at(&self) -> Option<f64> {
        let root = self.request.seen.root()?;
        self.request.offered.iter().find(|offered| offered.id.as_str() == root.as_str())?.signed_at
    }

    fn delete_expired(
        &mut self,
        world: &mut World,
        id: &SessionId,
        version: Version,
        what: u8,
    ) -> Reply<bool, Failure> {
        self.asked_at = None;
        let change = Change::Delete { id: id.clone(), expect: Expect::Version(version) };
        let deleted = made(world, what, change).map(|deleted| deleted != Written::Refused);
        let reply = deleted.as_ref().map_err(|failed| failed.kind).copied();
        self.request.seen.deleted(reply, id, self.life.via_old_id());
        deleted
    }

    fn fill(&mut self, world: &World, is_corrected: bool) {
        let Some((id, _, record)) = self.found.take() else { return };
        let (limits, now) = (&self.rules.limits, self.asked_at.unwrap_or(world.now));
        if let Verdict::Alive(begun, corrects) = judge(limits, now, &record.data, self.signed_at())
            && !self.request.is_reloaded
        {
            assert_eq!(
                self.life.begun(),
                begun,
                "a session counts from its beginning, or from its cookie's signature"
            );
            assert_eq!(is_corrected, corrects, "a beginning in the future becomes now");
        }
        let was_recent = is_recent(limits, now, &record.data);
        assert_eq!(self.life.is_recent(), was_recent, "an access time is recent within its interval");
        let is_old = record.form == Form::Old || is_corrected;
        assert!(self.life.is_stale() || !is_old, "an outdated record is written anew");
        assert_eq!(self.life.timeout(), record.data.timeout(), "a session keeps its own timeout");
        if self.request.seen.is_via_old_id() {
            self.request.via.push(id.clone());
        }
        self.lineage = record.lineage;
        self.base = record.data.clone();
        self.ours = record.data;
        if is_corrected {
            self.ours.begun = Some(now);
        }
        self.ours.accessed = Some(now);
        self.loaded = self.ours.clone();
        (self.saved, self.maybe_mutated) = (None, false);
        self.request.is_found = true;
        // A lock that moved without its view stays so.
        self.request.loses_lock &= self.claims > 0 && self.view.is_none();
        self.request.seen.is_filled = true;
        self.request.was_recent = was_recent;
        self.request.is_old |= is_old;
    }

    fn loaded(&mut self, world: &mut World, outcome: Result<(), Failure>) {
        self.request.seen.keep_laws(outcome, self.life.via_old_id());
        if outcome.is_err() {
            assert!(self.held.is_none(), "a load that failed keeps no lock");
            self.request.loses_lock = true;
            self.request.is_withheld |= self.request.seen.is_via_old_id();
            let is_ended = self.request.forgotten.is_some() || self.request.seen.is_invalidated;
            if !is_ended && !matches!(self.stack.last(), Some(Frame::Open(..))) {
                let known = self.life.version().zip(self.life.stored_as().cloned());
                assert_eq!(known, self.request.known, "a load that fails leaves the session as it was known");
                let content = (self.ours.clone(), self.life.timeout());
                assert_eq!(content, self.request.before_load, "a load that fails leaves the content");
            }
        } else if !self.request.seen.is_filled {
            let request = &self.request;
            assert_eq!(self.life.stored_as(), None, "a session that begins has no record");
            assert!(self.life.is_new(), "a session that begins is new");
            assert_eq!(self.life.begun(), None, "a session that begins has not the beginning of another");
            let id = self.life.id().as_str();
            assert!(
                request.via.iter().all(|via| via.as_str() != id),
                "a session that begins has not the id of another"
            );
            let is_a_browsers = request.offered.iter().any(|offered| offered.id.as_str() == id);
            assert!(!is_a_browsers, "an id that leads to no session is not taken on");
        } else if matches!(self.stack.last(), Some(Frame::Open(..))) {
            let request = &self.request;
            let root = request.seen.root().map(SessionId::as_str);
            let chosen = request.offered.iter().find(|offered| Some(offered.id.as_str()) == root).cloned();
            self.request.chosen = chosen;
            self.request.had_timeout = self.life.timeout().is_some();
        } else {
            assert_ne!(
                Some(self.lineage),
                self.request.forgotten,
                "what was cleared under a new id does not come back"
            );
        }
        if outcome.is_ok() {
            self.settle();
        }
        self.give_back(world, outcome.map_err(failed));
    }
}

/// The failure in an answer.
fn failure_of(answer: &load::Answer<Failure>) -> Option<Failure> {
    match answer {
        load::Answer::Called(Err(failed))
        | load::Answer::Loaded(Err(failed))
        | load::Answer::Decoded(Err(failed))
        | load::Answer::Cookies(Err(failed)) => Some(failed.kind),
        _ => None,
    }
}
