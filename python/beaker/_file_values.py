"""The values of a file of a cache that are kept in memory for as long as it is the same file."""

import functools
import io
import pickle
from typing import Any

from beaker._core import FileValues

__all__ = ["KeptValues"]

# In seconds. The clocks of file systems have ticks of up to two.
_SETTLING = 3.0
# Nobody can change a value of these types.
_CONSTANTS = frozenset({type(None), bool, int, float, str, bytes})


class KeptValues:
    """The values of one file. A value is kept when it is read, if it consists of plain data only.

    A program's own class may do anything when it is pickled or read, so values of it are read from the file.
    """

    def __init__(self, file: str) -> None:
        self.values = FileValues(file, _SETTLING)
        self._may_keep = False
        self._refused: set[Any] = set()

    def read(self) -> bytes:
        """The contents of the file, whose values may be given to :meth:`keep`. Raises :class:`OSError`."""
        data, may_keep = self.values.read()
        if not may_keep:
            self._refused.clear()
        self._may_keep = may_keep
        return data

    def keep(self, key: Any, record: Any) -> None:
        """Keeps the value in a record of the file that was read."""
        if not self._may_keep or type(key) is not bytes or key in self._refused:
            return
        match record:
            case (float() | int() as stored, float() | int() | None as expires, value) if (
                type(record) is tuple
            ):
                pickled = _plain_pickle(value)
                if pickled is not None:
                    constant = value if type(value) in _CONSTANTS else None
                    self.values.keep(key, stored, expires, pickled, constant)
                    return
        self._refused.add(key)

    def forget(self) -> None:
        """Drops all values, because the file or what was read of it is about to change."""
        self._may_keep = False
        self.values.forget()


@functools.cache
def _stable() -> frozenset[type]:
    """Types whose values pickles give again, however often they are pickled and read."""
    # Imported when needed, since not every program has them.
    import datetime  # noqa: PLC0415
    import decimal  # noqa: PLC0415
    import uuid  # noqa: PLC0415

    times = (datetime.date, datetime.datetime, datetime.time, datetime.timedelta, datetime.timezone)
    return frozenset({*times, decimal.Decimal, uuid.UUID})


class _PlainPickler(pickle.Pickler):
    """Refuses what is not plain data."""

    def reducer_override(self, obj: Any) -> Any:
        """Called for all but the built-in types."""
        if type(obj) in _stable() or (type(obj) is type and obj in _stable()):
            return NotImplemented
        raise pickle.PicklingError


def _plain_pickle(value: Any) -> bytes | None:
    """The pickle of a value, if it is plain data."""
    file = io.BytesIO()
    try:
        _PlainPickler(file, pickle.HIGHEST_PROTOCOL).dump(value)
    except (pickle.PicklingError, RecursionError):
        return None
    return file.getvalue()
