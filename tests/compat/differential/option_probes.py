"""Small experiments with what options mean: each gives what happened, as JSON."""

from __future__ import annotations

import os
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any
from unittest import mock

from beaker.middleware import SessionMiddleware
from tests.compat.differential.values import given


def first_cookie(options: dict[str, Any]) -> str:
    """The cookie that an application sends with its first session, without the value; or what is raised."""
    headers: list[tuple[str, str]] = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        environ["beaker.session"].save()
        environ["beaker.session"]["name"] = "Ada"
        start_response("200 OK", [])
        return []

    config = {f"session.{name}": given(value) for name, value in options.items()}
    with warnings.catch_warnings(), mock.patch.object(time, "time", return_value=0):
        warnings.simplefilter("ignore")
        try:
            SessionMiddleware(app, config)({}, lambda _status, sent, _exc_info=None: headers.extend(sent))
        except Exception as error:  # told
            return f"refused: {type(error).__name__}"
    (cookie,) = (value.strip() for name, value in headers if name == "Set-cookie")
    name, _, rest = cookie.partition("=")
    return f"{name}={rest.partition('; ')[2]}"


def two_applications() -> list[int]:
    """The visits that each of two applications counts for a browser that alternates between them."""
    seen: list[int] = []
    cookie = ""

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        session = environ["beaker.session"]
        session["visits"] = session.get("visits", 0) + 1
        session.save()
        seen.append(session["visits"])
        start_response("200 OK", [])
        return []

    with tempfile.TemporaryDirectory() as folder:
        for name in ("one", "other", "one", "other"):
            sent: list[tuple[str, str]] = []
            wrapped = SessionMiddleware(app, type="file", data_dir=str(Path(folder) / name))
            wrapped(
                {"HTTP_COOKIE": cookie},
                lambda _status, headers, _exc_info=None, sent=sent: sent.extend(headers),
            )
            cookie = next(
                (value.strip().partition(";")[0] for name, value in sent if name == "Set-cookie"), cookie
            )
    return seen


def folder_of(data_dir: str) -> str:
    """The folder that an option means, on a machine whose user lives in /home/ada."""
    with mock.patch.dict(os.environ, HOME="/home/ada"):
        folder: str = SessionMiddleware(lambda *_: [], {"session.data_dir": data_dir}).options["data_dir"]
        return folder
