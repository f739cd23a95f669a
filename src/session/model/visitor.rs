//! One visitor of the model: a request with its session, and the machines that are at work on it.

mod acts;
mod ending;
mod loading;
mod locking;
mod opening;
mod renewing;
mod response;
mod saving;

use super::FAIR;
use super::cookie::Outgoing;
use super::data::Data;
use super::rules::Rules;
use super::seen::Seen;
use super::types::{
    Candidate, Failure, Life, LockTarget, Reply, SessionId, Version, end, load, lock, open, renew, save,
};
use super::world::{Record, Token, World};
use saving::Text;

/// More steps than any machine needs.
const MOST_STEPS: usize = 3000;

/// A machine at work, and the answer that it gets next.
enum Frame {
    Open(open::Opening, Reply<(), Failure>),
    Load(Box<load::Loading<Failure>>, load::Answer<Failure>),
    Save(Box<save::Saving<Failure>>, save::Answer<Failure>),
    Renew(Box<(renew::Renewing, save::Saving<Failure>)>, renew::Answer<Failure>),
    End(end::Ending<Failure>, end::Answer<Failure>),
    Lock(lock::Locking<Failure>, Reply<(), Failure>),
    /// Waits for the lock of another visitor.
    Wait(lock::Locking<Failure>, SessionId, LockTarget),
}

/// What the request does.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Act {
    Open,
    Load,
    Save,
    Renew,
    Delete,
    Invalidate,
    Lock,
    Unlock,
}

/// A request, and what it has seen.
#[derive(Default)]
struct Request {
    /// The browser that sent it, or the id that a program chose.
    jar: Option<usize>,
    programs: Option<SessionId>,
    offered: Vec<Candidate>,
    cookie: Outgoing,
    seen: Seen,
    /// The record of the session before it was loaded again.
    known: Option<(Version, SessionId)>,
    /// The content and the timeout before the last load.
    before_load: (Data, Option<i64>),
    /// Whether the application loaded the session once more.
    is_reloaded: bool,
    /// The cookie that the session came from, and whether by an old id.
    chosen: Option<Candidate>,
    /// Whether the session had a timeout of its own when it was opened.
    had_timeout: bool,
    /// Whether the session is a stored one, as far as the model knows.
    is_found: bool,
    /// Ids to which old ids led.
    via: Vec<SessionId>,
    /// The id of the last save.
    stored_as: Option<SessionId>,
    has_invalidated: bool,
    is_deleted: bool,
    has_deleted: bool,
    /// Whether the session has had an id that was made in this request.
    has_renamed: bool,
    /// Whether a save found that the session has ended.
    has_ended: bool,
    /// What the program has done since the session was loaded or stored.
    is_renamed: bool,
    is_cleared: bool,
    is_begun_anew: bool,
    /// The session that the program has given up.
    forgotten: Option<u32>,
    is_dirty: bool,
    is_finishing: bool,
    /// Whether there was no record to lock.
    has_locked_nothing: bool,
    /// Whether the session is stored as it is.
    is_stored: bool,
    /// Whether the program has set the id.
    has_turned: bool,
    has_set_timeout: bool,
    /// The id that the program locks, and whether the session was locked when the program unlocks it.
    wanted: Option<SessionId>,
    had_lock: bool,
    /// Whether the application gave the lock back, or another could not be had, since the session was loaded.
    loses_lock: bool,
    /// Whether a load that failed had come upon the new id of the session.
    is_withheld: bool,
    has_touched: bool,
    /// The new state of the record that was renewed.
    renewed: Option<Version>,
    /// The state in which the record is to be renewed.
    renews: Option<Version>,
    was_recent: bool,
    is_old: bool,
}

pub(super) struct Visitor {
    number: usize,
    rules: Rules,
    life: Life,
    lineage: u32,
    /// The session as the program sees it.
    ours: Data,
    /// As it was loaded or stored last.
    base: Data,
    /// As it was loaded, with changes in place.
    loaded: Data,
    /// As the program saved it, with changes in place.
    saved: Option<Data>,
    maybe_mutated: bool,
    /// The record that was loaded last.
    found: Option<(SessionId, Version, Record)>,
    /// When the store was asked.
    asked_at: Option<f64>,
    /// The lock, and how many calls of `lock()` the engine counts.
    held: Option<SessionId>,
    by_program: usize,
    /// The id whose record the program may see by the backend.
    view: Option<SessionId>,
    /// How many calls of `lock()` had no `unlock()`.
    claims: usize,
    text: Text,
    /// The session that is being ended, its ids that the request knows, and whether the program has given it up.
    ending: (u32, Vec<SessionId>, bool),
    /// Whether a deletion of it is in doubt.
    is_end_in_doubt: bool,
    is_open: bool,
    request: Request,
    doing: Act,
    stack: Vec<Frame>,
    tokens: u32,
}

