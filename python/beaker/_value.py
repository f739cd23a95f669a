"""A cached value: made when it is needed, and made again when it is stale."""

import contextlib
import logging
import pickle
import time
from collections.abc import Callable
from typing import Any

from beaker._file_lock import FileSynchronizer
from beaker._namespace import NamespaceManager

__all__ = ["ABSENT", "Value", "release"]

ABSENT = object()
"""What is found where no value is stored."""

_LOGGER = logging.getLogger("beaker.cache")


class Value:
    """One key of a namespace, kept as ``(stored at, expires after, value)``.

    ``createfunc`` makes the value if none is stored or the stored one is stale: older than ``expiretime``
    seconds, or stored before ``starttime`` (seconds since the epoch). A stored value that cannot be read is
    logged, and counts as absent.
    """

    __slots__ = ("createfunc", "expire_argument", "expiretime", "key", "namespace", "starttime", "storedtime")

    def __init__(
        self,
        key: str,
        namespace: NamespaceManager,
        createfunc: Callable[[], Any] | None = None,
        expiretime: float | None = None,
        starttime: float | None = None,
    ) -> None:
        self.key = key
        self.createfunc = createfunc
        self.expire_argument = expiretime
        self.starttime = starttime
        self.storedtime: float = -1
        self.namespace = namespace

    def has_value(self) -> bool:
        """Whether a value is stored, fresh or stale."""
        return self._look()[0] is not ABSENT

    def can_have_value(self) -> bool:
        """Whether :meth:`get_value` can return a value."""
        return self.createfunc is not None or self.has_current_value()

    def has_current_value(self) -> bool:
        """Whether a fresh value is stored."""
        return self._look()[1]

    def get_value(self) -> Any:
        """The fresh value, made if need be.

        While one caller makes a new value, the others get the stale one, or wait if there is none. If making
        it fails, the caller gets the exception, and the next one tries. Raises :class:`KeyError` if there is
        no fresh value and no ``createfunc``.
        """
        value, fresh = self._look()
        if fresh:
            return value
        if self.createfunc is None:
            raise KeyError(self.key)
        creation_lock = self.namespace.get_creation_lock(self.key)
        if value is ABSENT:
            creation_lock.acquire()
        elif not creation_lock.acquire(wait=False):
            return value
        try:
            # Another caller may have made it meanwhile.
            value, fresh = self._look()
            if not fresh:
                value = self.createfunc()
                self.set_value(value)
            return value
        finally:
            release(creation_lock)

    def set_value(self, value: Any, storedtime: float | None = None) -> None:
        """Stores ``value`` as of ``storedtime`` (seconds since the epoch), by default now."""
        self._acquire_write_lock()
        try:
            if storedtime is None:
                storedtime = time.time()
            record = (storedtime, self.expire_argument, value)
            self.namespace.set_value(self.key, record, expiretime=self.expire_argument)
        finally:
            self.namespace.release_write_lock()

    def clear_value(self) -> None:
        """Removes the value; no error if there is none."""
        self._acquire_write_lock()
        try:
            if self.key in self.namespace:
                # In a backend without locks another caller may have removed it.
                with contextlib.suppress(KeyError):
                    del self.namespace[self.key]
            self.storedtime = -1
        finally:
            self.namespace.release_write_lock()

    def _acquire_write_lock(self) -> None:
        try:
            self.namespace.acquire_write_lock()
        except pickle.UnpicklingError as cause:
            # No value of the namespace can be read, so there is nothing to keep.
            self._log(cause)
            self.namespace.acquire_write_lock(replace=True)

    def _look(self) -> tuple[Any, bool]:
        """The stored value, or ``ABSENT``, and whether it is fresh."""
        try:
            record = self._record()
        except pickle.UnpicklingError as cause:
            self._log(cause)
            return ABSENT, False
        # A memcached backend returns None for a value that was removed after the test above.
        if record is ABSENT or record is None:
            return ABSENT, False
        match record:
            case [float() | int() as stored, float() | int() | None as expires, value]:
                pass
            case [float() | int() as stored, value]:
                # Very old versions stored no expiry.
                expires = self.expire_argument
            case _:
                self._log(TypeError("it has no time and no expiry"))
                return ABSENT, False
        return value, not self._is_expired(stored, expires)

    def _record(self) -> Any:
        self.namespace.acquire_read_lock()
        try:
            if self.key not in self.namespace:
                return ABSENT
            return self.namespace[self.key]
        except KeyError:
            return ABSENT
        finally:
            self.namespace.release_read_lock()

    def _log(self, cause: Exception) -> None:
        # A key has arguments of the program, so it is not shown.
        _LOGGER.warning(
            "a value in the cache namespace %r cannot be read, and counts as absent: %s: %s",
            self.namespace.namespace,
            type(cause).__name__,
            cause,
        )

    def _is_expired(self, storedtime: float, expiretime: float | None) -> bool:
        if self.starttime is not None and storedtime < self.starttime:
            return True
        return expiretime is not None and time.time() >= storedtime + expiretime


def release(creation_lock: Any) -> None:
    """Releases the lock for making a value."""
    try:
        # Otherwise each key would leave a lock file.
        if isinstance(creation_lock, FileSynchronizer) and creation_lock.state.reentrantcount == 1:
            with contextlib.suppress(OSError):
                creation_lock.remove_file()
    finally:
        creation_lock.release()
