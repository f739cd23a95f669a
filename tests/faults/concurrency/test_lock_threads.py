"""One thread locks a session and another unlocks it, as in servers that respond from another thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from beaker.exceptions import LockError
from beaker.middleware import SessionMiddleware
from tests.support.fixtures import BACKENDS, make_backend
from tests.support.sessions import ID, is_free, opened, stored
from tests.support.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.sessions import Backend


@pytest.fixture(params=[*BACKENDS, "dbm", "hashed dbm"])
def backend(request: pytest.FixtureRequest, tmp_path: Path, empty_memory: None) -> Backend:
    """Each place where sessions are kept."""
    return make_backend(request.param, tmp_path)


def name(backend: Backend) -> Any:
    return opened(backend, ID)["name"]


def test_another_thread_sends_the_headers(backend: Backend) -> None:
    stored(backend, name="Ada")
    later: list[Callable[[], Any]] = []

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        environ["beaker.session"]["name"] += " Lovelace"
        environ["beaker.session"].save()
        later.append(lambda: start_response("200 OK", []))
        return []

    middleware = SessionMiddleware(application, **backend.options, concurrency="lock", lock_timeout=5)
    environ = {"HTTP_COOKIE": f"beaker.session.id={ID}"}
    in_thread(lambda: middleware(environ, lambda *_args: None))
    assert not is_free(backend, ID)
    in_thread(later[0])
    assert is_free(backend, ID)
    assert name(backend) == "Ada Lovelace"


def test_another_thread_unlocks_what_is_locked(backend: Backend) -> None:
    stored(backend, name="Ada")
    session = opened(backend, ID)
    in_thread(session.lock)
    assert not is_free(backend, ID)
    session.load()
    session["name"] = "Grace"
    session.save()
    session.unlock()
    assert is_free(backend, ID)
    assert name(backend) == "Grace"
    session.lock()
    in_thread(session.unlock)
    assert is_free(backend, ID)


def test_another_thread_drops_what_is_locked(backend: Backend) -> None:
    stored(backend, name="Ada")
    kept = [opened(backend, ID)]
    in_thread(kept[0].lock)
    in_thread(kept.clear)
    assert is_free(backend, ID)


def test_a_thread_that_unlocks_for_another_keeps_what_it_has_itself(backend: Backend) -> None:
    stored(backend, name="Ada")
    other = opened(backend, "another")
    other["name"] = "Grace"
    other.save()
    mine = opened(backend, "another")
    mine.lock()
    session = opened(backend, ID)
    in_thread(session.lock)
    session.unlock()
    assert not is_free(backend, "another")
    mine.unlock()
    assert is_free(backend, "another")


def test_another_thread_may_unlock_a_rotated_session(backend: Backend) -> None:
    stored(backend, name="Ada")
    session = opened(backend, ID)
    in_thread(session.lock)
    session.load()
    session.regenerate_id()
    session.save()
    session.unlock()
    assert is_free(backend, ID)
    assert is_free(backend, session.id)
    assert opened(backend, session.id)["name"] == "Ada"


def test_a_thread_may_lock_again_after_another_has_unlocked(dbm: Backend) -> None:
    stored(dbm, name="Ada")
    session = opened(dbm, ID)
    session.lock()
    in_thread(session.unlock)
    with pytest.raises(LockError):
        session.unlock()
    for _ in range(2):
        session.lock()
        session.unlock()
    assert name(dbm) == "Ada"
