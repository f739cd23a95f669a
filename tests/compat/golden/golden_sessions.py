"""Sessions of many shapes, and functions that write and read them with whichever Beaker is installed.

The same code runs in a process of the original and in ours, so it keeps to what both offer.
"""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, Any
from unittest import mock

import beaker
from beaker.middleware import SessionMiddleware
from beaker.session import Session
from tests.compat.golden.contents import CONTENTS, Literal, contents_of
from tests.compat.golden.objects import with_objects

if TYPE_CHECKING:
    from collections.abc import Iterator

CREATED = 1700000000.25
"""When every session here was written, in seconds since the epoch."""
LATER = CREATED + 3600.5
"""When it is read."""

SECRET = "a secret that both know, and of a fair length"
KEYS = {"encrypt_key": "a key that both know", "validate_key": "another that both know"}
DOTTED = "3f2b0c9d8e7a46519b0c1d2e3f4a5b6c.progress.x"
PLACE = {"domain": ".example.org", "path": "/shop"}
CIPHERS = ("plain", "gcm-48", "gcm-128", "ctr-48", "ctr-128")
BUILT_IN = ("pickle", "json")
SERIALIZERS = (*BUILT_IN, "literal")
"""The serializers of both packages, and one of the application."""

Case = dict[str, Any]


def _encryption(cipher: str) -> dict[str, Any]:
    return {} if cipher == "plain" else {**KEYS, "encrypt_nonce_bits": int(cipher.rpartition("-")[2])}


def cases(serializers: tuple[str, ...] = BUILT_IN) -> Iterator[Case]:
    """Every combination that is written to files: its name, what it is of, and the options (without
    `session.`)."""
    for serializer, signed, cipher in itertools.product(serializers, (False, True), CIPHERS):
        options: dict[str, Any] = {"data_serializer": serializer}
        if signed:
            options["secret"] = SECRET
        options.update(_encryption(cipher))
        kind = f"{serializer}-{'signed' if signed else 'bare'}-{cipher}"
        contents = contents_of(serializer)
        if not signed and cipher == ("plain" if serializer == "pickle" else "gcm-128"):
            contents.append("large")
        base = {"cipher": cipher.partition("-")[0], "options": options, "place": {}, "id": None}
        for content in contents:
            yield {**base, "name": f"{kind}-{content}", "content": content}
        yield {**base, "name": f"{kind}-placed", "content": "numbers", "place": PLACE}
        if not signed:
            yield {**base, "name": f"{kind}-dotted", "content": "numbers", "id": DOTTED}


def cookie_cases(serializers: tuple[str, ...] = BUILT_IN) -> Iterator[Case]:
    """Every combination that is kept in the cookie itself, as `cases` has them."""
    for serializer, cipher in itertools.product(serializers, CIPHERS):
        options = {
            "type": "cookie",
            "data_serializer": serializer,
            "validate_key": KEYS["validate_key"],
            **_encryption(cipher),
        }
        kind = f"cookie-{serializer}-{cipher}"
        base = {"cipher": cipher.partition("-")[0], "options": options, "place": {}, "id": None}
        for content in (*contents_of(serializer), f"full-{serializer}"):
            yield {**base, "name": f"{kind}-{content.partition('-')[0]}", "content": content}
        yield {**base, "name": f"{kind}-placed", "content": "numbers", "place": PLACE}


def dated_cases() -> Iterator[Case]:
    """Cookies that end at a date, which Beaker 1.13 puts among the data of a session that is saved again."""
    options = {"type": "cookie", "validate_key": KEYS["validate_key"], "cookie_expires": 3600}
    base: Case = {"options": options, "place": {}, "id": None, "content": "numbers"}
    yield {**base, "name": "cookie-pickle-plain-dated", "cipher": "plain"}
    encrypted = {**options, **_encryption("gcm-128")}
    yield {**base, "name": "cookie-pickle-gcm-128-dated", "cipher": "gcm", "options": encrypted}


def signed_ids() -> Iterator[Case]:
    """Server-side sessions whose ids are signed with secrets of every kind."""
    secrets = {"ascii": SECRET, "unicode": "ein Schlüssel, 鍵 und 🔑", "longer than a block": SECRET * 2}
    for name, secret in secrets.items():
        base: Case = {"cipher": "plain", "place": {}, "id": None, "content": "numbers"}
        yield {**base, "name": f"id-{name}", "options": {"secret": secret}}


