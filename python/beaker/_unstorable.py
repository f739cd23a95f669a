"""Finds the value of a session that cannot be stored. Names its key and type, never its contents."""

import functools
from collections.abc import Callable, Iterator
from typing import Any

from beaker.exceptions import UnstorableValueError

__all__ = ["explained"]

_DEEPEST = 50
"""The depth to which the part of a value at fault is searched."""

_LONGEST_KEY = 100

_STANDARD = frozenset({"builtins", "pickle", "_pickle", "json.encoder"})
"""The modules of the exceptions of Python's serializers. Other exceptions may need arguments."""


def explained(
    error: Exception, data: dict[Any, Any], dumps: Callable[[dict[Any, Any]], object], by: str
) -> Exception:
    """Explains the ``error`` that a serializer, described as ``by``, raised for ``data``.

    The result is also an instance of the class of ``error``. It is ``error`` itself if that class is not
    Python's, or if no single value is at fault.
    """
    if type(error).__module__ not in _STANDARD:
        return error
    try:
        blamed = _blamed(data, functools.partial(_fails, dumps))
    except Exception:  # the values are the program's, and the first error matters
        return error
    if blamed is None:
        return error
    key, what = blamed
    explanation: UnstorableValueError = _explanation(type(error))(
        f"the session cannot be stored: {what}, which {by} cannot hold"
    )
    explanation.key = key
    explanation.__cause__ = error
    return explanation


_EXPLANATIONS: dict[type[Exception], Any] = {}


def _explanation(cause: type[Exception]) -> Any:
    if cause not in _EXPLANATIONS:
        members = {"__module__": UnstorableValueError.__module__, "__doc__": UnstorableValueError.__doc__}
        bases = (UnstorableValueError,) if cause is Exception else (UnstorableValueError, cause)
        _EXPLANATIONS[cause] = type("UnstorableValueError", bases, members)
    return _EXPLANATIONS[cause]


def _fails(dumps: Callable[[dict[Any, Any]], object], data: dict[Any, Any]) -> bool:
    try:
        dumps(data)
    except Exception:  # any exception means that the value cannot be stored
        return True
    return False


def _blamed(data: dict[Any, Any], fails: Callable[[dict[Any, Any]], bool]) -> tuple[Any, str] | None:
    def value_fails(value: Any) -> bool:
        return fails({"value": value})

    if value_fails(None):
        return None
    for key, value in data.items():
        if value_fails(value):
            part = _innermost(value, value_fails)
            holds = "is" if part is value else "holds something"
            return key, f"the value of {_shown(key)} {holds} of type {_type(part)}"
    for key in data:
        if fails({key: None}):
            return key, f"one of its keys is of type {_type(key)}"
    return None


def _innermost(value: Any, fails: Callable[[Any], bool]) -> Any:
    """The part of a value that cannot be stored, or the value itself if all its parts can be."""
    seen = set()
    for _ in range(_DEEPEST):
        seen.add(id(value))
        part = next((part for part in _parts(value) if fails(part)), value)
        if id(part) in seen:
            break
        value = part
    return value


def _parts(value: Any) -> Iterator[Any]:
    if type(value) is dict:
        yield from value.values()
    elif type(value) in (list, tuple, set, frozenset):
        yield from value


def _shown(key: Any) -> str:
    if isinstance(key, str) and len(key) <= _LONGEST_KEY:
        return repr(str(key))
    return f"a key of type {_type(key)}"


def _type(value: Any) -> str:
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
