//! One visitor of the model: a session, and the machine that is at work on it.

mod loading;

use std::convert::Infallible;

use super::super::types::{
    Failure, Found, Life, Reply, Row, Rule, SessionId, Side, Version, Written, decide, end, load, save,
};
use super::weather::{Weather, answered, failed, made};
use super::world::{Change, Content, Kept, World};
use super::{PROGRAMS_ID, Rules};

/// More steps than any machine needs.
const MOST_STEPS: usize = 2000;

enum Work {
    Idle,
    Load(Box<load::Loading<Failure>>, load::Answer<Failure>),
    Save(save::Saving<Failure>, save::Answer<Failure>),
    End(end::Ending<Failure>, end::Answer<Failure>),
}

pub(super) struct Visitor {
    number: usize,
    rules: Rules,
    life: Life,
    lineage: u32,
    base: Content,
    ours: Content,
    /// The data that a save writes.
    data: Content,
    /// The data that was loaded last, and its session.
    loaded: (u32, Content),
    /// The record that it was loaded from, its state then, and whether it was expired.
    found: Option<(SessionId, Version, bool)>,
    is_filled: bool,
    /// Whether the session is loaded for the first time in its request.
    is_visit: bool,
    /// Whether the store failed while the session was loaded.
    was_down: bool,
    /// The state that the reply to the last write gave.
    written: Option<Version>,
    /// Whether others may have begun the session under its id, which a program chose.
    is_shared: bool,
    /// The session that is being ended, and whether a deletion of it may have been made without a reply.
    ending: u32,
    is_end_in_doubt: bool,
    work: Work,
    saves: u32,
    sessions: u32,
}

impl Visitor {
    pub(super) fn new(number: usize, rules: Rules) -> Self {
        let mut visitor = Self {
            number,
            rules,
            life: Life::fresh(SessionId::generate()),
            lineage: 0,
            base: Content::new(),
            ours: Content::new(),
            data: Content::new(),
            loaded: (0, Content::new()),
            found: None,
            is_filled: false,
            is_visit: false,
            was_down: false,
            written: None,
            is_shared: false,
            ending: 0,
            is_end_in_doubt: false,
            work: Work::Idle,
            saves: 0,
            sessions: 0,
        };
        visitor.begin();
        visitor
    }

    /// Begins a session that no visitor has had before.
    fn begin(&mut self) {
        self.lineage = self.new_lineage();
        (self.base, self.ours) = (Content::new(), Content::new());
    }

    fn new_lineage(&mut self) -> u32 {
        self.sessions += 1;
        self.sessions * 10 + u32::try_from(self.number).unwrap_or_default()
    }

    fn has_changed_its_key(&self) -> bool {
        self.base.get(&self.key()) != self.ours.get(&self.key())
    }

    fn key(&self) -> u8 {
        self.number.to_le_bytes()[0]
    }

    pub(super) fn step(&mut self, world: &mut World, known: &mut Vec<SessionId>, what: u8) {
        match std::mem::replace(&mut self.work, Work::Idle) {
            Work::Idle => self.act(world, known, what),
            Work::Load(loading, answer) => self.load(world, known, loading, answer, what),
            Work::Save(saving, answer) => self.save(world, known, saving, answer, what),
            Work::End(ending, answer) => self.end(world, ending, answer, what),
        }
    }

    pub(super) fn finish(&mut self, world: &mut World, known: &mut Vec<SessionId>) {
        for _ in 0..MOST_STEPS {
            if matches!(self.work, Work::Idle) {
                break;
            }
            self.step(world, known, u8::MAX);
        }
        assert!(matches!(self.work, Work::Idle), "every machine ends, whatever the answers are");
    }

    fn act(&mut self, world: &mut World, known: &[SessionId], what: u8) {
        match what % 11 {
            0 | 1 => self.visit(known, usize::from(what) / 11),
            2 | 3 => {
                self.ours.insert(self.key(), u32::from(what) + self.saves * 256);
            }
            4 | 5 => self.begin_save(world),
            6 => self.life.rename(SessionId::generate()),
            7 => self.begin_end(what),
            // The application loads the session again.
            8 if !self.life.is_deleted() => self.begin_load(false),
            9 => world.expire(self.life.record_id()),
            _ if what > 250 => world.end_grace(),
            _ => world.renew(self.life.record_id()),
        }
    }

