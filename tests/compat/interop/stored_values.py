"""Values in memcached, under whichever Beaker is installed."""

from __future__ import annotations

from typing import Any

from beaker.ext.memcached import MemcachedNamespaceManager


def write_value(url: str, module: str, key: str, value: Any) -> None:
    """Stores a value in a namespace."""
    MemcachedNamespaceManager("values", url, memcache_module=module)[key] = value


def read_value(url: str, module: str, key: str) -> Any:
    """The value of a key in the same namespace."""
    return MemcachedNamespaceManager("values", url, memcache_module=module)[key]
