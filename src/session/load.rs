//! Loading: what a store has becomes the session.
//!
//! While the session is opened from a request's cookies, a candidate that leads to no session gives way to the next
//! one. If none leads to a session, the first one decides what happens.

use super::answer::{Failed, Failure, Found, Reply};
use super::candidate::Candidate;
use super::life::Life;
use super::timeout::{Facts, Limits};
use crate::id::SessionId;
use crate::store::{LockTarget, Timestamp, Version};

/// How many redirects are followed. A session is not rotated more often within one grace period.
pub const LONGEST_CHAIN: usize = 8;

/// How often an expired session is loaded again because another request has saved it since, or because the reply to its
/// deletion was lost.
pub(super) const RELOADS: usize = 4;

/// The options for loading.
#[derive(Clone, Copy, Debug, Default)]
pub struct Policy {
    /// Whether the request holds the session's lock (`concurrency = lock`).
    pub locks: bool,
    /// When a session is over.
    pub limits: Limits,
}

/// The caller's next step.
#[derive(Clone, Debug, PartialEq)]
pub enum Step<E> {
    /// End the session that the application gave up with its id. Answer: `Called`.
    GiveUp,
    /// Lock this id for the request, and read the clock afterwards. Answer: `Called`.
    Lock(SessionId, LockTarget),
    /// Load the record of this id. Answer: `Loaded`.
    Load(SessionId),
    /// Move every lock that is held to the id that the session has now. Answer: `Called`.
    MoveLock(SessionId),
    /// Delete this redirect record if it is unchanged, since it leads nowhere. Answer: `Called`.
    DeleteRedirect(SessionId, Version),
    /// Empty the session: the store has answered. Answer: `Called`.
    Clear,
    /// Send no cookie: the response that rotated the session sends it. Answer: `Called`.
    WithdrawCookie,
    /// Decode the record that was loaded last, which was stored under this id. Answer: `Decoded`.
    Decode(SessionId),
    /// Read the request's other cookies. Answer: `Cookies`.
    ReadCookies,
    /// Ask whether the clock runs steadily. Answer: `Clock`.
    CheckClock,
    /// Give the session the content back that it had before the first `Clear`. Answer: `Called`.
    Restore,
    /// Release the lock of the request. Answer: `Called`.
    Unlock,
    /// Make the decoded data the session. Answer: `Called`.
    Fill {
        /// Whether the beginning was corrected to now, because it was in the future.
        is_corrected: bool,
    },
    /// Make a new id for a new session. Answer: `Called`.
    CreateId,
    /// Begin an empty session. Answer: `Called`.
    BeginEmpty,
    /// Delete the record of the expired session if it is unchanged. Answer: `Deleted`.
    DeleteExpired(SessionId, Version),
    /// End the expired session, and begin another. Answer: `Called`.
    Invalidate,
    /// The session is loaded, or this error is raised.
    Done(Result<(), E>),
}

/// The result of a step.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer<E> {
    /// Nothing was done yet.
    Begin,
    /// A call that gives nothing back.
    Called(Reply<(), E>),
    /// A record, or its absence.
    Loaded(Reply<Found, E>),
    /// The session in the record; `None` if it says that it is empty.
    Decoded(Reply<Option<Facts>, E>),
    /// The candidates beside the first one.
    Cookies(Reply<Vec<Candidate>, E>),
    /// Whether the clock runs steadily.
    Clock(bool),
    /// Whether the record of the expired session is gone. If not, another request has saved it since.
    Deleted(Reply<bool, E>),
}

/// Why a candidate leads to no session.
#[derive(Debug)]
enum Dead<E> {
    Absent,
    Expired,
    Corrupt(E),
}

/// The continuation after a call that succeeds.
#[derive(Debug)]
enum Then<E> {
    /// Look for the session.
    Attempt,
    /// Load the record of the id.
    Load,
    /// Go on without a session: the redirect record led nowhere.
    Absent,
    /// Take the session that was found in this state.
    Found(Version),
    /// Decode it.
    Decode,
    /// Try the next candidate.
    Dead,
    /// Let the first candidate decide.
    Conclude(Dead<E>),
    /// Begin an empty session.
    BeginEmpty,
    /// Nothing: the session is loaded.
    Finish,
    /// Unlock the session, and raise the error.
    Unlock(E),
    /// Raise the error.
    Fail(E),
}

