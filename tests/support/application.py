"""An application for several processes. Its session options are the JSON in the environment's `OPTIONS`.

`/count` counts up and `/read` only reads; both answer with the process and the count. `/hold` keeps its
process busy.
"""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING

from beaker.middleware import SessionMiddleware

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

HOLD_SECONDS = 0.3


def simple_app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    path = environ["PATH_INFO"]
    if path == "/hold":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return hold()
    session = environ["beaker.session"]
    if path == "/count":
        session["count"] = session.get("count", 0) + 1
        session.save()
    count = session.get("count", 0)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{os.getpid()} {count}".encode()]


def hold() -> Iterator[bytes]:
    yield b"held"
    # Unlike `time.sleep`, this waits even where gevent would serve somebody else meanwhile.
    signal.sigtimedwait([signal.SIGUSR2], HOLD_SECONDS)
    yield b", let go"


wsgi_app = SessionMiddleware(simple_app, json.loads(os.environ["OPTIONS"]))
