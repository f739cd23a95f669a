"""The registry of backends. The caches of Beaker are not part of this version."""

from typing import NoReturn

from beaker._absent import refuse
from beaker._backends import BackendRegistry
from beaker._dbm_namespace import DBMNamespaceManager
from beaker._file_namespace import FileNamespaceManager
from beaker._memory_namespace import MemoryNamespaceManager

__all__ = ["clsmap"]

clsmap = BackendRegistry(
    {"memory": MemoryNamespaceManager, "dbm": DBMNamespaceManager, "file": FileNamespaceManager},
    # Each imports a library, or opens a store that few programs use.
    modules={},
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
    refuse(__name__, name, _NOT_BROUGHT)