/// A session that is being loaded.
#[derive(Debug)]
pub struct Loading<E> {
    policy: Policy,
    then: Then<E>,
    /// The id that is looked at.
    at: SessionId,
    /// How many redirects were followed to it.
    redirects: usize,
    /// How often the session was loaded again.
    reloads: usize,
    /// The first redirect record of the chain.
    redirected_from: Option<(SessionId, Version)>,
    /// The first candidate, while others are tried. In a box, since few requests need it.
    first: Option<Box<(Life, Dead<E>)>>,
    others: std::vec::IntoIter<Candidate>,
    /// The session as it was known before. A load that fails leaves it so, and the content, too: the application has not
    /// got what the record has, and must neither overwrite nor renew it.
    before: Option<Box<Life>>,
}

impl<E> Loading<E> {
    /// Begins to load the session that `life` names.
    #[must_use]
    pub fn new(policy: Policy, life: &Life) -> Self {
        Self {
            policy,
            then: Then::Finish,
            at: life.record_id().clone(),
            redirects: 0,
            reloads: 0,
            redirected_from: None,
            first: None,
            others: Vec::new().into_iter(),
            before: None,
        }
    }

    /// The next step, after `answer` to the one before.
    pub fn next(&mut self, life: &mut Life, answer: Answer<E>, now: Timestamp) -> Step<E> {
        match answer {
            Answer::Begin if life.forgotten().is_some() => self.call(Step::GiveUp, Then::Attempt),
            Answer::Begin => self.attempt(life),
            Answer::Called(reply) => {
                let then = std::mem::replace(&mut self.then, Then::Finish);
                match reply {
                    Ok(()) => self.go_on(life, then),
                    Err(failed) => self.call_failed(life, then, failed),
                }
            }
            Answer::Loaded(Ok(found)) => self.found(life, found),
            Answer::Decoded(Ok(facts)) => self.decoded(life, facts, now),
            Answer::Loaded(Err(failed)) | Answer::Decoded(Err(failed)) => self.attempt_failed(life, failed),
            Answer::Cookies(Ok(others)) => self.try_others(life, others),
            Answer::Cookies(Err(failed)) => self.fail(life, failed.error),
            Answer::Clock(true) => match (life.stored_as(), life.version()) {
                (Some(id), Some(version)) => Step::DeleteExpired(id.clone(), version),
                _ => self.invalidate(),
            },
            Answer::Deleted(Ok(false) | Err(Failed { kind: Failure::Unknown, .. }))
                if self.reloads < RELOADS =>
            {
                self.reloads += 1;
                self.attempt(life)
            }
            Answer::Deleted(Ok(is_gone)) => {
                // A record that is expired however often it is saved is ended in any state.
                if is_gone {
                    life.record_gone();
                }
                self.invalidate()
            }
            Answer::Deleted(Err(failed)) => self.fail(life, failed.error),
            Answer::Clock(false) => {
                // The clock jumped a moment ago and may be wrong. This request does not get the session, but its record
                // stays, and so does the browser's cookie unless the session that begins here is saved.
                life.disown();
                self.before = None;
                self.call(Step::CreateId, Then::BeginEmpty)
            }
        }
    }

    fn call(&mut self, step: Step<E>, then: Then<E>) -> Step<E> {
        self.then = then;
        step
    }

    fn go_on(&mut self, life: &mut Life, then: Then<E>) -> Step<E> {
        match then {
            Then::Attempt => self.attempt(life),
            Then::Load => Step::Load(self.at.clone()),
            Then::Absent => self.clear(life, None),
            Then::Found(version) => {
                let is_redirected = self.redirects > 0;
                if is_redirected {
                    life.follow(self.at.clone());
                }
                life.found(version);
                if is_redirected { self.call(Step::WithdrawCookie, Then::Decode) } else { self.decode() }
            }
            Then::Decode => self.decode(),
            Then::Dead => self.dead(life, Dead::Absent),
            Then::Conclude(dead) => self.conclude(life, dead),
            Then::BeginEmpty => self.call(Step::BeginEmpty, Then::Finish),
            Then::Finish => Step::Done(Ok(())),
            Then::Unlock(error) => self.unlock(error),
            Then::Fail(error) => Step::Done(Err(error)),
        }
    }

    fn call_failed(&mut self, life: &mut Life, then: Then<E>, failed: Failed<E>) -> Step<E> {
        match then {
            // A redirect record that cannot be deleted, on a read-only disk for instance, does no harm.
            Then::Absent if !matches!(failed.kind, Failure::Corrupt | Failure::Other) => {
                self.clear(life, None)
            }
            Then::Load | Then::Absent | Then::Found(_) | Then::Decode | Then::Dead => {
                self.attempt_failed(life, failed)
            }
            // The first error is the one to raise.
            Then::Unlock(error) => self.unlock(error),
            Then::Fail(error) => Step::Done(Err(error)),
            Then::Attempt | Then::Conclude(_) | Then::BeginEmpty | Then::Finish => {
                self.fail(life, failed.error)
            }
        }
    }

