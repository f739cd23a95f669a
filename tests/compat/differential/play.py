"""Plays a scenario with whichever Beaker is installed, and tells all that can be observed.

A scenario is JSON: options, how the session is made, and requests, each with its operations. The same code
runs in ours and in a process of the original, where `corrections` may first give it some of our fixes.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import re
import tempfile
import warnings
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from beaker.container import MemoryNamespaceManager
from beaker.exceptions import BeakerWarning
from beaker.middleware import SessionMiddleware
from beaker.session import CookieSession, Session, SessionObject
from beaker.util import coerce_session_params
from tests.compat.differential.clock import Clock, clock
from tests.compat.differential.operations import Context, perform
from tests.compat.differential.recorders import (
    BACKEND_LOG,
    LOG,
    RecordingBackend,
    RecordingCookieSession,
    RecordingSession,
    without_repeated_encoding,
)
from tests.compat.differential.values import Names, given, outcome, raised, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Scenario = dict[str, Any]
Seen = dict[str, Any]

IS_ORIGINAL = importlib.util.find_spec("beaker._core") is None
DEFAULT_KEY = "beaker.session.id"
PROBED = re.compile("headers have gone|was deleted in this request")
"""The warnings that are compared by a probe of their own."""
CLASSES = {False: (Session, RecordingSession), True: (CookieSession, RecordingCookieSession)}


class Raised(Exception):  # noqa: N818 -- an application's own
    """The exception of a scenario's application that has to fail."""


class World:
    """Everything that outlives a request."""

    def __init__(self, scenario: Scenario, folder: Path, now: Clock) -> None:
        self.clock = now
        self.folder = folder
        self.options: dict[str, Any] = {name: given(value) for name, value in scenario["options"].items()}
        self.how: str = scenario["how"]
        backend = scenario["backend"]
        self.in_cookie: bool = backend == "cookie"
        if backend == "namespace":
            self.options["namespace_class"] = RecordingBackend
            self.options["namespace_args"] = "an argument of the backend"
        else:
            self.options["type"] = backend
        if backend == "file":
            self.options["data_dir"] = str(folder)
        plain, recording = CLASSES[self.in_cookie]
        if scenario["subclass"] and self.how != "bare":
            self.options["session_class"] = recording
        self.class_: Any = recording if scenario["subclass"] else plain
        secret = self.options.get("validate_key" if self.in_cookie else "secret")
        self.names = Names(secret, self.content if self.in_cookie else None)
        self.key: str = self.options.get("key", DEFAULT_KEY)
        self.jars: dict[int, str | None] = {}
        self.sent: list[str] = []
        self.ids: list[str] = []

    def meet(self, session_id: object) -> None:
        """Remembers an id."""
        if isinstance(session_id, str) and session_id not in self.ids:
            self.ids.append(session_id)

    def cookie_for(self, request: Scenario) -> str | None:
        """The Cookie header of a request."""
        jar = self.jars.get(request["client"])
        kind, *arguments = request["cookie"]
        if kind == "jar":
            return jar
        if kind == "replay":
            return self.sent[arguments[0]] if arguments[0] < len(self.sent) else None
        text: str = arguments[0]
        return text.replace("{jar}", jar or f"{self.key}=").replace("{key}", self.key)

    def receive(self, client: int, header: str) -> None:
        """Handles a Set-Cookie header as a browser does."""
        pair = header.strip().partition(";")[0]
        self.sent.append(pair)
        self.meet(pair.partition("=")[2][-32:])
        self.jars[client] = pair
        dated = re.search(r"expires=\w+, (\d\d)-(\w+)-(\d{4}) ([\d:]+) GMT", header)
        if dated:
            at = datetime.strptime(" ".join(dated.groups()), "%d %b %Y %H:%M:%S").replace(tzinfo=timezone.utc)
            if at.timestamp() < self.clock.now:
                self.jars[client] = None

    def stored(self) -> list[str]:
        """The records under every id that was seen, read through the library."""
        if self.in_cookie:
            return [str(jar) for _, jar in sorted(self.jars.items())]
        options = self._bare_options()

        def look(session_id: str) -> Any:
            found = Session({}, id=session_id, use_cookies=False, **options)
            return "absent" if found.is_new else {**found, "_accessed_time": found.last_accessed}

        with LOG.off(), BACKEND_LOG.off():
            return [outcome(look, session_id) for session_id in self.ids]

    def content(self, text: str) -> Any:
        """The text in a signed value."""
        with LOG.off():
            return CookieSession({}, **self._bare_options())._decrypt_data(text)

    def _bare_options(self) -> dict[str, Any]:
        left_out = ("timeout", "auto", "session_class", "key", "cookie_expires", "invalidate_corrupt")
        options = {name: value for name, value in self.options.items() if name not in left_out}
        return coerce_session_params(options)


