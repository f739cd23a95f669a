"""The policy of a cache: when its values are renewed, and what is kept and counted beside them."""

import importlib
import math
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from beaker._cache_options import checked
from beaker._cache_statistics import Statistics
from beaker._cache_tags import TagStore
from beaker._kept_exceptions import KeptExceptions
from beaker._registry import ProcessLock
from beaker.exceptions import ConfigurationError

__all__ = ["Policy"]

_LARGEST_FACTOR = -math.log(2**-53)
"""Of the durations by which a value is renewed early: ``random`` has 53 bits."""


class Durations:
    """How long the values of a cache took to make in this process, by key."""

    _MOST = 1024

    def __init__(self) -> None:
        self._mutex = ProcessLock()
        self._seconds: dict[Any, float] = {}
        self._last = 0.0

    def note(self, key: Any, seconds: float) -> None:
        """Notes how long a value took. Of many keys the oldest is forgotten."""
        with self._mutex:
            self._seconds.pop(key, None)
            self._seconds[key] = self._last = seconds
            if len(self._seconds) > self._MOST:
                del self._seconds[next(iter(self._seconds))]

    def of(self, key: Any) -> float:
        """The duration for a key, or else that of the value that was made last."""
        return self._seconds.get(key, self._last)


@dataclass(frozen=True)
class Policy:
    """What the options of a cache say, and what they need."""

    tag_store: TagStore
    durations: Durations
    stale: float | None = None
    """Seconds for which an expired value is served while a thread renews it."""
    beta: float = 0.0
    negative_expire: float | None = None
    exceptions: tuple[type[Exception], ...] = ()
    kept: KeptExceptions | None = None
    tags: Any = ()
    """Names, or a function of a function's arguments that returns them."""
    statistics: Statistics | None = None

    @classmethod
    def read(
        cls,
        given: dict[str, Any],
        tag_store: TagStore,
        keep: Callable[[float], KeptExceptions],
        statistics: Callable[[], Statistics],
    ) -> "Policy | None":
        """The policy of a cache, if its options ask for one.

        ``keep`` opens the memory for exceptions, and ``statistics`` finds the numbers to add to. Raises
        :class:`ConfigurationError`.
        """
        options = checked(given)
        if not any(value is not False for value in options.values()):
            return None
        expire = options.get("negative_expire")
        names = options.get("negative_exceptions", ())
        if names and expire is None:
            raise ConfigurationError(
                "negative_exceptions needs negative_expire: set it to the seconds for which they are kept"
            )
        return cls(
            tag_store,
            Durations(),
            stale=options.get("stale_while_revalidate"),
            beta=options.get("early_renewal", 0.0),
            negative_expire=expire,
            exceptions=tuple(_exception(name) for name in names),
            kept=None if expire is None or not names else keep(expire),
            tags=options.get("tags", ()),
            statistics=statistics() if options.get("statistics") else None,
        )

    def count(self, name: str, amount: int = 1) -> None:
        """Adds to a number of the region, if that counts."""
        if self.statistics is not None:
            self.statistics.add(name, amount)

    def is_due(self, key: Any, left: float) -> bool:
        """Whether a value that is fresh for ``left`` more seconds is to be renewed now, by chance."""
        return left <= self.durations.of(key) * self.beta * -math.log(1 - random.random())

    def longest_early(self, key: Any) -> float:
        """Before so many seconds to its end, no value is renewed."""
        return self.durations.of(key) * self.beta * _LARGEST_FACTOR

    def tags_of(self, args: Iterable[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
        """The argument ``tags`` for the value of a call, if the tags depend on its arguments."""
        return {"tags": self.tags(*args, **kwargs)} if callable(self.tags) else {}


def _exception(name: Any) -> type[Exception]:
    if not isinstance(name, str):
        found: type[Exception] = name
        return found
    module, _, attribute = name.rpartition(".")
    try:
        kind = getattr(importlib.import_module(module or "builtins"), attribute)
    except (ImportError, AttributeError) as cause:
        raise ConfigurationError(f"negative_exceptions names {name!r}, which cannot be imported") from cause
    if isinstance(kind, type) and issubclass(kind, Exception):
        return kind
    raise ConfigurationError(f"negative_exceptions names {name!r}, which is no class of exceptions")
