"""The allow-list unpickler makes values and nothing else."""

import collections
import copyreg
import datetime
import decimal
import fractions
import functools
import ipaddress
import operator
import os
import pathlib
import pickle
import struct
import uuid
import zoneinfo
from typing import Any, NamedTuple

import pytest

from beaker import _pickle_guard
from beaker._pickle_guard import DEFAULT_ALLOWED

UTC = datetime.timezone.utc

VALUES: list[Any] = [
    None,
    True,
    -1,
    2**100,
    1.5,
    3 + 4j,
    "text é",
    b"",
    b"\x00\xff",
    bytearray(),
    bytearray(b"ab\xff"),
    [1, [2]],
    (1, (2,)),
    {"a": {"b": 1}},
    set(),
    {1, 2},
    frozenset({1}),
    range(2, 9, 3),
    slice(1, None, 2),
    datetime.date(2024, 2, 29),
    datetime.time(1, 2, 3, 4),
    datetime.time(1, tzinfo=UTC),
    datetime.datetime(2024, 2, 29, 1, 2, 3, 456),  # noqa: DTZ001 - a value like any other
    datetime.datetime(2024, 2, 29, tzinfo=UTC),
    datetime.datetime(2024, 2, 29, tzinfo=datetime.timezone(datetime.timedelta(hours=2), "there")),
    datetime.datetime(2024, 10, 27, 2, 30, tzinfo=zoneinfo.ZoneInfo("UTC"), fold=0),
    datetime.timedelta(days=-1, microseconds=5),
    zoneinfo.ZoneInfo("UTC"),
    decimal.Decimal("-1.50"),
    decimal.Decimal("NaN").copy_sign(decimal.Decimal(-1)),
    fractions.Fraction(-3, 4),
    fractions.Fraction(7),
    uuid.UUID(int=7),
    uuid.UUID("70c40774-ec2e-11f1-a72b-02fc00000001", is_safe=uuid.SafeUUID.safe),
    collections.OrderedDict([("b", 1), ("a", 2)]),
    collections.deque([1, 2], maxlen=5),
    collections.deque([1]),
    collections.defaultdict(list, {"a": [1]}),
    collections.defaultdict(int, a=1),
    collections.defaultdict(set),
    collections.defaultdict(None, {"a": 1}),
    collections.Counter("abca"),
    ipaddress.ip_address("192.0.2.1"),
    ipaddress.ip_address("2001:db8::1"),
    ipaddress.ip_network("192.0.2.0/24"),
    ipaddress.ip_network("2001:db8::/32"),
    ipaddress.ip_interface("192.0.2.1/24"),
    ipaddress.ip_interface("2001:db8::1/64"),
    pathlib.PurePosixPath("/a/b"),
    pathlib.PureWindowsPath("c:/a"),
    pathlib.Path("a/b"),
]


class Cart:
    """A class of a program's own."""

    def __init__(self, items: list[str]) -> None:
        self.items = items


class Point(NamedTuple("Point", [("x", int), ("y", int)])):
    """A class that gives its pickle arguments for ``__new__``."""

    __slots__ = ()


CART = f"{Cart.__module__}.Cart"
POINT = f"{Point.__module__}.Point"


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_of_the_standard_library_survives_a_round_trip(value: Any, protocol: int) -> None:
    back = _pickle_guard.loads(pickle.dumps({"k": [value, value]}, protocol))
    assert isinstance(back, dict)
    first, second = back["k"]
    assert type(first) is type(value)
    assert first == value or repr(first) == repr(value)
    assert first is second or first == second or repr(first) == repr(second)


def test_an_unpickled_value_can_be_pickled_again() -> None:
    value = collections.defaultdict(list, {"a": [uuid.UUID(int=1)]})
    back = _pickle_guard.loads(pickle.dumps(value, 2))
    assert isinstance(back, collections.defaultdict)
    assert back.default_factory is list
    assert pickle.loads(pickle.dumps(back)) == value
    assert isinstance(back["a"][0], uuid.UUID)
    assert str(back["a"][0]).endswith("1")


