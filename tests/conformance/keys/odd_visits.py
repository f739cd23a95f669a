"""Requests with options that JSON has no word for, under whichever Beaker is installed."""

from __future__ import annotations

import ast
import time
import warnings
from typing import Any
from unittest import mock

from beaker.middleware import SessionMiddleware
from beaker.session import SignedCookie

NOW = 1_700_000_000.0


def _middleware(app: Any, options: str, way: str) -> SessionMiddleware:
    given: dict[str, Any] = ast.literal_eval(options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if way == "keyword":
            return SessionMiddleware(app, **given)
        return SessionMiddleware(app, {f"session.{name}": value for name, value in given.items()})


def count(options: str, cookie: str | None, way: str = "config") -> dict[str, Any]:
    """One request that counts the visits; `options` is the text of a dictionary."""
    answer: dict[str, Any] = {"cookie": cookie}

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        session = environ["beaker.session"]
        session["visits"] = session.get("visits", 0) + 1
        session.save()
        start_response("200 OK", [])
        answer["visits"] = session["visits"]
        return []

    def start_response(_status: str, headers: list[tuple[str, str]], _exc_info: Any = None) -> None:
        for name, value in headers:
            if name == "Set-cookie":
                answer["cookie"] = value.strip().partition(";")[0]

    environ = {} if cookie is None else {"HTTP_COOKIE": cookie}
    with mock.patch.object(time, "time", return_value=NOW):
        _middleware(app, options, way)(environ, start_response)
    return answer


def signed(options: str, session_id: str) -> str:
    """The signed id that the secret in the options makes."""
    secret = _middleware(None, options, "config").options["secret"]
    value: str = SignedCookie(secret).value_encode(session_id)[1]
    return value
