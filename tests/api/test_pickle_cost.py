"""Under an allow-list no pickle costs more than in proportion to its length, counted in steps and bytes."""

from __future__ import annotations

import collections
import pickle
import tracemalloc
import uuid
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest

from beaker import _pickle_guard
from beaker._pickle_guard import DEFAULT_ALLOWED
from beaker._pickle_keys import MOST_ALIKE

if TYPE_CHECKING:
    from collections.abc import Callable

MODULUS = 2**61 - 1
"""Of this, every multiple has the hash 0."""
MANY = 20_000
ALIKE = [MODULUS * number for number in range(1, 2 * MOST_ALIKE)]
"""More than may have one hash, and few enough to be put into a dictionary here."""
PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


def inverse(number: int) -> Fraction:
    """One of many fractions with the hash of one."""
    return Fraction(1 + number * MODULUS, 1)


CONTAINERS: dict[str, Callable[[list[Any]], Any]] = {
    "dict": dict.fromkeys,
    "set": set,
    "frozenset": frozenset,
    "OrderedDict": collections.OrderedDict.fromkeys,
    "Counter": collections.Counter,
    "defaultdict": lambda keys: collections.defaultdict(int, dict.fromkeys(keys)),
    "dict of dicts": lambda keys: {"a": {"b": dict.fromkeys(keys)}},
}


class Alike:
    """A key that has the hash of all others and counts comparisons."""

    compared = 0

    def __init__(self, number: int) -> None:
        self.number = number

    def __hash__(self) -> int:
        return 1

    def __eq__(self, other: object) -> bool:
        Alike.compared += 1
        return isinstance(other, Alike) and other.number == self.number


def pickled(container: str, keys: list[Any], protocol: int) -> bytes:
    return pickle.dumps(CONTAINERS[container](keys), protocol)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("container", CONTAINERS)
def test_keys_of_one_hash_are_refused(container: str, protocol: int) -> None:
    with pytest.raises(pickle.UnpicklingError, match="hash"):
        _pickle_guard.loads(pickled(container, ALIKE, protocol))


@pytest.mark.parametrize("protocol", PROTOCOLS[2:])
def test_keys_of_one_hash_are_refused_whatever_they_are(protocol: int) -> None:
    for keys in (
        [inverse(number) for number in range(2 * MOST_ALIKE)],
        [uuid.UUID(int=number) for number in ALIKE],
        [(number, "a") for number in ALIKE],
        [frozenset({number}) for number in ALIKE],
        [float(2**61) ** turn * 2.0**shift for turn in range(16) for shift in range(61)] + ALIKE,
    ):
        with pytest.raises(pickle.UnpicklingError, match="hash"):
            _pickle_guard.loads(pickled("dict", keys, protocol))


@pytest.mark.parametrize("protocol", PROTOCOLS[2:])
@pytest.mark.parametrize("container", CONTAINERS)
def test_as_many_keys_of_different_hashes_are_read(container: str, protocol: int) -> None:
    for keys in (
        list(range(MANY)),
        [2**80 + number for number in range(2000)],
        [(x, y) for x in range(50) for y in range(50)],
        [uuid.UUID(int=number * 2**70 + 5) for number in range(1000)],
        [f"key {number}" for number in range(MANY)],
        [number / 7 for number in range(2000)],
    ):
        value = CONTAINERS[container](keys)
        again = _pickle_guard.loads(pickle.dumps(value, protocol))
        assert type(again) is type(value)
        assert again == value


def test_the_same_keys_in_many_dictionaries_are_no_collision() -> None:
    keys = [uuid.UUID(int=number * 2**70 + 5) for number in range(3)]
    rows = [dict.fromkeys(keys, number) for number in range(1000)]
    assert _pickle_guard.loads(pickle.dumps(rows, 4)) == rows


@pytest.mark.parametrize(
    ("begin", "key_end", "end"),
    [
        (b"}(", b"N", b"u."),
        (b"(", b"N", b"d."),
        (b"}", b"Ns", b"."),
        (b"\x8f(", b"", b"\x90."),
        (b"(", b"", b"\x91."),
        (b"c__builtin__\nset\n(", b"", b"l\x85R."),
        (b"c__builtin__\nfrozenset\n(", b"", b"t\x85\x81."),
        (b"ccollections\nOrderedDict\n(", b"N\x86", b"l\x85R."),
        (b"ccollections\nCounter\n(", b"", b"l\x85R."),
    ],
    ids=[
        "SETITEMS",
        "DICT",
        "SETITEM",
        "ADDITEMS",
        "FROZENSET",
        "set",
        "frozenset",
        "OrderedDict",
        "Counter",
    ],
)
def test_each_key_is_compared_with_so_many_others_and_no_more(
    begin: bytes, key_end: bytes, end: bytes
) -> None:
    """By every instruction and every call that hashes. Unbounded, it is four and a half million times."""
    name = f"{Alike.__module__}.Alike"
    key = f"c{Alike.__module__}\nAlike\n".encode()
    keys = (key + f"I{number}\n".encode() + b"\x85R" + key_end for number in range(3000))
    Alike.compared = 0
    with pytest.raises(pickle.UnpicklingError, match="hash"):
        _pickle_guard.loads(begin + b"".join(keys) + end, DEFAULT_ALLOWED | {name})
    assert Alike.compared <= MOST_ALIKE * MOST_ALIKE


NINE_BYTES = b"\x80\x02Nr\xff\xff\xff\x7f."


def peak(work: Callable[[], object]) -> int:
    """The bytes that were allocated at once."""
    tracemalloc.start()
    try:
        with pytest.raises(pickle.UnpicklingError):
            work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "data",
    [
        NINE_BYTES,
        b"\x80\x02Nr\xff\xff\xff\x00.",
        b"Np16777215\n.",
        b"\x80\x05\x96\x00\x00\x00\x20\x00\x00\x00\x00.",
        b"\x80\x04\x8e\x00\x00\x00\x20\x00\x00\x00\x00.",
        b"\x80\x02c__builtin__\nbytearray\nq\x00X\x10\x27\x00\x00" + b"x" * 10_000 + b"q\x010("
        b"" + b"h\x00h\x01X\x07\x00\x00\x00latin-1\x86R" * 5000 + b"l.",
    ],
    ids=["nine bytes", "a number", "a number in digits", "a length", "another length", "copies"],
)
def test_a_short_pickle_takes_little_memory(data: bytes) -> None:
    assert peak(lambda: _pickle_guard.loads(data)) < 1 << 20


def test_numbers_that_take_long_to_divide_are_refused() -> None:
    huge = 1 << (1 << 15)
    for value in (range(0, huge, huge >> 5000), Fraction(huge + 1, huge)):
        with pytest.raises(pickle.UnpicklingError):
            _pickle_guard.loads(pickle.dumps(value, 2))
    assert _pickle_guard.loads(pickle.dumps(Fraction(2**1000, 3**500), 2)) == Fraction(2**1000, 3**500)
    assert _pickle_guard.loads(pickle.dumps(range(2**1000), 2)) == range(2**1000)
