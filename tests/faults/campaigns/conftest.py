"""Prints the lines of the campaigns at the end of the tests' output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.running import recorded

if TYPE_CHECKING:
    import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if lines := recorded(terminalreporter, "campaign"):
        terminalreporter.section("campaigns, short form")
        for line in lines:
            terminalreporter.write_line(line)
