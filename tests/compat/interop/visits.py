"""Requests to a small application, under whichever Beaker is installed."""

from __future__ import annotations

import importlib
import time
from typing import TYPE_CHECKING, Any
from unittest import mock

from beaker.middleware import SessionMiddleware
from beaker.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable


def _count(session: Any) -> object:
    session["visits"] = session.get("visits", 0) + 1
    session.save()
    return session["visits"]


def _append(session: Any) -> object:
    """Changes what is stored in place and never says so."""
    session.get("items", []).append(session.get("visits"))
    return session.get("items")


def _fill(session: Any) -> object:
    session["items"] = []
    return _count(session)


def _look(session: Any) -> object:
    return [session.get("visits"), session.is_new, session.last_accessed]


def _log_out(session: Any) -> None:
    session.delete()


def _begin_again(session: Any) -> object:
    session.invalidate()
    return _count(session)


def _rotate(session: Any) -> object:
    session.regenerate_id()
    return _count(session)


def _remember(session: Any) -> object:
    """Of ours alone."""
    session.set_timeout(10_000)
    return _count(session)


ACTIONS: dict[str, Callable[[Any], object]] = {
    "count": _count,
    "fill": _fill,
    "append": _append,
    "look": _look,
    "log out": _log_out,
    "begin again": _begin_again,
    "rotate": _rotate,
    "remember": _remember,
}


def visit(
    options: dict[str, Any], folder: str, now: float, action: str, cookie: str | None = None
) -> dict[str, Any]:
    """One request: the application's answer, the session's id, and the cookie that the browser then has.

    Sessions are in files in `folder`, or where the options say.
    """
    answer: dict[str, Any] = {"cookie": cookie}

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        session = environ["beaker.session"]
        answer["answer"] = ACTIONS[action](session)
        start_response("200 OK", [])
        answer["id"] = session.id
        return []

    sent: list[tuple[str, str]] = []
    config = {f"session.{name}": value for name, value in options.items()}
    if "type" not in options:
        config.update({"session.type": "file", "session.data_dir": folder})
    environ = {} if cookie is None else {"HTTP_COOKIE": cookie}
    with mock.patch.object(time, "time", return_value=now):
        SessionMiddleware(app, config)(environ, lambda _status, headers, _exc_info=None: sent.extend(headers))
    for name, value in sent:
        if name == "Set-cookie":
            answer["cookie"] = value.strip().partition(";")[0]
    return answer


_held: list[Any] = []


def _by_id(folder: str, session_id: str) -> Session:
    return Session({}, id=session_id, use_cookies=False, type="file", data_dir=folder)


def hold(folder: str, session_id: str) -> None:
    """Locks the session's record, until `let_go`."""
    session = _by_id(folder, session_id)
    session.lock()
    _held.append(session)


def hold_shared(folder: str, session_id: str) -> None:
    """Locks the session's record against writers, until `let_go`."""
    session = _by_id(folder, session_id)
    session.namespace.acquire_read_lock()
    _held.append(session)


def write_and_let_go(name: str) -> None:
    """Adds a name to the locked record and unlocks it."""
    session = _held.pop()
    session[name] = True
    session.save()
    session.unlock()


def let_go() -> None:
    """Unlocks a record that was locked against writers."""
    _held.pop().namespace.release_read_lock()


def write(folder: str, session_id: str, name: str) -> None:
    """Adds a name to a record, among other writers."""
    session = Session({}, id=session_id, use_cookies=False, type="file", data_dir=folder)
    session[name] = True
    session.save()


def names(folder: str, session_id: str) -> list[str]:
    """The keys in a record, without the session's own."""
    return sorted(name for name in _by_id(folder, session_id) if not name.startswith("_"))


def cache(folder: str, key: str, value: str) -> None:
    """Puts a value into a cache beside the sessions, which the original alone has."""
    _cache(folder).put(key, value)


def cached(folder: str, key: str) -> object:
    """The value that such a cache has."""
    return _cache(folder).get(key)


def _cache(folder: str) -> Any:
    manager: Any = vars(importlib.import_module("beaker.cache"))["CacheManager"]
    return manager(type="file", data_dir=folder).get_cache("some cache")


def note(folder: str, session_id: str, key: str, value: str) -> None:
    """Puts a key of a program's own beside the session, as a program does that knows the backend."""
    namespace = _by_id(folder, session_id).namespace
    namespace.acquire_write_lock()
    try:
        namespace[key] = value
    finally:
        namespace.release_write_lock()
