"""Exceptions that stand for an answer, such as "not found", and are raised again for a while."""

import contextlib
import copy
import hashlib
import time
from typing import Any

from beaker import _core
from beaker._option_keys import identity

__all__ = ["KeptExceptions"]

_MOST = 1024
"""Per namespace. Those that are used seldom make way."""


class KeptExceptions:
    """The exceptions of one namespace, by key, in the memory of this process for some seconds."""

    def __init__(self, namespace: str, store: dict[str, Any], seconds: float) -> None:
        place = identity((namespace, store))
        digest = hashlib.sha256(place.encode("utf-8", "surrogatepass")).hexdigest()
        self._name = f"beaker exceptions {digest}"
        self._seconds = seconds
        _core.cache_bound(self._name, _MOST, None)

    def keep(self, key: Any, error: Exception, began: float) -> None:
        """Keeps an exception, as of the moment at which the function was called."""
        if self._seconds:
            lifetime = time.time() - began + self._seconds
            _core.cache_put(self._name, _bytes(key), (began, lifetime, _copied(error)))

    def find(self, key: Any) -> tuple[float, Exception] | None:
        """The exception to raise and its moment, if there is one."""
        record = _core.cache_get(self._name, _bytes(key), None)
        if record is None or time.time() >= record[0] + record[1]:
            return None
        # A raised exception changes, and other threads may raise it now.
        return record[0], _copied(record[2]).with_traceback(None)

    def drop(self, key: Any) -> None:
        """Forgets the exception of a key."""
        _core.cache_delete(self._name, _bytes(key))

    def clear(self) -> None:
        """Forgets all."""
        _core.cache_clear(self._name)


def _bytes(key: Any) -> bytes:
    return key if isinstance(key, bytes) else repr(key).encode("utf-8", "surrogatepass")


def _copied(error: Exception) -> Exception:
    """A copy without the traceback, which would keep the variables of its functions.

    An exception that cannot be copied is returned itself.
    """
    with contextlib.suppress(Exception):
        twin = copy.copy(error)
        if type(twin) is type(error):
            return twin
    return error
