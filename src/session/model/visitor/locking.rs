//! The lock of the session.

use super::super::types::{Failure, LockTarget, Reply, SessionId, lock};
use super::super::weather::{Weather, failed};
use super::super::world::{Locked, World};
use super::{Act, Frame, Visitor};

impl Visitor {
    pub(super) fn begin_lock(&mut self, world: &World, goal: lock::Goal) {
        let held = match (&self.held, goal.id()) {
            (None, _) => lock::Held::Nothing,
            (Some(held), Some(id)) if held.as_str() == id.as_str() => lock::Held::Id,
            (Some(_), _) => lock::Held::Another,
        };
        if let lock::Goal::Request(id, target) = &goal {
            let is_made_up = self.life.is_from_cookie() && world.get(id).is_none();
            assert!(!is_made_up || *target == LockTarget::Record, "a made-up id makes no lock");
            self.claims = if held == lock::Held::Another { 0 } else { self.claims };
        }
        if matches!(goal, lock::Goal::Lock(_)) && held == lock::Held::Another {
            self.claims = 0;
        }
        let locking = lock::Locking::new(goal, held, self.rules.locks);
        self.stack.push(Frame::Lock(locking, Ok(())));
    }

    /// `session.lock()`
    pub(super) fn lock_by_program(&mut self, world: &World) {
        self.doing = Act::Lock;
        self.request.had_lock = self.held.is_some();
        self.request.wanted = Some(self.life.record_id().clone());
        self.begin_lock(world, lock::Goal::Lock(self.life.record_id().clone()));
    }

    /// `session.unlock()`
    pub(super) fn unlock_by_program(&mut self, world: &World) {
        self.doing = Act::Unlock;
        self.request.had_lock = self.held.is_some();
        self.begin_lock(world, lock::Goal::Unlock);
    }

    pub(super) fn lock(
        &mut self,
        world: &mut World,
        mut locking: lock::Locking<Failure>,
        reply: Reply<(), Failure>,
        what: u8,
    ) {
        let step = locking.next(&mut self.by_program, reply);
        let called = match step {
            lock::Step::Release => {
                self.give_up_lock(world);
                Ok(())
            }
            lock::Step::Acquire(id, target) => {
                return self.wait(world, locking, (id, target), what % 32 == 1);
            }
            lock::Step::Open(id) => {
                let is_held = self.held.as_ref().is_some_and(|held| held.as_str() == id.as_str());
                assert!(is_held || self.held.is_none(), "the view of a locked record is opened");
                let opened = Weather::of_look(what, ());
                if opened.is_ok() {
                    self.view = Some(id);
                }
                opened
            }
            lock::Step::Close => {
                self.view = None;
                Ok(())
            }
            lock::Step::NotLocked => {
                assert!(self.held.is_none(), "who has the lock can give it back");
                return self.locked(world, Err(failed(Failure::Other)));
            }
            lock::Step::Done(outcome) => return self.locked(world, outcome.map_err(failed)),
        };
        self.stack.push(Frame::Lock(locking, called));
    }

    /// Waits for a lock, or gives up because the time is over.
    pub(super) fn wait(
        &mut self,
        world: &mut World,
        locking: lock::Locking<Failure>,
        (id, target): (SessionId, LockTarget),
        gives_up: bool,
    ) {
        assert!(self.held.is_none(), "a lock is given back before another one is waited for");
        self.request.has_locked_nothing = false;
        let reply = match world.lock(&id, target, self.number) {
            Locked::Taken if !gives_up => return self.stack.push(Frame::Wait(locking, id, target)),
            Locked::Taken => Err(failed(Failure::Busy)),
            Locked::Nothing => {
                self.request.has_locked_nothing = true;
                Ok(())
            }
            Locked::Yes => {
                self.held = Some(id);
                Ok(())
            }
        };
        self.stack.push(Frame::Lock(locking, reply));
    }

    fn locked(&mut self, world: &mut World, reply: Reply<(), Failure>) {
        if self.held.is_none() {
            self.by_program = 0;
        }
        self.request.loses_lock |= reply.is_err();
        if self.stack.is_empty() {
            match self.doing {
                Act::Lock if reply.is_ok() => {
                    self.claims += 1;
                    let is_locked = |id: &SessionId| world.is_locked_by(id, self.number);
                    assert!(self.request.wanted.as_ref().is_some_and(is_locked), "lock() locks the session");
                }
                Act::Lock => assert!(
                    self.request.had_lock || self.held.is_none(),
                    "a lock that the program did not get is not kept for it"
                ),
                Act::Unlock => self.unlocked(),
                _ => {}
            }
        }
        self.give_back(world, reply);
    }

    fn unlocked(&mut self) {
        let before = self.claims;
        self.claims = before.saturating_sub(1);
        let keeps = self.request.had_lock && (before > 1 || before == 1 && self.rules.locks);
        assert_eq!(self.held.is_some(), keeps, "as many unlock() as lock() give the lock back, and no fewer");
        self.request.loses_lock |= before == 0;
    }

    /// Releases the lock that the session has, whoever took it.
    fn give_up_lock(&mut self, world: &mut World) {
        self.view = None;
        if let Some(id) = self.held.take() {
            world.unlock(&id, self.number);
        }
    }

    /// The same, and nobody has asked for it any more.
    pub(super) fn release(&mut self, world: &mut World) {
        self.give_up_lock(world);
        (self.claims, self.by_program) = (0, 0);
    }

    /// After each act.
    pub(super) fn keep_laws_of_locks(&mut self, world: &World) {
        if self.held.is_none() {
            self.claims = 0;
        }
        assert_eq!(self.by_program, self.claims, "each lock() is counted once");
        let is_seen = self.view.is_some();
        let fails = self.request.loses_lock;
        assert!(
            fails || is_seen == (self.claims > 0),
            "a program sees the record between lock() and unlock()"
        );
        if let Some(id) = &self.held {
            assert!(world.is_locked_by(id, self.number), "a lock that is held is held in the store");
        }
        let has_record = self.life.stored_as().is_some() && self.request.is_found;
        if self.rules.locks
            && self.is_open
            && has_record
            && !self.request.loses_lock
            && !self.request.has_locked_nothing
        {
            assert!(self.held.is_some(), "a request keeps its lock until it is over");
        }
    }
}
