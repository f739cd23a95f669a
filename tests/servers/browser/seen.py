"""Prints the observations in Chromium after the tests."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field

from tests.servers.browser.kinds import KINDS

WIDTH = 110


def sentence(test: str) -> str:
    """The sentence that is a test's name."""
    words = test.removeprefix("test_").replace("_", " ")
    return words[:1].upper() + words[1:]


def together(kinds: list[str]) -> str:
    """The kinds of sessions, shortly where they are all that there are."""
    in_cookie = {kind.name for kind in KINDS if kind.in_cookie}
    on_server = {kind.name for kind in KINDS} - in_cookie
    seen = set(kinds)
    if seen >= in_cookie | on_server:
        return "every kind"
    for group, name in ((on_server, "every file kind"), (in_cookie, "every cookie kind")):
        if seen >= group:
            return ", ".join([name, *(kind for kind in kinds if kind not in group)])
    return ", ".join(kinds)


@dataclass
class Seen:
    """The promises, what Chromium did, and the kinds of sessions, in the order of the tests."""

    version: str = ""
    rows: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def note(self, promise: str, saw: str, kind: str) -> None:
        """Adds an observation."""
        kinds = self.rows.setdefault((promise, saw), [])
        if kind not in kinds:
            kinds.append(kind)

    def lines(self) -> list[str]:
        """The list: each promise once, below it what was seen."""
        lines: list[str] = []
        previous = None
        for (promise, saw), kinds in self.rows.items():
            if promise != previous:
                lines += textwrap.wrap(f"{promise}.", WIDTH)
                previous = promise
            lines += textwrap.wrap(
                f"{saw} [{together(kinds)}]", WIDTH, initial_indent="    - ", subsequent_indent="      "
            )
        return lines
