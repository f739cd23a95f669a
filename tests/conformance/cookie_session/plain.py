"""Cookies that keep a session in format 1, read and made by the standard library alone."""

from __future__ import annotations

import base64
import hmac
import json
import pickle
import zlib
from typing import TYPE_CHECKING, Any

from tests.support.sessions import KEY, START, UNKNOWN_ID, VALIDATE_KEY

if TYPE_CHECKING:
    from tests.support.sessions import Browser

SIGNATURE = 40


def signed(text: str, key: str = VALIDATE_KEY) -> str:
    """A text with its signature before it."""
    return hmac.new(key.encode(), text.encode(), "sha1").hexdigest() + text


def made(serializer: str = "pickle", **content: Any) -> str:
    """The Cookie header of a session that the original could have written."""
    whole = {
        "_domain": None,
        "_path": "/",
        "_id": UNKNOWN_ID,
        "_creation_time": START,
        "_accessed_time": START,
        **content,
    }
    payload = pickle.dumps(whole, 2) if serializer == "pickle" else zlib.compress(json.dumps(whole).encode())
    return f"{KEY}={signed(base64.b64encode(payload).decode())}"


def content_of(header: str | None, key: str = VALIDATE_KEY) -> dict[str, Any]:
    """The content of the cookie in a Cookie header, if its signature is right."""
    assert header is not None
    value = header.partition("=")[2]
    text = value[SIGNATURE:]
    assert signed(text, key) == value, "the signature is another one"
    content: dict[str, Any] = pickle.loads(base64.b64decode(text, validate=True))
    return content


def kept(visitor: Browser) -> dict[str, Any]:
    """The content of the jar's cookie, without the session's own keys."""
    return {key: value for key, value in content_of(visitor.jar).items() if not key.startswith("_")}
