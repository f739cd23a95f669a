"""Sessions, and the signed cookies that name them."""

import time
from collections.abc import MutableMapping

from beaker._core import Session, SessionObject, _ConfigurableSession
from beaker._core import session_id as _session_id
from beaker.cookie import InvalidSignature, SignedCookie, SimpleCookie

__all__ = [
    "InvalidSignature",
    "Session",
    "SessionObject",
    "SignedCookie",
    "SimpleCookie",
    "_ConfigurableSession",
    "_session_id",
    # For those who patch the clock as `beaker.session.time.time`.
    "time",
]

# `isinstance` and `match` ask for it. (The `Session` is a `dict`, and one of them already.)
MutableMapping.register(SessionObject)

months = (None, "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
"""The months of a cookie's date, by number."""

weekdays = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
"""The days of a cookie's date, by :meth:`datetime.date.weekday`."""
