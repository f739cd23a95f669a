"""Sessions of many shapes, and functions that write and read them with whichever Beaker is installed.

The same code runs in a process of the original and in ours, so it keeps to what both offer.
"""

from __future__ import annotations

import datetime
import decimal
import itertools
import time
from typing import TYPE_CHECKING, Any
from unittest import mock

from beaker.middleware import SessionMiddleware
from beaker.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator

CREATED = 1700000000.25
"""When every session here was written, in seconds since the epoch."""
LATER = CREATED + 3600.5
"""When it is read."""

SECRET = "a secret that both know, and of a fair length"
KEYS = {"encrypt_key": "a key that both know", "validate_key": "another that both know"}
DOTTED = "3f2b0c9d8e7a46519b0c1d2e3f4a5b6c.progress.x"

PLAIN_CONTENTS: dict[str, dict[str, Any]] = {
    "empty": {},
    "numbers": {"user_id": 10, "rate": 0.1, "none": None, "yes": True, "big": 2**70, "negative": -1},
    "unicode": {"naïve": "Grüße, 世界 \U0001f36a", "nul": "a\x00b", "quotes": "\"'\\\n"},
    "nested": {"cart": [{"sku": "a-1", "n": 2}, {"sku": "b", "n": [1, [2, [3]]]}], "flags": {"a": {"b": {}}}},
}
RICH_CONTENTS: dict[str, dict[str, Any]] = {
    "objects": {
        "when": datetime.datetime(2024, 2, 29, 12, 30, 15, 123456),  # noqa: DTZ001 -- stored as it is
        "zoned": datetime.datetime(2024, 2, 29, tzinfo=datetime.timezone.utc),
        "span": datetime.timedelta(days=1, seconds=2),
        "day": datetime.date(2024, 2, 29),
        "price": decimal.Decimal("12.50"),
        "bytes": b"\x00\xff",
        "pair": (1, "two"),
        "keys": {3: "int", (1, 2): "tuple"},
        "set": {7},
    },
}
LARGE = {"text": "0123456789abcdef" * 3100}
"""Stored as more than the 64 KiB at which the file's pickle leaves its frame."""
PLACE = {"domain": ".example.org", "path": "/shop"}
CONTENTS = {**PLAIN_CONTENTS, **RICH_CONTENTS, "large": LARGE}
CIPHERS = ("plain", "gcm-48", "gcm-128", "ctr-48", "ctr-128")

Case = dict[str, Any]


def cases() -> Iterator[Case]:
    """Every combination that is written: its name, what it is of, and the options (without `session.`)."""
    for serializer, signed, cipher in itertools.product(("pickle", "json"), (False, True), CIPHERS):
        options: dict[str, Any] = {"data_serializer": serializer}
        if signed:
            options["secret"] = SECRET
        if cipher != "plain":
            options.update(KEYS, encrypt_nonce_bits=int(cipher.rpartition("-")[2]))
        kind = f"{serializer}-{'signed' if signed else 'bare'}-{cipher}"
        contents = [*PLAIN_CONTENTS, *(RICH_CONTENTS if serializer == "pickle" else ())]
        if not signed and cipher == ("plain" if serializer == "pickle" else "gcm-128"):
            contents.append("large")
        base = {"cipher": cipher.partition("-")[0], "options": options, "place": {}, "id": None}
        for content in contents:
            yield {**base, "name": f"{kind}-{content}", "content": content}
        yield {**base, "name": f"{kind}-placed", "content": "numbers", "place": PLACE}
        if not signed:
            yield {**base, "name": f"{kind}-dotted", "content": "numbers", "id": DOTTED}


def _visit(options: dict[str, Any], folder: str, cookie: str | None, use: Any) -> list[str]:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        use(environ["beaker.session"])
        start_response("200 OK", [])
        return []

    sent: list[tuple[str, str]] = []
    config = {f"session.{name}": value for name, value in options.items()}
    config.update({"session.type": "file", "session.data_dir": folder, "session.invalidate_corrupt": False})
    environ = {} if cookie is None else {"HTTP_COOKIE": cookie}
    SessionMiddleware(app, config)(environ, lambda _status, headers, _exc_info=None: sent.extend(headers))
    return [value for name, value in sent if name == "Set-cookie"]


def write(case: Case, folder: str, extra: dict[str, Any] | None = None) -> dict[str, Any]:
    """Writes the session of a case into a folder; gives its id and, if a request made it, the cookie sent."""
    options = {**case["options"], **(extra or {})}
    content = CONTENTS[case["content"]]
    with mock.patch.object(time, "time", return_value=CREATED):
        if case["id"] is not None:
            session = Session({}, id=case["id"], use_cookies=False, type="file", data_dir=folder, **options)
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

        header = _visit(options, folder, None, use)[0]
        return {"id": seen[0], "cookie": header.strip().partition(";")[0]}


def read(case: Case, written: dict[str, Any], folder: str) -> dict[str, Any]:
    """What a request with that cookie, or a program with that id, sees of a session: all of it as text."""
    seen: dict[str, Any] = {}

    def use(session: Any) -> None:
        seen["content"] = repr({name: session[name] for name in session if not name.startswith("_")})
        for name in ("id", "is_new", "last_accessed", "created", "domain", "path"):
            seen[name] = getattr(session, name)

    with mock.patch.object(time, "time", return_value=LATER):
        if written["cookie"] is None:
            use(
                Session(
                    {}, id=written["id"], use_cookies=False, type="file", data_dir=folder, **case["options"]
                )
            )
        else:
            _visit(case["options"], folder, written["cookie"], use)
    return seen


def expected(case: Case, written: dict[str, Any], content: str) -> dict[str, Any]:
    """What `read` has to see."""
    return {
        "content": content,
        "id": written["id"],
        "is_new": False,
        "last_accessed": CREATED,
        "created": CREATED,
        "domain": case["place"].get("domain"),
        "path": case["place"].get("path", "/"),
    }
