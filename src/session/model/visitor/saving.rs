//! A save of the session.

use super::super::data::{Data, merge};
use super::super::types::{
    Cookie, Failure, Found, LockTarget, Reply, SessionId, Version, Written, cookie_of_save, lock, save,
};
use super::super::weather::{Weather, failed, made};
use super::super::world::{Change, Form, Intent, Record, Token, World, Writing};
use super::{Act, Frame, Visitor};

/// A save of a program overtakes others after so many refusals.
const FREE_TRIES: usize = 8;
const MOST_LOOKS: usize = 256;

/// The text that a save writes, and what the save has seen.
#[derive(Default)]
pub(super) struct Text {
    /// The session's own data, and the data that is written.
    own: Data,
    written: Data,
    encoded_for: Option<SessionId>,
    by: Token,
    /// Whether the application saved it.
    is_saved: bool,
    has_theirs: bool,
    /// The state that the reply to the last write gave.
    version: Option<Version>,
    looks: usize,
    merges: usize,
    has_given_way: bool,
    has_gone_first: bool,
    is_lock_taken: bool,
    has_lost_a_reply: bool,
}

impl Visitor {
    pub(super) fn new_saving(&self) -> Box<save::Saving<Failure>> {
        let rules =
            save::Rules { merges: self.rules.merges, uses_cookies: true, is_locked: self.held.is_some() };
        Box::new(save::Saving::new(&self.life, rules))
    }

    /// The application saves the session.
    pub(super) fn begin_save(&mut self, world: &mut World) {
        let saving = self.new_saving();
        let mut data = self.ours.clone();
        if data.begun.is_none() && self.rules.limits.count_from_beginning() {
            data.begun = self.life.begun().or(Some(world.now));
        }
        self.doing = Act::Save;
        self.store(world, saving, data, true);
    }

    /// Stores `data`, a changed copy of what was loaded.
    pub(super) fn store(
        &mut self,
        world: &mut World,
        saving: Box<save::Saving<Failure>>,
        data: Data,
        is_saved: bool,
    ) {
        let key = self.key();
        if data.content.get(&key) != self.base.content.get(&key) {
            world.unpromise(key);
        }
        let is_anothers = |other: &u8| *other < 10 && *other != key && !data.content.contains_key(other);
        if self.base.content.keys().any(is_anothers) {
            world.empty(self.lineage);
        }
        let id = self.life.id().clone();
        self.text = Text {
            own: data.clone(),
            written: data,
            encoded_for: Some(id.clone()),
            by: self.new_token(),
            is_saved,
            ..Text::default()
        };
        self.stack.push(Frame::Save(saving, save::Answer::Encoded(id)));
    }

    pub(super) fn save(
        &mut self,
        world: &mut World,
        mut saving: Box<save::Saving<Failure>>,
        answer: save::Answer<Failure>,
        what: u8,
    ) {
        let step = saving.next(&mut self.life, answer);
        if let save::Step::Done(outcome) = step {
            return self.saved(world, outcome);
        }
        self.stack.push(Frame::Save(saving, save::Answer::Ready));
        let reply = match step {
            save::Step::Encode => Ok(self.encode(what)),
            save::Step::Load(id) => self.look_for_save(world, &id, what).map(save::Answer::Found),
            save::Step::Verify(id) => {
                self.look_for_save(world, &id, what).map(|found| self.verified(world, found))
            }
            save::Step::Fence { id, version } => {
                let is_known = self.found.as_ref().is_some_and(|(_, found, _)| *found == version);
                assert!(is_known, "what is fenced was loaded");
                made(world, what, Change::Fence { id, version }).map(save::Answer::Written)
            }
            save::Step::Merge => self.merge(world, what),
            save::Step::Write { id, expect } => {
                self.keep_laws_of_write();
                let writing = self.writing();
                let reply = made(world, what, Change::Write { id: id.clone(), writing, expect });
                self.note_written(world, &id, reply)
            }
            save::Step::Rotate { old, new, expect } => {
                self.keep_laws_of_write();
                let leaves_redirect = self.rules.leaves_redirects;
                let change = Change::Rotate {
                    old,
                    new: new.clone(),
                    writing: self.writing(),
                    expect,
                    leaves_redirect,
                };
                let reply = made(world, what, change);
                self.note_written(world, &new, reply)
            }
            save::Step::GoFirst { locks, .. } => {
                assert!(
                    self.text.looks >= FREE_TRIES,
                    "a save is overtaken eight times before it goes first"
                );
                self.text.has_gone_first = true;
                if locks {
                    self.text.is_lock_taken = true;
                    let id = self.life.record_id().clone();
                    return self.begin_lock(world, lock::Goal::Request(id, LockTarget::Record));
                }
                Ok(save::Answer::Ready)
            }
            save::Step::MoveLock(id) => {
                let target = self.life.lock_of();
                return self.begin_lock(world, lock::Goal::Move(id, target));
            }
            save::Step::WithholdCookie => {
                self.request.via.push(self.life.id().clone());
                self.request.cookie.withdraw();
                self.settle();
                Ok(save::Answer::Ready)
            }
            save::Step::GiveWay(_) => {
                self.text.has_given_way = true;
                Weather::of_call(what).map(|()| save::Answer::Ready)
            }
            save::Step::Done(_) => Ok(save::Answer::Ready),
        };
        if let Some(Frame::Save(_, next)) = self.stack.last_mut() {
            *next = reply.unwrap_or_else(save::Answer::Failed);
        }
    }

