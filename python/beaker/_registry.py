"""Maps that threads share, and a lock that is free in a forked process."""

import os
import threading
import weakref
from _thread import RLock
from collections.abc import Callable, MutableMapping
from typing import Any, Generic, TypeVar

__all__ = ["ProcessLock", "SyncDict", "ThreadLocal", "WeakValuedRegistry"]

K = TypeVar("K")
V = TypeVar("V")


_locks: "weakref.WeakSet[ProcessLock]" = weakref.WeakSet()


class ProcessLock(RLock):  # type: ignore[misc]
    """A reentrant lock for short work between the threads of one process.

    In a forked process a lock of another thread is free: that thread does not exist there to release it. An
    exception of a signal handler cannot come between the lock and its ``with`` block, since both are native.
    """

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__()
        _locks.add(self)


def _free_in_child() -> None:
    for lock in list(_locks):
        if lock.acquire(blocking=False):
            lock.release()
        else:
            # As the interpreter's own locks after a fork.
            lock._at_fork_reinit()  # type: ignore[attr-defined]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_free_in_child)


class ThreadLocal:
    """One value for each thread."""

    __slots__ = ("_tlocal",)

    def __init__(self) -> None:
        self._tlocal = threading.local()

    def put(self, value: Any) -> None:
        """Sets this thread's value."""
        self._tlocal.value = value

    def has(self) -> bool:
        """Whether this thread has a value."""
        return hasattr(self._tlocal, "value")

    def get(self, default: Any = None) -> Any:
        """This thread's value, or else ``default``."""
        return getattr(self._tlocal, "value", default)

    def remove(self) -> None:
        """Removes this thread's value. Raises :class:`AttributeError` if there is none."""
        del self._tlocal.value


class SyncDict(Generic[K, V]):
    """A map that makes the value of an unknown key once, however many threads ask for it."""

    def __init__(self) -> None:
        # Making a value may need another value of the same map, so the lock is reentrant.
        self.mutex = ProcessLock()
        self.dict: MutableMapping[K, V] = {}

    def get(self, key: K, createfunc: Callable[..., V], *args: Any, **kwargs: Any) -> V:
        """The value of ``key``. If there is none, ``createfunc(*args, **kwargs)`` makes it."""
        # A weakly held value can go between a test and a lookup, so there is no test.
        try:
            return self.dict[key]
        except KeyError:
            pass
        return self.sync_get(key, createfunc, *args, **kwargs)

    def sync_get(self, key: K, createfunc: Callable[..., V], *args: Any, **kwargs: Any) -> V:
        """The same as :meth:`get`, with the lock held from the start."""
        with self.mutex:
            try:
                return self.dict[key]
            except KeyError:
                pass
            # The error for the missing key is over. As the context of the function's error it would show the
            # key, which can have a password.
            value = self._create(key, createfunc, *args, **kwargs)
            return value  # noqa: RET504 - an exception of a handler after the call comes within the block

    def _create(self, key: K, createfunc: Callable[..., V], *args: Any, **kwargs: Any) -> V:
        value = createfunc(*args, **kwargs)
        self[key] = value
        return value

    def has_key(self, key: object) -> bool:
        """Whether there is a value for ``key``."""
        return key in self.dict

    def __contains__(self, key: object) -> bool:
        return key in self.dict

    def __getitem__(self, key: K) -> V:
        return self.dict[key]

    def __setitem__(self, key: K, value: V) -> None:
        self.dict[key] = value

    def __delitem__(self, key: K) -> None:
        del self.dict[key]

    def clear(self) -> None:
        """Removes all keys."""
        self.dict.clear()


class WeakValuedRegistry(SyncDict[K, V]):
    """A :class:`SyncDict` that refers to its values weakly."""

    def __init__(self) -> None:
        super().__init__()
        self.dict = weakref.WeakValueDictionary()
