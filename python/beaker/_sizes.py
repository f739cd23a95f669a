"""The size of a value in memory, as far as Python tells it."""

import sys
from collections.abc import Mapping
from typing import Any

__all__ = ["size_of"]

_MOST = 100_000
"""The objects of a value that are measured. The size of a larger one is estimated from these."""

_SHARED = (type, type(sys), type(len), type(lambda: None))
"""Classes, modules and functions, which belong to the program and not to a value."""


def size_of(value: Any) -> int:
    """The bytes of ``value`` and of the objects in it: items, keys and attributes. Each counts once."""
    seen: dict[int, Any] = {}
    left = [value]
    size = 0
    while left:
        one = left.pop()
        if id(one) in seen or isinstance(one, _SHARED):
            continue
        if len(seen) == _MOST:
            return size + size * len(left) // _MOST
        seen[id(one)] = one
        size += sys.getsizeof(one, 0)
        left += _parts(one)
    return size


def _parts(value: Any) -> list[Any]:
    if isinstance(value, str | bytes | bytearray | int | float):
        return []
    if isinstance(value, Mapping):
        return [*value.keys(), *value.values()]
    if isinstance(value, list | tuple | set | frozenset):
        return list(value)
    parts = [getattr(value, name) for name in _slots(type(value)) if hasattr(value, name)]
    attributes = getattr(value, "__dict__", None)
    return [*parts, attributes] if isinstance(attributes, dict) else parts


def _slots(kind: type) -> list[str]:
    slots: list[str] = []
    for base in kind.__mro__:
        own = base.__dict__.get("__slots__", ())
        slots += [own] if isinstance(own, str) else own
    return [name for name in slots if name not in ("__dict__", "__weakref__")]
