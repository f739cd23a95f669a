"""A clock that a test moves."""

from typing import Final

START: Final = 1_700_000_000.0
"""The time at which the clock of a test starts, in seconds since 1970."""


class Clock:
    """The clock of a test, in place of ``time.time``."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        """The time, in seconds since 1970."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Lets time pass."""
        self.now += seconds
