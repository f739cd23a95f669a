"""Configuration text turned into Python values."""

from collections.abc import Sequence
from typing import Any

__all__ = ["asbool", "aslist"]

_TRUE = frozenset({"1", "on", "t", "true", "y", "yes"})
_FALSE = frozenset({"0", "f", "false", "n", "no", "off"})


def asbool(obj: object) -> bool:
    """The truth that ``obj`` stands for: a word such as ``yes`` or ``off`` in any case, or any object's own.

    Raises :class:`ValueError` for text that is none of the words.
    """
    if not isinstance(obj, str):
        return bool(obj)
    word = obj.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError(f"{obj!r} is neither a word for true nor one for false")


def aslist(obj: Any, sep: str | None = None, strip: bool = True) -> Sequence[Any]:
    """``obj`` as a list: text is split at ``sep`` (white space if it is ``None``), ``None`` is empty.

    Lists and tuples are returned as they are; anything else becomes a list of one.
    """
    if obj is None:
        return []
    if isinstance(obj, str):
        parts = obj.split(sep)
        return [part.strip() for part in parts] if strip else parts
    if isinstance(obj, list | tuple):
        return obj
    return [obj]
