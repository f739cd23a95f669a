"""Runs a program of cache operations with whichever Beaker is installed, and tells all that can be observed.

A program is JSON: a backend and steps. The same code runs in ours and in a process of the original.
"""

from __future__ import annotations

import importlib
import time
import warnings
from typing import TYPE_CHECKING, Any
from unittest import mock

if TYPE_CHECKING:
    from collections.abc import Callable

BEGIN = 1700000000.25

VALUES: list[Any] = [
    *("a", "b", "a b", "", "é", "日本", "line\nbreak", "x" * 120, "é" * 260, "k:v"),
    *(0, 1, -1, 1.5, None, True, b"bytes", (1, "t"), ["l"], {"d": 1}),
]
"""Arguments, keys and values. A step names them by their number."""

CALLED: list[str] = []
"""The calls of the functions below, in their order."""


def plain(a: Any, b: Any = "default", *more: Any, named: Any = "name", **rest: Any) -> str:
    """A function with every kind of parameter."""
    CALLED.append("plain")
    return f"{len(CALLED)} {a!r} {b!r} {more!r} {named!r} {rest!r}"


def failing(a: Any) -> str:
    """A function that fails every other time."""
    CALLED.append("failing")
    if len(CALLED) % 2:
        raise ZeroDivisionError
    return f"{len(CALLED)} {a!r}"


def nothing(a: Any) -> None:
    """A function whose result is nothing."""
    CALLED.append("nothing")


def self(self: Any) -> str:
    """A function, and no method, whose argument is called as a method's."""
    CALLED.append("self")
    return f"{len(CALLED)} {self!r}"


def _methods(decorator: Callable[[Any], Any]) -> dict[str, Any]:
    class Methods:
        @decorator
        def method(self, a: Any, b: Any = 2) -> str:
            CALLED.append("method")
            return f"{len(CALLED)} {a!r} {b!r}"

        @classmethod
        @decorator
        def of_class(cls, a: Any) -> str:
            CALLED.append("of_class")
            return f"{len(CALLED)} {a!r}"

        @staticmethod
        @decorator
        def static(a: Any) -> str:
            CALLED.append("static")
            return f"{len(CALLED)} {a!r}"

    made = Methods()
    return {"method": made.method, "of_class": Methods.of_class, "static": Methods.static}


FUNCTIONS = {"plain": plain, "failing": failing, "nothing": nothing, "self": self}


