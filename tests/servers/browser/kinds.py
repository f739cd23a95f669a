"""The kinds of sessions whose cookies differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from beaker.middleware import SessionMiddleware

if TYPE_CHECKING:
    from collections.abc import Mapping

FIRST = "the first key, which is as long as it should be"
SECOND = "the second key, which is as long as it should be"


@dataclass(frozen=True)
class Kind:
    """A kind of session."""

    name: str
    options: Mapping[str, object]
    # Whether the cookie is the session itself, not its id.
    in_cookie: bool = False
    # Whether a cookie that somebody else made is recognised.
    signed: bool = True

    def middleware(self, **more: object) -> SessionMiddleware:
        """The middleware with sessions of this kind and further options."""
        options = {f"session.{name}": value for name, value in {**self.options, **more}.items()}
        return SessionMiddleware(lambda _environ, _start_response: [], options)

    def __str__(self) -> str:
        """Its name among a test's parameters."""
        return self.name.replace(" ", "-")


KINDS = (
    Kind("file", {"type": "file"}, signed=False),
    Kind("file signed", {"type": "file", "secret": FIRST}),
    Kind("file stamped", {"type": "file", "secret": FIRST, "cookie_format": 2}),
    Kind("cookie signed", {"type": "cookie", "validate_key": FIRST}, in_cookie=True),
    Kind(
        "cookie encrypted",
        {"type": "cookie", "validate_key": FIRST, "encrypt_key": SECOND},
        in_cookie=True,
    ),
    Kind(
        "cookie sealed",
        {"type": "cookie", "validate_key": FIRST, "encrypt_key": SECOND, "cookie_format": 2},
        in_cookie=True,
    ),
)
SIGNED = tuple(kind for kind in KINDS if kind.signed and "cookie_format" not in kind.options)
IN_COOKIE = tuple(kind for kind in KINDS if kind.in_cookie)
# Where the kind of session changes nothing that a browser looks at.
FEW = tuple(kind for kind in KINDS if kind.name in {"file signed", "cookie sealed"})
