"""Our fixes of how cookies are read, for the original, named as in `corrections`."""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from typing import TYPE_CHECKING, Any

from beaker.session import CookieSession, Session
from tests.compat.differential.patches import Patches, correction

if TYPE_CHECKING:
    from collections.abc import Callable

    Around = Callable[..., Any]


@correction("cookies are parsed one by one, and the last valid one whose session exists counts")
def _(patches: Patches) -> None:
    asking: list[None] = []

    for kind, option in ((Session, "secret"), (CookieSession, "validate_key")):

        @patches.around(kind, "__init__")
        def init(
            before: Around, self: Any, request: Any, *args: Any, option: str = option, **kwargs: Any
        ) -> None:
            header = request.get("cookie")
            if header is None or asking:
                before(self, request, *args, **kwargs)
                return
            key, secret = kwargs.get("key", "beaker.session.id"), kwargs.get(option)
            asking.append(None)
            try:
                value = _chosen(key, header, secret, lambda value: _exists(value, kwargs))
            finally:
                asking.pop()
            request["cookie"] = f"{key}={value}" if value else ""
            try:
                before(self, request, *args, **kwargs)
            finally:
                request["cookie"] = header


def _values(key: str, header: str, separator: str = ";") -> list[str]:
    """The values under a name, as we read them, the one that comes first last."""
    pairs = [part.strip().partition("=") for part in re.split(separator, header)]
    return [value for name, _, quoted in pairs if name == key and (value := quoted.strip('"'))]


def _chosen(key: str, header: str, secret: str | None, exists: Callable[[str], bool]) -> str | None:
    """The last that is right and whose session exists, else the last that is right, else the last."""
    values = _values(key, header)
    joined = [value for value in _values(key, header, r";|,\s+(?=\w+=)") if value not in values]
    good = [value for value in [*joined, *values] if _is_signed(value, secret)]
    living = [value for value in good if exists(value)] if len(set(good)) > 1 else []
    # One that is wrong is wrong for a session that its cookie keeps; any other takes no notice.
    return next(reversed([*values, *good, *living]), None)


def _is_signed(value: str, secret: str | None) -> bool:
    if secret is None:
        return True
    right = hmac.new(secret.encode(), value[40:].encode(), hashlib.sha1).hexdigest()
    return bool(value[40:]) and value[:40] == right


def _exists(value: str, options: dict[str, Any]) -> bool:
    """Whether the store has a session that is not over under the id of a cookie."""
    if "validate_key" in options and options.get("type") == "cookie":
        return True
    asked = {**options, "use_cookies": False, "timeout": None, "invalidate_corrupt": False}
    try:
        session = Session({}, id=value[-32:] if options.get("secret") else value, **asked)
    except Exception:  # it cannot be decoded
        return False
    timeout = options.get("timeout")
    over = timeout is not None and time.time() - (session.last_accessed or 0) > timeout
    return not session.is_new and not over
