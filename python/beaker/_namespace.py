# ruff: noqa: ARG002 - the signatures are the ones that applications use
"""The base classes of backends: a namespace of values, with locks around it."""

import threading
from collections.abc import Iterable, MutableMapping
from typing import Any

from beaker.exceptions import LockError
from beaker.synchronization import NameLock, SynchronizerImpl, null_synchronizer

__all__ = ["AbstractDictionaryNSManager", "NamespaceManager", "OpenResourceNamespaceManager"]


class NamespaceManager:
    """The values of one namespace, by key. Backends derive from it.

    A session is a namespace with the session's id for a name and the one key ``session``. Each method says
    whether it is called with a lock held. A backend that needs no locks leaves the lock methods as they are.
    """

    @classmethod
    def _init_dependencies(cls) -> None:
        """Imports what the backend needs. Called before each construction, so it must be cheap when done."""

    def __init__(self, namespace: str) -> None:
        self._init_dependencies()
        self.namespace = namespace

    def get_creation_lock(self, key: str) -> Any:
        """The lock for making a value for ``key``, with ``acquire(wait)`` and ``release()``."""
        raise NotImplementedError

    def do_remove(self) -> None:
        """Removes the namespace and everything in it. No error if it is empty."""
        raise NotImplementedError

    def acquire_read_lock(self) -> None:
        """Called before keys are read."""

    def release_read_lock(self) -> None:
        """Called after keys were read."""

    def acquire_write_lock(self, wait: bool = True, replace: bool = False) -> bool:
        """Called before keys are written. ``False`` if ``wait`` is false and the lock is not free.

        With ``replace`` the caller replaces all contents, so they need not be read.
        """
        return True

    def release_write_lock(self) -> None:
        """Called after keys were written."""

    def has_key(self, key: str) -> bool:
        """Whether there is a value for ``key``."""
        return key in self

    def __getitem__(self, key: str) -> Any:
        raise NotImplementedError

    def __setitem__(self, key: str, value: Any) -> None:
        raise NotImplementedError

    def set_value(self, key: str, value: Any, expiretime: float | None = None) -> None:
        """Sets ``key``. A backend with expiry may remove it after ``expiretime`` seconds."""
        self[key] = value

    def __contains__(self, key: object) -> bool:
        raise NotImplementedError

    def __delitem__(self, key: str) -> None:
        raise NotImplementedError

    def keys(self) -> Iterable[Any]:
        """All keys, if the backend can list them."""
        raise NotImplementedError

    def remove(self) -> None:
        """Removes the namespace and everything in it."""
        self.do_remove()


class OpenResourceNamespaceManager(NamespaceManager):
    """A backend whose contents are opened and closed under a lock for many readers or one writer."""

    def __init__(self, namespace: str) -> None:
        super().__init__(namespace)
        self.access_lock = self.get_access_lock()
        self.openers = 0
        """The number of opens without a close."""
        self.mutex = threading.RLock()
        self._is_changing = False

    def get_access_lock(self) -> SynchronizerImpl | null_synchronizer:
        """The lock that guards the contents."""
        raise NotImplementedError

    def do_open(self, flags: str, replace: bool) -> None:
        """Opens the contents for reading (``flags`` is ``'r'``) or for reading and writing (``'c'``)."""
        raise NotImplementedError

    def do_close(self) -> None:
        """Closes the contents, and stores them if they were open for writing."""
        raise NotImplementedError

    def acquire_read_lock(self) -> None:
        """Takes the lock and opens the contents."""
        self.access_lock.acquire_read_lock()
        try:
            self.open("r", checkcount=True)
        except BaseException:
            self.access_lock.release_read_lock()
            raise

    def release_read_lock(self) -> None:
        """Closes the contents, unless another caller has them open, and releases the lock."""
        try:
            self.close(checkcount=True)
        finally:
            self.access_lock.release_read_lock()

    def acquire_write_lock(self, wait: bool = True, replace: bool = False) -> bool:
        """Takes the lock and opens the contents. ``False`` if ``wait`` is false and the lock is not free."""
        if not self.access_lock.acquire_write_lock(wait):
            return False
        try:
            self.open("c", checkcount=True, replace=replace)
        except BaseException:
            self.access_lock.release_write_lock()
            raise
        return True

    def release_write_lock(self) -> None:
        """Closes the contents, unless another caller has them open, and releases the lock."""
        try:
            self.close(checkcount=True)
        finally:
            self.access_lock.release_write_lock()

    def open(self, flags: str, checkcount: bool = False, replace: bool = False) -> None:
        """Opens the contents. With ``checkcount`` only if they are not open."""
        with self.mutex:
            self._refuse_if_interrupted()
            try:
                self._is_changing = True
                if not checkcount or self.openers == 0:
                    self.do_open(flags, replace)
                self.openers = self.openers + 1 if checkcount else 1
            finally:
                self._is_changing = False

    def close(self, checkcount: bool = False) -> None:
        """Closes the contents. With ``checkcount`` only if no other caller has them open."""
        with self.mutex:
            self._refuse_if_interrupted()
            try:
                self._is_changing = True
                if self.openers > 0:
                    self.openers = self.openers - 1 if checkcount else 0
                    if self.openers == 0:
                        self.do_close()
            finally:
                self._is_changing = False

    def _abandon(self) -> None:
        """Closes the contents after an interruption, under the lock of this thread. Changes may be lost."""
        self.openers = 0
        self._is_changing = False

    def _refuse_if_interrupted(self) -> None:
        # A signal handler runs in the thread that it interrupts, and the mutex is reentrant.
        if self._is_changing:
            raise LockError(
                "cannot use the namespace: a signal interrupted this thread while it opened or closed it"
            )

    def remove(self) -> None:
        """Removes the namespace under the lock."""
        self.access_lock.acquire_write_lock()
        try:
            self.close(checkcount=False)
            self.do_remove()
        finally:
            self.access_lock.release_write_lock()


class AbstractDictionaryNSManager(NamespaceManager):
    """A backend over a mapping. Subclasses set ``dictionary``, which no other namespace may share."""

    dictionary: MutableMapping[Any, Any]

    def get_creation_lock(self, key: str) -> Any:
        """A mutex between the threads of this process."""
        return NameLock(f"memorynamespace/funclock/{self.namespace}/{key}", reentrant=True)

    def __getitem__(self, key: str) -> Any:
        return self.dictionary[key]

    def __contains__(self, key: object) -> bool:
        return key in self.dictionary

    def has_key(self, key: str) -> bool:
        """Whether there is a value for ``key``."""
        return key in self.dictionary

    def __setitem__(self, key: str, value: Any) -> None:
        self.dictionary[key] = value

    def __delitem__(self, key: str) -> None:
        del self.dictionary[key]

    def do_remove(self) -> None:
        """Removes all keys."""
        self.dictionary.clear()

    def keys(self) -> Iterable[Any]:
        """All keys."""
        return self.dictionary.keys()
