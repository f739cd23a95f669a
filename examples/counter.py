"""Counts a visitor's visits in a session that every process of the server shares."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from beaker.middleware import SessionMiddleware

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment


def count(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answers with the number of this visit and the process that served it."""
    session = environ["beaker.session"]
    session["visits"] = session.get("visits", 0) + 1
    session.save()
    start_response("200 OK", [("Content-type", "text/plain")])
    return [f"visit {session['visits']}, served by process {os.getpid()}\n".encode()]


wsgi_app = SessionMiddleware(
    count,
    {
        "session.type": "file",
        "session.data_dir": os.environ.get("SESSIONS", "sessions"),
        "session.httponly": True,
    },
)
