"""Values of every kind that a program puts into its session, with a change of each in place."""

from __future__ import annotations

import ast
import collections
import datetime
import decimal
import enum
import fractions
import pickle
import random
import secrets
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

WORDS = [f"word {number}" for number in range(40)]


class Plain:
    """Equal to itself alone, with attributes that are named like keys of the session."""

    def __init__(self, inner: Any) -> None:
        self.value = inner
        self.kept = "kept"
        self.more = ["value", "kept", "more"]


class Alike(Plain):
    """All are equal, whatever they are made of."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Alike)

    __hash__ = None  # type: ignore[assignment]


class Listed:
    """Says that it is made of a list, whose order is that of a set."""

    def __init__(self, words: Any) -> None:
        self.words = set(words)

    def __getstate__(self) -> Any:
        return list(self.words)

    def __setstate__(self, state: Any) -> None:
        self.words = set(state)


class Stamped:
    """Says something else of itself each time, and knows its equals."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __reduce__(self) -> Any:
        return Stamped, (self.inner,), {"stamp": random.random()}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Stamped) and self.inner == other.inner

    __hash__ = None  # type: ignore[assignment]


class Slots:
    """Has no dictionary."""

    __slots__ = ("value",)

    def __init__(self, inner: Any) -> None:
        self.value = inner


@dataclass
class Record:
    """Compares its fields."""

    value: Any
    tags: set[str] = field(default_factory=set)


class Colour(enum.Enum):
    """An enumeration."""

    RED = 1
    BLUE = 2


class Words(list[str]):
    """A subclass of what pickle knows."""


def _cycle(inner: Any) -> list[Any]:
    cycle: list[Any] = [inner]
    cycle.append(cycle)
    return cycle


def _shared(inner: Any) -> list[Any]:
    return [inner, inner, {"value": inner}]


def _set_item(value: Any) -> None:
    value["changed"] = 1


def _append(value: Any) -> None:
    value.append("changed")


def _set_inner(name: str) -> Callable[[Any], None]:
    return lambda value: setattr(value, name, "changed")


@dataclass(frozen=True)
class Kind:
    """A way to make a value and, if it is mutable, to change it in place."""

    make: Callable[[], Any]
    change: Callable[[Any], None] | None = None
    json: bool = False
    literal: bool = False


KINDS: dict[str, Kind] = {
    "number": Kind(lambda: 7, None, True, True),
    "large number": Kind(lambda: 10**40, None, True, True),
    "truth": Kind(lambda: True, None, True, True),
    "nothing": Kind(lambda: None, None, True, True),
    "text": Kind(lambda: "".join(["va", "lue"]), None, True, True),
    "bytes": Kind(lambda: b"value", None, False, True),
    "negative zero": Kind(lambda: -0.0, None, True, True),
    "no number": Kind(lambda: float("nan"), None, True),
    "complex": Kind(lambda: complex(1, -0.0)),
    "list": Kind(lambda: list(WORDS), _append, True, True),
    "dictionary": Kind(lambda: {"value": 1, "kept": {"more": [1]}}, _set_item, True, True),
    "dictionary with numbers for keys": Kind(lambda: {1: "one", 2: "two"}, _set_item, True, True),
    "tuple": Kind(lambda: ("value", 1), None, True, True),
    "tuple in a dictionary": Kind(lambda: {"value": (1, (2, 3))}, _set_item, True, True),
    "set": Kind(lambda: set(WORDS), lambda value: value.add("changed"), False, True),
    "set in a dictionary": Kind(lambda: {"value": set(WORDS)}, _set_item, False, True),
    "set of tuples": Kind(lambda: {(word, 1) for word in WORDS}, lambda value: value.add(1), False, True),
    "frozen set": Kind(lambda: [frozenset(WORDS)], _append),
    "set of objects": Kind(lambda: {Plain(1)}, lambda value: value.add(Plain(2))),
    "object": Kind(lambda: Plain(1), _set_inner("value")),
    "object in a list": Kind(lambda: [Plain({"value": 1})], lambda value: setattr(value[0], "value", 2)),
    "object that is equal to all": Kind(lambda: Alike(1), _set_inner("value")),
    "object that lists a set": Kind(lambda: Listed(WORDS), lambda value: value.words.add("changed")),
    "object that says something else each time": Kind(lambda: Stamped(1), _set_inner("inner")),
    "object with slots": Kind(lambda: Slots(1), _set_inner("value")),
    "data class": Kind(lambda: Record(1, set(WORDS)), lambda value: value.tags.add("changed")),
    "subclass of list": Kind(lambda: Words(WORDS), _append),
    "enumeration": Kind(lambda: [Colour.RED], _append),
    "class and function": Kind(lambda: [Plain, uuid.uuid4, len], _append),
    "cycle": Kind(lambda: _cycle("value"), lambda value: value.insert(1, "changed")),
    "shared list": Kind(lambda: _shared(["value"]), lambda value: value[0].append("changed")),
    "shared object": Kind(lambda: _shared(Plain("value")), lambda value: setattr(value[1], "value", 2)),
    "default dictionary": Kind(lambda: collections.defaultdict(list, value=[1]), _set_item),
    "ordered dictionary": Kind(lambda: collections.OrderedDict(value=1, kept=2), _set_item),
    "counter": Kind(lambda: collections.Counter(WORDS), _set_item),
    "queue": Kind(lambda: collections.deque(WORDS, 50), _append),
    "bytearray": Kind(lambda: bytearray(b"value"), lambda value: value.append(1)),
    "date": Kind(lambda: datetime.datetime(2024, 1, 2, 3, tzinfo=datetime.timezone.utc)),
    "decimal": Kind(lambda: [decimal.Decimal("1.10"), fractions.Fraction(1, 3)], _append),
    "uuid": Kind(lambda: [uuid.UUID(int=7)], _append),
}


class Literals:
    """A serializer that writes Python's own literals."""

    def dumps(self, data: Any) -> bytes:
        return repr(dict(data)).encode()

    def loads(self, data: bytes) -> Any:
        return ast.literal_eval(data.decode())


class Salted:
    """A serializer that never writes the same twice."""

    def dumps(self, data: Any) -> bytes:
        salt = secrets.token_bytes(16)
        plain = pickle.dumps(data, 2)
        return salt + bytes(byte ^ salt[at % 16] for at, byte in enumerate(plain))

    def loads(self, data: bytes) -> Any:
        return pickle.loads(bytes(byte ^ data[at % 16] for at, byte in enumerate(data[16:])))


SERIALIZERS: dict[str, Any] = {"pickle": "pickle", "json": "json", "literals": Literals(), "salted": Salted()}


def written_by(serializer: str) -> list[str]:
    """The kinds that a serializer can write."""
    if serializer == "json":
        return [name for name, kind in KINDS.items() if kind.json]
    if serializer == "literals":
        return [name for name, kind in KINDS.items() if kind.literal]
    return list(KINDS)


def repr_of(value: Any) -> Any:
    """The visible parts of a value."""
    if isinstance(value, (set, frozenset)):
        return sorted(map(repr, map(repr_of, value)))
    if isinstance(value, dict):
        return {key: repr_of(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)) and not any(item is value for item in value):
        return [type(value).__name__, *map(repr_of, value)]
    if hasattr(value, "__dict__") and not isinstance(value, type) and not callable(value):
        return [type(value).__name__, {k: repr_of(v) for k, v in vars(value).items() if k != "stamp"}]
    return [type(value).__name__, value.value if hasattr(value, "value") else repr(value)]
