"""Texts in rows of their own."""

import pickle
import time

from beaker._pickled_values import guarded_loads
from beaker._row_sweep import LOCK_KEY
from beaker._rows import Rows
from beaker.exceptions import CorruptSessionError

__all__ = ["RowText"]

# Every Python that may share the table can read it.
_PICKLE_PROTOCOL = 4


class RowText:
    """A text in a row of its own, such as a lease."""

    def __init__(self, rows: Rows, name: str, key: str = LOCK_KEY) -> None:
        self._rows, self._name, self._key = rows, name, key
        self.server = rows

    def look(self) -> str | None:
        """The text, if there is one."""
        data = self._rows.read(self._name)
        if data is None:
            return None
        try:
            contents = guarded_loads(data)
        except pickle.UnpicklingError as cause:
            raise CorruptSessionError(f"the row {self._name} is damaged: remove it") from cause
        if not isinstance(contents, dict) or self._key not in contents:
            raise CorruptSessionError(f"the row {self._name} has no {self._key}: remove it")
        return str(contents[self._key])

    def swap(self, expected: str | None, text: str | None) -> bool:
        """Changes the text from the expected one in one step."""
        if text is None:
            return expected is None or self._rows.delete(self._name, self._encode(expected))
        if expected is None:
            return self._rows.insert(self._name, self._encode(text), time.time())
        return self._rows.update(self._name, self._encode(expected), self._encode(text), time.time())

    def _encode(self, text: str) -> bytes:
        return pickle.dumps({self._key: text}, _PICKLE_PROTOCOL)
