"""Random Cookie headers against the middleware: nothing raises, and Set-Cookie is as configured.

Run as a program, it does 10^6 of them; `BEAKER_COOKIE_HEADERS` says how many others.
"""

from __future__ import annotations

import os
import random
import re
import sys
from typing import Any

from beaker.container import MemoryNamespaceManager
from beaker.middleware import SessionMiddleware

KEY = "beaker.session.id"
SECRET = "a secret of some length"
CONFIGURATIONS: tuple[tuple[dict[str, Any], str], ...] = (
    ({}, "; Path=/; SameSite=Lax"),
    ({"secret": SECRET}, "; Path=/; SameSite=Lax"),
    (
        {
            "secure": True,
            "httponly": True,
            "cookie_domain": "example.org",
            "cookie_path": "/app",
            "samesite": "Strict",
        },
        "; Domain=example.org; HttpOnly; Path=/app; SameSite=Strict; Secure",
    ),
)
ATTRIBUTES = ("Path", "Domain", "expires", "Max-Age", "Secure", "HttpOnly", "SameSite", "Version", "Comment")
PIECES = (
    *(f"{name}=evil" for name in ATTRIBUTES),
    *(f"${name}=evil" for name in ATTRIBUTES),
    *ATTRIBUTES,
    KEY,
    f"{KEY}=",
    f'{KEY}="',
    f'{KEY}="a;b"',
    f"{KEY}=a; Path=/evil",
    f"{KEY}=a, {KEY}=b",
    f" {KEY} = x ",
    f"{KEY}={'0' * 32}",
    f"{KEY}={'0' * 72}",
    f"{KEY}={'a' * 5000}",
    f"{KEY}=../../etc/passwd",
    "a=b",
    "theme=dark",
    "=",
    "==",
    ";",
    ";;",
    "; ",
    ",",
    '"',
    "\\",
    '\\"',
    "\\073",
    "\r\nSet-Cookie: evil=1",
    "\n",
    "\0",
    "\x7f",
    "\t",
    "é",
    "ÿ",
    "日本",
    "\ud800",
    "\u2028",
    "{}",
    "a[b]=c",
    "expires=Thu, 01-Jan-1970 00:00:00 GMT",
    "$Version=1",
    "_sess=1",
    "__Host-x=1",
)


def random_header(source: random.Random, ids: list[str]) -> str:
    """A header of pieces, noise and true ids."""
    parts = []
    for _ in range(source.randrange(1, 8)):
        kind = source.random()
        if kind < 0.6:
            parts.append(source.choice(PIECES))
        elif kind < 0.8:
            parts.append("".join(chr(source.randrange(256)) for _ in range(source.randrange(1, 24))))
        elif kind < 0.9:
            parts.append(f"{KEY}={source.choice(ids)}")
        else:
            parts.append("".join(chr(source.randrange(0x20, 0x3000)) for _ in range(source.randrange(1, 8))))
    return source.choice(("; ", ";", "", ", ", " ")).join(parts)


class Campaign:
    """One configuration, and a page that stores every second time."""

    def __init__(self, options: dict[str, Any], attributes: str) -> None:
        signed = "[0-9a-f]{40}" if "secret" in options else ""
        self.expected = re.compile(rf" {re.escape(KEY)}={signed}[0-9a-f]{{32}}{re.escape(attributes)}")
        self.middleware = SessionMiddleware(self._application, type="memory", **options)
        self.saves = False
        self.headers: list[tuple[str, str]] = []
        self.ids = ["0" * 32]
        self.known = False

    def _application(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        session = environ["beaker.session"]
        self.known = session.get("name") == "Ada"
        if self.saves:
            session["name"] = "Ada"
            session.save()
        start_response("200 OK", [("X-Own", "1")])
        return [b""]

    def _start_response(self, _status: str, headers: list[tuple[str, str]], _info: Any = None) -> None:
        self.headers = headers

    def send(self, header: str, saves: bool) -> None:
        """One request; raises `AssertionError` with the header if the response is not as it has to be."""
        self.saves = saves
        self.middleware({"HTTP_COOKIE": header}, self._start_response)
        names = [name for name, _ in self.headers]
        cookies = [value for name, value in self.headers if name == "Set-cookie"]
        # Only an id of ours identifies a browser, and it gets a new one only when one is due.
        due = saves and not self.known
        if names != ["X-Own", "Vary", *["Set-cookie"] * due] or not all(
            map(self.expected.fullmatch, cookies)
        ):
            raise AssertionError(f"{header!r} gave {self.headers!r}")
        for cookie in cookies:
            value = cookie.partition("=")[2].partition(";")[0]
            self.ids = [*self.ids[-20:], value]


def run(headers: int, seed: int = 1) -> int:
    """Sends that many headers in turn to each configuration; how many of them were known."""
    source = random.Random(seed)
    campaigns = [Campaign(options, attributes) for options, attributes in CONFIGURATIONS]
    known = 0
    for number in range(headers):
        campaign = campaigns[number % len(campaigns)]
        campaign.send(random_header(source, campaign.ids), saves=source.random() < 0.3)
        known += campaign.known
        if number % 50_000 == 49_999:
            MemoryNamespaceManager.namespaces.clear()
    return known


if __name__ == "__main__":
    number = int(os.environ.get("BEAKER_COOKIE_HEADERS", "1000000"))
    sys.stdout.write(f"{number} headers, {run(number)} of them known; nothing raised\n")