def test_a_programs_own_class_needs_to_be_named() -> None:
    data = pickle.dumps(Cart(["tea"]), 2)
    with pytest.raises(pickle.UnpicklingError, match="Cart"):
        _pickle_guard.loads(data)
    back = _pickle_guard.loads(data, DEFAULT_ALLOWED | {CART})
    assert isinstance(back, Cart)
    assert back.items == ["tea"]


@pytest.mark.parametrize("protocol", [2, 4])
def test_a_named_class_gets_the_arguments_of_its_new(protocol: int) -> None:
    back = _pickle_guard.loads(pickle.dumps(Point(1, 2), protocol), DEFAULT_ALLOWED | {POINT})
    assert isinstance(back, Point)
    assert back == (1, 2)


def test_a_path_that_python_313_wrote_is_read_by_every_version() -> None:
    data = b"\x80\x02cpathlib._local\nPurePosixPath\nX\x01\x00\x00\x00a\x85R."
    assert _pickle_guard.loads(data) == pathlib.PurePosixPath("a")


def test_an_empty_allow_list_still_reads_plain_data() -> None:
    assert _pickle_guard.loads(pickle.dumps({"a": [1, "b", (None, True)]}), frozenset()) == {
        "a": [1, "b", (None, True)]
    }
    with pytest.raises(pickle.UnpicklingError):
        _pickle_guard.loads(pickle.dumps(datetime.date(2024, 1, 1)), frozenset())


class Calls:
    """Pickles as a call of any function with any arguments."""

    def __init__(self, function: Any, *args: Any) -> None:
        self.call = (function, args)

    def __reduce__(self) -> Any:
        return self.call


def text(value: str) -> bytes:
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def stack_global(module: str, name: str) -> bytes:
    return b"\x80\x04" + text(module) + text(name) + b"\x93"


MARKER = "BEAKER_PICKLE_ATTACK"

