"""Sets every attribute of a session and prints what comes of it, with the package that it runs with.

Run by the interpreter of either package.
"""

from __future__ import annotations

import json
import re
import sys
import warnings
from datetime import timedelta
from typing import Any

from beaker import crypto
from beaker.container import MemoryNamespaceManager
from beaker.session import CookieSession, Session
from beaker.util import JsonSerializer

KEY = "a key of the tests, of some length and more"
OTHER = "another key of the tests, of some length too"

VALUES: dict[str, list[Any]] = {
    "_config": [{"_domain": "example.org", "_path": "/there"}],
    "accessed_dict": [{"old": 1}],
    "cookie_expires": [True, False, timedelta(seconds=60)],
    "crypto_module": [crypto.get_crypto_module("cryptography")],
    "data_dir": ["/tmp"],
    "domain": ["example.org", None],
    "encrypt_key": [OTHER],
    "encrypt_nonce_size": [(6, 8), (32, 44)],
    "httponly": [True, 1, None],
    "id": ["chosen"],
    "invalidate_corrupt": [True, 0],
    "is_new": [True, False, 1, 0, None],
    "key": ["other"],
    "last_accessed": [5.0, None],
    "namespace_args": [{}],
    "namespace_class": [MemoryNamespaceManager],
    "path": ["/here"],
    "request": [{}],
    "samesite": ["Strict", None],
    "save_atime": [True, False],
    "secret": [OTHER],
    "secure": [True, 0],
    "serializer": [JsonSerializer()],
    "timeout": [5, None],
    "type": ["file", None],
    "use_cookies": [True, False],
    "validate_key": [OTHER],
    "was_invalidated": [True, 1, None],
}


def made() -> dict[str, Any]:
    """A new session, a stored one, and one in a cookie."""
    MemoryNamespaceManager.namespaces.clear()
    stored = Session({}, id="stored", encrypt_key=KEY, validate_key=KEY)
    stored["name"] = "Ada"
    stored.save()
    return {
        "new": Session({}, encrypt_key=KEY, validate_key=KEY, secret=KEY),
        "stored": Session({}, id="stored", encrypt_key=KEY, validate_key=KEY),
        "cookie": CookieSession({}, encrypt_key=KEY, validate_key=KEY),
    }


def names() -> list[str]:
    """Every attribute of a session's own."""
    found = set()
    for session in made().values():
        found |= set(vars(session))
        for kind in type(session).__mro__:
            found |= {name for name, value in vars(kind).items() if isinstance(value, property)}
    return sorted(found)


def use(session: Any) -> dict[str, Any]:
    """The behaviour of a session after an attribute was set."""
    seen: dict[str, Any] = {}
    session["late"] = 1
    session.save()
    texts = {
        name: record["session"] for name, record in sorted(MemoryNamespaceManager.namespaces.dict.items())
    }
    seen["records"] = {"its own" if name == session.id else name: len(text) for name, text in texts.items()}
    decoded = session._decrypt_data(texts[session.id]) if session.id in texts else {}
    seen["stored"] = {name: decoded[name] for name in ("name", "late", "_domain", "_path") if name in decoded}
    cookie = str(session.request.get("cookie_out"))
    seen["cookie"] = re.sub(r"=[^;]{32,}|=chosen|\d\d:\d\d:\d\d", "=…", cookie)
    seen["sent"] = bool(session.request.get("set_cookie"))
    session.clear()
    seen["cleared"] = {name: session[name] for name in session if name in ("_domain", "_path", "name")}
    if hasattr(session, "accessed_dict"):
        session.revert()
    seen["reverted"] = {name: session[name] for name in ("old", "name") if name in session}
    seen["flags"] = [bool(session.is_new), bool(getattr(session, "was_invalidated", False))]
    return seen


def outcomes() -> dict[str, Any]:
    """The effect of setting each attribute, by kind of session, attribute and value."""
    seen: dict[str, Any] = {}
    for kind in made():
        for name, values in VALUES.items():
            for number, value in enumerate(values):
                session = made()[kind]
                try:
                    setattr(session, name, value)
                    got = getattr(session, name)
                    shown: Any = got == value or bool(got) == bool(value)
                except AttributeError:
                    shown = "AttributeError"
                try:
                    seen[f"{kind} {name} {number}"] = [shown, use(session)]
                except Exception as error:  # compared
                    seen[f"{kind} {name} {number}"] = [shown, type(error).__name__]
    return seen


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.stdout.write(json.dumps({"names": names(), "outcomes": outcomes()}))
