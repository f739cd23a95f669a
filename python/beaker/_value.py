"""A cached value: made when it is needed, and made again when it is stale."""

import contextlib
import time
from collections.abc import Callable
from typing import Any

from beaker._namespace import NamespaceManager

__all__ = ["Value"]

_ABSENT = object()


class Value:
    """One key of a namespace, kept as ``(stored at, expires after, value)``.

    ``createfunc`` makes the value if none is stored or the stored one is stale: older than ``expiretime``
    seconds, or stored before ``starttime`` (seconds since the epoch).
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
        self.namespace.acquire_read_lock()
        try:
            return self.key in self.namespace
        finally:
            self.namespace.release_read_lock()

    def can_have_value(self) -> bool:
        """Whether :meth:`get_value` can return a value."""
        return self.createfunc is not None or self.has_current_value()

    def has_current_value(self) -> bool:
        """Whether a fresh value is stored."""
        return self._look()[1]

    def get_value(self) -> Any:
        """The fresh value, made if need be.

        While one caller makes a new value, the others get the stale one, or wait if there is none. Raises
        :class:`KeyError` if there is no fresh value and no ``createfunc``.
        """
        value, fresh = self._look()
        if fresh:
            return value
        if self.createfunc is None:
            raise KeyError(self.key)
        creation_lock = self.namespace.get_creation_lock(self.key)
        if value is _ABSENT:
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
            creation_lock.release()

    def set_value(self, value: Any, storedtime: float | None = None) -> None:
        """Stores ``value`` as of ``storedtime`` (seconds since the epoch), by default now."""
        self.namespace.acquire_write_lock()
        try:
            if storedtime is None:
                storedtime = time.time()
            record = (storedtime, self.expire_argument, value)
            self.namespace.set_value(self.key, record, expiretime=self.expire_argument)
        finally:
            self.namespace.release_write_lock()

    def clear_value(self) -> None:
        """Removes the value; no error if there is none."""
        self.namespace.acquire_write_lock()
        try:
            if self.key in self.namespace:
                # In a backend without locks another caller may have removed it.
                with contextlib.suppress(KeyError):
                    del self.namespace[self.key]
            self.storedtime = -1
        finally:
            self.namespace.release_write_lock()

    def _look(self) -> tuple[Any, bool]:
        """The stored value, or ``_ABSENT``, and whether it is fresh."""
        self.namespace.acquire_read_lock()
        try:
            if self.key not in self.namespace:
                return _ABSENT, False
            try:
                record = self.namespace[self.key]
            except KeyError:
                return _ABSENT, False
        finally:
            self.namespace.release_read_lock()
        if record is None:
            # A memcached backend returns this for a value that was removed after the test above.
            return _ABSENT, False
        stored: float
        if len(record) == 2:
            # Very old versions stored no expiry.
            (stored, value), expires = record, self.expire_argument
        else:
            stored, expires, value = record
        return value, not self._is_expired(stored, expires)

    def _is_expired(self, storedtime: float, expiretime: float | None) -> bool:
        if self.starttime is not None and storedtime < self.starttime:
            return True
        return expiretime is not None and time.time() >= storedtime + expiretime