    fn attempt(&mut self, life: &Life) -> Step<E> {
        self.at = life.record_id().clone();
        self.redirects = 0;
        self.redirected_from = None;
        if !self.policy.locks {
            return Step::Load(self.at.clone());
        }
        self.call(Step::Lock(self.at.clone(), life.lock_of()), Then::Load)
    }

    fn found(&mut self, life: &mut Life, found: Found) -> Step<E> {
        match found {
            Found::Session(version) => self.clear(life, Some(version)),
            Found::Absent => match self.redirected_from.take() {
                Some((id, version)) => self.call(Step::DeleteRedirect(id, version), Then::Absent),
                None => self.clear(life, None),
            },
            Found::DeadRedirect(version) => {
                self.call(Step::DeleteRedirect(self.at.clone(), version), Then::Absent)
            }
            Found::Redirect { .. } if self.redirects == LONGEST_CHAIN => self.clear(life, None),
            Found::Redirect { to, version } => {
                self.redirects += 1;
                let from = std::mem::replace(&mut self.at, to);
                self.redirected_from.get_or_insert((from, version));
                self.call(Step::MoveLock(self.at.clone()), Then::Load)
            }
        }
    }

    fn clear(&mut self, life: &mut Life, found: Option<Version>) -> Step<E> {
        // A program gets no session whose opening fails.
        if self.before.is_none() && life.opened_from.is_none() {
            self.before = Some(Box::new(life.clone()));
        }
        // The content goes, and the timeout is a part of it.
        life.set_timeout(None);
        self.call(Step::Clear, found.map_or(Then::Dead, Then::Found))
    }

    fn decode(&self) -> Step<E> {
        Step::Decode(self.at.clone())
    }

    fn decoded(&mut self, life: &mut Life, facts: Option<Facts>, now: Timestamp) -> Step<E> {
        let Some(facts) = facts else { return self.dead(life, Dead::Absent) };
        let Some(beginning) = self.policy.limits.admit(now, facts, life.begun()) else {
            return self.dead(life, Dead::Expired);
        };
        let is_corrected = beginning.is_corrected;
        life.set_recent(self.policy.limits.is_recent(now, facts));
        life.opened(beginning.at, facts.timeout, !facts.is_current || is_corrected);
        self.call(Step::Fill { is_corrected }, Then::Finish)
    }

    fn attempt_failed(&mut self, life: &mut Life, failed: Failed<E>) -> Step<E> {
        if failed.is_corrupt() {
            self.dead(life, Dead::Corrupt(failed.error))
        } else {
            self.fail(life, failed.error)
        }
    }

    /// The candidate leads to no session.
    fn dead(&mut self, life: &mut Life, dead: Dead<E>) -> Step<E> {
        if self.first.is_some() {
            return self.try_next(life);
        }
        if !life.is_opened_from_cookie() {
            return self.conclude(life, dead);
        }
        self.first = Some(Box::new((life.clone(), dead)));
        Step::ReadCookies
    }

    fn try_others(&mut self, life: &mut Life, others: Vec<Candidate>) -> Step<E> {
        if others.is_empty()
            && let Some(first) = self.first.take()
        {
            return self.conclude(life, first.1);
        }
        self.others = others.into_iter();
        self.try_next(life)
    }

    fn try_next(&mut self, life: &mut Life) -> Step<E> {
        match (self.others.next(), self.first.take()) {
            (Some(candidate), first) => {
                self.first = first;
                *life = Life::from_cookie(candidate);
                self.attempt(life)
            }
            (None, Some(first)) => {
                let dead;
                (*life, dead) = *first;
                self.call(Step::Unlock, Then::Conclude(dead))
            }
            (None, None) => self.conclude(life, Dead::Absent),
        }
    }

    fn conclude(&mut self, life: &mut Life, dead: Dead<E>) -> Step<E> {
        match dead {
            Dead::Absent => {
                self.before = None;
                if life.not_found() {
                    self.call(Step::CreateId, Then::BeginEmpty)
                } else {
                    self.call(Step::BeginEmpty, Then::Finish)
                }
            }
            Dead::Expired => Step::CheckClock,
            Dead::Corrupt(error) => self.fail(life, error),
        }
    }

    fn invalidate(&mut self) -> Step<E> {
        self.before = None;
        self.call(Step::Invalidate, Then::Finish)
    }

    fn fail(&mut self, life: &mut Life, error: E) -> Step<E> {
        if self.before.take().is_some_and(|before| life.go_back(*before)) {
            self.call(Step::Restore, Then::Unlock(error))
        } else {
            self.unlock(error)
        }
    }

    /// A program that catches the error may keep the session, but not its lock.
    fn unlock(&mut self, error: E) -> Step<E> {
        self.call(Step::Unlock, Then::Fail(error))
    }
}
