"""A middleware can be copied and pickled, as frameworks and workers do."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
from typing import TYPE_CHECKING, Any

import pytest

from beaker.exceptions import ConfigurationError
from beaker.middleware import SessionMiddleware
from tests.servers.workers.copied import Counter, Named, serve, visit
from tests.support.sessions import COOKIE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Copy = Callable[[Any], Any]


def pickled(protocol: int) -> Copy:
    """A copy by way of a pickle."""
    return lambda value: pickle.loads(pickle.dumps(value, protocol))


COPIES: dict[str, Copy] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    **{f"pickle {protocol}": pickled(protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)},
}


@pytest.fixture(params=COPIES)
def copied(request: pytest.FixtureRequest) -> Copy:
    return COPIES[request.param]


@pytest.fixture(params=["memory", "file", "sqlite", "dbm", "cookie"])
def options(request: pytest.FixtureRequest, tmp_path: Path, empty_memory: None) -> dict[str, Any]:
    return COOKIE if request.param == "cookie" else {"type": request.param, "data_dir": str(tmp_path)}


def test_a_copy_serves_the_same_sessions(copied: Copy, options: dict[str, Any]) -> None:
    middleware = SessionMiddleware(Counter(), key="sid", **options)
    visits, cookie = visit(middleware)
    again = copied(middleware)
    assert type(again) is SessionMiddleware
    assert again is not middleware
    for number, each in enumerate((again, middleware, again), start=visits + 1):
        visits, cookie = visit(each, cookie)
        assert visits == number


def test_a_copy_has_the_parts_that_a_copy_in_beaker_has(copied: Copy, options: dict[str, Any]) -> None:
    middleware = SessionMiddleware(Counter(), environ_key="its.session", **options)
    again = copied(middleware)
    is_shallow = copied is copy.copy
    assert (again.app is middleware.app) is is_shallow
    assert again.app is again.wrap_app
    assert isinstance(again.app, Counter)
    assert again.options == middleware.options
    assert (again.options is middleware.options) is is_shallow
    assert again.environ_key == "its.session"
    assert again._get_session().is_new


def test_a_copy_of_a_subclass_has_what_is_its_own(copied: Copy, options: dict[str, Any]) -> None:
    middleware = Named(Counter(), **options)
    again = copied(middleware)
    assert type(again) is Named
    assert again.names == ["a name"]
    assert (again.names is middleware.names) is (copied is copy.copy)
    assert visit(again)[0] == 1


def test_a_copy_gives_sessions_of_its_own(copied: Copy, memory: Any) -> None:
    class Own(SessionMiddleware):
        def _get_session(self) -> Any:
            return self

    if copied not in (copy.copy, copy.deepcopy):
        return
    again: Any = copied(Own(lambda environ, _start: [environ["beaker.get_session"]()], **memory.options))
    assert again({}, None) == [again]


def test_options_that_are_changed_in_a_copy_take_effect_there(memory: Any) -> None:
    middleware = SessionMiddleware(Counter(), **memory.options)
    shallow, deep = copy.copy(middleware), copy.deepcopy(middleware)
    shallow.options["key"] = "changed"
    assert visit(shallow)[1].startswith("changed=")
    assert visit(middleware)[1].startswith("changed=")
    assert visit(deep)[1].startswith("beaker.session.id=")


def test_invalid_options_are_refused_when_a_copy_is_made(memory: Any) -> None:
    middleware = SessionMiddleware(Counter(), **memory.options)
    middleware.options["samesite"] = "Perhaps"
    with pytest.raises(ConfigurationError):
        copy.deepcopy(middleware)


def test_a_middleware_inside_others_is_copied_with_them(copied: Copy, options: dict[str, Any]) -> None:
    stack = {"apps": [SessionMiddleware(SessionMiddleware(Counter(), key="in", **options), **options)]}
    assert visit(copied(stack)["apps"][0])[0] == 1


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_a_worker_is_given_the_middleware(method: str, options: dict[str, Any]) -> None:
    if options.get("type") == "memory":
        options = {"type": "memory"}
    middleware = Named(Counter(), **options)
    visits, cookie = visit(middleware)
    assert visits == 1
    context: Any = multiprocessing.get_context(method)
    ours, theirs = context.Pipe()
    worker = context.Process(target=serve, args=(middleware, cookie, theirs))
    worker.start()
    theirs.close()
    assert ours.poll(60)
    # What is in memory is in the memory of one process.
    assert ours.recv() == [1 if options["type"] == "memory" else 2, 1, "Named"]
    worker.join(60)
    assert worker.exitcode == 0
