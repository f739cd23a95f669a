"""An application that is made, and whose sessions are used, before its server forks.

`/count` adds one with `concurrency = lock`, `/own/NAME` sets a key of its own with `merge`, `/hold` keeps the
session until its process is killed, and `/threads` tells the threads that the system knows of this process.
Its options are the JSON in the environment's `OPTIONS`.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from beaker.middleware import SessionMiddleware
from beaker.session import Session
from tests.support.sessions import UNKNOWN_ID as COUNTED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

OPTIONS: dict[str, Any] = json.loads(os.environ["OPTIONS"])
HOLD_SECONDS = 120


def counting(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    path = environ["PATH_INFO"]
    session = environ["beaker.session"]
    if path == "/hold":
        count = session["count"]
        Path(os.environ["HOLDER"]).write_text(f"{os.getpid()}\n")
        time.sleep(HOLD_SECONDS)
    elif path == "/count":
        session["count"] = count = session["count"] + 1
        session.save()
    else:
        count = session["count"]
    return answer(start_response, str(count))


def setting(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    session = environ["beaker.session"]
    session[environ["PATH_INFO"]] = True
    session.save()
    return answer(start_response, "set")


def threads(start_response: StartResponse) -> Iterable[bytes]:
    names = [(task / "comm").read_text().strip() for task in Path("/proc/self/task").iterdir()]
    return answer(start_response, json.dumps({"names": names, "before": THREADS_BEFORE}))


def answer(start_response: StartResponse, text: str) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{os.getpid()} {text}".encode()]


held = SessionMiddleware(counting, OPTIONS, concurrency="lock")
merged = SessionMiddleware(setting, OPTIONS)


def wsgi_app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    path = environ["PATH_INFO"]
    if path == "/threads":
        return threads(start_response)
    chosen = merged if path.startswith("/own/") else held
    response: Iterable[bytes] = chosen(environ, start_response)
    return response


def use_before_the_fork() -> int:
    """Begins the session, reads it, changes it and holds it, as a start of an application may."""
    own = {name.removeprefix("session."): value for name, value in OPTIONS.items()}
    options: dict[str, Any] = {**own, "use_cookies": False}
    for number in range(2):
        session: Any = Session({}, id=COUNTED, concurrency="lock", **options)
        session["count"] = number
        session.save()
        session.unlock()
    return len(list(Path("/proc/self/task").iterdir()))


# Both middlewares have served, too.
THREADS_BEFORE = 0
if os.environ.get("USED_IN") is None:
    os.environ["USED_IN"] = str(os.getpid())
    THREADS_BEFORE = use_before_the_fork()
    for _path in ("/count", "/own/before"):
        cookie = {"HTTP_COOKIE": f"beaker.session.id={COUNTED}", "PATH_INFO": _path}
        list(wsgi_app(cookie, lambda *_arguments: lambda _data: None))
