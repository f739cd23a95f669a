"""Data that a program cleared does not come back under a new id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from beaker.session import CookieSession, Session
from tests.conformance.session.grace import KEPT
from tests.support.fixtures import BACKENDS, COOKIES, store_options
from tests.support.sessions import VALIDATE_KEY, Browser, opened

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.sessions import Backend

Steps = list[str]
FORGETTING: list[Steps] = [
    ["clear", "_create_id", "load"],
    ["clear", "regenerate_id", "load"],
    ["regenerate_id", "clear", "load"],
    ["_create_id", "load"],
    ["_create_id", "regenerate_id", "load"],
    ["regenerate_id", "_create_id", "load"],
    ["regenerate_id", "clear", "load", "load"],
    ["clear", "_create_id", "load", "revert"],
]
KEEPING: list[Steps] = [
    ["regenerate_id"],
    ["regenerate_id", "load"],
    ["regenerate_id", "regenerate_id", "load"],
    ["clear", "revert", "regenerate_id", "load"],
    ["regenerate_id", "clear", "revert", "load"],
    ["clear", "load", "regenerate_id", "load"],
]


@pytest.fixture(params=[*BACKENDS, "dbm", *COOKIES])
def options(request: pytest.FixtureRequest, tmp_path: Path, empty_memory: None) -> dict[str, Any]:
    return COOKIES.get(request.param) or store_options(request.param, tmp_path)


@pytest.fixture(params=[False, True], ids=["plain", "subclass"])
def classes(request: pytest.FixtureRequest, options: dict[str, Any]) -> dict[str, Any]:
    """The same with a class of the application's own."""
    if not request.param:
        return options
    base = CookieSession if options.get("type") == "cookie" else Session
    return {**options, "session_class": type("Own", (base,), {})}


def follow(steps: Steps) -> Callable[[Any], dict[str, Any]]:
    def work(session: Any) -> dict[str, Any]:
        assert session["user"] == "ada"
        for step in steps:
            getattr(session, step)()
        return {key: session[key] for key in session if not key.startswith("_")}

    return work


def and_save(work: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def both(session: Any) -> Any:
        result = work(session)
        session["later"] = 1
        session.save()
        return result

    return both


@pytest.mark.parametrize("steps", FORGETTING, ids=" ".join)
def test_forgotten_data_does_not_come_back(classes: dict[str, Any], steps: Steps) -> None:
    visitor = Browser(classes)
    visitor.put(user="ada", cart=["apple"])
    before = visitor.jar
    visit = visitor.visit(follow(steps))
    assert visit.result == {}
    assert visit.session.is_new
    assert visitor.read() == {}
    if classes.get("type") != "cookie":
        assert visitor.visit(dict, cookie=before).result.get("user") is None


@pytest.mark.parametrize("steps", FORGETTING, ids=" ".join)
def test_only_the_data_saved_after_forgetting_is_left(classes: dict[str, Any], steps: Steps) -> None:
    visitor = Browser(classes)
    visitor.put(user="ada", cart=["apple"])
    before = visitor.jar
    visitor.visit(and_save(follow(steps)))
    assert visitor.read() == {"later": 1}
    if classes.get("type") != "cookie":
        assert visitor.visit(dict, cookie=before).result.get("user") is None


@pytest.mark.parametrize("steps", KEEPING, ids=" ".join)
@pytest.mark.parametrize("saves", [False, True])
def test_a_new_id_alone_keeps_the_data(classes: dict[str, Any], steps: Steps, saves: bool) -> None:
    visitor = Browser(classes)
    visitor.put(user="ada")
    before = visitor.jar
    work = follow(steps)
    visit = visitor.visit(and_save(work) if saves else work)
    assert visit.result == {"user": "ada"}
    assert visitor.jar != before
    assert visitor.read() == ({"user": "ada", "later": 1} if saves else {"user": "ada"})


@pytest.mark.parametrize("steps", [["_create_id"], ["clear", "_create_id"]], ids=" ".join)
def test_a_session_that_was_begun_and_never_saved_takes_no_place(
    options: dict[str, Any], steps: Steps
) -> None:
    visitor = Browser(options)
    visitor.put(user="ada")
    before = visitor.jar
    visitor.visit(follow(steps), cookie=before)
    assert visitor.read() == {"user": "ada"}


def test_a_program_loads_what_it_saved_or_ended(options: dict[str, Any]) -> None:
    def work(session: Any) -> list[Any]:
        seen = []
        inner = session._session()
        inner.clear()
        inner["more"] = 1
        inner.save()
        inner.load()
        seen.append((inner.get("user"), inner.get("more")))
        inner.delete()
        inner.load()
        seen.append((inner.get("user"), inner.get("more")))
        return seen

    visitor = Browser(options)
    visitor.put(user="ada")
    assert visitor.visit(work).result == [(None, 1), (None, None)]
    assert visitor.read() == {}


def test_a_session_begun_after_an_end_is_loaded(options: dict[str, Any]) -> None:
    visitor = Browser(options)
    visitor.put(user="ada")
    assert visitor.visit(follow(["invalidate", "load"])).result == {}
    assert visitor.read() == {}


def test_a_new_session_that_asks_for_another_id_sends_nothing(options: dict[str, Any]) -> None:
    def work(session: Any) -> None:
        session._session().clear()
        session._create_id()
        session.load()

    assert Browser(options).visit(work).session.is_new


def test_the_old_id_of_a_forgotten_session_leads_to_nobody(backend: Backend) -> None:
    visitor = Browser(backend.options, KEPT)
    visitor.put(user="ada")
    before = visitor.jar
    visitor.visit(and_save(follow(["clear", "_create_id", "load"])))
    assert visitor.read() == {"later": 1}
    late = Browser(backend.options, KEPT)
    assert late.visit(dict, cookie=before).result.get("later") is None


def test_a_locked_session_that_forgets_is_unlocked(backend: Backend) -> None:
    first = opened(backend, "one")
    first["user"] = "ada"
    first.save()
    session = opened(backend, "one")
    session.lock()
    session.clear()
    session._create_id()
    session.load()
    session["later"] = 1
    session.save()
    session.unlock()
    assert opened(backend, "one").is_new
    assert opened(backend, session.id)["later"] == 1


def test_a_cookie_session_opened_by_hand_forgets_too() -> None:
    first: Any = CookieSession({}, validate_key=VALIDATE_KEY)
    first["user"] = "ada"
    first.save()
    header = first.request["cookie_out"].partition(";")[0].strip()
    session: Any = CookieSession({"cookie": header}, validate_key=VALIDATE_KEY)
    assert session["user"] == "ada"
    session.clear()
    session._create_id()
    new = session.id
    session.load()
    assert "user" not in session
    assert session.id == new
