"""An attacker who has read a store tries the stored keys as ids."""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING, Any

import pytest

from beaker import _core
from beaker.exceptions import BeakerException
from tests.support.sessions import KEY, Browser, opened

if TYPE_CHECKING:
    from tests.support.sessions import Backend

STORED_KEY = re.compile(r"[0-9a-f]{64}-sha256")
HASHED = {"hash_ids": True}
SIDES = [False, True]
"""Whether a process has switched."""


def variants(stored: str) -> list[str]:
    """Spellings that a file system or a database may treat as the same name."""
    return [
        stored,
        stored.upper(),
        f".{stored}",
        f"{stored}.",
        stored.replace("-", ".-"),
        stored.replace("-s", "-\u017f"),
        f"{stored} ",
    ]


@pytest.mark.parametrize("reader", SIDES)
@pytest.mark.parametrize("secret", [None, "a secret of the tests that is long enough"])
def test_a_leaked_store_yields_no_usable_id(backend: Backend, reader: bool, secret: str | None) -> None:
    victim = Browser(backend.options, HASHED, secret=secret)
    victim.put(name="Ada")
    (stored,) = backend.texts()
    for tried in variants(stored):
        sent = tried if secret is None else _core.sign(secret.encode(), tried)
        attacker = Browser(backend.options, hash_ids=reader, secret=secret, concurrency="lock")
        visit = attacker.visit(
            lambda session: (dict(session).get("name"), session.id), cookie=f"{KEY}={sent}"
        )
        name, session_id = visit.result
        assert name is None
        assert session_id != tried
        assert STORED_KEY.fullmatch(session_id) is None

        def end(session: Any) -> None:
            session["name"] = "Mallory"
            session.save()
            session.delete()

        attacker.visit(end, cookie=f"{KEY}={sent}")
    assert list(backend.texts()) == [stored]
    assert victim.read() == {"name": "Ada"}


@pytest.mark.parametrize("reader", SIDES)
def test_a_program_gets_nothing_for_a_stored_key(backend: Backend, reader: bool) -> None:
    victim = Browser(backend.options, HASHED)
    victim.put(name="Ada")
    (stored,) = backend.texts()
    for tried in variants(stored):
        visitor = Browser(backend.options, hash_ids=reader)
        assert visitor.visit(operator.methodcaller("get_by_id", tried)).result is None
        session = opened(backend, tried, hash_ids=reader)
        assert session.is_new
        assert "name" not in session
        assert session.namespace.namespace != stored
        session["name"] = "Mallory"
        with pytest.raises(BeakerException, match="stored key") as refused:
            session.save()
        assert stored not in str(refused.value)
        with pytest.raises(BeakerException, match="stored key"):
            session.lock()
        session.delete()
    assert list(backend.texts()) == [stored]
    assert victim.read() == {"name": "Ada"}
