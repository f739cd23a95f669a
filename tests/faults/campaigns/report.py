"""The size of a campaign, and its report: one line that says what was tried and what broke."""

from __future__ import annotations

import enum
from collections import Counter
from dataclasses import dataclass, field


class Size(enum.Enum):
    """The length of a run of a campaign."""

    SHORT = "short"
    """Seconds, for every run of the tests."""
    FULL = "full"
    """Everything, by `./dev campaign --full`."""


@dataclass
class Report:
    """The results of a campaign."""

    name: str
    counts: Counter[str] = field(default_factory=Counter)
    """The numbers in the line, by the words that follow them."""
    broken: list[str] = field(default_factory=list)
    """Each law that was broken, with what leads to it again."""
    original: str | None = None
    """The result with the original, if it ran."""

    of_the_original: list[str] = field(default_factory=list)
    """Each law that the original broke."""

    def count(self, what: str, number: int = 1) -> None:
        """Adds to a count. Counting 0 shows it."""
        self.counts[what] += number

    def breaks(self, what: str) -> None:
        """Notes that a law was broken."""
        self.broken.append(what)

    def compare(self, theirs: Report, tried: str) -> None:
        """Puts what came of the same with the original beside it."""
        self.original = f"{tried}, {len(theirs.broken):,} laws broken"
        self.of_the_original = theirs.broken

    def line(self) -> str:
        """The summary."""
        counts = ", ".join(f"{number:,} {what}" for what, number in self.counts.items())
        line = f"{self.name}: {counts}; {len(self.broken):,} laws broken"
        return line if self.original is None else f"{line} | Beaker 1.14.1: {self.original}"
