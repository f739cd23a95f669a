"""The constructors of the standard library's value types, limited to the arguments that real pickles use."""

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
"""The longest numbers that are divided: the time grows with the product of their lengths."""

_RATIO = re.compile(r"[+-]?[0-9]+(/[0-9]+)?\Z")


def _refuse(what: str) -> ValueError:
    return ValueError(f"a pickle makes {what} from arguments that Python never writes")


def _bytes(*args: Any) -> bytes:
    # Pickles only make the empty value so. A number would allocate that many bytes.
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
    # Protocols below 3 write bytes so. Other codecs can take very long.
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise _refuse("bytes")
    return text.encode("latin-1")


def _is_short(*numbers: Any) -> bool:
    return all(not isinstance(number, int) or number.bit_length() <= _MOST_BITS for number in numbers)


def _range(*args: Any) -> range:
    # Counting its items takes a division.
    if not _is_short(*args):
        raise _refuse("a range")
    return range(*args)


def _fraction(*args: Any) -> fractions.Fraction:
    match args:
        case (int() as numerator, int() as denominator) if _is_short(numerator, denominator):
            return fractions.Fraction(numerator, denominator)
        case (str() as text,) if _RATIO.match(text):
            # "1e999999999" would become a number of that many digits.
            return fractions.Fraction(text)
    raise _refuse("a fraction")


def _decimal(*args: Any) -> decimal.Decimal:
    match args:
        case (str() as text,):
            return decimal.Decimal(text)
    raise _refuse("a decimal")


def _uuid(*args: Any) -> uuid.UUID:
    # Its number follows as state.
    if args:
        raise _refuse("a UUID")
    return uuid.UUID.__new__(uuid.UUID)


# Collections whose items are all in the pickle. A range or a network of addresses is short but endless.
_HELD = (list, tuple, dict, set, frozenset, collections.deque, str, bytes, bytearray, int, type, type(None))


def _of_items(make: Callable[..., Any]) -> Callable[..., Any]:
    """The constructor of a collection, limited to items that are in the pickle."""

    def construct(*args: Any) -> Any:
        if not all(isinstance(arg, _HELD) for arg in args):
            raise _refuse("a collection")
        return make(*args)

    return construct


def _of_elements(make: Callable[..., Any]) -> Callable[..., Any]:
    """The same for a set, which hashes its elements."""

    def construct(*args: Any) -> Any:
        for arg in args:
            if isinstance(arg, (list, tuple)):
                refuse_alike(arg)
        return _of_items(make)(*args)

    return construct


def _of_pairs(make: Callable[..., Any]) -> Callable[..., Any]:
    """The same for a dictionary, which hashes its keys."""

    def construct(*args: Any) -> Any:
        for arg in args:
            if isinstance(arg, (list, tuple)):
                refuse_alike([key for key, _ in arg])
        return _of_items(make)(*args)

    return construct


def _int(*args: Any) -> int:
    # A short decimal number can have as many digits as its exponent says.
    if len(args) > 1 or not all(isinstance(arg, (int, float, str)) for arg in args):
        raise _refuse("an integer")
    return int(*args)


def _str(*args: Any) -> str:
    # The text of other values can be much longer than their pickles, and some codecs take very long.
    if len(args) > 1 or not all(isinstance(arg, str) for arg in args):
        raise _refuse("a text")
    return str(*args)


def _defaultdict(*args: Any) -> Any:
    if args and args[0] is not None and args[0] not in _FACTORIES:
        raise _refuse("a defaultdict")
    return _of_pairs(collections.defaultdict)(*args)


def _attribute(owner: Any, name: Any) -> Any:
    # The pickles of time zones need this one attribute. No other type here needs any.
    if owner is not zoneinfo.ZoneInfo or name != "_unpickle":
        raise _refuse("anything")
    return zoneinfo.ZoneInfo._unpickle  # type: ignore[attr-defined]


def _by_itself(name: str) -> Callable[..., Any]:
    """A type whose constructor needs no limit. It is imported when a pickle names it."""

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
"""The functions that pickles of value types call, each limited to that use."""

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
"""The constructors, by type."""
