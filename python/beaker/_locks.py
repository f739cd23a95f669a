# ruff: noqa: ARG002, N801 - the signatures are the ones that applications use
"""Reentrant locks for many readers or one writer.

A signal handler may run at any point here, and may raise or use the same lock. So each lock is held by one
reference, the same one that records it, and a thread that is interrupted while it takes or releases a lock
is refused the same lock until it is done.
"""

import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from beaker._registry import ThreadLocal
from beaker.exceptions import LockError

__all__ = ["ConditionSynchronizer", "SynchronizerImpl", "Waiting", "null_synchronizer"]

LIMIT: ContextVar[list[Any] | None] = ContextVar("LIMIT", default=None)
"""The limit of all waits: a deadline (``time.monotonic``), the seconds spent, what interrupted one."""

# In seconds. Signal handlers run in between.
_SLICE = 0.05
_FIRST_PAUSE = 0.0001
_LONGEST_PAUSE = 0.005


class Waiting:
    """A wait for a lock, step by step."""

    __slots__ = ("_limit", "_pause", "_since")

    def __init__(self) -> None:
        self._limit = LIMIT.get()
        self._since = time.monotonic()
        self._pause = _FIRST_PAUSE

    def step(self, most: float = _SLICE) -> float:
        """The length of the next step, in seconds. Raises :class:`LockError` if the time is over."""
        if self._limit is None:
            return most
        now = time.monotonic()
        self._limit[1] += now - self._since
        self._since = now
        left: float = self._limit[0] - now
        if left <= 0:
            raise LockError("another thread or process held the lock for longer than lock_timeout allows")
        return min(most, left)

    def sleep(self, sleep: Callable[[float], object], most: float = _SLICE) -> None:
        """Sleeps one step by calling ``sleep``."""
        sleep(self.step(most))

    def pause(self) -> None:
        """Sleeps a little, and longer each time. A replaced ``time.sleep`` lets greenlets run meanwhile."""
        self.sleep(time.sleep, self._pause)
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)


class null_synchronizer:
    """A lock that locks nothing, for backends that need none."""

    def acquire_write_lock(self, wait: bool = True) -> bool:
        """Does nothing; ``True``."""
        return True

    def acquire_read_lock(self, wait: bool = True) -> bool:
        """Does nothing; ``True``."""
        return True

    def release_write_lock(self) -> None:
        """Does nothing."""

    def release_read_lock(self) -> None:
        """Does nothing."""

    acquire = acquire_write_lock
    release = release_write_lock


class SynchronizerImpl:
    """Counts how often each thread holds a lock; subclasses do the locking.

    A reader may take the lock for reading again, and a writer for writing. A reader that asks for writing, or
    a writer that asks for reading, gets a :class:`LockError`: it would wait for itself.
    """

    class SyncState:
        """The use that one thread makes of a lock."""

        __slots__ = ("__weakref__", "covered", "held", "is_changing", "reading", "reentrantcount", "writing")

        def __init__(self) -> None:
            self.reentrantcount = 0
            self.writing = False
            self.reading = False
            self.is_changing = False
            self.held: Any = None
            self.covered = False
            """Whether this thread works on a session that holds the lock. Then it takes nothing."""

    def __init__(self) -> None:
        self._state = ThreadLocal()

    @property
    def state(self) -> "SynchronizerImpl.SyncState":
        """The use that this thread makes of this lock."""
        state = self._state.get()
        if not isinstance(state, SynchronizerImpl.SyncState):
            state = SynchronizerImpl.SyncState()
            self._state.put(state)
        return state

    def acquire_read_lock(self, wait: bool = True) -> bool:
        """Takes the lock for reading. ``False`` if ``wait`` is false and the lock is not free."""
        state = self.state
        if state.covered:
            return True
        _refuse_if_interrupted(state)
        if state.writing:
            raise LockError(
                "cannot lock for reading: this thread holds the lock for writing; release it first"
            )
        if state.reentrantcount == 0:
            return self._take(state, self.do_acquire_read_lock, wait, writing=False)
        state.reentrantcount += 1
        return True

    def release_read_lock(self) -> None:
        """Releases the lock once. Raises :class:`LockError` if this thread is no reader."""
        state = self.state
        if state.covered:
            return
        if not state.reading:
            raise LockError("cannot release the lock: this thread does not hold it for reading")
        self._release(state, self.do_release_read_lock)

    def acquire_write_lock(self, wait: bool = True) -> bool:
        """Takes the lock for writing. ``False`` if ``wait`` is false and the lock is not free."""
        state = self.state
        if state.covered:
            return True
        _refuse_if_interrupted(state)
        if state.reading:
            raise LockError(
                "cannot lock for writing: this thread holds the lock for reading; release it first"
            )
        if state.reentrantcount == 0:
            return self._take(state, self.do_acquire_write_lock, wait, writing=True)
        state.reentrantcount += 1
        return True

    def release_write_lock(self) -> None:
        """Releases the lock once. Raises :class:`LockError` if this thread is no writer."""
        state = self.state
        if state.covered:
            return
        if not state.writing:
            raise LockError("cannot release the lock: this thread does not hold it for writing")
        self._release(state, self.do_release_write_lock)

    acquire = acquire_write_lock
    release = release_write_lock

    def _take(self, state: SyncState, take: Callable[[bool], bool], wait: bool, *, writing: bool) -> bool:
        try:
            state.is_changing = True
            if not take(wait):
                return False
            state.writing, state.reading = writing, not writing
            state.reentrantcount = 1
        except BaseException as error:
            self._forget(state)
            limit = LIMIT.get()
            if limit is not None and not self._is_own(error):
                limit[2] = error
            raise
        finally:
            state.is_changing = False
        return True

    def _is_own(self, error: BaseException) -> bool:
        """Whether the lock raised ``error`` itself. Everything else comes from a signal handler."""
        return isinstance(error, LockError)

    def _release(self, state: SyncState, release: Callable[[], None]) -> None:
        _refuse_if_interrupted(state)
        if state.reentrantcount > 1:
            state.reentrantcount -= 1
            return
        try:
            state.is_changing = True
            release()
        finally:
            self._forget(state)
            state.is_changing = False

    def _forget(self, state: SyncState) -> None:
        """Releases the lock for the thread of ``state``, however often it holds it."""
        self._let_go(state)
        state.writing = state.reading = False
        state.reentrantcount = 0

    def _restore(self, count: int) -> None:
        """Releases the lock until this thread holds it ``count`` times at most, after an interruption."""
        state = self.state
        if not count:
            state.is_changing = True
            self._forget(state)
        state.reentrantcount = min(state.reentrantcount, count)
        state.is_changing = False

    def _let_go(self, state: SyncState) -> None:
        """Unlocks for the thread of ``state``. Does nothing if that has no lock."""

    def do_acquire_read_lock(self, wait: bool) -> bool:
        """Locks for reading. ``False`` if ``wait`` is false and there is a writer."""
        raise NotImplementedError

    def do_release_read_lock(self) -> None:
        """Undoes :meth:`do_acquire_read_lock`."""
        raise NotImplementedError

    def do_acquire_write_lock(self, wait: bool) -> bool:
        """Locks for writing. ``False`` if ``wait`` is false and another thread holds the lock."""
        raise NotImplementedError

    def do_release_write_lock(self) -> None:
        """Undoes :meth:`do_acquire_write_lock`."""
        raise NotImplementedError

    def _after_fork_in_child(self) -> None:
        """Drops the locks of threads that do not exist in this new process."""


