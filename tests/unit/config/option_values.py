"""The effect of a value of an option on an application, under whichever Beaker is installed."""

from __future__ import annotations

import contextlib
import datetime
import email.utils
import hashlib
import hmac
import inspect
import os
import re
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from beaker.exceptions import BeakerWarning
from beaker.middleware import SessionMiddleware
from beaker.session import CookieSession, Session

if TYPE_CHECKING:
    from collections.abc import Iterator

LONG = "a key of the tests that is long enough for all"
VALUES: dict[str, Any] = {
    "None": None,
    "True": True,
    "False": False,
    "0": 0,
    "1": 1,
    "300": 300,
    "-1": -1,
    "0.0": 0.0,
    "1800.5": 1800.5,
    "''": "",
    "' '": " ",
    "'true'": "true",
    "'false'": "false",
    "'0'": "0",
    "'300'": "300",
    "'1800.5'": "1800.5",
    "'text'": "text",
    "'a:b'": "a:b",
    "'~/text'": "~/text",
    "b''": b"",
    "b'bytes'": b"bytes",
    "[]": [],
    "['text']": ["text"],
    "()": (),
    "{}": {},
    "Path('text')": Path("text"),
    "Path('~/text')": Path("~/text"),
    "timedelta(1)": datetime.timedelta(1),
    "object()": object(),
}
WAYS = ("config", "keyword")

_COOKIE = {"type": "cookie", "validate_key": LONG}
_ENCRYPTED = {**_COOKIE, "encrypt_key": LONG}
BESIDE: dict[str, dict[str, Any]] = {
    "validate_key": _COOKIE,
    "validate_key_fallbacks": _COOKIE,
    "encrypt_key": _COOKIE,
    "encrypt_key_fallbacks": _ENCRYPTED,
    "encrypt_key_file": _COOKIE,
    "encrypt_nonce_bits": _ENCRYPTED,
    "secret_fallbacks": {"secret": LONG},
    "cookie_format": {"secret": LONG},
    "accept_format_1_until": {"secret": LONG, "cookie_format": 2},
    "profile": {"secret": LONG},
    "session_epoch": _COOKIE,
    "pickle_allow": {"pickle": "allowlist"},
    "partitioned": {"secure": True},
    "data_dir": {"type": "file"},
    "lock_dir": {"type": "file", "data_dir": "beside"},
    "file_dir": {"type": "file", "data_dir": "beside"},
    "dbm_dir": {"type": "dbm", "data_dir": "beside"},
    "durability": {"type": "file", "data_dir": "beside"},
    "dbmmodule": {"type": "dbm", "data_dir": "beside"},
}
"""Options that an option needs beside it to have a meaning."""

ATTRIBUTES = {
    "timeout": "timeout",
    "save_accessed_time": "save_atime",
    "invalidate_corrupt": "invalidate_corrupt",
    "encrypt_nonce_bits": "encrypt_nonce_size",
    "type": "type",
}
"""Options whose meaning a session shows."""

OUR_WORDS = re.compile(r"which can be guessed|no data_dir is given|unknown session option")


def positional() -> dict[str, list[str]]:
    """The positional parameters of both classes of sessions."""
    return {
        kind.__name__: [
            parameter.name
            for parameter in inspect.signature(kind).parameters.values()
            if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        ]
        for kind in (Session, CookieSession)
    }


def outcomes(option: str, folder: str) -> dict[str, list[list[Any]]]:
    """The effect of each value, in each way: a word or the visible change, and any warning."""
    return {
        name: [_outcome(option, value, way, Path(folder) / f"{number}{way}") for way in WAYS]
        for number, (name, value) in enumerate(VALUES.items())
    }


@contextlib.contextmanager
def _in(folder: Path) -> Iterator[None]:
    """In a folder with a home of its own, at a time that goes on with each look."""
    (folder / "work").mkdir(parents=True)
    before = Path.cwd()
    os.chdir(folder / "work")
    moment = time.time()

    def ticking() -> float:
        nonlocal moment
        moment += 0.0001
        return moment

    try:
        with mock.patch.dict(os.environ, HOME=str(folder / "home")), mock.patch.object(time, "time", ticking):
            yield
    finally:
        os.chdir(before)


