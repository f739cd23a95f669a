//! The end of a session: its record goes, and with `invalidate()` another session begins.
//!
//! The record may move while it is deleted, because another request rotates the session. So a deletion expects the
//! record that was loaded a moment before, and goes on to the new id where it finds a redirect.

use super::answer::{Failed, Failure, Found};
use super::life::Life;
use crate::id::SessionId;
use crate::store::{Expect, Version};

/// The most looks at a record that others keep writing. The last deletion expects nothing.
const TRIES: usize = 64;

/// The next call that the end of a session needs.
#[derive(Clone, Debug, PartialEq)]
pub enum Step<E> {
    /// Load the record. Answer: [`Answer::Found`].
    Load(SessionId),
    /// Delete the record. Answer: [`Answer::Deleted`] or [`Answer::Refused`].
    Delete {
        /// The id of the record.
        id: SessionId,
        /// The condition of the deletion.
        expect: Expect,
    },
    /// Send a cookie that has expired. Answer: [`Answer::Ready`].
    ExpireCookie,
    /// Empty the session. Answer: [`Answer::Ready`].
    Clear,
    /// Give the session a new id, as a new session. Answer: [`Answer::Ready`].
    CreateId,
    /// Fill the session with the content of a new one, and send its cookie if it has one. Answer: [`Answer::Ready`].
    Begin,
    /// The session has ended.
    Done(Outcome<E>),
}

/// The result of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer<E> {
    /// There was no step yet.
    Begin,
    /// The step is done.
    Ready,
    /// The state of the record.
    Found(Found),
    /// There is no record any more.
    Deleted,
    /// There is a record, and not the expected one.
    Refused,
    /// The step failed.
    Failed(Failed<E>),
}

/// The result of an end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome<E> {
    /// The record is gone.
    Ended,
    /// A step failed.
    Failed(E),
}

/// The reason of an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The application deletes the session.
    Delete,
    /// The session is over, or the application says so. Another one begins.
    Invalidate,
    /// The application loads a session after it began another in its place, or emptied it under a new id.
    GiveUp,
}

/// The steps after the record is gone.
#[derive(Clone, Copy, Debug)]
enum After {
    ExpireCookie,
    Clear,
    CreateId,
    Begin,
}

/// One end.
#[derive(Debug)]
pub struct Ending<E> {
    reason: Reason,
    /// Whether old ids have redirects.
    leaves_redirects: bool,
    /// The record that has to go.
    record: Option<SessionId>,
    /// The id under which a rotation in doubt puts it, while what is under the old id is deleted.
    next_record: Option<SessionId>,
    /// The redirects that led to the record, and their states. They go after it: until then every id leads to it, for
    /// others who end the session and for another try.
    redirects: Vec<(SessionId, Version)>,
    /// Whether the session is gone, and its redirects are left.
    is_gone: bool,
    looks: usize,
    after: &'static [After],
    /// The error of a deletion whose reply was lost, until the record is known to be gone.
    doubt: Option<E>,
}

impl<E> Ending<E> {
    /// The end of a session. `leaves_redirects` says whether rotated sessions have a grace period.
    #[must_use]
    pub fn new(life: &mut Life, reason: Reason, leaves_redirects: bool, uses_cookies: bool) -> Self {
        // A rotation in doubt is refused once the record is gone. If it was made before, that is under the new id.
        let next_record = life.in_doubt().map(|rotation| rotation.to.clone());
        let (record, after): (_, &[After]) = match reason {
            Reason::Delete if uses_cookies => (Some(life.delete()), &[After::ExpireCookie, After::Clear]),
            Reason::Delete => (Some(life.delete()), &[After::Clear]),
            Reason::Invalidate => (life.stored_as().cloned(), &[After::Clear, After::CreateId, After::Begin]),
            Reason::GiveUp => (life.forgotten().cloned(), &[]),
        };
        Self {
            reason,
            leaves_redirects,
            record,
            next_record,
            redirects: Vec::new(),
            is_gone: false,
            looks: 0,
            after,
            doubt: None,
        }
    }

    /// The next step, after the answer to the one before.
    pub fn next(&mut self, life: &mut Life, answer: Answer<E>) -> Step<E> {
        match answer {
            Answer::Begin if self.leaves_redirects => self.look(life),
            Answer::Begin => self.delete(life, Expect::Any),
            Answer::Ready => self.go_on(life),
            // The session is gone, and the application's own code failed, or a signal came.
            Answer::Failed(failed)
                if self.record.is_none() || self.is_gone && failed.kind == Failure::Other =>
            {
                Step::Done(Outcome::Failed(failed.error))
            }
            // A redirect that leads nowhere does no harm, and what has taken its place is another session.
            _ if self.is_gone => self.delete_redirect(life),
            Answer::Found(Found::Session(version) | Found::DeadRedirect(version)) => {
                self.delete(life, Expect::Version(version))
            }
            Answer::Found(Found::Redirect { to, version }) => {
                self.next_record = None;
                self.redirects.extend(self.record.replace(to).map(|id| (id, version)));
                self.look(life)
            }
            Answer::Found(Found::Absent) | Answer::Deleted => {
                self.doubt = None;
                self.record = self.next_record.take();
                self.look(life)
            }
            Answer::Refused => self.look(life),
            Answer::Failed(failed) => match failed.kind {
                // Nobody can load or rotate it either.
                Failure::Corrupt if self.looks < TRIES => {
                    self.looks = TRIES;
                    self.delete(life, Expect::Any)
                }
                Failure::Unknown if self.looks < TRIES => {
                    self.doubt = Some(failed.error);
                    self.look(life)
                }
                // The store tells nothing about the earlier change, which stays in doubt.
                Failure::Unavailable | Failure::Busy => {
                    Step::Done(Outcome::Failed(self.doubt.take().unwrap_or(failed.error)))
                }
                _ => Step::Done(Outcome::Failed(failed.error)),
            },
        }
    }

    fn look(&mut self, life: &mut Life) -> Step<E> {
        if self.looks == TRIES {
            return self.delete(life, Expect::Any);
        }
        self.looks += 1;
        if let Some(id) = &self.record { Step::Load(id.clone()) } else { self.delete_redirect(life) }
    }

    fn delete(&mut self, life: &mut Life, expect: Expect) -> Step<E> {
        match &self.record {
            Some(id) => Step::Delete { id: id.clone(), expect },
            None => self.delete_redirect(life),
        }
    }

    /// Deletes the next redirect, if there is one.
    fn delete_redirect(&mut self, life: &mut Life) -> Step<E> {
        self.is_gone = true;
        self.record = None;
        let Some((id, version)) = self.redirects.pop() else { return self.gone(life) };
        self.record = Some(id.clone());
        Step::Delete { id, expect: Expect::Version(version) }
    }

    /// The record is gone. Until then the session has it, so that a failure ends nothing by halves.
    fn gone(&mut self, life: &mut Life) -> Step<E> {
        match self.reason {
            Reason::Delete => life.deleted(),
            Reason::Invalidate => {
                life.end();
                life.seal(true);
            }
            Reason::GiveUp => life.give_up(),
        }
        self.go_on(life)
    }

    fn go_on(&mut self, life: &mut Life) -> Step<E> {
        let Some((next, rest)) = self.after.split_first() else { return Step::Done(Outcome::Ended) };
        self.after = rest;
        match next {
            After::ExpireCookie => Step::ExpireCookie,
            After::Clear => Step::Clear,
            After::CreateId => Step::CreateId,
            After::Begin => {
                life.seal(false);
                Step::Begin
            }
        }
    }
}

#[cfg(test)]
#[path = "end_tests.rs"]
mod tests;
