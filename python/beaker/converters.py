"""Configuration text turned into Python values."""

from collections.abc import Sequence
from typing import Any

from beaker._core import word_as_bool

__all__ = ["asbool", "aslist"]


def asbool(obj: object) -> bool:
    """The boolean that ``obj`` stands for: a word such as ``yes`` or ``off``, or the truth of another object.

    Raises :class:`ValueError` for any other text.
    """
    if not isinstance(obj, str):
        return bool(obj)
    flag = word_as_bool(obj.strip().lower())
    if flag is None:
        raise ValueError(f"must be a word for true or false, such as yes or off, got {obj!r}")
    return flag


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
