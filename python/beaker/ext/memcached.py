"""Finds a Python client for memcached."""

import importlib
import warnings
from types import ModuleType

from beaker.exceptions import BeakerWarning, InvalidCacheBackendError

__all__: list[str] = []

_CLIENT_MODULES = ("cmemcache", "memcache", "bmemcached")

_client_libs: dict[str, ModuleType] = {}


def _load_client(name: str = "auto") -> ModuleType:
    """The client module ``name``, or for ``'auto'`` the first one that is installed.

    The result is kept. Raises :class:`InvalidCacheBackendError`, which is an :class:`ImportError`, if the
    module is not installed or ``name`` is no known client.
    """
    found = _client_libs.get(name)
    if found is None:
        found = _client_libs[name] = _import_any() if name == "auto" else _import_one(name)
    return found


def _import_any() -> ModuleType:
    for name in _CLIENT_MODULES:
        try:
            return _import_one(name)
        except InvalidCacheBackendError:  # noqa: PERF203 - each client by itself
            continue
    raise InvalidCacheBackendError(
        "no memcached client is installed; install one of " + ", ".join(_CLIENT_MODULES)
    )


def _import_one(name: str) -> ModuleType:
    if name not in _CLIENT_MODULES:
        raise InvalidCacheBackendError(
            f"unknown memcached client {name!r}; use one of auto, " + ", ".join(_CLIENT_MODULES)
        )
    try:
        module = importlib.import_module(name)
    except ImportError as cause:
        raise InvalidCacheBackendError(f"cannot import the memcached client {name}: {cause}") from cause
    if name == "cmemcache":
        warnings.warn(
            "cmemcache is not thread-safe; use memcache or bmemcached",
            BeakerWarning,
            stacklevel=4,
        )
    return module
