# ruff: noqa: PTH108, PTH116, PTH118, PTH120 - paths are text, as applications use them
"""A lock between processes, by ``flock`` on a file."""

import contextlib
import os
import time
import weakref

from beaker import _core
from beaker._files import file_path, verify_directory
from beaker._locks import SynchronizerImpl
from beaker._registry import ThreadLocal
from beaker.exceptions import LockError

try:
    import fcntl
except ImportError:  # Windows
    has_flock = False
else:
    has_flock = True

__all__ = ["FileSynchronizer", "has_flock"]

_OPEN_FLAGS = os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
_FILE_MODE = 0o600
# In seconds, between two attempts.
_FIRST_PAUSE = 0.0001
_LONGEST_PAUSE = 0.005


class _Descriptor:
    """An open lock file, closed when it is given back or when its thread has ended without doing so."""

    __slots__ = ("__weakref__", "_fd", "_pid")

    def __init__(self, path: str, mode: int) -> None:
        self._pid = os.getpid()
        self._fd = -1
        self._fd = os.open(path, mode | _OPEN_FLAGS, _FILE_MODE)

    def lock(self, operation: int, wait: bool) -> bool:
        # Where `time.sleep` was replaced (gevent, eventlet), who has the lock may be a greenlet of this
        # thread, and does not run while the kernel lets the thread wait.
        natively = wait and getattr(time.sleep, "__self__", None) is time
        pause = _FIRST_PAUSE
        while True:
            try:
                fcntl.flock(self._fd, operation if natively else operation | fcntl.LOCK_NB)
            except BlockingIOError:
                if not wait:
                    return False
            else:
                return True
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def is_at(self, path: str) -> bool:
        """Whether the file is still the one of that name, and not one that was removed."""
        try:
            there = os.stat(path, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return os.path.samestat(there, os.fstat(self._fd))

    def close(self, unlock: bool = True) -> None:
        fd, self._fd = self._fd, -1
        if fd < 0:
            return
        try:
            # A lock belongs to the open file, which a forked process shares. Closing alone would leave it
            # locked until that process closes it too; unlocking in that process would free it here.
            if unlock and self._pid == os.getpid():
                fcntl.flock(fd, fcntl.LOCK_UN)
        finally:
            os.close(fd)

    def __del__(self) -> None:
        with contextlib.suppress(OSError):
            self.close()


class FileSynchronizer(SynchronizerImpl):
    """A lock that threads and processes share through a file.

    The file is ``<lock_dir>/<h[0]>/<h[0:2]>/<h>.lock`` with ``h`` the SHA-1 of the identifier. It is made
    when the lock is taken. Without ``lock_dir`` it is in this user's private folder below
    the system's temporary one.
    """

    def __init__(self, identifier: str, lock_dir: str | None = None) -> None:
        super().__init__()
        if lock_dir is None:
            lock_dir = os.path.join(_core.private_data_dir(), "locks")
        self.filename = file_path(lock_dir, [identifier], extension=".lock")
        self.lock_dir = os.path.dirname(self.filename)
        self._filedescriptor = ThreadLocal()
        self._descriptors: weakref.WeakSet[_Descriptor] = weakref.WeakSet()

    def _acquire(self, mode: int, operation: int, wait: bool) -> bool:
        while True:
            descriptor = self._open(mode)
            try:
                held = descriptor.lock(operation, wait)
                # Who removed the file had locked it: what we got then is a lock on nothing.
                current = held and descriptor.is_at(self.filename)
            except BaseException:
                descriptor.close()
                raise
            if current:
                self._descriptors.add(descriptor)
                self._filedescriptor.put(descriptor)
                return True
            descriptor.close()
            if not held:
                return False

    def _open(self, mode: int) -> _Descriptor:
        try:
            return _Descriptor(self.filename, mode)
        except FileNotFoundError:
            verify_directory(self.lock_dir)
            return _Descriptor(self.filename, mode)

    def remove_file(self) -> None:
        """Removes the lock's file, for which this thread must hold the lock for writing.

        Whoever waits for the lock notices, and makes a new file.
        """
        if not self.state.writing:
            raise LockError("this thread does not hold the lock for writing")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.filename)

    def _release(self) -> None:
        descriptor = self._filedescriptor.get()
        if isinstance(descriptor, _Descriptor):
            self._filedescriptor.remove()
            descriptor.close()

    def do_acquire_read_lock(self, wait: bool = True) -> bool:
        """Locks for reading."""
        return self._acquire(os.O_RDONLY, fcntl.LOCK_SH, wait)

    def do_release_read_lock(self) -> None:
        """Undoes :meth:`do_acquire_read_lock`."""
        self._release()

    def do_acquire_write_lock(self, wait: bool = True) -> bool:
        """Locks for writing."""
        # NFS grants an exclusive lock only on a file that is open for writing.
        return self._acquire(os.O_WRONLY, fcntl.LOCK_EX, wait)

    def do_release_write_lock(self) -> None:
        """Undoes :meth:`do_acquire_write_lock`."""
        self._release()

    def _after_fork_in_child(self) -> None:
        mine = self._filedescriptor.get()
        for descriptor in list(self._descriptors):
            if descriptor is not mine:
                descriptor.close(unlock=False)
