"""The application whose sessions are measured, and the sessions that it keeps.

It does as little as an application can, so that what is measured is the session. The same application is
measured without a middleware, with a plain dictionary where the session would be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Environ = dict[str, Any]
    StartResponse = Callable[[str, list[tuple[str, str]]], Any]
    Application = Callable[[Environ, StartResponse], Iterable[bytes]]

USER = "alice@example.org"

SMALL: dict[str, Any] = {
    "user": USER,
    "counter": 0,
    "csrf_token": "5b0ce0a2f3c94f0d8f2a8a7a3b1f6f3e",
    "roles": ["editor", "reviewer"],
    "language": "en",
    "logged_in": True,
}
LARGE: dict[str, Any] = SMALL | {
    "cart": [
        {
            "number": number,
            "name": f"article {number}",
            "price": number * 1.25,
            "text": f"{number:04} is described in a sentence or two, as shops do. " * 4,
        }
        for number in range(200)
    ],
}
SESSIONS = {"small": SMALL, "large": LARGE}


class PlainSession(dict[str, Any]):
    """The session of an application without a middleware."""

    def save(self) -> None:
        """Does nothing, which is what the session's cost is compared with."""


def application(environ: Environ, start_response: StartResponse) -> list[bytes]:
    """Runs the action of the path, and answers with the content of the session."""
    body = ANSWERS[environ["PATH_INFO"]](environ)
    # A list of its own each time: the original adds its header to the very list that it is given.
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body]


def untouched(environ: Environ) -> bytes:
    """Does not look at the session."""
    return environ["REQUEST_METHOD"].encode()  # type: ignore[no-any-return]


def read(environ: Environ) -> bytes:
    """Reads a text."""
    return environ["beaker.session"]["user"].encode()  # type: ignore[no-any-return]


def read_list(environ: Environ) -> bytes:
    """Reads a value that it could change in place, which a session has to look for afterwards."""
    return environ["beaker.session"]["roles"][0].encode()  # type: ignore[no-any-return]


def write(environ: Environ) -> bytes:
    """Counts and saves."""
    session = environ["beaker.session"]
    count = session["counter"] + 1
    session["counter"] = count
    session.save()
    return b"%d" % count


def new(environ: Environ) -> bytes:
    """Fills a session and saves it."""
    session = environ["beaker.session"]
    session.update(environ["bench.session"])
    session.save()
    return session["user"].encode()  # type: ignore[no-any-return]


ANSWERS: dict[str, Callable[[Environ], bytes]] = {
    "/untouched": untouched,
    "/read": read,
    "/read-list": read_list,
    "/write": write,
    "/new": new,
}


def environ_of(path: str, cookie: str | None, size: str) -> Environ:
    """A request's environ with about what a server puts into it."""
    neighbours = "theme=dark; _ga=GA1.2.1234567890.1234567890"
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "RAW_URI": path,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_SOFTWARE": "bench",
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": "50000",
        "HTTP_HOST": "example.org",
        "HTTP_ACCEPT": "text/html,application/xhtml+xml",
        "HTTP_ACCEPT_ENCODING": "gzip, br",
        "HTTP_ACCEPT_LANGUAGE": "en",
        "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "HTTP_COOKIE": f"{neighbours}; {cookie}" if cookie else neighbours,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "bench.session": SESSIONS[size],
    }