def _config(options: dict[str, Any], folder: str) -> dict[str, Any]:
    """The options of a case as both Beakers take them."""
    place = {} if options.get("type") == "cookie" else {"type": "file", "data_dir": folder}
    config = {**place, "invalidate_corrupt": False, **options}
    if config.get("data_serializer") == "literal":
        config["data_serializer"] = Literal()
    return config


def _visit(options: dict[str, Any], folder: str, cookie: str | None, use: Any) -> list[str]:
    """A request with that cookie; gives the cookies that were sent, without their attributes."""

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        use(environ["beaker.session"])
        start_response("200 OK", [])
        return []

    sent: list[tuple[str, str]] = []
    given = _config(options, folder)
    # The original makes a text of whatever serializer stands in the configuration.
    serializer = {"data_serializer": given.pop("data_serializer")} if "data_serializer" in given else {}
    config = {f"session.{name}": value for name, value in given.items()}
    environ = {} if cookie is None else {"HTTP_COOKIE": cookie}
    middleware = SessionMiddleware(app, config, **serializer)
    middleware(environ, lambda _status, headers, _exc_info=None: sent.extend(headers))
    return [value.strip().partition(";")[0] for name, value in sent if name == "Set-cookie"]


def _by_id(options: dict[str, Any], folder: str, session_id: str) -> Session:
    return Session({}, id=session_id, use_cookies=False, **_config(options, folder))


def write(case: Case, folder: str, extra: dict[str, Any] | None = None) -> dict[str, Any]:
    """Writes the session of a case into a folder; gives its id and, if a request made it, the cookie sent."""
    given = {**case["options"], **(extra or {})}
    content = CONTENTS[case["content"]]
    with with_objects(given, folder) as options, mock.patch.object(time, "time", return_value=CREATED):
        if case["id"] is not None:
            session = _by_id(options, folder, case["id"])
            session.update(content)
            session.save()
            return {"id": case["id"], "cookie": None}
        seen: list[str] = []

        def use(session: Any) -> None:
            for name, value in case["place"].items():
                setattr(session, name, value)
            for name, value in content.items():
                session[name] = value
            session.save()
            seen.append(session.id)

        [cookie] = _visit(options, folder, None, use)
        return {"id": seen[0], "cookie": cookie}


def release() -> str:
    """The installed version of Beaker."""
    return beaker.__version__


def _look(
    case: Case, written: dict[str, Any], folder: str, extra: dict[str, Any] | None, saves: bool = False
) -> tuple[dict[str, Any], dict[str, Any]]:
    given = {**case["options"], **(extra or {})}
    seen: dict[str, Any] = {}
    renewed = written

    def use(session: Any) -> None:
        seen["content"] = repr({name: session[name] for name in session if not name.startswith("_")})
        for name in ("id", "is_new", "created", "domain", "path"):
            seen[name] = getattr(session, name)
        # The cookie sessions of the original have no `last_accessed`.
        known = hasattr(session, "last_accessed")
        seen["last_accessed"] = session.last_accessed if known else session.accessed_dict["_accessed_time"]

        if saves:
            session.save()

    with with_objects(given, folder) as options, mock.patch.object(time, "time", return_value=LATER):
        if written["cookie"] is None:
            use(_by_id(options, folder, written["id"]))
        else:
            for cookie in _visit(options, folder, written["cookie"], use):
                renewed = {**written, "cookie": cookie}
    return seen, renewed


def read(
    case: Case, written: dict[str, Any], folder: str, extra: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The session that a request with that cookie, or a program with that id, sees, as text."""
    return _look(case, written, folder, extra)[0]


def renew(
    case: Case,
    written: dict[str, Any],
    folder: str,
    extra: dict[str, Any] | None = None,
    saves: bool = False,
) -> dict[str, Any]:
    """The written session after it was read, and after another save if `saves`."""
    return _look(case, written, folder, extra, saves)[1]


def expected(
    case: Case, written: dict[str, Any], content: str, last_accessed: float = CREATED
) -> dict[str, Any]:
    """The expected result of `read`."""
    return {
        "content": content,
        "id": written["id"],
        "is_new": False,
        "last_accessed": last_accessed,
        "created": CREATED,
        "domain": case["place"].get("domain"),
        "path": case["place"].get("path", "/"),
    }
