"""Every verb, called from all that a session calls of a program, ends in a result or in an exception."""

from __future__ import annotations

import pickle
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from beaker.exceptions import BeakerException
from beaker.session import CookieSession, Session, SessionObject
from tests.conformance.session.grace import KEPT
from tests.faults.interruptions.reentrant import VALUES
from tests.support.environment import ROOT
from tests.support.fixtures import BACKENDS
from tests.support.sessions import VALIDATE_KEY, opened

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.sessions import Backend, Browser

    Browsers = Callable[..., Browser]

LIMIT = 600
MANY = 10_000
FEW = [*VALUES, "dumps", "loads", "_encrypt_data", "_decrypt_data"]


def run(*arguments: str) -> None:
    """The programs in a process of their own, which has to outlive them."""
    command = [sys.executable, "-m", "tests.faults.interruptions.reentrant", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT, check=False)
    last = done.stdout.splitlines()[-1:]
    assert (done.returncode, last) == (0, ["done"]), done.stderr[-4000:]


@pytest.mark.parametrize("store", [*BACKENDS, "cookie"])
def test_no_program_that_calls_back_ends_the_process(store: str) -> None:
    run(store, "merge")


@pytest.mark.parametrize("mode", ["lock", "beaker"])
@pytest.mark.parametrize("store", ["memory", "file"])
def test_no_program_ends_the_process_in_another_mode(store: str, mode: str) -> None:
    run(store, mode, *FEW)


@pytest.mark.parametrize("store", ["dbm", "sealed cookie"])
def test_no_program_ends_the_process_on_another_store(store: str) -> None:
    run(store, "merge", *FEW)


class Reader:
    """A value that reads the session which it is part of when it is restored."""

    levels = 0
    read: Callable[[], Any] = staticmethod(lambda: None)

    def __getstate__(self) -> Any:
        return {"state": 1}

    def __setstate__(self, state: Any) -> None:
        Reader.levels += 1
        Reader.read()


@pytest.fixture(autouse=True)
def nobody_reads() -> Any:
    yield
    Reader.read = staticmethod(lambda: None)
    Reader.levels = 0


def test_a_value_that_reads_its_session_is_refused(visitors: Browsers) -> None:
    visitor = visitors()
    visitor.put(value=Reader())

    def work(session: Any) -> None:
        Reader.read = staticmethod(lambda: session["value"])
        Reader.levels = 0
        session["value"]

    with pytest.raises(BeakerException, match="while it is read"):
        visitor.visit(work)
    assert Reader.levels == 1


def test_a_value_that_opens_its_own_session_is_refused(backend: Backend) -> None:
    first = opened(backend, "one")
    first["value"] = Reader()
    first.save()
    Reader.levels = 0
    Reader.read = staticmethod(lambda: opened(backend, "one"))
    with pytest.raises(BeakerException, match="while it is read"):
        opened(backend, "one")
    assert Reader.levels == 1


def test_a_value_that_opens_its_own_cookie_session_is_refused() -> None:
    first: Any = CookieSession({}, validate_key=VALIDATE_KEY)
    first["value"] = Reader()
    first.save()
    header = first.request["cookie_out"].partition(";")[0].strip()
    Reader.read = staticmethod(lambda: CookieSession({"cookie": header}, validate_key=VALIDATE_KEY))
    with pytest.raises(BeakerException, match="while it is read"):
        Reader.read()
    assert Reader.levels == 1


def test_a_value_may_open_another_session(backend: Backend) -> None:
    for name in ("one", "two"):
        session = opened(backend, name)
        session.update(value=Reader() if name == "one" else "read")
        session.save()
    seen = []
    Reader.read = staticmethod(lambda: seen.append(opened(backend, "two")["value"]))
    opened(backend, "one")
    assert seen == ["read"]


class Rotates:
    """A value that gives its session another id each time that it is pickled."""

    session: Any = None
    verb = "invalidate"

    def __reduce__(self) -> Any:
        if Rotates.session is not None:
            getattr(Rotates.session, Rotates.verb)()
        return Rotates, ()


@pytest.mark.parametrize("verb", ["invalidate", "regenerate_id", "_create_id"])
@pytest.mark.parametrize("more", [{}, KEPT])
def test_a_new_id_at_every_encoding_is_an_error(
    stores: dict[str, Any], verb: str, more: dict[str, Any]
) -> None:
    options = {**stores, **more, "use_cookies": False}
    session: Any = Session({}, id="one", **options)
    session["value"] = Rotates()
    session.save()
    Rotates.session, Rotates.verb = session, verb
    try:
        with pytest.raises(BeakerException, match="another id each of the 8 times"):
            session.save()
    finally:
        Rotates.session = None
    session.clear()
    session["value"] = 1
    session.save()
    assert Session({}, id=session.id, **options)["value"] == 1


class Dumps:
    """A serializer that saves what it is asked to write."""

    def __init__(self) -> None:
        self.session: Any = None
        self.forgives = False
        self.refused = 0

    def dumps(self, data: Any) -> bytes:
        if self.session is not None:
            try:
                self.session.save()
            except BeakerException:
                self.refused += 1
                if not self.forgives:
                    raise
        return pickle.dumps(data, 2)

    def loads(self, data: bytes) -> Any:
        return pickle.loads(data)


@pytest.mark.parametrize("forgives", [True, False])
def test_a_save_inside_a_save_of_one_session_ends(stores: dict[str, Any], forgives: bool) -> None:
    serializer = Dumps()
    serializer.forgives = forgives
    session: Any = Session({}, id="one", use_cookies=False, data_serializer=serializer, **stores)
    session["value"] = 1
    serializer.session = session
    refused = pytest.raises(BeakerException, match="while it is written")
    with suppress(BeakerException) if forgives else refused:
        session.save()
    assert 0 < serializer.refused < MANY
    serializer.session = None
    session.save()
    assert Session({}, id="one", use_cookies=False, data_serializer=serializer, **stores)["value"] == 1


def test_a_class_that_uses_its_own_proxy_is_refused(backend: Backend) -> None:
    made = []

    class Own(Session):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            made.append(1)
            proxy.get("value")
            super().__init__(*args, **kwargs)

    proxy: Any = SessionObject({}, session_class=Own, **backend.options)
    with pytest.raises(BeakerException, match="while it is made"):
        proxy.get("value")
    assert len(made) == 2