ATTACKS: dict[str, bytes] = {
    "os.system": pickle.dumps(Calls(os.system, f"export {MARKER}=1")),
    "posix.system": b"cposix\nsystem\nX\x04\x00\x00\x00true\x85R.",
    "eval": pickle.dumps(Calls(eval, f"__import__('os').environ.setdefault('{MARKER}', '1')")),
    "eval of python 2": b"\x80\x02c__builtin__\neval\nX\x03\x00\x00\x001+1\x85R.",
    "execfile of python 2": b"\x80\x02c__builtin__\nexecfile\nX\x03\x00\x00\x00abc\x85R.",
    "exec": pickle.dumps(Calls(exec, "1")),
    "open": pickle.dumps(Calls(open, "/etc/passwd")),
    "import": pickle.dumps(Calls(__import__, "os")),
    "getattr of a class": pickle.dumps(Calls(getattr, datetime.datetime, "now"), 2),
    "getattr of a value": pickle.dumps(Calls(getattr, "", "__class__"), 2),
    "getattr of a time zone's class": pickle.dumps(Calls(getattr, zoneinfo.ZoneInfo, "__init__"), 2),
    "getattr with a default": pickle.dumps(Calls(getattr, zoneinfo.ZoneInfo, "_unpickle", 1), 2),
    "setattr": pickle.dumps(Calls(setattr, uuid.UUID, "x", 1), 2),
    "attrgetter": pickle.dumps(operator.attrgetter("__class__.__base__")),
    "methodcaller": pickle.dumps(operator.methodcaller("mro")),
    "partial": pickle.dumps(functools.partial(print, 1)),
    "map": pickle.dumps(Calls(map, print, [1])),
    "type": pickle.dumps(Calls(type, "X", (), {})),
    "a dotted name through a module": stack_global("datetime", "sys.modules") + b".",
    "a dotted name through a class": stack_global("datetime", "datetime.now") + b")R.",
    "a dotted name to what is inherited": stack_global("uuid", "UUID.__init__.__globals__") + b".",
    "a dotted name through builtins": stack_global("collections", "OrderedDict.__init__") + b".",
    "an allowed name split elsewhere": stack_global("", "uuid.UUID") + b".",
    "an allowed name in another module": stack_global("os", "datetime.datetime") + b".",
    "a submodule": b"\x80\x02cos.path\njoin\n.",
    "pickle itself": b"\x80\x02cpickle\nloads\nC\x02N.\x85R.",
    "code": b"\x80\x02ctypes\nCodeType\n.",
    "another codec": b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x05\x00\x00\x00rot13\x86R.",
    "an endless set": pickle.dumps(Calls(set, range(10**15)), 2),
    "endless bytes": pickle.dumps(Calls(bytes, 10**15), 2),
    "endless bytes by new": b"\x80\x02c__builtin__\nbytes\n\x8a\x07\x00\x00\xc1\x6f\xf2\x86\x23\x85\x81.",
    "an endless bytearray": pickle.dumps(Calls(bytearray, 10**15), 2),
    "an endless frozenset by new": b"\x80\x02c__builtin__\nfrozenset\n"
    b"c__builtin__\nxrange\nJ\xff\xff\xff\x7f\x85R\x85\x81.",
    "an endless list of addresses": pickle.dumps(Calls(list, ipaddress.IPv4Network("0.0.0.0/0")), 2),
    "an endless set of addresses": pickle.dumps(Calls(set, ipaddress.IPv6Network("::/0")), 2),
    "a huge integer": pickle.dumps(Calls(int, decimal.Decimal("1e99999999")), 2),
    "the text of what is no text": pickle.dumps(Calls(str, [[], []]), 2),
    "text by a codec": pickle.dumps(Calls(str, b"x", "punycode"), 2),
    "a huge fraction": pickle.dumps(Calls(fractions.Fraction, "1e999999999"), 2),
    "a change of a class": b"\x80\x02cuuid\nUUID\nN}X\x06\x00\x00\x00__eq__cbuiltins\ndict\ns\x86b.",
    "a change of a class's dictionary": b"\x80\x02cuuid\nUUID\n}X\x06\x00\x00\x00__eq__K\x01sb.",
    "a change of a function": b"\x80\x02c_codecs\nencode\nN}X\x0c\x00\x00\x00__defaults__N\x73\x86b.",
    "an old-style instance": b"(ios\nsystem\n.",
    "something outside": b"\x80\x02X\x01\x00\x00\x00aQ.",
    "no pickle": b"not a pickle",
    "nothing": b"",
    "a cut one": pickle.dumps([1, 2, 3])[:-3],
    "an empty stack": b"\x80\x02R.",
    "a key that doubles sixty times": b"\x80\x02})"
    + b"".join(b"q%ch%c\x86" % (turn, turn) for turn in range(60))
    + b"Ns.",
    "a key in two hundred thousand tuples": b"\x80\x02})" + b"\x85" * 200_000 + b"Ns.",
}


@pytest.mark.parametrize("data", ATTACKS.values(), ids=ATTACKS.keys())
def test_everything_else_is_refused(data: bytes) -> None:
    with pytest.raises(pickle.UnpicklingError):
        _pickle_guard.loads(data)
    assert MARKER not in os.environ
    assert uuid.UUID(int=1) == uuid.UUID(int=1)
    assert uuid.UUID(int=1) != uuid.UUID(int=2)


def test_a_large_session_of_many_shared_values_is_read() -> None:
    row = (1, "two", datetime.date(2024, 2, 29))
    deep: list[Any] = []
    for _ in range(200):
        deep = [deep]
    session = {"rows": [row] * 20_000, "deep": deep}
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert _pickle_guard.loads(pickle.dumps(session, protocol)) == session


def test_a_cached_class_is_refused_by_its_number() -> None:
    copyreg.add_extension(Cart.__module__, "Cart", 240)
    try:
        data = pickle.dumps(Cart(["tea"]), 2)
        assert b"\x82\xf0" in data
        assert isinstance(pickle.loads(data), Cart)
        with pytest.raises(pickle.UnpicklingError, match="number"):
            _pickle_guard.loads(data)
        assert _pickle_guard.loads(pickle.dumps(b"\x82\xf0", 4)) == b"\x82\xf0"
    finally:
        copyreg.remove_extension(Cart.__module__, "Cart", 240)


def test_every_name_that_is_allowed_by_default_exists() -> None:
    for name in DEFAULT_ALLOWED:
        module, _, attribute = name.rpartition(".")
        assert hasattr(__import__(module, fromlist=[attribute]), attribute), name
