"""What the caches of a region did, in numbers."""

from beaker._cache_options import checked
from beaker._core import Counter
from beaker._regions import cache_regions
from beaker._registry import SyncDict
from beaker.exceptions import UnknownRegionError

__all__ = ["Statistics", "cache_statistics", "reset_cache_statistics", "statistics_of"]

_NAMES = ("hits", "stale", "misses", "waits", "loads", "errors", "bytes")


class Statistics:
    """The numbers of one region, or of one cache that is in no region."""

    __slots__ = ("_counters",)

    def __init__(self) -> None:
        self._counters = {name: Counter() for name in _NAMES}

    @property
    def hits(self) -> Counter:
        """The number of fresh values that were found."""
        return self._counters["hits"]

    def add(self, name: str, amount: int = 1) -> None:
        """Adds to a number."""
        self._counters[name].add(amount)

    def as_dict(self) -> dict[str, int]:
        """The numbers by name."""
        return {name: counter.value for name, counter in self._counters.items()}

    def reset(self) -> None:
        """Sets all numbers to 0."""
        for counter in self._counters.values():
            counter.reset()


_by_name: SyncDict[str, Statistics] = SyncDict()


def statistics_of(name: str) -> Statistics:
    """The numbers of a region, or of a cache that is in none."""
    return _by_name.get(name, Statistics)


def cache_statistics(region: str) -> dict[str, int]:
    """What the caches of a region did in this process since it began, or since the last reset.

    ``hits``, ``stale`` and ``misses`` are the lookups that found a fresh value, that got an expired one, and
    the others. ``waits`` are the misses that waited for another caller. ``loads`` and ``errors`` are the
    values that were made, and the failures to make one. ``bytes`` is the size of the values that were stored,
    as far as ``sys.getsizeof`` tells. A cache that is in no region counts under the name of its namespace.

    Raises :class:`~beaker.exceptions.UnknownRegionError` if nothing counts under this name.
    """
    return _counted(region).as_dict()


def reset_cache_statistics(region: str) -> None:
    """Sets the numbers of :func:`cache_statistics` to 0."""
    _counted(region).reset()


def _counted(name: str) -> Statistics:
    if name in _by_name or checked(cache_regions.get(name, {})).get("statistics"):
        return statistics_of(name)
    known = ", ".join(sorted(_by_name.dict)) or "none"
    raise UnknownRegionError(
        f"nothing counts under the name {name!r}: set statistics = true for it; known: {known}"
    )
