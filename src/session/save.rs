//! The save of a session: compare-and-swap, and a merge with the stored record after each refusal.
//!
//! A save never brings a session back: it replaces a record in a known state and creates one only for a session that
//! never had any. The caller keeps the data and its encoded text; the machine knows ids and versions.

use super::answer::{Failed, Failure, Found};
use super::life::Life;
use crate::id::{IdSource, SessionId};
use crate::store::{Expect, Version, Written};

/// After this many refusals in a row a save locks the record and asks the other saves of its process to wait.
pub const FREE_TRIES: usize = 8;
/// The most looks at the record in one save, for stores whose lock does not exclude writers.
pub const TRIES: usize = 256;
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
    /// Write the record that was loaded last as it is, which gives it another version. Answer: [`Answer::Written`].
    Fence {
        /// The id of the record.
        id: SessionId,
        /// The state that it was loaded in.
        version: Version,
    },
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
    /// The change without a reply, for as long as the store may have made it or still make it.
    doubt: Option<Doubt<E>>,
    /// The error of an earlier one under another id, which may have been made too.
    earlier: Option<E>,
    /// Whether the step is a fence.
    is_fencing: bool,
}

/// A write or a rotation whose reply was lost.
#[derive(Debug)]
struct Doubt<E> {
    /// The id that the record then has.
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
            earlier: None,
            is_fencing: false,
        }
    }

    /// The next step, after the answer to the one before.
    pub fn next(&mut self, life: &mut Life, answer: Answer<E>) -> Step<E> {
        let was_fencing = std::mem::take(&mut self.is_fencing);
        match answer {
            Answer::Written(Written::Stored(version)) if was_fencing => self.fenced(life, version),
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
            Answer::Failed(Failed { kind: Failure::Unknown, error }) => self.lost(life, was_fencing, error),
            // The store tells nothing about the earlier change, which stays in doubt.
            Answer::Failed(Failed { kind: Failure::Unavailable | Failure::Busy, error }) => {
                let in_doubt = self.doubt.take().map(|doubt| doubt.error).or_else(|| self.earlier.take());
                Step::Done(Outcome::Failed(in_doubt.unwrap_or(error)))
            }
            Answer::Failed(failed) => Step::Done(Outcome::Failed(failed.error)),
        }
    }

    /// The reply to a change was lost. One to a fence leaves nothing in doubt that was not before.
    fn lost(&mut self, life: &mut Life, was_fencing: bool, error: E) -> Step<E> {
        if !was_fencing && life.is_rotated() {
            life.doubt_rotation(self.expect.and_then(Expect::version));
        }
        self.lost_replies += 1;
        // A rotation is excluded before the save fails, so that the session keeps its old id.
        if self.lost_replies > LOST_REPLIES && (was_fencing || !life.is_rotated()) {
            return Step::Done(Outcome::Failed(error));
        }
        if !was_fencing {
            let doubt = Doubt { id: life.id().clone(), error };
            let before = self.doubt.replace(doubt).filter(|before| before.id.as_str() != life.id().as_str());
            self.earlier = self.earlier.take().or(before.map(|before| before.error));
        }
        self.look(life)
    }

    /// The record under the old id has another version, so that the rotation in doubt will be refused.
    fn fenced(&mut self, life: &mut Life, version: Version) -> Step<E> {
        if life.in_doubt().is_none_or(|rotation| rotation.from != Some(version)) {
            return self.stays(life, version);
        }
        // To this store the same content is the same version.
        match self.doubt.take() {
            Some(doubt) => Step::Done(Outcome::Failed(doubt.error)),
            None => self.go_on(life, version),
        }
    }

    /// The record stays under the old id until it is rotated anew.
    fn stays(&mut self, life: &mut Life, version: Version) -> Step<E> {
        life.not_moved();
        match self.doubt.take() {
            Some(doubt) if self.lost_replies > LOST_REPLIES => Step::Done(Outcome::Failed(doubt.error)),
            _ => self.go_on(life, version),
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
        let in_doubt = life.in_doubt();
        match found {
            Found::Session(version) if in_doubt.is_some_and(|rotation| rotation.from == Some(version)) => {
                // The store may still get to the rotation, after this save has failed or has written.
                self.is_fencing = true;
                Step::Fence { id: life.record_id().clone(), version }
            }
            Found::Session(version) if in_doubt.is_some() => self.stays(life, version),
            Found::Session(version) => self.go_on(life, version),
            Found::Redirect { to, .. }
                if in_doubt.is_none_or(|rotation| rotation.to.as_str() != to.as_str()) =>
            {
                if self.rules.is_locked {
                    self.then = Then::Follow(to.clone());
                    return Step::MoveLock(to);
                }
                self.follow(life, to)
            }
            _ if in_doubt.is_some() => {
                life.moved();
                self.look(life)
            }
            Found::Absent if self.creates() => match self.doubt.take() {
                // No other request knows the id, so the write without a reply stored nothing that was then deleted.
                Some(doubt) if life.id().source() == IdSource::Generated => {
                    self.doubt = Some(doubt);
                    self.write(life)
                }
                Some(doubt) => Step::Done(Outcome::Failed(doubt.error)),
                None => Step::Done(Outcome::Ended),
            },
            Found::Absent | Found::Redirect { .. } | Found::DeadRedirect(_) => Step::Done(Outcome::Ended),
        }
    }

    /// Changes the record, which is in this state.
    fn go_on(&mut self, life: &Life, version: Version) -> Step<E> {
        self.expect = Some(Expect::Version(version));
        if self.rules.merges { Step::Merge } else { self.write(life) }
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
