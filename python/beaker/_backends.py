"""Backends by name: built in, added by the program, or offered by an installed package."""

import importlib
import importlib.metadata
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

from beaker._registry import ProcessLock
from beaker.exceptions import InvalidCacheBackendError, UnknownBackendError

__all__ = ["ENTRY_POINT_GROUP", "BackendRegistry"]

ENTRY_POINT_GROUP = "beaker.backends"
"""The group of entry points in which packages name their backends."""

_BEAKERS_OWN = frozenset(
    {
        "ext:database",
        "ext:google",
        "ext:memcached",
        "ext:mongodb",
        "ext:redis",
        "ext:rediscluster",
        "ext:sqla",
    }
)


class BackendRegistry(MutableMapping[str, Any]):
    """A map from names to subclasses of :class:`~beaker.container.NamespaceManager`.

    ``modules`` has the backends that are imported when they are asked for, as ``module:class``. A name in
    neither map is looked up among the entry points of installed packages. Only the entry point of that name
    is loaded.
    """

    def __init__(self, backends: Mapping[str, Any], modules: Mapping[str, str] | None = None) -> None:
        self._clsmap: dict[str, Any] = dict(backends)
        self._modules = dict(modules or {})
        self._mutex = ProcessLock()

    def __getitem__(self, name: str) -> Any:
        try:
            return self._clsmap[name]
        except KeyError:
            pass
        with self._mutex:
            if name not in self._clsmap:
                self._clsmap[name] = self._load(name)
            return self._clsmap[name]

    def __setitem__(self, name: str, backend: Any) -> None:
        with self._mutex:
            self._clsmap[name] = backend

    def __delitem__(self, name: str) -> None:
        with self._mutex:
            del self._clsmap[name]

    def __iter__(self) -> Iterator[str]:
        """The names that were added or loaded so far."""
        return iter(list(self._clsmap))

    def __len__(self) -> int:
        return len(self._clsmap)

    def _load(self, name: str) -> Any:
        if name in self._modules:
            module, _, attribute = self._modules[name].partition(":")
            backend = getattr(importlib.import_module(module), attribute)
            # A library that is missing is missed when the middleware is built.
            backend._init_dependencies()
            return backend
        offered = list(importlib.metadata.entry_points(group=ENTRY_POINT_GROUP))
        for entry_point in offered:
            if entry_point.name != name:
                continue
            try:
                return entry_point.load()
            except Exception as cause:  # a module of another package can fail in any way
                raise InvalidCacheBackendError(
                    f"cannot load the backend {name!r} from the entry point {entry_point.value}: "
                    f"{type(cause).__name__}: {cause}"
                ) from cause
        what = (
            f"this version does not have the backend {name!r}"
            if name in _BEAKERS_OWN
            else f"unknown backend {name!r}"
        )
        available = ", ".join(
            sorted({*self._clsmap, *self._modules, *(entry_point.name for entry_point in offered)})
        )
        raise UnknownBackendError(
            f"{what}; use one of {available}, or set namespace_class to a NamespaceManager"
        ) from None
