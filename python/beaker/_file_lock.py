# ruff: noqa: PTH108, PTH118, PTH120 - paths are text, as applications use them
"""A lock between processes: ``flock`` on a file. The native store takes the same lock by the same code."""

import contextlib
import os
import weakref
from collections.abc import Callable

from beaker import _core
from beaker._files import file_path
from beaker._locks import SynchronizerImpl, Waiting
from beaker.exceptions import LockError

try:
    import fcntl  # noqa: F401 - it exists only where files can be locked
except ImportError:  # Windows
    has_flock = False
else:
    has_flock = True

__all__ = ["FileSynchronizer", "has_flock"]


class FileSynchronizer(SynchronizerImpl):
    """A lock between threads and processes.

    The file is ``<lock_dir>/<h[0]>/<h[0:2]>/<h>.lock``, where ``h`` is the SHA-1 of the identifier. It is
    made when the lock is taken. The default ``lock_dir`` is in this user's private folder below the system's
    temporary folder.
    """

    def __init__(self, identifier: str, lock_dir: str | None = None) -> None:
        super().__init__()
        if lock_dir is None:
            lock_dir = os.path.join(_core.private_data_dir(), "locks")
        self.filename = file_path(lock_dir, [identifier], extension=".lock")
        self.lock_dir = os.path.dirname(self.filename)
        self._held: weakref.WeakSet[_core.FileLock] = weakref.WeakSet()

    def _acquire(self, *, exclusive: bool, wait: bool) -> bool:
        state = self.state
        waiting: Waiting | None = None
        while True:
            state.held = _core.lock_file(self.filename, exclusive)
            if state.held is not None:
                self._held.add(state.held)
                return True
            if not wait:
                return False
            waiting = waiting or Waiting()
            waiting.pause()

    def remove_file(self) -> None:
        """Removes the lock's file. This thread must hold the lock for writing.

        A waiter notices that the file is gone and makes a new one.
        """
        if not self.state.writing:
            raise LockError("cannot remove the lock file: this thread does not hold the lock for writing")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.filename)

    def remove_unused_file(self, is_used: Callable[[], bool]) -> None:
        """Removes the lock's file if it is free and ``is_used`` says no. Waits for nobody.

        Where this thread has the lock, or the file cannot be removed, it stays.
        """
        if self.state.covered or self.state.reentrantcount:
            return
        try:
            if is_used() or not os.path.lexists(self.filename):
                return
            if not self.acquire_write_lock(wait=False):
                return
            try:
                if not is_used():
                    self.remove_file()
            finally:
                self.release_write_lock()
        except (OSError, LockError):
            # A left lock file does no harm, and an earlier error matters more.
            return

    def _is_own(self, error: BaseException) -> bool:
        return super()._is_own(error) or getattr(error, "filename", None) == self.filename

    def _mark_file(self) -> None:
        """Writes a mark into the file that says that its id is in use. This thread must hold the lock."""
        if self.state.held is not None:
            self.state.held.mark()

    def _let_go(self, state: SynchronizerImpl.SyncState) -> None:
        if state.held is not None:
            state.held.close()
            state.held = None

    def do_acquire_read_lock(self, wait: bool = True) -> bool:
        """Locks for reading."""
        return self._acquire(exclusive=False, wait=wait)

    def do_release_read_lock(self) -> None:
        """Undoes :meth:`do_acquire_read_lock`."""
        self._let_go(self.state)

    def do_acquire_write_lock(self, wait: bool = True) -> bool:
        """Locks for writing."""
        return self._acquire(exclusive=True, wait=wait)

    def do_release_write_lock(self) -> None:
        """Undoes :meth:`do_acquire_write_lock`."""
        self._let_go(self.state)

    def _after_fork_in_child(self) -> None:
        # The lock of a session stays with the parent process.
        self.state.covered = False
        mine = self.state.held
        for lock in list(self._held):
            if lock is not mine:
                lock.close()
