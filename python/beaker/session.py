"""Sessions and their signed cookies."""

import time
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

from beaker._core import CookieSession, Session, _ConfigurableSession
from beaker._core import session_id as _session_id
from beaker.cookie import InvalidSignature, SignedCookie, SimpleCookie, _InvalidSignatureType

if TYPE_CHECKING:
    from beaker import _core

    class SessionObject(_core.SessionObject):
        """The proxy as type checkers see it: with every attribute of its session."""

        def __getattr__(self, name: str) -> Any: ...

else:
    from beaker._core import SessionObject

__all__ = [
    "CookieSession",
    "InvalidSignature",
    "Session",
    "SessionObject",
    "SignedCookie",
    "SimpleCookie",
    "_ConfigurableSession",
    "_InvalidSignatureType",
    "_session_id",
    # Tests patch the clock as `beaker.session.time.time`.
    "time",
]

# For `isinstance` and `match`. (A `Session` is a `dict`, and needs no registration.)
MutableMapping.register(SessionObject)

months = (None, "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
"""The months of a cookie's date, by number."""

weekdays = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
"""The days of a cookie's date, by :meth:`datetime.date.weekday`."""
