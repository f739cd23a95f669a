"""Records of format 2 and programs that have a hand in them: subclasses, and who changes ids and keys."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

import pytest

from beaker.exceptions import CorruptSessionError
from beaker.session import Session
from tests.conformance.stores.record_texts import OTHER_ID, saved
from tests.support import record2
from tests.support.fixtures import SECRETS
from tests.support.sessions import ID, START, VALIDATE_KEY, Browser, Literals, opened

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.sessions import Backend, Clock

    Browsers = Callable[..., Browser]


def test_a_program_reads_the_text_that_it_made(backend: Backend, encoding_2: dict[str, Any]) -> None:
    saved(backend, encoding_2, name="Ada")
    session = opened(backend, ID, **encoding_2)
    stored = backend.texts()[ID]
    assert session._decrypt_data(stored)["name"] == "Ada"
    session["name"] = "Grace"
    assert session._decrypt_data(session._encrypt_data())["name"] == "Grace"
    assert session._decrypt_data(session._encrypt_data({"other": 1})) == {"other": 1, "_accessed_time": ANY}
    session.regenerate_id()
    # The record still has the old id, and what is made now has the new one.
    assert session._decrypt_data(stored)["name"] == "Ada"
    assert session._decrypt_data(session._encrypt_data())["name"] == "Grace"
    foreign = saved(backend, encoding_2, OTHER_ID, name="Eve")
    with pytest.raises(CorruptSessionError):
        session._decrypt_data(foreign)


class Anything:
    """Equal to everything."""

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


ANY = Anything()


class Shouting(Session):
    """A class with a text of its own."""

    def _encrypt_data(self, session_data: Any = None) -> Any:
        return "own:" + repr(dict(session_data or self))

    def _decrypt_data(self, session_data: Any) -> Any:
        return ast.literal_eval(session_data.removeprefix("own:"))


class Adding(Session):
    """A class that adds to the data and leaves the text to the base."""

    def _encrypt_data(self, session_data: Any = None) -> Any:
        return super()._encrypt_data({**(session_data or self), "added": 1})


class Reading(Session):
    """A class that also reads an obsolete format."""

    def _decrypt_data(self, session_data: Any) -> Any:
        return {**super()._decrypt_data(session_data), "seen": True}


def test_the_text_of_a_subclass_is_its_own(backend: Backend, browser: Browsers, clock: Clock) -> None:
    visitor = browser(session_class=Shouting, record_format=2)
    visitor.put(name="Ada")
    (text,) = backend.texts().values()
    assert text.startswith("own:{")
    clock.advance(3)
    assert visitor.visit(lambda session: (session["name"], session.last_accessed)).result == ("Ada", START)
    clock.advance(3)
    assert visitor.visit(lambda session: session.last_accessed).result == START + 3
    visitor.visit(lambda session: session.regenerate_id())
    assert visitor.read() == {"name": "Ada"}


@pytest.mark.parametrize("written", [1, 2])
def test_a_subclass_that_calls_super_writes_the_set_format(
    backend: Backend, browser: Browsers, encoding_2: dict[str, Any], written: int, clock: Clock
) -> None:
    for session_class, more in ((Adding, {"added": 1}), (Reading, {"seen": True})):
        visitor = browser(session_class=session_class, **{**encoding_2, "record_format": written})
        visitor.put(name="Ada")
        text = backend.texts()[visitor.id]
        assert (text[:5] in (record2.PLAIN, record2.SEALED)) == (written == 2)
        for _ in range(3):
            clock.advance(10)
            seen = visitor.visit(lambda session: (dict(session), session.last_accessed)).result
            assert seen[0]["name"] == "Ada"
            assert seen[0].items() >= more.items()
            assert seen[1] == clock.now - 10


def test_a_key_set_or_removed_after_loading_does_no_harm(
    backend: Backend, serializer: dict[str, Any], record_format: dict[str, Any], clock: Clock
) -> None:
    for before, after in (({}, SECRETS), (SECRETS, {})):
        encoding = {**serializer, **record_format}
        saved(backend, {**encoding, **before}, name="Ada")
        clock.advance(1)
        session = opened(backend, ID, **encoding, **before)
        session.validate_key = VALIDATE_KEY
        session.encrypt_key = after.get("encrypt_key")
        session.save(accessed_only=True)
        found = opened(backend, ID, **encoding, **after)
        assert (found["name"], found.last_accessed) == ("Ada", START + 1)
        found.delete()
        clock.now = START


def test_a_rotation_during_encoding_binds_the_new_id(backend: Backend, clock: Clock) -> None:
    class Renaming(Literals):
        session: Any = None

        def dumps(self, data: Any) -> bytes:
            session, self.session = self.session, None
            if session is not None:
                session.regenerate_id()
            return super().dumps(data)

    serializer = Renaming()
    encoding = {"data_serializer": serializer, "record_format": 2}
    saved(backend, encoding, name="Ada")
    session = opened(backend, ID, **encoding)
    session["more"] = 1
    serializer.session = session
    session.save()
    assert session.id != ID
    found = opened(backend, session.id, **encoding)
    assert (found["name"], found["more"]) == ("Ada", 1)
    assert list(backend.texts()) == [session.id]


def test_a_session_that_turns_to_another_id_is_bound_to_that(
    backend: Backend, encoding_2: dict[str, Any]
) -> None:
    saved(backend, encoding_2, name="Ada")
    session = opened(backend, ID, **encoding_2)
    session.id = OTHER_ID
    session.save()
    session["more"] = 1
    session.save()
    assert opened(backend, ID, **encoding_2)["name"] == "Ada"
    assert opened(backend, OTHER_ID, **encoding_2)["more"] == 1
