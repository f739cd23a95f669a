"""The pages that Chromium visits, and pages of other sites that send it there.

A host's session options are in a file of the folder `SITES`, named after the host or the end of it: several
hosts may share one site. The last part of a path is the page. What it receives is noted, a line a request, in
another file of the site.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import pickle
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock
from urllib.parse import parse_qsl

from beaker.exceptions import BeakerException
from beaker.middleware import SessionMiddleware

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

SITES = Path(os.environ["SITES"])
# More than a cookie holds, and with little in it that could be folded.
PADDING = "".join(hashlib.sha256(b"%d" % part).hexdigest() for part in range(200))


class _Clock(threading.local):
    """The difference of the server's clock from the true one, for the request of this thread."""

    offset = 0.0

    @contextmanager
    def moved(self, seconds: float) -> Iterator[None]:
        self.offset = seconds
        try:
            yield
        finally:
            self.offset = 0.0


CLOCK = _Clock()
_true_time = time.time
mock.patch.object(time, "time", side_effect=lambda: _true_time() + CLOCK.offset).start()


def put(session: Any, values: dict[str, str]) -> None:
    session.update(values)
    session.save()


def count(session: Any, _values: dict[str, str]) -> None:
    session["count"] = session.get("count", 0) + 1
    session.save()


def read(session: Any, _values: dict[str, str]) -> None:
    session.get("name")


def regenerate(session: Any, _values: dict[str, str]) -> None:
    session.regenerate_id()


def invalidate(session: Any, _values: dict[str, str]) -> None:
    session.invalidate()


def delete(session: Any, _values: dict[str, str]) -> None:
    session.delete()


def place(session: Any, values: dict[str, str]) -> None:
    """Changes where this session's cookie is sent."""
    for name, value in values.items():
        setattr(session, name, value)
    session.save()


def remember(session: Any, values: dict[str, str]) -> None:
    """Lets this session's cookie outlive the browser."""
    session["remembered"] = True
    session._set_cookie_expires(int(values["seconds"]))
    session._update_cookie_out()
    session.save()


def keep(session: Any, values: dict[str, str]) -> None:
    """Gives this session an idle timeout of its own."""
    session.set_timeout(int(values["seconds"]))
    session.save()


def fill(session: Any, values: dict[str, str]) -> None:
    """Stores so many characters."""
    session["name"] = "filled"
    session["padding"] = PADDING[: int(values["length"])]
    session.save()


WITH_SESSION: dict[str, Callable[[Any, dict[str, str]], None]] = {
    page.__name__: page
    for page in (put, count, read, regenerate, invalidate, delete, place, remember, keep, fill)
}


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    values = dict(parse_qsl(environ["QUERY_STRING"]))
    page = environ["PATH_INFO"].rpartition("/")[2]
    headers = [("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "no-store")]
    if page == "raw":
        headers.append(("Set-Cookie", values["line"]))
    if page == "sized":
        name = values["name"]
        headers.append(("Set-Cookie", f"{name}={'x' * (int(values['size']) - len(name))}; Path=/"))
    environ["tests.received"] |= with_session(environ["beaker.session"], page, values)
    start_response("200 OK", headers)
    return [values.get("html", "<p>done").encode()]


def with_session(session: Any, page: str, values: dict[str, str]) -> dict[str, Any]:
    """Runs the action of the page, and answers with the content of the session."""
    if page not in WITH_SESSION:
        return {}
    values.pop("clock", None)
    WITH_SESSION[page](session, values)
    return {
        "session": {key: session[key] for key in session if not key.startswith("_")},
        "id": session.id,
        "is_new": session.is_new,
    }


@functools.lru_cache
def middleware(options: bytes) -> SessionMiddleware:
    """The pages behind the options."""
    return SessionMiddleware(application, pickle.loads(options))


def options_of(host: str) -> Path | None:
    """The file of the options of a host: its own, or that of a domain it is in."""
    labels = host.split(".")
    candidates = (SITES / ".".join(labels[start:]) for start in range(len(labels)))
    return next((path for path in candidates if path.exists()), None)


def wsgi_app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    options = options_of(environ["HTTP_HOST"].partition(":")[0])
    if options is None or environ["PATH_INFO"] == "/favicon.ico":
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"nothing here"]
    values = dict(parse_qsl(environ["QUERY_STRING"]))
    received = environ["tests.received"] = {
        "path": environ["PATH_INFO"],
        "method": environ["REQUEST_METHOD"],
        "host": environ["HTTP_HOST"].partition(":")[0],
        "cookie": environ.get("HTTP_COOKIE", ""),
    }
    try:
        with CLOCK.moved(float(values.get("clock", "0"))):
            return middleware(options.read_bytes())(environ, start_response)
    except BeakerException as refused:
        received["refused"] = str(refused)
        raise
    finally:
        with options.with_name(f"{options.name}.received").open("a") as notes:
            notes.write(json.dumps(received) + "\n")
