"""Visitors who count their requests in sessions in Redis, while something happens to the server."""

from __future__ import annotations

import threading
import time
from typing import Any

from beaker.exceptions import StoreUnavailableError
from beaker.middleware import SessionMiddleware

PATIENCE = 60


class Visitor(threading.Thread):
    """A browser that counts its requests in its session, and remembers what it was told."""

    def __init__(self, app: Any, until: threading.Event) -> None:
        super().__init__()
        self._app, self._until = app, until
        self.cookie: str | None = None
        self.count = 0
        self.is_in_doubt = False
        self.failed = 0
        self.answered = 0
        self.logged_out = 0
        self.surprises: list[int] = []

    def run(self) -> None:
        while not self._until.is_set():
            self.visit()
            time.sleep(0.001)

    def visit(self) -> None:
        environ: dict[str, Any] = {} if self.cookie is None else {"HTTP_COOKIE": self.cookie}
        sent: list[tuple[str, str]] = []
        try:
            (body,) = self._app(environ, lambda _status, headers, _info=None: sent.extend(headers))
        except StoreUnavailableError:
            self.failed += 1
            self.is_in_doubt = True
            return
        for name, value in sent:
            if name == "Set-cookie":
                self.logged_out += self.cookie is not None
                self.cookie = value.strip().partition(";")[0]
        count = int(body)
        if count != self.count + 1 and not (self.is_in_doubt and count > self.count):
            self.surprises.append(count)
        self.answered += 1
        self.count, self.is_in_doubt = count, False


def counting(url: str) -> Any:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        session = environ["beaker.session"]
        session["count"] = session.get("count", 0) + 1
        session.save()
        start_response("200 OK", [])
        return [str(session["count"]).encode()]

    return SessionMiddleware(app, type="ext:redis", url=url, timeout=3600, secret="a secret of the tests")


def wait_until(is_so: Any) -> None:
    begin = time.monotonic()
    while not is_so():
        assert time.monotonic() - begin < PATIENCE, "it does not come to that"
        time.sleep(0.01)
