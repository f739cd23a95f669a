"""Tags of cached values: for each tag its store keeps the moment since which values of that tag count."""

import functools
import hashlib
import math
import time
from collections.abc import Callable, Iterable
from typing import Any

from beaker._cache_options import without_policy
from beaker._pickled_values import PickledValues, guarded_loads
from beaker._value import ABSENT, Value, release

__all__ = ["TagStore", "tag_options"]

_KEY: Any = b"since"
_LONGEST = 100
_MOST_OPEN = 256
_OF_VALUES = ("enabled", "expire", "key_length", "max_bytes", "max_entries", "timeout")
"""Options that a tag has no part in. Some could remove it before its values."""


def tag_options(options: dict[str, Any]) -> dict[str, Any]:
    """Those of a cache's options that say where its tags are."""
    return {name: value for name, value in without_policy(options).items() if name not in _OF_VALUES}


class TagStore:
    """The tags of one store, a backend with its options.

    A value counts if it was stored after that moment. A tag that the store does not have begins now, so that
    an invalidation that the store has lost brings no old value back.
    """

    def __init__(self, backend: Callable[..., Any], options: dict[str, Any]) -> None:
        self._backend = functools.partial(backend, **options)
        self._open = functools.lru_cache(_MOST_OPEN)(self._value)

    def since(self, tags: Iterable[str]) -> float:
        """The moment since which values of all these tags count, in seconds since the epoch."""
        return max((self._since(tag) for tag in tags), default=-math.inf)

    def invalidate(self, tag: str) -> None:
        """Makes all values of the tag count no more, in all processes that share the store."""
        self._move(self._open(tag), lambda since: max(time.time(), since))

    def _since(self, tag: str) -> float:
        value = self._open(tag)
        found, stored, _ = value._stored()
        if found is not ABSENT:
            return stored
        # A value that is stored at this very moment counts.
        return self._move(
            value, lambda since: math.nextafter(time.time(), -math.inf) if since == -math.inf else since
        )

    def _move(self, value: Value, later: Callable[[float], float]) -> float:
        # Nobody may overwrite an invalidation with an earlier moment.
        lock = value.namespace.get_creation_lock(value.key)
        lock.acquire()
        try:
            found, stored, _ = value._stored()
            before = -math.inf if found is ABSENT else stored
            since = later(before)
            if since != before:
                value.set_value(True, storedtime=since)
            return since
        finally:
            release(lock)

    def _value(self, tag: str) -> Value:
        name = tag
        if not (tag.isascii() and tag.isprintable()) or len(tag) > _LONGEST:
            name = hashlib.sha256(tag.encode("utf-8", "surrogatepass")).hexdigest()
        namespace = self._backend(f"beaker tag {name}")
        if isinstance(namespace, PickledValues):
            # It is a number, so no code has to run.
            namespace.pickle_loads = guarded_loads
        return Value(_KEY, namespace)
