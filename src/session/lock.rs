//! Locking: keeping everybody else out of a session.
//!
//! A request locks its session from the first use to the end of the save (`concurrency = lock`). The application locks
//! it with `lock()` until as many calls of `unlock()`, since functions that lock and unlock may call each other. It uses
//! the backend's view of the record meanwhile, which is *opened* for it.

use super::answer::Reply;
use crate::id::SessionId;
use crate::store::LockTarget;

/// The lock that the session has at first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Held {
    /// None.
    #[default]
    Nothing,
    /// That of the id in question.
    Id,
    /// That of another id.
    Another,
}

/// The goal of a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Goal {
    /// The request has the session.
    Request(SessionId, LockTarget),
    /// The application has the session.
    Lock(SessionId),
    /// The application has the session no more.
    Unlock,
    /// To hold the session's lock under this id, to which a redirect led.
    Move(SessionId, LockTarget),
}

impl Goal {
    /// The id in question.
    pub fn id(&self) -> Option<&SessionId> {
        match self {
            Self::Request(id, _) | Self::Lock(id) | Self::Move(id, _) => Some(id),
            Self::Unlock => None,
        }
    }
}

/// The caller's next step.
#[derive(Clone, Debug, PartialEq)]
pub enum Step<E> {
    /// Release the lock.
    Release,
    /// Wait for the lock of this id.
    Acquire(SessionId, LockTarget),
    /// Open the backend's view of this id's record for the application.
    Open(SessionId),
    /// Close the backend's view, and keep the lock.
    Close,
    /// Done, or failed.
    Done(Result<(), E>),
    /// Refuse: the session is not locked.
    NotLocked,
}

#[derive(Debug)]
enum Then<E> {
    Begin,
    Acquire,
    Acquired,
    Opened,
    Finish,
    Fail(E),
}

/// A lock that is being acquired, moved or released.
#[derive(Debug)]
pub struct Locking<E> {
    goal: Goal,
    held: Held,
    /// Whether the request has the lock, too.
    is_by_request: bool,
    then: Then<E>,
}

impl<E> Locking<E> {
    /// Begins to work for `goal`. `is_by_request` says whether requests lock their sessions.
    pub fn new(goal: Goal, held: Held, is_by_request: bool) -> Self {
        Self { goal, held, is_by_request, then: Then::Begin }
    }

    /// The next step, after `reply` to the one before. The first reply is `Ok(())`. `locks` counts the calls of `lock()`
    /// that have had no `unlock()` yet.
    pub fn next(&mut self, locks: &mut usize, reply: Reply<(), E>) -> Step<E> {
        let then = std::mem::replace(&mut self.then, Then::Finish);
        if let Err(failed) = reply {
            return self.failed(then, failed.error);
        }
        match then {
            Then::Begin => self.begin(locks),
            Then::Acquire => self.acquire(*locks),
            Then::Acquired => self.acquired(*locks),
            Then::Opened => {
                if matches!(self.goal, Goal::Lock(_)) {
                    *locks += 1;
                }
                Step::Done(Ok(()))
            }
            Then::Finish => Step::Done(Ok(())),
            Then::Fail(error) => Step::Done(Err(error)),
        }
    }

    fn call(&mut self, step: Step<E>, then: Then<E>) -> Step<E> {
        self.then = then;
        step
    }

    fn begin(&mut self, locks: &mut usize) -> Step<E> {
        match (&self.goal, self.held) {
            (Goal::Unlock, Held::Nothing) => Step::NotLocked,
            (Goal::Unlock, _) => {
                let before = std::mem::replace(locks, locks.saturating_sub(1));
                match before {
                    2.. => Step::Done(Ok(())),
                    1 if self.is_by_request => self.call(Step::Close, Then::Finish),
                    // An application may release the lock of its request.
                    0 | 1 => self.call(Step::Release, Then::Finish),
                }
            }
            (Goal::Move(..), _) if *locks == 0 && !self.is_by_request => Step::Done(Ok(())),
            (_, Held::Id) => self.acquired(*locks),
            (_, Held::Another) => {
                if !matches!(self.goal, Goal::Move(..)) {
                    *locks = 0;
                }
                self.call(Step::Release, Then::Acquire)
            }
            (_, Held::Nothing) => self.acquire(*locks),
        }
    }

    fn acquire(&mut self, locks: usize) -> Step<E> {
        let (id, what) = match &self.goal {
            Goal::Lock(id) => (id, LockTarget::Id),
            Goal::Move(id, _) if locks > 0 => (id, LockTarget::Id),
            Goal::Move(id, what) | Goal::Request(id, what) => (id, *what),
            Goal::Unlock => return Step::Done(Ok(())),
        };
        let step = Step::Acquire(id.clone(), what);
        self.call(step, Then::Acquired)
    }

    fn acquired(&mut self, locks: usize) -> Step<E> {
        match &self.goal {
            Goal::Move(id, _) if locks > 0 => self.call(Step::Open(id.clone()), Then::Opened),
            Goal::Lock(id) => self.call(Step::Open(id.clone()), Then::Opened),
            _ => Step::Done(Ok(())),
        }
    }

    fn failed(&mut self, then: Then<E>, error: E) -> Step<E> {
        match then {
            // A lock that the application did not get is not kept for it.
            Then::Opened if matches!(self.goal, Goal::Lock(_)) && self.held == Held::Nothing => {
                self.call(Step::Release, Then::Fail(error))
            }
            Then::Fail(first) => Step::Done(Err(first)),
            _ => Step::Done(Err(error)),
        }
    }
}
