//! The save of a session: compare-and-swap, and a merge with the stored record after each refusal.
//!
//! A save never brings a session back: it replaces a record in a known state and creates one only for a session that
//! never had any. The caller keeps the data and its encoded text; the machine knows ids and versions.

use super::answer::{Failed, Failure, Found};
use super::life::Life;
use crate::id::{IdSource, SessionId};
use crate::store::{Expect, Written};

/// After this many refusals in a row a save locks the record and asks the other saves of its process to wait.
pub const FREE_TRIES: usize = 8;
/// The most looks at the record in one save, for stores whose lock does not exclude writers.
pub const TRIES: usize = 64;
/// The most encodings for one write: the session may get another id while it is encoded.
pub const ENCODINGS: usize = 8;
/// The most lost replies in one save.
const LOST_REPLIES: usize = 3;

/// The next call that a save needs.
#[derive(Clone, Debug, PartialEq)]
pub enum Step<E> {
    /// Encode the data for the session's present id. Answer: [`Answer::Encoded`].
    Encode,
    /// Wait a moment for a starved save of this record. Answer: [`Answer::Ready`].
    GiveWay(SessionId),
    /// Load the record and keep it. Answer: [`Answer::Found`].
    Load(SessionId),
    /// Load the record, whose last write got no reply. Answer: [`Answer::Written`] if the record is exactly what was
    /// written, else [`Answer::Found`].
    Verify(SessionId),
    /// Merge the session's changes into the record that was loaded last, and encode the result. Answer:
    /// [`Answer::Merged`].
    Merge,
    /// Write the encoded data. Answer: [`Answer::Written`].
    Write {
        /// The id of the record.
        id: SessionId,
        /// The condition of the write.
        expect: Expect,
    },
    /// Write the encoded data under a new id and leave a redirect, or nothing, under the old one. Answer:
    /// [`Answer::Written`].
    Rotate {
        /// The id of the present record.
        old: SessionId,
        /// The id of the new record.
        new: SessionId,
        /// The condition on the present record.
        expect: Expect,
    },
    /// Lock the record if `locks`, and make the other saves of this process wait, until the save is done. Answer:
    /// [`Answer::Ready`].
    GoFirst {
        /// The id of the record.
        id: SessionId,
        /// Whether the session is not locked already.
        locks: bool,
    },
    /// Move the session's lock to this id. Answer: [`Answer::Ready`].
    MoveLock(SessionId),
    /// Send no cookie: another request sends the one with the new id. Answer: [`Answer::Ready`].
    WithholdCookie,
    /// The save is over.
    Done(Outcome<E>),
}

/// The result of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer<E> {
    /// The step is done.
    Ready,
    /// The data is encoded for this id. A save begins with that.
    Encoded(SessionId),
    /// The state of the record.
    Found(Found),
    /// The merged data is encoded.
    Merged {
        /// The id that it is encoded for.
        id: SessionId,
        /// Whether the record has changes of others that the session lacks.
        has_theirs: bool,
    },
    /// The reply to a write.
    Written(Written),
    /// The step failed.
    Failed(Failed<E>),
}

/// The result of a save.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome<E> {
    /// The record is stored.
    Stored,
    /// The session ended during the request. Nothing is stored.
    Ended,
    /// Others wrote the record before each of [`TRIES`] attempts. Nothing is stored.
    Overtaken,
    /// The session got another id during each of [`ENCODINGS`] encodings. Nothing is stored.
    IdNeverStays,
    /// A step failed.
    Failed(E),
}

/// The circumstances of a save.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Whether a refused save merges; otherwise it replaces what others wrote.
    pub merges: bool,
    /// Whether a cookie has the id.
    pub uses_cookies: bool,
    /// Whether the session is locked by its request or its program.
    pub is_locked: bool,
}

/// The reaction to [`Answer::Ready`].
#[derive(Debug)]
enum Then {
    Write,
    Load,
    Follow(SessionId),
    Look,
}

/// One save.
#[derive(Debug)]
pub struct Saving<E> {
    rules: Rules,
    /// The condition of the next write; `None` until the record is known.
    expect: Option<Expect>,
    /// The id that the data is encoded for.
    encoded_for: Option<SessionId>,
    encodings: usize,
    has_given_way: bool,
    has_theirs: bool,
    looks: usize,
    then: Then,
    /// The record before which other saves wait.
    first_at: Option<SessionId>,
    lost_replies: usize,
    /// The write without a reply, until the record shows its outcome.
    doubt: Option<Doubt<E>>,
}

/// A write whose reply was lost.
#[derive(Debug)]
struct Doubt<E> {
    id: SessionId,
    error: E,
}

impl<E> Saving<E> {
    /// A save of the session as it is now. It replaces the record that the session is known to have.
    #[must_use]
    pub fn new(life: &Life, rules: Rules) -> Self {
        Self {
            rules,
            expect: life.expectation(rules.merges),
            encoded_for: None,
            encodings: 0,
            has_given_way: false,
            has_theirs: false,
            looks: 0,
            then: Then::Write,
            first_at: None,
            lost_replies: 0,
            doubt: None,
        }
    }

