# ruff: noqa: ARG001 - the signatures are the ones that applications use
"""Locks for many readers or one writer, in one process or between processes, and named mutexes."""

import os
import threading as _threading
from typing import Any

from beaker._file_lock import FileSynchronizer, has_flock
from beaker._locks import ConditionSynchronizer, SynchronizerImpl, null_synchronizer
from beaker._registry import WeakValuedRegistry

__all__ = [
    "ConditionSynchronizer",
    "FileSynchronizer",
    "NameLock",
    "SynchronizerImpl",
    "_threading",
    "file_synchronizer",
    "mutex_synchronizer",
    "null_synchronizer",
]

_synchronizers: WeakValuedRegistry[Any, SynchronizerImpl] = WeakValuedRegistry()


def file_synchronizer(identifier: str, **kwargs: Any) -> SynchronizerImpl:
    """The lock between processes with the name ``identifier`` in the folder ``lock_dir``.

    Without ``lock_dir``, or on a system without ``flock``, the lock is between the threads of this process.
    """
    if not has_flock or "lock_dir" not in kwargs:
        return mutex_synchronizer(identifier)
    lock_dir = kwargs["lock_dir"]
    return _synchronizers.sync_get(
        (identifier, FileSynchronizer, lock_dir), FileSynchronizer, identifier, lock_dir
    )


def mutex_synchronizer(identifier: str, **kwargs: Any) -> SynchronizerImpl:
    """The lock between the threads of this process with the name ``identifier``."""
    return _synchronizers.sync_get((identifier, ConditionSynchronizer), ConditionSynchronizer, identifier)


class NameLock:
    """A mutex that is shared by its name. Without a name it is a mutex of its own."""

    class NLContainer:
        """Holds a mutex, so that a registry can refer to it weakly."""

        def __init__(self, reentrant: bool) -> None:
            self.lock: Any = _threading.RLock() if reentrant else _threading.Lock()

        def __call__(self) -> Any:
            """The mutex."""
            return self.lock

        def _after_fork_in_child(self) -> None:
            # A plain lock does not know who has it. The forking thread may release it.
            is_owned = getattr(self.lock, "_is_owned", None)
            if is_owned is not None and not is_owned():
                self.lock = _threading.RLock()

    locks: WeakValuedRegistry[Any, "NameLock.NLContainer"] = WeakValuedRegistry()

    def __init__(self, identifier: Any = None, reentrant: bool = False) -> None:
        if identifier is None:
            self._lock = NameLock.NLContainer(reentrant)
        else:
            self._lock = NameLock.locks.get(identifier, NameLock.NLContainer, reentrant)

    def acquire(self, wait: bool = True) -> bool:
        """Takes the mutex. ``False`` if ``wait`` is false and the mutex is not free."""
        return bool(self._lock().acquire(wait))

    def release(self) -> None:
        """Releases the mutex. Raises :class:`RuntimeError` if it is not held."""
        self._lock().release()


def _reset_in_child() -> None:
    # The other threads do not exist here, so nothing would release their locks.
    for synchronizer in list(_synchronizers.dict.values()):
        synchronizer._after_fork_in_child()
    for container in list(NameLock.locks.dict.values()):
        container._after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_in_child)