impl Visitor {
    pub(super) fn new(number: usize, rules: Rules) -> Self {
        Self {
            number,
            rules,
            life: Life::fresh(SessionId::generate()),
            lineage: 0,
            ours: Data::default(),
            base: Data::default(),
            loaded: Data::default(),
            saved: None,
            maybe_mutated: false,
            found: None,
            asked_at: None,
            held: None,
            by_program: 0,
            view: None,
            claims: 0,
            text: Text::default(),
            ending: (0, Vec::new(), false),
            is_end_in_doubt: false,
            is_open: false,
            request: Request::default(),
            doing: Act::Open,
            stack: Vec::new(),
            tokens: 0,
        }
    }

    /// A session that no visitor has had before.
    fn begin(&mut self, world: &mut World) {
        self.lineage = world.new_lineage();
        self.ours = Data::begun_at(world.now);
        (self.base, self.loaded, self.saved) = (Data::default(), self.ours.clone(), None);
        self.maybe_mutated = false;
    }

    fn new_token(&mut self) -> Token {
        self.tokens += 1;
        (self.number, self.tokens)
    }

    fn key(&self) -> u8 {
        self.number.to_le_bytes()[0]
    }

    pub(super) fn step(&mut self, world: &mut World, what: u8) {
        match self.stack.pop() {
            None if self.is_open => self.act(world, what),
            None => self.come(world, what),
            Some(Frame::Open(opening, reply)) => self.open(world, opening, reply, what),
            Some(Frame::Load(loading, answer)) => self.load(world, loading, answer, what),
            Some(Frame::Save(saving, answer)) => self.save(world, saving, answer, what),
            Some(Frame::Renew(renewing, answer)) => self.renew(world, renewing, answer, what),
            Some(Frame::End(ending, answer)) => self.end(world, ending, answer, what),
            Some(Frame::Lock(locking, reply)) => self.lock(world, locking, reply, what),
            Some(Frame::Wait(locking, id, target)) => self.wait(world, locking, (id, target), what >= 128),
        }
    }

    fn is_waiting(&self) -> bool {
        matches!(self.stack.last(), Some(Frame::Wait(..)))
    }

    /// Goes on without faults, until the act is done or another visitor has the lock.
    pub(super) fn go_on(&mut self, world: &mut World) {
        for _ in 0..MOST_STEPS {
            if self.stack.is_empty() || self.is_waiting() {
                return;
            }
            self.step(world, FAIR);
        }
        assert!(self.stack.is_empty(), "every machine ends, whatever the answers are");
    }

    /// Ends the request. No lock is waited for any more.
    pub(super) fn leave(&mut self, world: &mut World) {
        for _ in 0..MOST_STEPS {
            self.go_on(world);
            match self.stack.pop() {
                Some(Frame::Wait(locking, id, target)) => self.wait(world, locking, (id, target), true),
                _ if !self.is_open => return,
                _ if self.request.is_finishing => return,
                _ => self.begin_finish(world),
            }
        }
        assert!(!self.is_open, "every request ends");
    }

    /// Begins an act.
    fn begin_act(&mut self, act: Act, frame: Frame) {
        self.doing = act;
        self.stack.push(frame);
    }

    /// A machine is done: its caller goes on.
    fn give_back(&mut self, world: &mut World, reply: Reply<(), Failure>) {
        match self.stack.last_mut() {
            None => self.done(world, reply),
            Some(Frame::Open(_, answer) | Frame::Lock(_, answer)) => *answer = reply,
            Some(Frame::Load(_, answer)) => {
                if let Err(failed) = &reply {
                    self.request.seen.failed(failed.kind);
                }
                *answer = load::Answer::Called(reply);
            }
            Some(Frame::Save(_, answer)) => {
                *answer = reply.map_or_else(save::Answer::Failed, |()| save::Answer::Ready);
            }
            Some(Frame::Renew(..) | Frame::End(..) | Frame::Wait(..)) => {}
        }
    }

    /// An act is done.
    fn done(&mut self, world: &mut World, reply: Reply<(), Failure>) {
        self.keep_laws_of_locks(world);
        if self.doing == Act::Open && reply.is_err() {
            // The session cannot be used, and the request fails.
            self.finish(world, false);
        } else if self.request.is_finishing {
            self.finish(world, reply.is_ok());
        }
    }
}
