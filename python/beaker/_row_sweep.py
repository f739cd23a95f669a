"""Sweeps of a table: expired sessions are removed in batches, by the time of their last access."""

from beaker import _core
from beaker._pickled_values import guarded_loads
from beaker._rows import Rows

__all__ = ["LOCK_KEY", "MARGIN", "sweep"]

MARGIN = 86_400.0
"""Seconds that a session stays beyond its lifetime: Beaker stores local times, up to twelve hours early."""
LOCK_KEY = "lock"
"""The key of a lease in its row."""

_BATCH = 200


def sweep(rows: Rows, before: float) -> int:
    """Removes the sessions that were not used since a time. Returns their number.

    Rows of caches stay. So does a session that is used meanwhile.
    """
    removed, after = 0, ""
    while batch := rows.older(before, after, _BATCH):
        for name, data in batch:
            if data is not None and _is_session_or_lock(data):
                removed += rows.delete_older(name, data, before)
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