    fn keep_laws_of_write(&self) {
        let text = &self.text;
        assert!(
            text.has_given_way || text.looks > 0,
            "a save gives way to a starved one before its first write"
        );
    }

    fn encode(&mut self, what: u8) -> save::Answer<Failure> {
        save::Answer::Encoded(self.encoded_for(what))
    }

    /// The id that the text was encoded for. A value that is pickled, or another thread, may give the session a new one
    /// meanwhile.
    fn encoded_for(&mut self, what: u8) -> SessionId {
        let id = self.life.id().clone();
        self.text.encoded_for = Some(id.clone());
        if what % 32 == 9 && !self.life.via_old_id() {
            self.request.has_renamed = true;
            self.create_id(false);
        }
        id
    }

    /// What a save writes.
    fn writing(&self) -> Writing {
        let record = Record {
            lineage: self.lineage,
            data: self.text.written.clone(),
            by: self.text.by,
            form: Form::Current,
            encoded_for: self.text.encoded_for.clone().unwrap_or_else(|| self.life.id().clone()),
        };
        let (base, ours) = (self.base.content.clone(), self.text.own.content.clone());
        Writing {
            record,
            intent: Intent { merges: self.rules.merges, is_merged_again: self.text.merges > 1, base, ours },
        }
    }

    fn look_for_save(&mut self, world: &World, id: &SessionId, what: u8) -> Reply<Found, Failure> {
        self.text.looks += 1;
        assert!(self.text.looks <= MOST_LOOKS, "a save ends");
        let has_to_go_first = self.text.looks > FREE_TRIES + 1;
        assert!(!has_to_go_first || self.text.has_gone_first, "a save that is overtaken goes first");
        self.look(world, id, what)
    }

    /// Whether the record is what was sent.
    fn verified(&mut self, world: &World, found: Found) -> save::Answer<Failure> {
        if let (Found::Session(version), Some((id, _, record))) = (&found, &self.found)
            && *record == (Record { lineage: record.lineage, ..self.writing().record })
        {
            let (id, version) = (id.clone(), *version);
            self.lineage = world.session(&id).map_or(self.lineage, |(_, record)| record.lineage);
            self.text.version = Some(version);
            return save::Answer::Written(Written::Stored(version));
        }
        save::Answer::Found(found)
    }

    fn merge(&mut self, world: &World, what: u8) -> Reply<save::Answer<Failure>, Failure> {
        let Some((_, _, record)) = self.found.take() else {
            return Ok(save::Answer::Written(Written::Refused));
        };
        let theirs = match record.form {
            Form::Foreign | Form::Damaged => return Err(failed(Failure::Corrupt)),
            Form::Empty => Data::default(),
            Form::Current | Form::Old => record.data,
        };
        let (data, has_theirs) = merge(&self.base, &self.text.own, &theirs, world.now);
        self.text.written = data;
        self.text.merges += 1;
        self.text.has_theirs = has_theirs;
        Ok(save::Answer::Merged { id: self.encoded_for(what), has_theirs })
    }

    /// Where others created the record under the same id at once, this session goes on as theirs.
    fn note_written(
        &mut self,
        world: &World,
        id: &SessionId,
        reply: Reply<Written, Failure>,
    ) -> Reply<save::Answer<Failure>, Failure> {
        self.text.has_lost_a_reply |= reply.as_ref().is_err_and(|failed| failed.kind == Failure::Unknown);
        if let (Ok(Written::Stored(version)), Some((_, record))) = (&reply, world.session(id)) {
            self.lineage = record.lineage;
            self.text.version = Some(*version);
        }
        reply.map(save::Answer::Written)
    }