class Player:
    """The caches and functions of a program."""

    def __init__(self, backend: str, folder: str) -> None:
        self.now = BEGIN
        self._module: Any = importlib.import_module("beaker.cache")
        self._module.cache_managers.clear()
        self._module.cache_regions.clear()
        regions: dict[str, dict[str, Any]] = {
            "short": {"expire": 10},
            "long": {"expire": None},
            "tight": {"expire": 60, "key_length": 60},
            "text": {"expire": "30"},
            "off": {"enabled": False},
        }
        shared = {"type": backend, "data_dir": folder}
        regions = {name: {**shared, **options} for name, options in regions.items()}
        self._manager = self._module.CacheManager(cache_regions=regions, **shared)
        self._functions: dict[str, Any] = {}
        self._caches: dict[str, Any] = {}
        self._made = 0

    def perform(self, step: list[Any]) -> str:
        """The result of a step, or the exception."""
        name, *arguments = step
        try:
            return repr(getattr(self, name)(*arguments))
        except Exception as error:  # that they raise the same is what is compared
            return "raises " + raised(error)

    def clock(self) -> float:
        """The time."""
        return self.now

    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.now += seconds

    def open(self, name: str, options: dict[str, Any]) -> list[Any]:
        """Opens a cache of the manager."""
        cache = self._caches[name] = self._manager.get_cache(name, **options)
        return [cache.namespace_name, cache.expiretime, cache.starttime]

    def open_region(self, name: str, region: str) -> list[Any]:
        """Opens a cache with the options of a region."""
        cache = self._caches[name] = self._manager.get_cache_region(name, region)
        return [cache.namespace_name, cache.expiretime, cache.starttime]

    def put(self, name: str, key: int, value: int, options: dict[str, Any]) -> Any:
        """Stores a value."""
        return self._caches[name].put(VALUES[key], VALUES[value], **options)

    def get(self, name: str, key: int, options: dict[str, Any]) -> Any:
        """Looks a value up."""
        return self._caches[name].get(VALUES[key], **options)

    def make(self, name: str, key: int, options: dict[str, Any]) -> Any:
        """Looks a value up that is made if it has to be."""

        def create() -> str:
            self._made += 1
            return f"made {self._made}"

        return self._caches[name].get(key=VALUES[key], createfunc=create, **options)

    def item(self, name: str, key: int) -> Any:
        """Looks a value up as an item."""
        return self._caches[name][VALUES[key]]

    def has(self, name: str, key: int) -> Any:
        """Asks for a key."""
        return [VALUES[key] in self._caches[name], self._caches[name].has_key(VALUES[key])]

    def set_item(self, name: str, key: int, value: int) -> None:
        """Stores a value as an item."""
        self._caches[name][VALUES[key]] = VALUES[value]

    def drop(self, name: str, key: int) -> Any:
        """Removes a value."""
        del self._caches[name][VALUES[key]]
        return self._caches[name].remove_value(VALUES[key])

    def clear(self, name: str) -> Any:
        """Empties a cache."""
        return self._caches[name].clear()

    def decorate(self, name: str, how: str, names: list[str], options: dict[str, Any]) -> list[Any]:
        """Decorates a function by each of the decorators."""
        if how == "cache":
            decorator = self._manager.cache(*names, **options)
        elif how == "region":
            decorator = self._manager.region(options["region"], *names)
        else:
            decorator = self._module.cache_region(options["region"], *names)
        made = FUNCTIONS.get(name)
        function = decorator(made) if made else _methods(decorator)[name]
        self._functions[name] = function
        found = [getattr(function, attribute, None) for attribute in ("_arg_namespace", "_arg_region")]
        return [function.__name__, function.__doc__, function.__wrapped__.__name__, *found]

    def call(self, name: str, arguments: list[int], named: dict[str, int]) -> list[Any]:
        """Calls a decorated function."""
        before = len(CALLED)
        try:
            result = self._functions[name](
                *(VALUES[number] for number in arguments),
                **{key: VALUES[number] for key, number in named.items()},
            )
        except Exception as error:  # compared
            result = "raises " + raised(error)
        return [result, CALLED[before:]]

    def invalidate(self, name: str, options: dict[str, Any], names: list[str], arguments: list[int]) -> Any:
        """Removes a result of a function with options of its own."""
        found = [VALUES[number] for number in arguments]
        return self._manager.invalidate(self._functions[name], *names, *found, **options)

    def region_invalidate(
        self, name: str, region: str | None, by_name: bool, names: list[str], arguments: list[int]
    ) -> Any:
        """Removes a result of a function in a region."""
        function = self._functions[name]
        found = [VALUES[number] for number in arguments]
        of = function._arg_namespace if by_name else function
        invalidate = (self._module if len(found) % 2 else self._manager).region_invalidate
        return invalidate(of, region, *names, *found)

    def stored(self) -> list[str]:
        """Everything that the open caches keep."""
        found = []
        for cache in self._module.cache_managers.values():
            namespace = cache.namespace
            namespace.acquire_read_lock()
            try:
                keys = {repr(key).removeprefix("b"): key for key in list(namespace.keys())}
                found += [f"{namespace.namespace} {key} {namespace[keys[key]]!r}" for key in sorted(keys)]
            finally:
                namespace.release_read_lock()
        return sorted(set(found))


def play(backend: str, folder: str, steps: list[list[Any]]) -> list[str]:
    """The observations of each step, and what is stored in the end."""
    container: Any = importlib.import_module("beaker.container")
    container.MemoryNamespaceManager.namespaces.clear()
    CALLED.clear()
    player = Player(backend, folder)
    with mock.patch.object(time, "time", player.clock), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        seen = [player.perform(step) for step in steps]
        return [*seen, *player.stored()]


def raised(error: Exception) -> str:
    """An exception as text: the classes that a program can catch."""
    classes = type(error).__mro__[:-3]
    return "|".join(
        base.__name__
        for base in classes
        if base.__module__ == "builtins" or base.__name__ == "BeakerException"
    )
