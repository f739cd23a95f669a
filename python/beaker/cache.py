"""Which backend a ``type`` stands for."""

from typing import NoReturn

from beaker._backends import BackendRegistry
from beaker._dbm_namespace import DBMNamespaceManager
from beaker._file_namespace import FileNamespaceManager
from beaker._memory_namespace import MemoryNamespaceManager

__all__ = ["clsmap"]

clsmap = BackendRegistry(
    {"memory": MemoryNamespaceManager, "dbm": DBMNamespaceManager, "file": FileNamespaceManager}
)
"""The backends by name. ``clsmap['ext:mine'] = MyNamespaceManager`` adds one."""

_NOT_BROUGHT = frozenset(
    {
        "Cache",
        "CacheManager",
        "cache_managers",
        "cache_region",
        "cache_regions",
        "region_invalidate",
    }
)


def __getattr__(name: str) -> NoReturn:
    # An ImportError, since `from beaker.cache import CacheManager` would put a message of its own in the
    # place of an AttributeError's.
    if name in _NOT_BROUGHT:
        raise ImportError(
            f"this version of beaker-rs brings sessions and not caches: there is no {__name__}.{name}"
        )
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
