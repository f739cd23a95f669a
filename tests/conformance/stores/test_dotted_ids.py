"""Ids that differ in their dots alone: each has a record of its own, and Beaker's is found by whose it is."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.sessions import Backend, Browser, opened

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

IDS = ["user12", "user1.2", "user.12", ".user12"]
BY_ORIGINAL = """
import json, sys
from beaker.session import Session

options, id, values = json.loads(sys.argv[1])
session = Session({}, id=id, use_cookies=False, **options)
seen = None if session.is_new else {k: v for k, v in session.items() if not k.startswith("_")}
if values is not None:
    session.update(values)
    session.save()
print(json.dumps(seen))
"""


@pytest.fixture(params=["file", "dbm"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    """Each store that Beaker may use at the same time."""
    return Backend("", {"type": request.param, "data_dir": str(tmp_path / "data")})


@pytest.fixture
def original(oracle: Path, shared: Backend) -> Callable[..., Any]:
    """Finds the record of an id with Beaker, and then stores values under it."""

    def visit(session_id: str, **values: Any) -> Any:
        argument = json.dumps([shared.options, session_id, values or None])
        command = [str(oracle), "-c", BY_ORIGINAL, argument]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return visit


def stored(backend: Backend, session_id: str, **values: Any) -> None:
    session = opened(backend, session_id)
    session.update(values)
    session.save()


def found(backend: Backend, session_id: str) -> dict[str, Any] | None:
    session = opened(backend, session_id)
    return None if session.is_new else {key: session[key] for key in session if not key.startswith("_")}


@pytest.mark.parametrize("turn", range(len(IDS)))
def test_each_id_has_its_own_record_whoever_was_first(shared: Backend, turn: int) -> None:
    ids = IDS[turn:] + IDS[:turn]
    for session_id in ids:
        assert found(shared, session_id) is None
        stored(shared, session_id, name=session_id)
    for session_id in ids:
        assert found(shared, session_id) == {"name": session_id}
        stored(shared, session_id, again=True)
    for number, session_id in enumerate(ids):
        opened(shared, session_id).delete()
        assert found(shared, session_id) is None
        for other in ids[number + 1 :]:
            assert found(shared, other) == {"name": other, "again": True}


def test_a_dotted_id_of_a_browsers_opens_nobodys_session(shared: Backend) -> None:
    stored(shared, "user12", name="Ada")
    for forged in ("user1.2", ".user12", "user12."):
        visit = Browser(shared.options).visit(dict, cookie=f"beaker.session.id={forged}")
        assert "name" not in visit.result
        assert found(shared, forged) is None
    assert found(shared, "user12") == {"name": "Ada"}


@pytest.mark.parametrize("session_id", ["user12", "user1.2"])
def test_both_packages_find_each_others_dotted_ids(
    shared: Backend, original: Callable[..., Any], session_id: str
) -> None:
    (other,) = {"user12", "user1.2"} - {session_id}
    assert original(session_id, by="Beaker") is None
    assert found(shared, session_id) == {"by": "Beaker"}
    stored(shared, session_id, by="us")
    assert original(session_id, again="Beaker") == {"by": "us"}
    assert found(shared, session_id) == {"by": "us", "again": "Beaker"}
    stored(shared, session_id, by="us again")
    assert original(session_id) == {"by": "us again", "again": "Beaker"}
    if session_id == "user12":
        assert found(shared, other) is None
    stored(shared, other, by="the other")
    assert found(shared, session_id) == {"by": "us again", "again": "Beaker"}


def test_a_record_that_beaker_shared_is_kept_for_both_ids(
    shared: Backend, original: Callable[..., Any]
) -> None:
    original("user12", by="Beaker")
    assert original("user1.2", and_again=True) == {"by": "Beaker"}
    for session_id in ("user1.2", "user12"):
        assert found(shared, session_id) == {"by": "Beaker", "and_again": True}
    stored(shared, "user1.2", by="one")
    assert found(shared, "user12") == {"by": "Beaker", "and_again": True}
    stored(shared, "user12", by="the other")
    assert found(shared, "user1.2") == {"by": "one", "and_again": True}
    opened(shared, "user1.2").delete()
    assert found(shared, "user1.2") is None
    assert found(shared, "user12") == {"by": "the other", "and_again": True}


def test_sessions_that_differ_in_their_dots_are_locked_apart(shared: Backend) -> None:
    sessions = [opened(shared, session_id, lock_timeout=1) for session_id in IDS]
    for session in sessions:
        session.save()
    for session in sessions:
        session.lock()
    for session in sessions:
        session["name"] = session.id
        session.save()
    for session in sessions:
        session.unlock()
    assert [found(shared, session_id) for session_id in IDS] == [{"name": one} for one in IDS]
