"""Sweeps of a table: expired sessions are removed in batches, by the time of their last access."""

import contextlib
import logging
import threading
import time

from beaker import _core
from beaker._lease import Place
from beaker._pickled_values import guarded_loads
from beaker._rows import Rows
from beaker.exceptions import BeakerException

__all__ = ["INTERVAL", "LOCK_KEY", "MARGIN", "RowSweeper", "sweep"]

_log = logging.getLogger("beaker.ext.database")

INTERVAL = 3600.0
"""Seconds between two sweeps, unless the application says otherwise."""
MARGIN = 86_400.0
"""Seconds that a session stays beyond its lifetime: Beaker stores local times, up to twelve hours early."""
LOCK_KEY = "lock"
"""The key of a lease in its row."""

_FIRST = 60.0
_BATCH = 200
# Of the machine's clock, against the one that counts from its start.
_LARGEST_JUMP = 60.0


class RowSweeper:
    """Starts a sweep of one table when one is due. All processes share its times, in a row of the table."""

    def __init__(self, rows: Rows, place: Place) -> None:
        self._rows = rows
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
            target=self._sweep, args=(timeout, interval, time.time()), name="beaker-sweep", daemon=True
        )
        thread.start()
        return thread

    def _sweep(self, timeout: float, interval: float, now: float) -> None:
        try:
            if self._claim(interval, now):
                sweep(self._rows, now - timeout - MARGIN)
        except BeakerException as error:
            _log.warning("expired sessions are not removed: %s", error)

    def _claim(self, interval: float, now: float) -> bool:
        """Whether this process is to sweep: none has for the interval."""
        found = self._place.look()
        with contextlib.suppress(ValueError):
            if found is not None and 0 <= now - float(found) < interval:
                return False
        return self._place.swap(found, repr(now))


def sweep(rows: Rows, before: float) -> int:
    """Removes the sessions that were not used since a time. Returns their number.

    Rows of caches stay. So does a session that is used meanwhile.
    """
    removed, after = 0, ""
    while batch := rows.older(before, after, _BATCH):
        for name, data in batch:
            removed += _is_session_or_lock(data) and rows.delete_older(name, data, before)
        after = batch[-1][0]
    return removed


def _is_session_or_lock(data: bytes) -> bool:
    try:
        if _core.read_envelope(data) is not None:
            return True
        contents = guarded_loads(data)
    except Exception:  # a damaged pickle can raise anything, and stays
        return False
    return isinstance(contents, dict) and set(contents) == {LOCK_KEY}


def _difference_of_clocks() -> float:
    return time.time() - time.monotonic()
