"""When a store in Python is swept: at an interval that all processes share, not after a clock jumped."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable

from beaker._lease import Place
from beaker.exceptions import BeakerException

__all__ = ["INTERVAL", "TimedSweep"]

_log = logging.getLogger("beaker.sweep")

INTERVAL = 3600.0
"""Seconds between two sweeps, unless the application says otherwise."""

_FIRST = 60.0
# Of the machine's clock, against the one that counts from its start.
_LARGEST_JUMP = 60.0


class TimedSweep:
    """Starts a sweep when one is due. A text in the store says when the last one was.

    ``sweep`` gets the time and the lifetime of sessions, both in seconds.
    """

    def __init__(self, sweep: Callable[[float, float], object], place: Place) -> None:
        self._sweep = sweep
        self._place = place
        self._due = time.monotonic() + _FIRST
        self._clocks = _difference_of_clocks()

    def start_if_due(self, timeout: float, interval: float) -> threading.Thread | None:
        """Starts a sweep in a thread, unless one was started less than ``interval`` seconds ago."""
        if time.monotonic() < self._due or interval <= 0:
            return None
        self._due = time.monotonic() + interval
        jumped = abs(_difference_of_clocks() - self._clocks) > _LARGEST_JUMP
        self._clocks = _difference_of_clocks()
        if jumped:
            # Sessions that are used would seem expired.
            return None
        thread = threading.Thread(
            target=self._run, args=(timeout, interval, time.time()), name="beaker-sweep", daemon=True
        )
        thread.start()
        return thread

    def _run(self, timeout: float, interval: float, now: float) -> None:
        try:
            if self._claim(interval, now):
                self._sweep(now, timeout)
        except BeakerException as error:
            _log.warning("expired sessions are not removed: %s", error)

    def _claim(self, interval: float, now: float) -> bool:
        """Whether this process is to sweep: none has for the interval."""
        found = self._place.look()
        with contextlib.suppress(ValueError):
            if found is not None and 0 <= now - float(found) < interval:
                return False
        return self._place.swap(found, repr(now))


def _difference_of_clocks() -> float:
    return time.time() - time.monotonic()
