"""A clock that stands until it is moved, for both implementations."""

from __future__ import annotations

import contextlib
import datetime
import time
from typing import TYPE_CHECKING, Any
from unittest import mock

import beaker.session

if TYPE_CHECKING:
    from collections.abc import Iterator

BEGIN = 1700000000.25


class Clock:
    """The time, in seconds since the epoch."""

    def __init__(self) -> None:
        self.now = BEGIN

    def __call__(self) -> float:
        return self.now


@contextlib.contextmanager
def clock() -> Iterator[Clock]:
    """Makes `time.time` tell the time of a clock of ours."""
    fake = Clock()
    with contextlib.ExitStack() as patches:
        patches.enter_context(mock.patch.object(time, "time", fake))
        if hasattr(beaker.session, "datetime"):
            # The original asks `datetime.now` for the expiry of a cookie, past `time.time`.
            patches.enter_context(mock.patch.object(beaker.session, "datetime", _datetime_of(fake)))
        yield fake


def _datetime_of(fake: Clock) -> type:
    class Meta(type):
        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, datetime.datetime)

    class Datetime(metaclass=Meta):
        fromtimestamp = datetime.datetime.fromtimestamp

        @staticmethod
        def now(zone: Any = None) -> datetime.datetime:
            return datetime.datetime.fromtimestamp(fake.now, zone)

    return Datetime