    /// The next step, after the answer to the one before.
    pub fn next(&mut self, life: &mut Life, answer: Answer<E>) -> Step<E> {
        match answer {
            Answer::Ready => match std::mem::replace(&mut self.then, Then::Look) {
                Then::Write => self.write(life),
                Then::Load => self.load(life),
                Then::Follow(id) => self.follow(life, id),
                Then::Look => self.look(life),
            },
            Answer::Encoded(id) => {
                self.encoded_for = Some(id);
                self.write(life)
            }
            Answer::Merged { id, has_theirs } => {
                self.encoded_for = Some(id);
                self.has_theirs = has_theirs;
                self.write(life)
            }
            Answer::Found(found) => self.found(life, found),
            Answer::Written(Written::Stored(version)) => {
                life.saved(version);
                if self.has_theirs {
                    life.diverged();
                }
                Step::Done(Outcome::Stored)
            }
            Answer::Written(Written::Refused) => self.look(life),
            Answer::Failed(failed) if failed.kind == Failure::Unknown && self.lost_replies < LOST_REPLIES => {
                self.lost_replies += 1;
                self.doubt = Some(Doubt { id: life.id().clone(), error: failed.error });
                self.look(life)
            }
            Answer::Failed(failed) => Step::Done(Outcome::Failed(failed.error)),
        }
    }

    /// Writes the encoded data, once it is encoded for the id that the session has.
    fn write(&mut self, life: &Life) -> Step<E> {
        if self.encoded_for.as_ref().is_none_or(|id| id.as_str() != life.id().as_str()) {
            self.encodings += 1;
            return if self.encodings > ENCODINGS { Step::Done(Outcome::IdNeverStays) } else { Step::Encode };
        }
        let Some(expect) = self.expect else { return self.look(life) };
        if !self.has_given_way {
            self.has_given_way = true;
            self.then = Then::Write;
            return Step::GiveWay(life.record_id().clone());
        }
        self.encodings = 0;
        match life.rotated_from() {
            Some(old) => Step::Rotate { old: old.clone(), new: life.id().clone(), expect },
            None => Step::Write { id: life.id().clone(), expect },
        }
    }

    /// Looks at the record again. A save that was overtaken too often goes before the others first.
    fn look(&mut self, life: &Life) -> Step<E> {
        if self.looks == TRIES {
            return Step::Done(Outcome::Overtaken);
        }
        self.looks += 1;
        self.has_given_way = true;
        let id = life.record_id();
        if self.looks <= FREE_TRIES
            || self.first_at.as_ref().is_some_and(|first| first.as_str() == id.as_str())
        {
            return self.load(life);
        }
        self.first_at = Some(id.clone());
        self.then = Then::Load;
        Step::GoFirst { id: id.clone(), locks: !self.rules.is_locked }
    }

    fn load(&self, life: &Life) -> Step<E> {
        let id = life.record_id().clone();
        if self.doubt.as_ref().is_some_and(|doubt| doubt.id.as_str() == id.as_str()) {
            Step::Verify(id)
        } else {
            Step::Load(id)
        }
    }

    fn found(&mut self, life: &mut Life, found: Found) -> Step<E> {
        // The lost reply was to a rotation, and its record is not under the old id.
        let may_have_moved = self.doubt.is_some() && life.is_rotated();
        match found {
            Found::Session(version) => {
                self.doubt = None;
                self.expect = Some(Expect::Version(version));
                if self.rules.merges { Step::Merge } else { self.write(life) }
            }
            Found::Redirect { to, .. } if !(may_have_moved && to.as_str() == life.id().as_str()) => {
                if self.rules.is_locked {
                    self.then = Then::Follow(to.clone());
                    return Step::MoveLock(to);
                }
                self.follow(life, to)
            }
            _ if may_have_moved => {
                life.moved();
                self.look(life)
            }
            Found::Absent if self.creates() => match self.doubt.take() {
                // No other request knows the id, so the write without a reply stored nothing that was then deleted.
                Some(_) if life.id().source() == IdSource::Generated => self.write(life),
                Some(doubt) => Step::Done(Outcome::Failed(doubt.error)),
                None => Step::Done(Outcome::Ended),
            },
            Found::Absent | Found::Redirect { .. } | Found::DeadRedirect(_) => Step::Done(Outcome::Ended),
        }
    }

    fn creates(&self) -> bool {
        matches!(self.expect, Some(Expect::Any | Expect::Absent))
    }

    /// Goes on with the record of the id that another request gave to the session.
    fn follow(&mut self, life: &mut Life, id: SessionId) -> Step<E> {
        life.follow(id);
        if self.rules.uses_cookies {
            self.then = Then::Look;
            return Step::WithholdCookie;
        }
        self.look(life)
    }
}
