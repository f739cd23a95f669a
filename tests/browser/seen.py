"""What was seen in Chromium, told when the tests have run."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field

WIDTH = 110


def sentence(test: str) -> str:
    """The sentence that is a test's name."""
    words = test.removeprefix("test_").replace("_", " ")
    return words[:1].upper() + words[1:]


@dataclass
class Seen:
    """What was promised, what Chromium did, and with which kinds of sessions, in the order of the tests."""

    version: str = ""
    rows: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def note(self, promise: str, saw: str, kind: str | None) -> None:
        """Adds an observation."""
        kinds = self.rows.setdefault((promise, saw), [])
        if kind is not None and kind not in kinds:
            kinds.append(kind)

    def lines(self) -> list[str]:
        """The list: each promise once, below it what was seen."""
        lines: list[str] = []
        previous = None
        for (promise, saw), kinds in self.rows.items():
            if promise != previous:
                lines += textwrap.wrap(f"{promise}.", WIDTH)
                previous = promise
            which = f" [{', '.join(kinds)}]" if kinds else ""
            lines += textwrap.wrap(saw + which, WIDTH, initial_indent="    - ", subsequent_indent="      ")
        return lines
