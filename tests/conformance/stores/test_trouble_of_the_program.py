"""Trouble of the program or its machine, such as a stack that is too small, says nothing of a session."""

from __future__ import annotations

import json
import pickle
import sys
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from beaker.container import DBMNamespaceManager, FileNamespaceManager
from beaker.session import CookieSession, Session
from tests.support.sessions import Browser

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.sessions import Backend

    Visitors = Callable[..., Browser]

TROUBLE = [MemoryError, RecursionError, KeyboardInterrupt, SystemExit]


class Troubled:
    """A serializer that raises on demand."""

    def __init__(self) -> None:
        self.raises: dict[str, type[BaseException]] = {}

    def loads(self, data: bytes) -> Any:
        self._stumble("loads")
        return pickle.loads(data)

    def dumps(self, data: Any) -> bytes:
        self._stumble("dumps")
        return pickle.dumps(data, 2)

    def _stumble(self, mode: str) -> None:
        if mode in self.raises:
            raise self.raises[mode]("in trouble")


class Value:
    """A value that raises while it is pickled or unpickled, when the test says so."""

    raises: ClassVar[dict[str, type[BaseException]]] = {}

    def __getstate__(self) -> dict[str, int]:
        self._stumble("dumps")
        return {"number": 1}

    def __setstate__(self, state: dict[str, int]) -> None:
        self._stumble("loads")
        self.__dict__.update(state)

    def _stumble(self, mode: str) -> None:
        if mode in Value.raises:
            raise Value.raises[mode]("in trouble")


NAMED = f"{Value.__module__}.{Value.__qualname__}"


def passes(visitor: Browser, error: type[BaseException], work: Callable[[Any], Any]) -> None:
    """The error reaches the program as it is, nothing is sent, and the session is there afterwards."""
    jar = visitor.jar
    with pytest.raises(error, match="in trouble") as caught:
        visitor.visit(work)
    assert type(caught.value) is error
    assert visitor._visit.status == ""
    assert visitor.jar == jar


def change(session: Any) -> None:
    session["more"] = 1
    session.save()


@pytest.mark.parametrize("error", [*TROUBLE, OSError])
def test_a_serializer_in_trouble_is_no_corrupt_session(
    visitors: Visitors, error: type[BaseException]
) -> None:
    serializer = Troubled()
    visitor = visitors(data_serializer=serializer)
    visitor.put(name="Ada")
    for mode, work in (("loads", dict), ("dumps", change)):
        serializer.raises = {mode: error}
        passes(visitor, error, work)
        serializer.raises = {}
        assert visitor.read() == {"name": "Ada"}


@pytest.mark.parametrize("error", TROUBLE)
@pytest.mark.parametrize("policy", [{"pickle": "any"}, {"pickle": "allowlist", "pickle_allow": NAMED}])
def test_a_value_in_trouble_is_no_corrupt_session(
    visitors: Visitors, error: type[BaseException], policy: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor = visitors(**policy)
    visitor.put(name="Ada", value=Value())
    for mode, work in (("loads", dict), ("dumps", change)):
        with monkeypatch.context() as patch:
            patch.setattr(Value, "raises", {mode: error})
            passes(visitor, error, work)
        assert visitor.visit(lambda session: (session["name"], session["value"].number)).result == ("Ada", 1)


@pytest.mark.parametrize("error", TROUBLE)
def test_a_decoder_of_a_subclass_in_trouble_is_no_corrupt_session(
    visitors: Visitors, error: type[BaseException]
) -> None:
    base = CookieSession if visitors().middleware.options.get("type") == "cookie" else Session
    raises: list[type[BaseException]] = []

    class Own(base):  # type: ignore[valid-type, misc]
        def _decrypt_data(self, session_data: str | bytes) -> Any:
            for kind in raises:
                raise kind("in trouble")
            return super()._decrypt_data(session_data)

    visitor = visitors(session_class=Own)
    visitor.put(name="Ada")
    raises.append(error)
    passes(visitor, error, dict)
    raises.clear()
    assert visitor.read() == {"name": "Ada"}


class Moment(float):
    """A time of a session that says what it is when it is asked."""

    def __reduce__(self) -> Any:
        return Asked, ()


class Asked:
    """The value that is loaded in its place."""

    def __float__(self) -> float:
        raise KeyboardInterrupt("in trouble")


def test_a_time_in_trouble_is_no_corrupt_session(visitors: Visitors) -> None:
    visitor = visitors()

    def work(session: Any) -> None:
        session["name"] = "Ada"
        session["_creation_time"] = Moment(1.0)
        session.save()

    visitor.visit(work)
    passes(visitor, KeyboardInterrupt, dict)


@pytest.mark.parametrize("serializer", ["json", "pickle"])
def test_a_program_that_runs_out_of_stack_keeps_its_session(visitors: Visitors, serializer: str) -> None:
    """JSON is read by recursion; keys of a pickle are hashed by it."""
    visitor = visitors(data_serializer=serializer)
    nested: Any = json.loads("[" * 40 + "]" * 40)
    if serializer == "pickle":
        nested = ()
        for _ in range(40):
            nested = (nested,)
        nested = {nested: 1}
    visitor.put(name="Ada", nested=nested)
    jar = visitor.jar

    def deep(levels: int, session: Any) -> Any:
        return deep(levels - 1, session) if levels else session["name"]

    outcomes = set()
    for levels in range(sys.getrecursionlimit(), 0, -7):
        try:
            outcome = visitor.visit(lambda session, levels=levels: deep(levels, session)).result  # type: ignore[misc]
        except RecursionError:
            outcome = RecursionError
        outcomes.add(outcome)
        assert visitor.jar is not None
        if outcome == "Ada":
            break
    assert outcomes == {"Ada", RecursionError}
    assert jar is not None
    assert visitor.read()["name"] == "Ada"


@pytest.mark.parametrize("error", TROUBLE)
@pytest.mark.parametrize("kind", [FileNamespaceManager, DBMNamespaceManager])
def test_a_namespace_in_trouble_is_not_corrupt(
    tmp_path: Path, kind: Any, error: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    namespace = kind("name", data_dir=str(tmp_path))
    namespace.acquire_write_lock()
    namespace["value"] = Value()
    namespace.release_write_lock()
    monkeypatch.setattr(Value, "raises", {"loads": error})

    def read() -> object:
        namespace.acquire_read_lock()
        return namespace["value"]

    with pytest.raises(error, match="in trouble"):
        read()


@pytest.mark.parametrize("error", TROUBLE)
def test_a_backend_in_trouble_is_passed_on(
    written_in_python: Backend, error: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its other exceptions say that the store is unavailable."""
    visitor = Browser(written_in_python.options)
    visitor.put(name="Ada")

    def stumble(*_args: Any) -> None:
        raise error("in trouble")

    for name, work in (("__getitem__", dict), ("__setitem__", change)):
        with monkeypatch.context() as patch:
            patch.setattr(written_in_python.options["namespace_class"], name, stumble)
            passes(visitor, error, work)
        assert visitor.read() == {"name": "Ada"}
