"""Values that a backend stores as pickles."""

import pickle
from typing import Any

from beaker._core import is_bounded_pickle
from beaker.exceptions import CorruptSessionError

__all__ = ["PickledValues", "as_text", "guarded_loads"]


class PickledValues:
    """A backend that stores values as pickles."""

    allow_pickle = True
    """Whether values of any kind are read. Otherwise only text, numbers and containers of them."""

    pickle_loads: Any = None
    """A replacement for :func:`pickle.loads` that reads only some pickles."""

    def _loaded(self, data: bytes, what: str) -> Any:
        """The value in a pickle, which was read as a stored ``what``."""
        try:
            if not self.allow_pickle:
                return guarded_loads(data)
            if self.pickle_loads is not None:
                return self.pickle_loads(data)
            if not is_bounded_pickle(data):
                raise pickle.UnpicklingError("it needs more memory than its length allows")
            return pickle.loads(data)  # noqa: S301 - the caller has asked allow_pickle
        except (MemoryError, RecursionError):
            raise
        except Exception as cause:  # a damaged pickle can raise anything
            raise CorruptSessionError(
                f"a stored {what} cannot be unpickled: {type(cause).__name__}"
            ) from cause


def guarded_loads(data: bytes) -> object:
    """The value in a pickle of text, numbers and containers of them."""
    # Imported when needed, because it imports a dozen modules.
    from beaker._pickle_guard import loads  # noqa: PLC0415

    return loads(data, frozenset())


def as_text(value: Any) -> Any:
    """The text that a session is read as, also where it was stored as bytes. Any other value as it is."""
    return value.decode(errors="replace") if isinstance(value, bytes) else value
