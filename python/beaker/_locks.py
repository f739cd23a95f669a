# ruff: noqa: ARG002, N801 - the signatures are the ones that applications use
"""Locks for many readers or one writer, which a thread that holds one may take again."""

import threading
from typing import Any

from beaker._registry import ThreadLocal
from beaker.exceptions import LockError

__all__ = ["ConditionSynchronizer", "SynchronizerImpl", "null_synchronizer"]


class null_synchronizer:
    """A lock that everybody gets at once, for backends that need none."""

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

    A thread that reads may take the lock for reading again, one that writes for writing; to change from one
    to the other without giving it back is a :class:`LockError`, since it would wait for itself.
    """

    class SyncState:
        """What one thread does with a lock."""

        __slots__ = ("reading", "reentrantcount", "writing")

        def __init__(self) -> None:
            self.reentrantcount = 0
            self.writing = False
            self.reading = False

    def __init__(self) -> None:
        self._state = ThreadLocal()

    @property
    def state(self) -> "SynchronizerImpl.SyncState":
        """What this thread does with this lock."""
        state = self._state.get()
        if not isinstance(state, SynchronizerImpl.SyncState):
            state = SynchronizerImpl.SyncState()
            self._state.put(state)
        return state

    def acquire_read_lock(self, wait: bool = True) -> bool:
        """Takes the lock for reading; ``False`` if that would mean to wait and ``wait`` is false."""
        state = self.state
        if state.writing:
            raise LockError("this thread holds the lock for writing")
        if state.reentrantcount == 0 and not self.do_acquire_read_lock(wait):
            return False
        state.reentrantcount += 1
        state.reading = True
        return True

    def release_read_lock(self) -> None:
        """Gives back one taking for reading; :class:`LockError` if there was none."""
        state = self.state
        if state.writing:
            raise LockError("this thread holds the lock for writing")
        if not state.reading:
            raise LockError("this thread does not hold the lock")
        if state.reentrantcount == 1:
            self.do_release_read_lock()
            state.reading = False
        state.reentrantcount -= 1

    def acquire_write_lock(self, wait: bool = True) -> bool:
        """Takes the lock for writing; ``False`` if that would mean to wait and ``wait`` is false."""
        state = self.state
        if state.reading:
            raise LockError("this thread holds the lock for reading")
        if state.reentrantcount == 0 and not self.do_acquire_write_lock(wait):
            return False
        state.reentrantcount += 1
        state.writing = True
        return True

    def release_write_lock(self) -> None:
        """Gives back one taking for writing; :class:`LockError` if there was none."""
        state = self.state
        if state.reading:
            raise LockError("this thread holds the lock for reading")
        if not state.writing:
            raise LockError("this thread does not hold the lock")
        if state.reentrantcount == 1:
            self.do_release_write_lock()
            state.writing = False
        state.reentrantcount -= 1

    acquire = acquire_write_lock
    release = release_write_lock

    def do_acquire_read_lock(self, wait: bool) -> bool:
        """Locks for reading; ``False`` if somebody writes and ``wait`` is false."""
        raise NotImplementedError

    def do_release_read_lock(self) -> None:
        """Undoes :meth:`do_acquire_read_lock`."""
        raise NotImplementedError

    def do_acquire_write_lock(self, wait: bool) -> bool:
        """Locks for writing; ``False`` if somebody else holds the lock and ``wait`` is false."""
        raise NotImplementedError

    def do_release_write_lock(self) -> None:
        """Undoes :meth:`do_acquire_write_lock`."""
        raise NotImplementedError

    def _after_fork_in_child(self) -> None:
        """Drops what the threads held that do not exist in this new process."""


class ConditionSynchronizer(SynchronizerImpl):
    """A lock between the threads of one process. A writer that waits goes before readers that come later."""

    def __init__(self, identifier: Any) -> None:
        super().__init__()
        self.asynch = 0
        """How many threads read."""
        self.current_sync_operation: threading.Thread | None = None
        """The thread that writes, or waits until the last reader has gone in order to write."""
        self.condition = threading.Condition(threading.Lock())

    def do_acquire_read_lock(self, wait: bool = True) -> bool:
        """Locks for reading."""
        with self.condition:
            while self.current_sync_operation is not None:
                if not wait:
                    return False
                self.condition.wait()
            self.asynch += 1
            return True

    def do_release_read_lock(self) -> None:
        """Undoes :meth:`do_acquire_read_lock`."""
        with self.condition:
            if self.asynch == 0:
                raise LockError("nobody holds the lock for reading")
            self.asynch -= 1
            if self.asynch == 0:
                self.condition.notify_all()

    def do_acquire_write_lock(self, wait: bool = True) -> bool:
        """Locks for writing."""
        with self.condition:
            if not wait and (self.current_sync_operation is not None or self.asynch):
                return False
            while self.current_sync_operation is not None:
                self.condition.wait()
            self.current_sync_operation = threading.current_thread()
            try:
                # A wake-up says that something changed, not that the last reader has gone: look again.
                while self.asynch:
                    self.condition.wait()
            except BaseException:
                self.current_sync_operation = None
                self.condition.notify_all()
                raise
            return True

    def do_release_write_lock(self) -> None:
        """Undoes :meth:`do_acquire_write_lock`."""
        with self.condition:
            if self.current_sync_operation is not threading.current_thread():
                raise LockError("this thread does not hold the lock for writing")
            self.current_sync_operation = None
            self.condition.notify_all()

    def _after_fork_in_child(self) -> None:
        state = self.state
        self.condition = threading.Condition(threading.Lock())
        self.asynch = int(state.reading)
        self.current_sync_operation = threading.current_thread() if state.writing else None
