"""An application for the tests that copy middlewares, in a module that every process can import."""

from __future__ import annotations

from typing import Any

from beaker.middleware import SessionMiddleware


class Counter:
    """Counts the visits of a session."""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        session = environ["beaker.session"]
        session["visits"] = session.get("visits", 0) + 1
        session.save()
        start_response("200 OK", [])
        return [str(session["visits"]).encode()]


class Named(SessionMiddleware):
    """A middleware with something of its own."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.names = ["a name"]


def visit(middleware: Any, cookie: str = "") -> tuple[int, str]:
    """The number of visits so far, and the cookie for the next."""
    sent: list[tuple[str, str]] = []
    environ = {"HTTP_COOKIE": cookie}
    (body,) = middleware(environ, lambda _status, headers, _exc_info=None: sent.extend(headers))
    cookies = [value.partition(";")[0].strip() for name, value in sent if name == "Set-cookie"]
    return int(body), cookies[0] if cookies else cookie


def serve(middleware: Any, cookie: str, connection: Any) -> None:
    """The work of a worker: one visit, and one of a new browser."""
    connection.send([visit(middleware, cookie)[0], visit(middleware)[0], type(middleware).__name__])
    connection.close()
