"""The table of option values: `python -m tests.unit.config.option_table` writes docs/option-values.md."""

from __future__ import annotations

import sys
import tempfile
from typing import TYPE_CHECKING, Any

from beaker import _core
from tests.compat.interop.original import Original, original
from tests.support.environment import ORACLE, ROOT
from tests.unit.config.option_reasons import REASONS
from tests.unit.config.option_values import WAYS, outcomes

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCUMENT = ROOT / "docs" / "option-values.md"
HEAD = "| option | values | Beaker 1.14.1 | beaker-rs | reason |"
BEAKERS = {option["name"] for option in _core.option_table() if option["since"] == "Beaker"}
"""The options that the original knows."""

CLEAR = "an exception in Beaker, though the meaning is clear"
AT_THE_START = "the error comes when the program starts"
NONE_THERE = "not an option of Beaker"


def is_bad(outcome: str) -> bool:
    """Whether there are no sessions with it."""
    return outcome.startswith(("refused", "fails", "loses each session"))


def why(option: str, theirs: str, ours: str) -> str | None:
    """The reason for a difference; `None` if there is none."""
    if theirs == ours:
        return ""
    if option not in BEAKERS:
        return NONE_THERE
    if is_bad(theirs):
        return AT_THE_START if is_bad(ours) else CLEAR
    return REASONS.get((option, "refused" if is_bad(ours) else "taken"))


Row = tuple[str, list[str], str, str, tuple[str | None, ...]]


def rows(theirs: Original) -> Iterator[Row]:
    """Option, values, their effect in Beaker and here, and the reasons for a difference."""
    for option in sorted(option["name"] for option in _core.option_table()):
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
            beakers: dict[str, Any] = theirs.call(outcomes, option, one)
            ours = outcomes(option, other)
        groups: dict[tuple[str, str, tuple[str | None, ...]], list[str]] = {}
        for value, there in beakers.items():
            here = ours[value]
            reasons = tuple(
                dict.fromkeys(why(option, there[way][0], here[way][0]) for way in range(len(WAYS)))
            )
            groups.setdefault((_cell(there), _cell(here), reasons), []).append(value)
        for (cell, our_cell, reasons), values in groups.items():
            yield option, values, cell, our_cell, reasons


def _cell(seen: list[list[Any]]) -> str:
    in_config, by_keyword = (f"{effect}{', with a warning' if told else ''}" for effect, told in seen)
    return in_config if in_config == by_keyword else f"{in_config}; by keyword {by_keyword}"


def table(found: list[Row]) -> str:
    """The rows as Markdown."""
    lines = [HEAD, "| --- | --- | --- | --- | --- |"]
    for option, values, there, here, reasons in found:
        named = ", ".join(f"`{value}`" for value in values)
        ours = "the same" if here == there else here
        reason = "; ".join(reason or "" for reason in reasons if reason != "")
        lines.append(f"| `{option}` | {named} | {there} | {ours} | {reason} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Writes the table into the document."""
    with original(ORACLE / "bin" / "python") as theirs:
        found = list(rows(theirs))
    for option, values, there, here, reasons in found:
        if None in reasons:
            sys.stderr.write(f"no reason: {option} {' '.join(values)}: {there} -> {here}\n")
    prose, _, _ = DOCUMENT.read_text(encoding="utf-8").partition(HEAD)
    DOCUMENT.write_text(f"{prose}{table(found)}", encoding="utf-8")


if __name__ == "__main__":
    main()