def play(scenario: Scenario) -> list[Seen]:
    """The observations of each request of the scenario."""
    # What the application changes in place is its own copy.
    scenario = json.loads(json.dumps(scenario))
    with contextlib.ExitStack() as stack:
        now = stack.enter_context(clock())
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        MemoryNamespaceManager.namespaces.clear()
        RecordingBackend.records.clear()
        LOG.take()
        BACKEND_LOG.take()
        if IS_ORIGINAL:
            from tests.compat.differential import cookie_corrections, header_corrections  # noqa: F401 - found by name
            from tests.compat.differential.corrections import corrected

            stack.enter_context(corrected(scenario["corrections"]))
        world = World(scenario, Path(folder), now)
        return [_request(world, request) for request in scenario["requests"]]


def _request(world: World, request: Scenario) -> Seen:
    world.clock.now += request["wait"]
    if request["damage"] is not None:
        _damage(world, request["damage"])
    environ: dict[str, Any] = {"wsgi.version": (1, 0)}
    cookie = world.cookie_for(request)
    if cookie is not None:
        environ["HTTP_COOKIE"] = cookie
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        seen: Seen = HOW[world.how](world, request, environ)
        # The request has ended when no reference to its session is left.
        environ.clear()
    if world.class_ in (Session, CookieSession):
        # Where a program decodes sessions by itself, ours may warn of losing a change that it only presumes.
        seen["warnings"] = sum(
            issubclass(warning.category, BeakerWarning) and not PROBED.search(str(warning.message))
            for warning in caught
        )
    seen["calls"] = without_repeated_encoding(LOG.take())
    seen["accesses"] = BACKEND_LOG.take()
    seen["stored"] = world.stored()
    seen["records"] = len(list(world.folder.glob("container_file/**/*.cache")))
    return {name: _named(world.names, value) for name, value in seen.items()}


def _named(names: Names, value: Any) -> Any:
    if isinstance(value, str):
        return names(value)
    if isinstance(value, (list, tuple)):
        return [_named(names, item) for item in value]
    if isinstance(value, dict):
        return {key: _named(names, item) for key, item in value.items()}
    return value


