"""The smallest application with sessions. Any WSGI server runs it: `gunicorn examples.logged_in:wsgi_app`.

It names no folder for its sessions, so a private one under the system's temporary directory is used, and a
warning says which.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from beaker.middleware import SessionMiddleware

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment


def simple_app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Says whether the visitor has logged in, and remembers who it is."""
    session = environ["beaker.session"]
    logged_in = "logged_in" in session
    session["user_id"] = 10
    session.save()
    start_response("200 OK", [("Content-type", "text/plain")])
    return [f"logged in: {logged_in}\n".encode()]


wsgi_app = SessionMiddleware(
    simple_app,
    {
        "session.type": "file",
        "session.cookie_expires": True,
    },
)