def _outcome(option: str, value: Any, way: str, folder: Path) -> list[Any]:
    options = {**BESIDE.get(option, {}), option: value}
    with _in(folder), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        seen = _seen(option, options, way)
        seen += _made(option, folder)
    told = {str(warning.message) for warning in caught if issubclass(warning.category, BeakerWarning)}
    return [re.sub(r" at 0x[0-9a-f]+", "", seen), any(not OUR_WORDS.search(message) for message in told)]


def _seen(option: str, options: dict[str, Any], way: str) -> str:
    shown: list[Any] = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        session = environ["beaker.session"]
        session["visits"] = session.get("visits", 0) + 1
        if option != "auto":
            session.save()
        shown[:] = [session["visits"], session]
        start_response("200 OK", [])
        return []

    try:
        if way == "config":
            middleware = SessionMiddleware(app, {f"session.{name}": each for name, each in options.items()})
        else:
            middleware = SessionMiddleware(app, **options)
    except Exception:  # whatever it is
        return "refused"
    try:
        cookie = _visit(middleware, None)
        _visit(middleware, None if cookie is None else cookie.strip().partition(";")[0])
        visits, session = shown
        if cookie is None:
            return "no cookie" if visits == 1 else "one session for everybody"
        effect = [*_of_cookie(cookie, options), *_of_session(option, session)]
    except Exception:  # whatever it is
        return "fails"
    if visits == 1:
        return "not saved" if option == "auto" else "loses each session"
    return ", ".join(effect) or "no effect"


def _visit(middleware: SessionMiddleware, cookie: str | None) -> str | None:
    sent: list[tuple[str, str]] = []
    environ = {"wsgi.url_scheme": "https"}
    if cookie is not None:
        environ["HTTP_COOKIE"] = cookie
    middleware(environ, lambda _status, headers, _exc_info=None: sent.extend(headers))
    return next((value for name, value in sent if name == "Set-cookie"), None)


def _of_cookie(cookie: str, options: dict[str, Any]) -> Iterator[str]:
    """The unusual parts of a cookie."""
    pair, *attributes = cookie.strip().split("; ")
    name, _, value = pair.partition("=")
    if name != "beaker.session.id":
        yield f"`{name}`"
    yield from _of_signature(value, options)
    given = dict(attribute.partition("=")[::2] for attribute in attributes)
    if given.pop("Path", "none") != "/":
        yield next((f"`{attribute}`" for attribute in attributes if attribute.startswith("Path")), "no Path")
    if given.pop("SameSite", "none") != "Lax":
        yield next((f"`{part}`" for part in attributes if part.startswith("SameSite")), "no SameSite")
    if "expires" in given:
        left = email.utils.parsedate_to_datetime(given.pop("expires")).timestamp() - time.time()
        yield (
            "2038" if left > 10 * 365 * 86_400 else "soon" if left < 10 else f"{round(left, -1):.0f} seconds"
        )
    yield from (f"`{name}{'=' if value else ''}{value}`" for name, value in sorted(given.items()))


def _of_signature(value: str, options: dict[str, Any]) -> Iterator[str]:
    for option in ("secret", "validate_key"):
        key = options.get(option)
        texts = [str(key), repr(key), "text"]
        for text in texts:
            signature = hmac.new(text.encode(), value[40:].encode(), hashlib.sha1).hexdigest()
            if text != LONG and value[:40] == signature:
                yield f"signs with `{text}`"
                return


def _of_session(option: str, session: Any) -> Iterator[str]:
    if option in ATTRIBUTES:
        shown = getattr(session, ATTRIBUTES[option])
        usual = {"timeout": None, "encrypt_nonce_bits": (16, 24), "type": "memory"}.get(option, True)
        if option in ("save_accessed_time", "invalidate_corrupt"):
            shown = bool(shown)
        if isinstance(shown, bool) and option == "timeout":
            shown = int(shown)
        if shown != usual:
            yield f"`{shown!r}`"
    if option == "auto":
        yield "saved"
    if option == "encrypt_key":
        yield "encrypts" if session._decrypt_data.__self__.encrypt_key else "plain"


def _made(option: str, folder: Path) -> str:
    """The folders that were made of an option that names one."""
    if not option.endswith("_dir"):
        return ""
    beside = "beside/" if option != "data_dir" else "/"
    made = sorted(
        {
            f"{top.name}/{found.name}"
            for top in folder.iterdir()
            for found in top.iterdir()
            if not f"{found.name}/".startswith(beside)
        }
    )
    return "".join(f", in `{name}`" for name in made)
