"""Measures one package in one configuration; run by `bench_wsgi` in the package's own environment.

Both packages are called `beaker`, so that no process can have both. Each reads commands from its standard
input, a JSON object a line, and answers each by one.
"""

from __future__ import annotations

import gc
import itertools
import json
import pickle
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import beaker
from beaker.container import MemoryNamespaceManager
from beaker.middleware import SessionMiddleware
from benches.applications import SESSIONS, USER, PlainSession, application, environ_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from benches.applications import Application, Environ

# New sessions, in one process, before all are removed.
MOST_SESSIONS = 1000
FEWEST_BARE = 1000
EXPECTED = {"untouched": b"GET", "read": USER.encode(), "read-list": b"editor", "new": USER.encode()}


class Server:
    """Calls applications as a server does, and keeps the last response."""

    def __init__(self) -> None:
        self.headers: list[tuple[str, str]] = []

    def start_response(self, _status: str, headers: list[tuple[str, str]], _exc_info: object = None) -> None:
        """Keeps the headers."""
        self.headers = headers

    def call(self, app: Application, environ: Environ) -> bytes:
        """One request; its body."""
        return b"".join(app(environ.copy(), self.start_response))

    def cookie(self) -> str | None:
        """The `name=value` that the last response set."""
        set_cookie = [value for name, value in self.headers if name.lower() == "set-cookie"]
        return set_cookie[0].split(";")[0].strip() if set_cookie else None

    def measure(self, app: Application, environ: Environ, requests: int) -> tuple[int, int, bytes]:
        """The nanoseconds on the clock and on the processor for so many requests, and the last one's body."""
        start_response = self.start_response
        body: Any = ()
        wall, cpu = time.perf_counter_ns(), time.thread_time_ns()
        for _ in itertools.repeat(None, requests):
            request = environ.copy()
            body = app(request, start_response)
            # The environ holds the session and the session the environ. Servers leave that to the garbage
            # collector, which is off meanwhile; like this a round has the freeing in it and no growth.
            request.clear()
        return time.perf_counter_ns() - wall, time.thread_time_ns() - cpu, b"".join(body)


class Worker:
    """A middleware and what is done to it."""

    def __init__(self, backend: str, options: dict[str, str], data_dir: str) -> None:
        self.backend = backend
        self.data_dir = Path(data_dir)
        config = {f"session.{name}": value for name, value in options.items()} | {"session.type": backend}
        if backend == "file":
            config["session.data_dir"] = data_dir
        self.app = SessionMiddleware(application, config)
        self.server = Server()
        self.requests: dict[tuple[str, str], int] = {}
        # By the size of the session: its cookie, and how often it was counted up.
        self.cookies: dict[str, str] = {}
        self.counts: dict[str, int] = {}
        self.made = 0

    def calibrate(self, size: str, request: str, seconds: float) -> int:
        """Finds how many requests take so long, by the processor's clock, which others do not slow down."""
        requests = 4
        while True:
            self.requests[size, request] = requests
            cost = min(self.round(size, request)["wrapped"][1] for _ in range(2))
            if requests * cost >= seconds * 1e9 / 2:
                break
            requests *= 2
        requests = max(4, int(seconds * 1e9 / cost))
        self.requests[size, request] = requests
        return requests

    def round(self, size: str, request: str) -> dict[str, tuple[float, float]]:
        """The nanoseconds that a request takes, by the clock and by the processor, with and without."""
        requests = self.requests[size, request]
        cookie = None if request == "new" else self.log_in(size)
        environ = environ_of(f"/{request}", cookie, size)
        plain = environ | {"beaker.session": PlainSession(SESSIONS[size])}
        gc.collect()
        gc.disable()
        try:
            # A number large enough for a clock, however few of the other there are.
            many = max(requests, FEWEST_BARE)
            bare = self.server.measure(application, plain, many)
            wrapped = self.server.measure(self.app, environ, requests)
        finally:
            gc.enable()
        self.check(size, request, cookie, wrapped[2])
        if request == "new":
            self.made += requests
        if self.made > MOST_SESSIONS:
            self.empty()
        return {
            "wrapped": (wrapped[0] / requests, wrapped[1] / requests),
            "bare": (bare[0] / many, bare[1] / many),
        }

    def log_in(self, size: str) -> str:
        """Gives the cookie of a session, which is made if there is none."""
        if size not in self.cookies:
            self.server.call(self.app, environ_of("/new", None, size))
            cookie = self.server.cookie()
            assert cookie is not None, "a new session sends its cookie"
            self.cookies[size], self.counts[size] = cookie, 0
        return self.cookies[size]

    def check(self, size: str, request: str, cookie: str | None, body: bytes) -> None:
        """Sees to it that no number is that of requests which did not do their work."""
        if self.backend == "cookie":
            self.check_in_cookie(size, request, cookie, body)
            return
        if request == "write":
            self.counts[size] += self.requests[size, request]
        wanted = EXPECTED.get(request, b"%d" % self.counts.get(size, 0))
        assert body == wanted, f"{request} answered {body!r} and not {wanted!r}"
        sent = self.server.cookie()
        assert (sent is not None) == (request == "new"), f"{request} sent the cookie {sent!r}"
        stored = environ_of("/read-list", cookie or sent, size)
        assert self.server.call(self.app, stored) == b"editor", "the session is stored"
        if request == "write":
            self.counts[size] += 1
            again = self.server.call(self.app, stored | {"PATH_INFO": "/write"})
            assert again == b"%d" % self.counts[size], "every count is stored"

    def check_in_cookie(self, size: str, request: str, cookie: str | None, body: bytes) -> None:
        """The same where the cookie is the session, so that the same cookie always gives the same count."""
        wanted = EXPECTED.get(request, b"1")
        assert body == wanted, f"{request} answered {body!r} and not {wanted!r}"
        sent = self.server.cookie()
        assert (sent is not None) == (request != "untouched"), f"{request} sent the cookie {sent!r}"
        last = environ_of("/write", sent or cookie, size)
        counted = b"2" if request == "write" else b"1"
        assert self.server.call(self.app, last) == counted, "the cookie has the session"

    def empty(self) -> None:
        """Removes all sessions. The folders stay, as they are there in any long-lived installation."""
        self.made = 0
        self.cookies.clear()
        if self.backend == "memory":
            MemoryNamespaceManager.namespaces.clear()
        if self.backend != "file":
            return
        for path in self.data_dir.rglob("*"):
            if path.is_file():
                path.unlink()

    def where(self, size: str) -> dict[str, object]:
        """The folder and the length in bytes of the file of a session."""
        self.empty()
        self.log_in(size)
        [path] = self.data_dir.rglob("*.cache")
        return {"folder": str(path.parent), "length": path.stat().st_size}


def facts() -> dict[str, object]:
    """The measurements of this process."""
    return {
        "python": sys.version,
        "beaker": beaker.__version__,
        "native": (Path(beaker.__file__).parent / "_core.pyi").is_file(),
        "sizes": {name: len(pickle.dumps(session, 2)) for name, session in SESSIONS.items()},
    }


def main() -> None:
    """Answers commands until there are no more."""
    worker = Worker(**json.loads(sys.argv[1]))
    commands: dict[str, Callable[..., object]] = {
        "calibrate": worker.calibrate,
        "round": worker.round,
        "where": worker.where,
        "facts": facts,
    }
    for line in sys.stdin:
        command, arguments = json.loads(line)
        print(json.dumps(commands[command](*arguments)), flush=True)


if __name__ == "__main__":
    main()