    fn saved(&mut self, world: &mut World, outcome: save::Outcome<Failure>) {
        if self.text.is_lock_taken {
            self.release(world);
        }
        self.keep_laws_of_outcome(world, &outcome);
        let reply = match outcome {
            save::Outcome::Stored => {
                self.keep(world);
                Ok(())
            }
            save::Outcome::Ended => {
                self.request.has_ended = true;
                Ok(())
            }
            save::Outcome::Overtaken => Err(failed(Failure::Busy)),
            save::Outcome::IdNeverStays => Err(failed(Failure::Other)),
            save::Outcome::Failed(kind) => Err(failed(kind)),
        };
        if self.life.stored_as().is_none() {
            // What it created, if it did, is another session than the one that its next save creates.
            self.lineage = world.new_lineage();
        }
        if reply.is_ok() {
            let timeout = self.text.own.timeout();
            let is_due = self.life.timeout() != timeout && !self.life.via_old_id();
            let lasts_otherwise = self.life.set_timeout(timeout);
            match cookie_of_save(&self.life, true, lasts_otherwise) {
                Cookie::Rewrite => self.request.cookie.publish(&self.life, true, false),
                Cookie::Send => self.request.cookie.is_sent = true,
                Cookie::Leave => {}
            }
            let due = self.request.cookie.due();
            assert!(
                !is_due || due.is_some_and(|due| due.lasts == timeout),
                "a browser keeps the cookie as long as the session has it"
            );
        }
        self.give_back(world, reply);
    }

    fn keep_laws_of_outcome(&self, world: &World, outcome: &save::Outcome<Failure>) {
        let token = self.text.by;
        let has_lost_a_reply = self.text.has_lost_a_reply;
        match outcome {
            save::Outcome::Stored => {
                assert!(world.has_made(token), "a save that is reported as stored was made");
                let stored_as = self.life.stored_as().map(SessionId::as_str);
                assert_eq!(
                    stored_as,
                    Some(self.life.id().as_str()),
                    "a stored session has the id of its record"
                );
                let known = self.text.version.filter(|_| !self.text.has_theirs);
                assert_eq!(self.life.version(), known, "what others stored is merged again at the next save");
            }
            save::Outcome::Failed(Failure::Unavailable | Failure::Busy) => {
                // Others may have begun another session under a program's id, from which this one was moved.
                let is_hidden = has_lost_a_reply && self.is_shared();
                assert!(
                    is_hidden || !world.has_or_will_have(token),
                    "an error that says that nothing was changed is true"
                );
            }
            save::Outcome::Failed(_) => {}
            save::Outcome::Ended | save::Outcome::IdNeverStays | save::Outcome::Overtaken => assert!(
                has_lost_a_reply || !world.has_or_will_have(token),
                "a save that is not stored was not made"
            ),
        }
        if *outcome == save::Outcome::Overtaken {
            assert_eq!(self.text.looks, MOST_LOOKS, "a save is tried again and again");
        }
        if *outcome == save::Outcome::Ended {
            assert!(
                self.is_shared()
                    || world.may_have_ended(self.lineage)
                    || !self.knows_a_record(world, self.lineage),
                "a session that nobody has ended goes on"
            );
        }
    }

    /// From now on the session is a copy of the program's data, and not of the merged data.
    fn keep(&mut self, world: &mut World) {
        let own = self.text.own.clone();
        // Of two saves of one key, either may be the last.
        let key = self.key();
        if self.rules.merges && own.content.get(&key) != self.base.content.get(&key) {
            world.promise(self.lineage, key, own.content.get(&key).copied());
        }
        self.base = own.clone();
        if self.text.is_saved {
            self.saved = Some(own);
        }
        world.tell(self.life.id());
        self.request.stored_as = Some(self.life.id().clone());
        self.request.is_stored = true;
        self.settle();
    }

    /// The program has changed nothing since.
    pub(super) fn settle(&mut self) {
        let request = &mut self.request;
        (request.is_renamed, request.is_cleared, request.is_begun_anew) = (false, false, false);
    }

    /// Whether others may have begun the session under its id, which a program chose.
    pub(super) fn is_shared(&self) -> bool {
        let is_programs = |id: &SessionId| id.as_str().len() <= 2;
        is_programs(self.life.record_id()) || self.request.programs.is_some()
    }
}
