"""The standard library's value types as pickles make them, with what each may be made of."""

import collections
import decimal
import fractions
import importlib
import re
import uuid
import zoneinfo
from collections.abc import Callable
from typing import Any

from beaker._pickle_keys import refuse_alike

__all__ = ["CONSTRUCTORS", "REFERENCES"]

_MOST_BITS = 1 << 14
"""The largest numbers that are divided by each other, which takes time by the product of their lengths."""

_RATIO = re.compile(r"[+-]?[0-9]+(/[0-9]+)?\Z")


def _refuse(what: str) -> ValueError:
    return ValueError(f"no pickle of Python's makes {what} so")


def _bytes(*args: Any) -> bytes:
    # Only the empty value is made by a call; with a number, the call would take as much memory as it says.
    if args:
        raise _refuse("bytes")
    return b""


def _bytearray(*args: Any) -> bytearray:
    match args:
        case ():
            return bytearray()
        case (bytes() as data,):
            return bytearray(data)
        case (str() as text, "latin-1" | "latin1"):
            return bytearray(text, "latin-1")
    raise _refuse("a bytearray")


def _encode(text: Any, encoding: Any = None) -> bytes:
    # How protocols below 3 write bytes. Other codecs can be made to work for very long.
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise _refuse("bytes")
    return text.encode("latin-1")


def _is_short(*numbers: Any) -> bool:
    return all(not isinstance(number, int) or number.bit_length() <= _MOST_BITS for number in numbers)


def _range(*args: Any) -> range:
    # To count its items is to divide.
    if not _is_short(*args):
        raise _refuse("a range")
    return range(*args)


def _fraction(*args: Any) -> fractions.Fraction:
    match args:
        case (int() as numerator, int() as denominator) if _is_short(numerator, denominator):
            return fractions.Fraction(numerator, denominator)
        case (str() as text,) if _RATIO.match(text):
            # "1e999999999" would be a number of that many digits.
            return fractions.Fraction(text)
    raise _refuse("a fraction")


def _decimal(*args: Any) -> decimal.Decimal:
    match args:
        case (str() as text,):
            return decimal.Decimal(text)
    raise _refuse("a decimal")


def _uuid(*args: Any) -> uuid.UUID:
    # Its number comes after it, as state.
    if args:
        raise _refuse("a UUID")
    return uuid.UUID.__new__(uuid.UUID)


# What a pickle holds item by item. A range or a network of addresses is short but endless.
_HELD = (list, tuple, dict, set, frozenset, collections.deque, str, bytes, bytearray, int, type, type(None))


def _of_items(make: Callable[..., Any]) -> Callable[..., Any]:
    """A constructor of a collection from items that the pickle itself holds; a range is short but endless."""

    def construct(*args: Any) -> Any:
        if not all(isinstance(arg, _HELD) for arg in args):
            raise _refuse("a collection")
        return make(*args)

    return construct


def _of_elements(make: Callable[..., Any]) -> Callable[..., Any]:
    """The same for a set, whose elements are hashed."""

    def construct(*args: Any) -> Any:
        for arg in args:
            if isinstance(arg, (list, tuple)):
                refuse_alike(arg)
        return _of_items(make)(*args)

    return construct


def _of_pairs(make: Callable[..., Any]) -> Callable[..., Any]:
    """The same for a dictionary, whose keys are hashed."""

    def construct(*args: Any) -> Any:
        for arg in args:
            if isinstance(arg, (list, tuple)):
                refuse_alike([key for key, _ in arg])
        return _of_items(make)(*args)

    return construct


def _int(*args: Any) -> int:
    # A decimal number of a few characters can have as many digits as its exponent says.
    if len(args) > 1 or not all(isinstance(arg, (int, float, str)) for arg in args):
        raise _refuse("an integer")
    return int(*args)


def _str(*args: Any) -> str:
    # The text of anything else can be very much longer than its pickle, and some codecs take very long.
    if len(args) > 1 or not all(isinstance(arg, str) for arg in args):
        raise _refuse("a text")
    return str(*args)


def _defaultdict(*args: Any) -> Any:
    if args and args[0] is not None and args[0] not in _FACTORIES:
        raise _refuse("a defaultdict")
    return _of_pairs(collections.defaultdict)(*args)


def _attribute(owner: Any, name: Any) -> Any:
    # A time zone's pickle asks for this one attribute, and no pickle of the types here for another.
    if owner is not zoneinfo.ZoneInfo or name != "_unpickle":
        raise _refuse("anything")
    return zoneinfo.ZoneInfo._unpickle  # type: ignore[attr-defined]


def _by_itself(name: str) -> Callable[..., Any]:
    """For types whose own constructor is bounded by its arguments: imported when one is found in a pickle."""

    def construct(*args: Any) -> Any:
        module, _, cls = name.rpartition(".")
        return getattr(importlib.import_module(module), cls)(*args)

    return construct


_FACTORIES: tuple[Any, ...] = (
    bool,
    bytearray,
    bytes,
    collections.Counter,
    collections.OrderedDict,
    collections.deque,
    complex,
    decimal.Decimal,
    dict,
    float,
    frozenset,
    int,
    list,
    set,
    str,
    tuple,
)

REFERENCES: dict[str, Callable[..., Any]] = {
    "_codecs.encode": _encode,
    "builtins.getattr": _attribute,
}
"""Functions that pickles of value types call, each narrowed to that one use."""

CONSTRUCTORS: dict[str, Callable[..., Any]] = {
    "builtins.bool": bool,
    "builtins.bytearray": _bytearray,
    "builtins.bytes": _bytes,
    "builtins.complex": complex,
    "builtins.dict": _of_pairs(dict),
    "builtins.float": float,
    "builtins.frozenset": _of_elements(frozenset),
    "builtins.int": _int,
    "builtins.list": _of_items(list),
    "builtins.range": _range,
    "builtins.set": _of_elements(set),
    "builtins.slice": slice,
    "builtins.str": _str,
    "builtins.tuple": _of_items(tuple),
    "collections.Counter": _of_elements(collections.Counter),
    "collections.OrderedDict": _of_pairs(collections.OrderedDict),
    "collections.defaultdict": _defaultdict,
    "collections.deque": _of_items(collections.deque),
    "decimal.Decimal": _decimal,
    "fractions.Fraction": _fraction,
    "uuid.UUID": _uuid,
    **{
        name: _by_itself(name)
        for name in (
            "datetime.date",
            "datetime.datetime",
            "datetime.time",
            "datetime.timedelta",
            "datetime.timezone",
            "ipaddress.IPv4Address",
            "ipaddress.IPv4Interface",
            "ipaddress.IPv4Network",
            "ipaddress.IPv6Address",
            "ipaddress.IPv6Interface",
            "ipaddress.IPv6Network",
            "pathlib.PosixPath",
            "pathlib.PurePosixPath",
            "pathlib.PureWindowsPath",
            "pathlib.WindowsPath",
            "zoneinfo.ZoneInfo",
        )
    },
}
"""For each value type, a function that makes a value from what its pickles give it."""
