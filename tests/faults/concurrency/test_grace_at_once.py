"""Requests at the same time as one that rotates the session, where the old id leads to it for a while."""

from __future__ import annotations

import uuid
import warnings
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from beaker.exceptions import BeakerWarning
from tests.conformance.session.grace import KEPT, POINTER, name, put, rotate
from tests.support.sessions import Browser, Visit, is_free, opened
from tests.support.threads import together

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.sessions import Backend, Clock

    Browsers = Callable[..., Browser]


def act(works: list[Callable[[Any], Any]], sessions: list[Any], number: int) -> None:
    """The work of a thread with its session."""
    works[number](sessions[number])


@pytest.mark.parametrize("mode", ["merge", "beaker"])
def test_a_request_that_overlaps_a_rotation_saves_into_the_session(
    browser: Browsers, backend: Backend, clock: Clock, mode: str
) -> None:
    options = {"concurrency": mode, **KEPT}
    visitor = browser(**options)
    visitor.put(name="Ada", count=1)

    def work(session: Any) -> str:
        assert session["name"] == "Ada"
        new = rotate(opened(backend, session.id, **options))
        session["colour"] = "green"
        session.save()
        return new

    with warnings.catch_warnings():
        warnings.simplefilter("error", BeakerWarning)
        visit = visitor.visit(work)
    assert visit.cookies == []
    found = opened(backend, visit.result, **options)
    assert (found["name"], found["colour"]) == ("Ada", "green")
    assert backend.texts()[visitor.id].startswith(POINTER)


@pytest.mark.parametrize("mode", ["merge", "beaker"])
def test_of_two_rotations_at_once_there_is_one_new_id_and_one_cookie(
    browser: Browsers, backend: Backend, clock: Clock, mode: str
) -> None:
    options = {"concurrency": mode, **KEPT}
    visitor = browser(**options)
    visitor.put(name="Ada")

    def work(session: Any) -> tuple[str, str]:
        assert session["name"] == "Ada"
        theirs = rotate(opened(backend, session.id, **options))
        session.regenerate_id()
        session["colour"] = "green"
        session._session().save()
        return theirs, session.id

    visit = visitor.visit(work)
    theirs, ours = visit.result
    assert (ours, visit.cookies) == (theirs, [])
    assert set(backend.texts()) == {visitor.id, theirs}
    assert opened(backend, theirs)["colour"] == "green"


@pytest.mark.parametrize("hashed", [True, False])
def test_lock_and_load_after_a_rotation_lock_the_new_id(backend: Backend, clock: Clock, hashed: bool) -> None:
    options = {"hash_ids": hashed, **KEPT}
    old = uuid.uuid4().hex
    opened(backend, old, **options).save()
    session = opened(backend, old, **options)
    new = rotate(opened(backend, old, **options))
    session.lock()
    session.lock()
    session.load()
    assert session.id == new
    session["count"] = 1
    session.save()
    session.unlock()
    assert not is_free(backend, new)
    session.unlock()
    assert is_free(backend, new)
    assert is_free(backend, old)
    assert opened(backend, old, **options)["count"] == 1


@pytest.mark.parametrize("mode", ["merge", "beaker"])
@pytest.mark.parametrize("end", ["delete", "invalidate"])
def test_a_logout_that_overlaps_a_rotation_ends_the_session(
    browser: Browsers, backend: Backend, clock: Clock, mode: str, end: str
) -> None:
    options = {"concurrency": mode, **KEPT}
    visitor = browser(**options)
    visitor.put(name="Ada")

    def work(session: Any) -> None:
        assert session["name"] == "Ada"
        rotate(opened(backend, session.id, **options))
        getattr(session, end)()

    visitor.visit(work)
    assert backend.texts() == {}


@pytest.mark.parametrize("mode", ["merge", "beaker"])
def test_a_save_begun_before_a_rotation_and_a_logout_revives_nothing(
    browser: Browsers, backend: Backend, clock: Clock, mode: str
) -> None:
    options = {"concurrency": mode, **KEPT}
    visitor = browser(**options)
    visitor.put(name="Ada")

    def work(session: Any) -> None:
        assert session["name"] == "Ada"
        new = rotate(opened(backend, session.id, **options))
        opened(backend, new, **options).delete()
        session["colour"] = "green"
        session.save()

    with pytest.warns(BeakerWarning, match="was ended"):
        visitor.visit(work)
    assert all(text.startswith(POINTER) for text in backend.texts().values())
    assert visitor.read() == {}
    assert backend.texts() == {}


def test_a_read_during_a_rotation_changes_nothing(browser: Browsers, backend: Backend, clock: Clock) -> None:
    visitor = browser(**KEPT)
    visitor.put(name="Ada")

    def work(session: Any) -> str:
        assert session["name"] == "Ada"
        return rotate(opened(backend, session.id, **KEPT))

    visit = visitor.visit(work)
    assert visit.cookies == []
    assert opened(backend, visit.result)["name"] == "Ada"
    assert backend.texts()[visitor.id].startswith(POINTER)


@pytest.mark.parametrize("mode", ["merge", "beaker"])
def test_a_logout_beside_rotations_and_saves_wins(backend: Backend, mode: str) -> None:
    options = {"concurrency": mode, **KEPT}
    works: list[Callable[[Any], Any]] = [
        lambda session: session.delete(),
        rotate,
        rotate,
        put(colour="green"),
        put(shape="round"),
        name,
    ]
    for _ in range(25):
        first = opened(backend, uuid.uuid4().hex, **options)
        first["name"] = "Ada"
        first.save()
        sessions = [opened(backend, first.id, **options) for _ in works]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", BeakerWarning)
            together(partial(act, works, sessions), len(works))
        assert all(text.startswith(POINTER) for text in backend.texts().values())
        assert opened(backend, first.id, **options).is_new


@pytest.mark.parametrize("mode", ["merge", "beaker", "lock"])
def test_concurrent_rotations_and_saves_lose_nothing_and_leave_one_id(
    browser: Browsers, backend: Backend, mode: str
) -> None:
    options = {"concurrency": mode, **KEPT}
    for _ in range(10):
        visitor = Browser(backend.options, options)
        visitor.put(name="Ada")
        before = visitor.jar
        visitors = [Browser(backend.options, options) for _ in range(5)]

        def work(number: int) -> Visit:
            page = rotate if number < 2 else put(**{f"key{number}": number})
            return visitors[number].visit(page, cookie=before)  # noqa: B023 — done within the turn

        visits = together(work, len(visitors))
        cookies = [cookie for visit in visits for cookie in visit.cookies]
        assert len(cookies) == 1
        texts = [text for text in backend.texts().values() if not text.startswith(POINTER)]
        assert len(texts) == 1
        found = visitor.visit(dict, cookie=before).result
        assert found["name"] == "Ada"
        if mode != "beaker":
            assert [found[f"key{number}"] for number in range(2, 5)] == [2, 3, 4]
        visitor.jar = before
        visitor.visit(lambda session: session.delete())
