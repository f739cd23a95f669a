"""Values that an application changes in place and never saves.

They are stored all the same, since applications live by that; what was handed out and cannot have changed
costs nothing.
"""

from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.sessions import Browser

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.sessions import Backend, Clock

    Browsers = Callable[..., Browser]


def _updated(session: Any) -> dict[str, Any]:
    content: dict[str, Any] = {}
    content.update(session)
    return content


def _matched(session: Any) -> Any:
    match session:
        case {"cart": cart}:
            return cart
    raise AssertionError


WAYS: dict[str, Callable[[Any], Any]] = {
    "an item": lambda session: session["cart"],
    "get": lambda session: session.get("cart"),
    "setdefault": lambda session: session.setdefault("cart", []),
    "items": lambda session: dict(session.items())["cart"],
    "values": lambda session: next(value for value in session.values() if isinstance(value, list)),
    "copy": lambda session: session.copy()["cart"],
    "copy.copy": lambda session: copy.copy(session)["cart"],
    "dict": lambda session: dict(session)["cart"],
    "unpacking": lambda session: {**session}["cart"],
    "a union": lambda session: (session | {})["cart"],
    "a reflected union": lambda session: ({} | session)["cart"],
    "the accessed dict": lambda session: session.accessed_dict["cart"],
    "pop": lambda session: session.pop("cart"),
    "the session itself": lambda session: session._session()["cart"],
    "dict of the session itself": lambda session: dict(session._session())["cart"],
    "update of a dictionary": lambda session: _updated(session)["cart"],
    "a match statement": _matched,
}


@pytest.mark.parametrize("way", WAYS)
def test_a_change_in_place_without_save_is_stored(visitors: Browsers, way: str) -> None:
    visitor = visitors()
    visitor.put(cart=["apple"], name="Ada")
    visitor.visit(lambda session: WAYS[way](session).append("pear"))
    assert visitor.read() == {"cart": ["apple", "pear"], "name": "Ada"}


IMMUTABLE: dict[str, Callable[[Any], Any]] = {
    "an item": lambda session: session["name"],
    "several": lambda session: [session[key] for key in ("name", "number", "half", "yes", "none")],
    "get": lambda session: session.get("name"),
    "a missing key": lambda session: session.get("missing"),
    "membership": lambda session: "cart" in session,
    "the keys": lambda session: list(session.keys()),
    "iteration": list,
    "the length": len,
    "setdefault": lambda session: session.setdefault("name", 1),
    "the id": lambda session: session.id,
    "the times": lambda session: (session.created, session.last_accessed),
    "the representation": repr,
    "truth": bool,
}


class CountedPickle:
    """Pickles, and counts how often."""

    def __init__(self) -> None:
        self.dumped = 0

    def loads(self, data: bytes) -> Any:
        return pickle.loads(data)

    def dumps(self, data: Any) -> bytes:
        self.dumped += 1
        return pickle.dumps(data, 2)


@pytest.mark.parametrize("way", IMMUTABLE)
def test_reading_what_cannot_change_encodes_nothing(browser: Browsers, way: str, clock: Clock) -> None:
    own = CountedPickle()
    visitor = browser(data_serializer=own)
    visitor.put(name="Ada", number=1, half=0.5, yes=True, none=None, cart=["apple"])
    own.dumped = 0
    clock.advance(10)
    visitor.visit(IMMUTABLE[way])
    assert own.dumped == 0
    assert visitor.visit(lambda session: session.last_accessed).result == clock.now


def test_a_mutable_value_that_was_not_changed_is_not_written(written_in_python: Backend) -> None:
    kind = written_in_python.options["namespace_class"]
    visitor = Browser(written_in_python.options, {"save_accessed_time": False})
    visitor.put(cart=["apple"])
    kind.calls.clear()
    visitor.visit(lambda session: session["cart"])
    assert "set" not in kind.calls
