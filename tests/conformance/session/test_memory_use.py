"""Garbage: a request leaves nothing behind, whatever it did with its session."""

from __future__ import annotations

import gc
import os
import weakref
from typing import TYPE_CHECKING, Any

import pytest

from beaker.middleware import SessionMiddleware
from beaker.session import Session, SessionObject
from tests.support.sessions import Browser
from tests.support.tables import NAMES

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.sessions import Backend

REQUESTS = int(os.environ.get("BEAKER_GARBAGE_REQUESTS", "10000"))
BACKENDS_SHARE = {"memory": 1, "python": 2, "swap": 2, "file": 10, "sqlite": 10, "redis": 10, "memcached": 10}
BACKENDS_SHARE.update(dict.fromkeys((*NAMES, "mongodb"), 20))


class Own(Session):
    """A subclass, whose methods are called through Python."""


def touch_everything(session: Any) -> None:
    session["name"] = "Ada"
    assert session.cookie[session.key].value == session.id
    assert session.namespace is not None
    assert session.accessed_dict is not None
    assert session.__dict__["_sess"] is not None
    session.save()


USES: dict[str, Callable[[Any], Any]] = {
    "untouched": lambda session: None,
    "read": lambda session: session.get("name"),
    "everything": touch_everything,
    "a loop": lambda session: session.__setattr__("loop", session),
    "a loop in the fields": lambda session: session.__dict__.update(loop=session),
    "a loop in the session": lambda session: session.__setitem__("loop", session._session()),
}


def grown(run: Callable[[], Any], times: int) -> int:
    """The number of objects after many runs, less the number after a few."""
    for _ in range(50):
        run()
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(times):
        run()
    gc.collect()
    return len(gc.get_objects()) - before


@pytest.mark.parametrize("use", USES)
def test_many_requests_leave_no_objects_behind(backend: Backend, use: str) -> None:
    visitor = Browser(backend.options)
    if use == "everything":
        visitor.put(name="Ada")
    times = REQUESTS // BACKENDS_SHARE[backend.name] // (5 if use == "everything" else 1)
    assert grown(lambda: visitor.visit(USES[use]), times) < 50


def test_many_sessions_of_a_subclass_leave_no_objects_behind(memory: Backend) -> None:
    visitor = Browser(memory.options, {"session_class": Own})
    visitor.put(name="Ada")
    assert grown(lambda: visitor.visit(touch_everything), REQUESTS // 5) < 50


def test_many_middlewares_leave_no_objects_behind(memory: Backend) -> None:
    def make() -> None:
        made = SessionMiddleware(lambda _environ, _start: [b""], key="own", **memory.options)
        made({}, lambda *_args: None)

    assert grown(make, REQUESTS // 10) < 50


@pytest.mark.parametrize("kind", ["proxy", "session", "subclass", "proxy with fields"])
def test_a_session_that_refers_to_itself_is_collected(memory: Backend, kind: str) -> None:
    made: Any
    if kind.startswith("proxy"):
        made = SessionObject({}, **memory.options)
        made["self"] = made
    else:
        made = (Own if kind == "subclass" else Session)({}, **memory.options)
        made["self"] = made
        made.itself = made
    if kind == "proxy with fields":
        made.__dict__["itself"] = made
    gone = weakref.ref(made)
    del made
    gc.collect()
    assert gone() is None


def test_a_proxy_in_its_own_environ_is_collected(memory: Backend) -> None:
    environ: dict[str, Any] = {}
    environ["beaker.session"] = SessionObject(environ, **memory.options)
    environ["beaker.session"]["name"] = "Ada"
    gone = weakref.ref(environ["beaker.session"])
    del environ
    gc.collect()
    assert gone() is None


def test_a_middleware_that_refers_to_itself_is_collected(memory: Backend) -> None:
    class Application:
        wrapped: Any = None

        def __call__(self, environ: Any, start_response: Any) -> list[bytes]:
            environ["beaker.session"].save()
            start_response("200 OK", [])
            return [b""]

    application = Application()
    application.wrapped = SessionMiddleware(application, **memory.options)
    application.wrapped({}, lambda *_args: None)
    gone = weakref.ref(application)
    del application
    gc.collect()
    assert gone() is None


def test_a_start_response_that_outlives_its_request_is_collected(memory: Backend) -> None:
    kept: list[Any] = []

    def application(environ: Any, start_response: Any) -> list[bytes]:
        environ["beaker.session"].save()
        environ["start"] = start_response
        kept.append(weakref.ref(environ["beaker.session"]))
        return [b""]

    SessionMiddleware(application, **memory.options)({}, lambda *_args: None)
    gc.collect()
    assert kept[0]() is None


def test_sessions_in_memory_go_when_their_time_is_over(memory: Backend, clock: Any) -> None:
    visitor = Browser(memory.options, {"timeout": 60})
    for _ in range(500):
        visitor.jar = None
        visitor.put(name="Ada")
    assert len(memory.texts()) == 500
    clock.advance(1000)
    assert memory.texts() == {}