def _damage(world: World, how: str) -> None:
    """Does to every stored record what disks and other programs do."""
    for record in world.folder.glob("container_file/**/*.cache"):
        whole = record.read_bytes()
        damaged = {
            "empty": b"",
            "half": whole[: len(whole) // 2],
            "noise": b"\x80\x02garbage",
            "bitten": whole[:60] + b"!" + whole[61:],
        }
        record.write_bytes(damaged[how])


def _perform(world: World, session: Any, environ: dict[str, Any], operations: Any) -> Iterator[str]:
    context = Context(session, environ, world.clock, world.ids)
    for name, *arguments in operations:
        called = f"{name}{arguments}"
        yield f"{called} -> {outcome(perform, context, name, *map(given, arguments))}"


def _look_back(world: World, session: SessionObject) -> Seen:
    """The values that frameworks read after a request."""
    inside = session.__dict__
    headers = {name: shown(value) for name, value in sorted(inside["_headers"].items())}
    used = inside["_sess"] is not None
    if used and not world.in_cookie:
        world.meet(session.id)
    return {
        "accessed": session.accessed(),
        "dirty": [session.dirty(), inside.get("_dirty")],
        "_headers": headers,
        "_sess": type(inside["_sess"]).__name__,
        "_params": sorted(inside["_params"]),
        "content": outcome(repr, session) if used else "unused",
        "attributes": [
            f"{name}={outcome(getattr, session, name)}"
            for name in ("id", "is_new", "last_accessed", "was_invalidated", "created", "domain", "path")
            if used
        ],
    }


def _by_middleware(world: World, request: Scenario, environ: dict[str, Any]) -> Seen:
    performed: list[str] = []
    responses: list[Any] = []
    ending = request["ending"]

    def write(_data: bytes) -> None:
        """The server's."""

    def server(status: str, headers: Any, exc_info: Any = None) -> Any:
        for name, value in headers:
            if name == "Set-cookie":
                world.receive(request["client"], value)
        responses.append([status, list(headers), exc_info is not None])
        return write

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        session = environ["beaker.session"]
        performed.extend(_perform(world, session, environ, request["operations"]))
        if ending == "raise before":
            raise Raised
        headers: Any = [("Content-Type", "text/plain"), *map(tuple, request["headers"])]
        if ending == "tuple":
            headers = tuple(headers)
        arguments = [(Raised, Raised(), None)] if ending == "exc_info" else []
        written = start_response("200 OK", headers, *arguments)
        performed.append(f"write is the server's: {written is write}; headers: {len(headers)}")
        performed.extend(_perform(world, session, environ, request["late"]))
        if ending == "twice":
            start_response("500 Oops", [("X-Second", "1")], (Raised, Raised(), None))
        if ending == "raise after":
            raise Raised
        return [b"body"]

    config = {f"session.{name}": value for name, value in world.options.items()}
    body: list[Any]
    try:
        body = list(SessionMiddleware(app, config)(environ, server))
    except Exception as error:  # compared
        body = ["raises " + raised(error)]
    session = environ.get("beaker.session")
    seen = {"performed": performed, "responses": responses, "body": [shown(part) for part in body]}
    return seen if session is None else {**seen, **_look_back(world, session)}


def _alone(world: World, request: Scenario, environ: dict[str, Any]) -> Seen:
    """As adapters of frameworks use it."""
    session = SessionObject(environ, **coerce_session_params({"invalidate_corrupt": True, **world.options}))
    environ["beaker.get_session"] = lambda: Session({}, use_cookies=False, **session.__dict__["_params"])
    performed = list(_perform(world, session, environ, request["operations"]))
    sent = None

    def finish() -> None:
        nonlocal sent
        if session.accessed():
            session.persist()
            headers = session.__dict__["_headers"]
            if headers["set_cookie"]:
                sent = headers["cookie_out"]
            if sent:
                world.receive(request["client"], sent)

    finished = outcome(finish)
    return {"performed": performed, "finished": finished, "sent": sent, **_look_back(world, session)}


def _bare(world: World, request: Scenario, environ: dict[str, Any]) -> Seen:
    """As programs open a session that is theirs by an id that they chose."""
    if world.in_cookie:
        return _bare_cookie(world, request, environ)
    performed: list[str] = []
    options = coerce_session_params(dict(world.options))
    session_id = f"{'3f2b0c9d8e7a46519b0c1d2e3f4a5b6'}{request['client']}.progress.x"
    world.meet(session_id)

    def use() -> None:
        session = world.class_({}, id=session_id, use_cookies=False, **options)
        performed.extend(_perform(world, session, environ, request["operations"]))
        world.meet(session.id)
        performed.append(shown(session))
        performed.append(shown([session.id, session.is_new, session.last_accessed, session.was_invalidated]))

    return {"finished": outcome(use), "performed": performed}


def _bare_cookie(world: World, request: Scenario, environ: dict[str, Any]) -> Seen:
    """As programs use the class by itself."""
    performed: list[str] = []
    headers: dict[str, Any] = {"cookie": environ.get("HTTP_COOKIE")}

    def use() -> None:
        session = world.class_(headers, **coerce_session_params(dict(world.options)))
        performed.extend(_perform(world, session, environ, request["operations"]))
        performed.append(shown([session.id, session.is_new, dict(session)]))
        if headers["set_cookie"]:
            world.receive(request["client"], headers["cookie_out"])

    return {"finished": outcome(use), "performed": performed, "sent": shown(headers)}


HOW: dict[str, Callable[[World, Scenario, dict[str, Any]], Seen]] = {
    "middleware": _by_middleware,
    "alone": _alone,
    "bare": _bare,
}
