"""The regions of caches."""

from typing import Any

from beaker.exceptions import UnknownRegionError

__all__ = ["cache_regions", "options_of"]

cache_regions: dict[str, dict[str, Any]] = {}
"""The options of each region, by its name. Programs add their own, and so does each ``CacheManager``."""


def options_of(regions: dict[str, dict[str, Any]], region: str) -> dict[str, Any]:
    """The options of a region. Raises :class:`UnknownRegionError` if there is none of this name."""
    try:
        return regions[region]
    except KeyError:
        known = ", ".join(sorted(map(str, regions))) or "none"
        raise UnknownRegionError(f"the cache region {region!r} is not configured; known: {known}") from None
