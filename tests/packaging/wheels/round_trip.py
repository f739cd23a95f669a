"""Counts visits of one visitor, without a server, in the folder given: `round_trip.py FOLDER [COOKIE]`.

It runs in environments that have a session library and nothing else, ours or the original. It prints the
count and the cookie, so that a later run can go on with them.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any
from wsgiref.util import setup_testing_defaults

from beaker.middleware import SessionMiddleware

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    session = environ["beaker.session"]
    session["count"] = session.get("count", 0) + 1
    session["who"] = {"name": "Zoë", "roles": ["reader", "writer"]}
    session.save()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(session["count"]).encode()]


def visit(wsgi_app: WSGIApplication, cookie: str | None) -> tuple[int, str | None]:
    environ: WSGIEnvironment = {"HTTP_COOKIE": cookie} if cookie else {}
    setup_testing_defaults(environ)
    sent: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        sent.append((status, list(headers)))

    body = b"".join(wsgi_app(environ, start_response))
    ((status, headers),) = sent
    assert status == "200 OK"
    set_cookies = [value.strip().partition(";")[0] for name, value in headers if name == "Set-cookie"]
    return int(body), set_cookies[0] if set_cookies else cookie


def main() -> None:
    folder, *cookies = sys.argv[1:]
    options = {
        "session.type": "file",
        "session.data_dir": folder,
        "session.secret": "a secret for the round trip",
    }
    wsgi_app = SessionMiddleware(application, options)
    cookie = cookies[0] if cookies else None
    for _ in range(2):
        count, cookie = visit(wsgi_app, cookie)
    sys.stdout.write(f"{count} {cookie}\n")


if __name__ == "__main__":
    main()
