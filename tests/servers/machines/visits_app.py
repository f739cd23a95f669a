"""Counts a visitor's visits in a session that all machines share. `STORE` names the options of the store."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from beaker.exceptions import StoreUnavailableError
from beaker.middleware import SessionMiddleware

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment


def count(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answers with the number of the visit and the process that served it."""
    session = environ["beaker.session"]
    session["visits"] = session.get("visits", 0) + 1
    session.save()
    start_response("200 OK", [("Content-type", "text/plain")])
    return [f"{session['visits']} {os.getpid()}".encode()]


with_sessions = SessionMiddleware(
    count,
    {
        "session.timeout": 3600,
        "session.connect_timeout": 1,
        "session.operation_timeout": 1,
        **json.loads(os.environ["STORE"]),
    },
)


def wsgi_app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answers 503 where the store does not answer. gunicorn closes the connection of an `OSError` instead."""
    try:
        return with_sessions(environ, start_response)
    except StoreUnavailableError:
        start_response("503 Service Unavailable", [("Retry-After", "1"), ("Content-Length", "0")])
        return []