def _refuse_if_interrupted(state: SynchronizerImpl.SyncState) -> None:
    if state.is_changing:
        raise LockError("cannot use the lock: a signal interrupted this thread while it took or released it")


class ConditionSynchronizer(SynchronizerImpl):
    """A lock between the threads of one process. A waiting writer goes before readers that come later."""

    def __init__(self, identifier: Any) -> None:
        super().__init__()
        self._readers: set[SynchronizerImpl.SyncState] = set()
        self._writer: tuple[SynchronizerImpl.SyncState, threading.Thread] | None = None
        self.condition = threading.Condition(threading.Lock())

    @property
    def asynch(self) -> int:
        """The number of readers."""
        return len(self._readers)

    @property
    def current_sync_operation(self) -> threading.Thread | None:
        """The thread that writes, or waits until the last reader has gone in order to write."""
        writer = self._writer
        return None if writer is None else writer[1]

    def do_acquire_read_lock(self, wait: bool = True) -> bool:
        """Locks for reading."""
        state = self.state
        with self.condition:
            if not self._wait_while(lambda: self._writer is not None, wait):
                return False
            self._readers.add(state)
            return True

    def do_release_read_lock(self) -> None:
        """Undoes :meth:`do_acquire_read_lock`."""
        if self.state not in self._readers:
            raise LockError("cannot release the lock: this thread does not hold it for reading")
        self._let_go(self.state)

    def do_acquire_write_lock(self, wait: bool = True) -> bool:
        """Locks for writing."""
        state = self.state
        with self.condition:
            if not wait and (self._writer is not None or self._readers):
                return False
            self._wait_while(lambda: self._writer is not None, wait)
            self._writer = (state, threading.current_thread())
            # A wake-up does not mean that the last reader has gone, so the condition is checked again.
            self._wait_while(lambda: bool(self._readers), wait)
            return True

    def do_release_write_lock(self) -> None:
        """Undoes :meth:`do_acquire_write_lock`."""
        if self._writer is None or self._writer[0] is not self.state:
            raise LockError("cannot release the lock: this thread does not hold it for writing")
        self._let_go(self.state)

    def _wait_while(self, is_taken: Callable[[], bool], wait: bool) -> bool:
        waiting: Waiting | None = None
        while is_taken():
            if not wait:
                return False
            waiting = waiting or Waiting()
            waiting.sleep(self.condition.wait)
        return True

    def _let_go(self, state: SynchronizerImpl.SyncState) -> None:
        with self.condition:
            self._readers.discard(state)
            if self._writer is not None and self._writer[0] is state:
                self._writer = None
            self.condition.notify_all()

    def _after_fork_in_child(self) -> None:
        state = self.state
        self.condition = threading.Condition(threading.Lock())
        self._readers = {state} if state.reading else set()
        self._writer = (state, threading.current_thread()) if state.writing else None