    fn begin_save(&mut self, world: &mut World) {
        if self.life.is_deleted() {
            return;
        }
        self.saves += 1;
        self.data = self.ours.clone();
        if self.has_changed_its_key() {
            world.unpromise(self.key());
        }
        let rules = save::Rules { merges: self.rules.merges, uses_cookies: true, is_locked: false };
        let encoded = save::Answer::Encoded(self.life.id().clone());
        self.work = Work::Save(save::Saving::new(&self.life, rules), encoded);
    }

    fn begin_end(&mut self, what: u8) {
        let reason = if what < 128 { end::Reason::Delete } else { end::Reason::Invalidate };
        (self.ending, self.is_end_in_doubt) = (self.lineage, false);
        let ending = end::Ending::new(&mut self.life, reason, self.rules.leaves_redirects, true);
        self.work = Work::End(ending, end::Answer::Begin);
    }

    fn save(
        &mut self,
        world: &mut World,
        known: &mut Vec<SessionId>,
        mut saving: save::Saving<Failure>,
        answer: save::Answer<Failure>,
        what: u8,
    ) {
        let step = saving.next(&mut self.life, answer);
        let content = (self.lineage, self.data.clone(), (self.number, self.saves));
        let answer = match step {
            save::Step::Encode => {
                let id = self.life.id().clone();
                if what == 7 {
                    // Another thread gives the session a new id meanwhile.
                    self.life.rename(SessionId::generate());
                }
                save::Answer::Encoded(id)
            }
            save::Step::Load(id) => self.look(world, &id, what),
            save::Step::Verify(id) => match world.get(&id) {
                Some((version, Kept::Session { by, lineage, .. })) if *by == content.2 => {
                    self.lineage = *lineage;
                    self.written = Some(version);
                    save::Answer::Written(Written::Stored(version))
                }
                _ => self.look(world, &id, what),
            },
            save::Step::Fence { id, version } => {
                answered(world, Weather::of(what), Change::Fence { id, version })
            }
            save::Step::Merge => {
                let has_theirs = self.merge();
                save::Answer::Merged { id: self.life.id().clone(), has_theirs }
            }
            save::Step::Write { id, expect } => {
                let change = Change::Write { id: id.clone(), content, expect };
                let answer = answered(world, Weather::of(what), change);
                self.note_written(world, &id, &answer);
                answer
            }
            save::Step::Rotate { old, new, expect } => {
                let leaves_redirect = self.rules.leaves_redirects;
                let change = Change::Rotate { old, new: new.clone(), content, expect, leaves_redirect };
                let answer = answered(world, Weather::of(what), change);
                self.note_written(world, &new, &answer);
                answer
            }
            save::Step::GiveWay(_)
            | save::Step::GoFirst { .. }
            | save::Step::MoveLock(_)
            | save::Step::WithholdCookie => save::Answer::Ready,
            save::Step::Done(outcome) => return self.saved(world, known, &outcome),
        };
        self.work = Work::Save(saving, answer);
    }

    /// Where others created the record under the same id at once, this session goes on as theirs.
    fn note_written(&mut self, world: &World, id: &SessionId, answer: &save::Answer<Failure>) {
        if let (save::Answer::Written(Written::Stored(version)), Some((_, Kept::Session { lineage, .. }))) =
            (answer, world.get(id))
        {
            self.lineage = *lineage;
            self.written = Some(*version);
        }
    }

    fn look(&mut self, world: &World, id: &SessionId, what: u8) -> save::Answer<Failure> {
        match self.find(world, id, what) {
            Ok(found) => save::Answer::Found(found),
            Err(failed) => save::Answer::Failed(failed),
        }
    }

    fn find(&mut self, world: &World, id: &SessionId, what: u8) -> Reply<Found, Failure> {
        if Weather::of(what) == Weather::Unavailable {
            return Err(failed(Failure::Unavailable));
        }
        if let Some((version, Kept::Session { lineage, content, is_expired, .. })) = world.get(id) {
            self.loaded = (*lineage, content.clone());
            self.found = Some((id.clone(), version, *is_expired));
        }
        Ok(world.find(id))
    }

