"""`data_serializer` is changed from `pickle` to `json`, and back, without logging anybody out."""

from __future__ import annotations

import base64
import datetime
import itertools
import json
import pickle
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from beaker.exceptions import ConfigurationError, CorruptSessionError, UnstorableValueError
from tests.support.fixtures import SECRETS
from tests.support.sessions import KEY, UNKNOWN_ID, Browser, Clock, Literals, opened

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.sessions import Backend

    Visitors = Callable[..., Browser]

PICKLE: dict[str, Any] = {"data_serializer": "pickle"}
JSON: dict[str, Any] = {"data_serializer": "json"}
MOVING: dict[str, Any] = {**JSON, "read_also_serializer": "pickle"}
GOING_BACK: dict[str, Any] = {**PICKLE, "read_also_serializer": "json"}
ENCODINGS: list[dict[str, Any]] = [{}, SECRETS, {"record_format": 2}, {**SECRETS, "record_format": 2}]
VALUES: dict[str, Any] = {"name": "Ada", "cart": ["apple"], "count": 3}


@pytest.fixture(params=ENCODINGS, ids=["plain", "encrypted", "plain 2", "encrypted 2"])
def encoding(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Each way to protect a session."""
    options: dict[str, Any] = request.param
    return options


@pytest.fixture
def moved(visitors: Visitors, encoding: dict[str, Any]) -> Callable[..., Browser]:
    """Makes browsers that come with the cookie of another one to the same application under other options."""

    def move(visitor: Browser | None, options: dict[str, Any]) -> Browser:
        other = visitors(**encoding, **options)
        other.jar = visitor.jar if visitor is not None else None
        return other

    return move


def test_records_from_before_the_change_are_read_and_saved_as_json(moved: Any) -> None:
    before = moved(None, PICKLE)
    before.put(**VALUES)
    during = moved(before, MOVING)
    assert during.read() == VALUES
    during.put(more=1)
    after = moved(during, JSON)
    assert after.read() == {**VALUES, "more": 1}


def test_a_fleet_goes_back_the_same_way(moved: Any) -> None:
    new = moved(None, JSON)
    new.put(**VALUES)
    old = moved(new, GOING_BACK)
    assert old.read() == VALUES
    old.put(more=1)
    assert moved(old, PICKLE).read() == {**VALUES, "more": 1}


def test_both_halves_of_a_fleet_that_moves_serve_the_same_sessions(moved: Any) -> None:
    visitor = moved(None, GOING_BACK)
    visitor.put(turn=0)
    for turn in range(1, 5):
        visitor = moved(visitor, MOVING if turn % 2 else GOING_BACK)
        assert visitor.read() == {"turn": turn - 1}
        visitor.put(turn=turn)


def test_a_read_writes_no_value_that_json_cannot_hold(moved: Any, clock: Clock) -> None:
    """The session stays a pickle, with its access time, until the program saves it."""
    when = datetime.datetime(2030, 1, 2, tzinfo=datetime.timezone.utc)
    values = {"when": when, "pair": (1, 2), "numbers": {1: [2]}, "set": {"a"}}
    before = moved(None, {**PICKLE, "timeout": 600})
    before.put(**values)
    visitor = before
    for _ in range(4):
        clock.advance(400)
        visitor = moved(visitor, {**MOVING, "timeout": 600})
        assert visitor.read() == values
    assert moved(visitor, {**PICKLE, "timeout": 600}).read() == values
    during = moved(visitor, {**MOVING, "timeout": 600})
    with pytest.raises(UnstorableValueError, match=r"'when' is of type datetime\.datetime, which JSON"):
        during.put(more=1)
    assert during.read() == values


def test_what_is_changed_in_place_is_stored(moved: Any) -> None:
    before = moved(None, PICKLE)
    before.put(**VALUES)
    during = moved(before, MOVING)
    during.visit(lambda session: session["cart"].append("pear"))
    assert moved(during, JSON).read() == {**VALUES, "cart": ["apple", "pear"]}


class Own:
    """A class of the application's own."""


def test_pickles_are_read_by_the_allow_list(visitors: Visitors, recwarn: pytest.WarningsRecorder) -> None:
    before = visitors()
    before.put(own=Own())
    during = visitors(**MOVING, invalidate_corrupt=False)
    during.jar = before.jar
    with pytest.raises(CorruptSessionError, match="not allowed"):
        during.read()
    named = visitors(**MOVING, pickle_allow=f"{Own.__module__}.Own")
    named.jar = before.jar
    assert isinstance(named.read()["own"], Own)


NEITHER = [
    b"\x80\x02Nr\xff\xff\xff\x7f.",
    b"",
    zlib.compress(b"[" * 2000),
    b"x",
    pickle.dumps([1], 2),
    zlib.compress(json.dumps([1]).encode()),
]
RUNS_A_PROGRAM = b"cos\nsystem\n(S'true'\ntR."
# With `pickle = any` the program is run.
ALLOWING = [MOVING, {**GOING_BACK, "pickle": "allowlist"}]


@pytest.mark.parametrize(
    ("payload", "options"),
    [
        *itertools.product([RUNS_A_PROGRAM], ALLOWING),
        *itertools.product(NEITHER, [*ALLOWING, GOING_BACK]),
    ],
)
def test_a_record_of_neither_serializer_is_corrupt(
    backend: Backend, payload: bytes, options: dict[str, Any]
) -> None:
    backend.plant("chosen", base64.b64encode(payload).decode())
    with pytest.raises(CorruptSessionError):
        opened(backend, "chosen", **options)


def test_without_the_option_the_other_one_is_corrupt_as_ever(backend: Backend) -> None:
    opened(backend, UNKNOWN_ID, **PICKLE).save()
    with pytest.raises(CorruptSessionError):
        opened(backend, UNKNOWN_ID, **JSON)
    assert not opened(backend, UNKNOWN_ID, **MOVING).is_new
    assert (
        Browser(backend.options, MOVING).visit(lambda s: s.is_new, cookie=f"{KEY}={UNKNOWN_ID}").result
        is False
    )


@pytest.mark.parametrize(
    "options",
    [
        {**JSON, "read_also_serializer": "yaml"},
        {**MOVING, "pickle": "any"},
        {**MOVING, "pickle": "deny"},
        {"data_serializer": Literals(), "read_also_serializer": "pickle"},
        {**JSON, "read_also_serializer": "json", "pickle_allow": "shop.Cart"},
    ],
)
def test_what_cannot_be_meant_is_refused(memory: Backend, options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        opened(memory, "chosen", **options)


@pytest.mark.parametrize(
    "options",
    [
        {**MOVING, "pickle": "allowlist"},
        {**JSON, "read_also_serializer": "json"},
        {**GOING_BACK, "pickle": "any"},
        {**MOVING, "profile": "hardened", "secret": "a secret of the tests, of some length"},
        {**JSON, "read_also_serializer": None},
        {**JSON, "read_also_serializer": " Pickle "},
    ],
)
def test_valid_options_are_taken(memory: Backend, options: dict[str, Any]) -> None:
    session = opened(memory, "chosen", **options)
    session["name"] = "Ada"
    session.save()
    assert opened(memory, "chosen", **options)["name"] == "Ada"
