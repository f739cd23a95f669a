"""The backend under test: the options that choose it, and how a test looks behind it."""

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from typing import Any, Final, TypeVar

_F = TypeVar("_F", bound=Callable[..., Any])

LACKING: Final = {
    "processes": "another process does not see the records",
    "pickle": "the `Backend` cannot be pickled, so no process can be started that uses it",
    "locks": "`session.lock()` does not exclude other processes",
    "readers": "a session cannot be read while somebody has locked it",
    "swap": "the class has no method `swap`",
    "caches": "it keeps sessions only",
    "ids": "an id of more than 255 characters, or with a zero character, cannot be stored",
    "clear": "clearing a cache clears all that the store has",
    "names": "`Backend.names` is not written: the records cannot be listed",
    "down": "`Backend.down` is not written: the store cannot be made to fail",
    "lifetime": "`Backend.lifetime` is not written, or records do not go by themselves",
    "sweep": "`Backend.sweep` is not written, or nothing is there to sweep",
}
"""What a backend may lack, by the word in ``StoreLaws.lacks``. Every other law holds for all."""


class Backend:
    """A backend under test, empty when the test begins.

    ``options`` are the session options that choose it, such as ``type``, ``url``, ``data_dir`` or
    ``namespace_class``. A subclass may write the methods below; each has laws of its own.
    """

    options: dict[str, Any]

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = dict(options)

    def names(self) -> Collection[str]:
        """The names of everything that the store has, locks included: a test sees what is left over."""
        raise NotImplementedError(self._missing("names"))

    def down(self) -> AbstractContextManager[None]:
        """A context in which the store does not answer. Afterwards it does, and has what it had."""
        raise NotImplementedError(self._missing("down"))

    def lifetime(self, session_id: str) -> float | None:
        """The seconds for which the store by itself keeps a session's record. ``None``: for ever."""
        raise NotImplementedError(self._missing("lifetime"))

    def sweep(self) -> None:
        """Removes the records that have expired, as the store does from time to time."""
        raise NotImplementedError(self._missing("sweep"))

    def _missing(self, name: str) -> str:
        return f'{type(self).__name__} needs the method {name}, or the laws get lacks = {{"{name}"}}'


def needs(*words: str) -> Callable[[_F], _F]:
    """Marks a law that does not hold for a backend which lacks one of these."""

    def mark(law: _F) -> _F:
        law.__dict__["needs"] = frozenset(words)
        return law

    return mark