    /// Merges what this visitor changed into what was loaded. Whether that has what this one has not.
    fn merge(&mut self) -> bool {
        let keys: Vec<u8> =
            self.base.keys().chain(self.ours.keys()).chain(self.loaded.1.keys()).copied().collect();
        self.data = Content::new();
        for key in keys {
            let [base, ours, theirs] =
                [&self.base, &self.ours, &self.loaded.1].map(|content| content.get(&key).copied());
            let row = Row { base, ours, theirs };
            let same = |one: &u32, other: &u32| Ok::<_, Infallible>(one == other);
            let Ok(side) = decide(Rule::Changed, &row, same, |_, _| Ok(false));
            let value = if side == Side::Ours { row.ours } else { row.theirs };
            if let Some(value) = value {
                self.data.insert(key, value);
            }
        }
        self.data != self.ours
    }

    fn saved(&mut self, world: &mut World, known: &mut Vec<SessionId>, outcome: &save::Outcome<Failure>) {
        // Somebody may have begun another session under a program's id after it was rotated.
        let is_a_programs = self.life.record_id().as_str() == PROGRAMS_ID;
        let save = (self.number, self.saves);
        match outcome {
            save::Outcome::Stored => {
                assert!(world.has_made(save), "a save that is reported as stored was made");
                assert_eq!(self.life.stored_as().map(SessionId::as_str), Some(self.life.id().as_str()));
                let version = self.life.version();
                assert!(version.is_none() || version == self.written, "the known state is that of the write");
            }
            save::Outcome::Failed(Failure::Unknown) => {}
            _ if is_a_programs => {}
            _ => assert!(
                !world.has_or_will_have(save),
                "only an error of doubt leaves open whether it is stored"
            ),
        }
        if *outcome == save::Outcome::Ended && self.rules.leaves_redirects && !self.is_shared {
            let has_ended = [self.lineage, self.loaded.0].map(|lineage| world.may_have_ended(lineage));
            assert!(has_ended.contains(&true), "a session that nobody has ended goes on");
        }
        if *outcome == save::Outcome::Ended
            && self.life.is_rotated()
            && !is_a_programs
            && let Some((_, Kept::Session { lineage, .. })) = world.get(self.life.id())
        {
            assert_ne!(*lineage, self.lineage, "a session that goes on under its new id has not ended");
        }
        if *outcome != save::Outcome::Stored {
            if self.life.stored_as().is_none() {
                // What it created, if it did, is another session than the one that its next save creates.
                self.lineage = self.new_lineage();
            }
            return;
        }
        if self.rules.merges && self.has_changed_its_key() {
            world.promise(self.lineage, self.key(), self.ours.get(&self.key()).copied());
        }
        let id = self.life.id();
        self.base = self.ours.clone();
        if !known.iter().any(|known| known.as_str() == id.as_str()) {
            known.push(id.clone());
        }
    }

    fn end(
        &mut self,
        world: &mut World,
        mut ending: end::Ending<Failure>,
        answer: end::Answer<Failure>,
        what: u8,
    ) {
        let weather = Weather::of(what);
        let answer = match ending.next(&mut self.life, answer) {
            end::Step::Load(_) | end::Step::Delete { .. } if weather == Weather::Unavailable => {
                end::Answer::Failed(failed(Failure::Unavailable))
            }
            end::Step::Load(id) => {
                self.is_end_in_doubt = false;
                end::Answer::Found(world.find(&id))
            }
            end::Step::Delete { id, expect } => {
                let deleted = made(world, weather, Change::Delete { id, expect });
                self.is_end_in_doubt = deleted.is_err();
                match deleted {
                    Ok(Written::Stored(_)) => end::Answer::Deleted,
                    Ok(Written::Refused) => end::Answer::Refused,
                    Err(failed) => end::Answer::Failed(failed),
                }
            }
            end::Step::CreateId => {
                self.life = Life::fresh(SessionId::generate());
                self.begin();
                end::Answer::Ready
            }
            end::Step::ExpireCookie | end::Step::Clear | end::Step::Begin => end::Answer::Ready,
            end::Step::Done(outcome) => {
                let is_ended =
                    outcome == end::Outcome::Ended && self.rules.leaves_redirects && !self.is_shared;
                assert!(!is_ended || !world.has(self.ending), "a session that was ended is gone");
                let is_told = matches!(outcome, end::Outcome::Ended | end::Outcome::Failed(Failure::Unknown));
                assert!(is_told || !self.is_end_in_doubt, "a doubt about an end is told");
                return;
            }
        };
        self.work = Work::End(ending, answer);
    }
}
