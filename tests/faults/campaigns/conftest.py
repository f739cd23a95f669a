"""The lines of the campaigns stand at the end of the tests' output."""

from __future__ import annotations

import pytest

LINES = pytest.StashKey[list[str]]()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    lines = config.stash.get(LINES, [])
    if lines:
        terminalreporter.section("campaigns, short form")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture
def lines(request: pytest.FixtureRequest) -> list[str]:
    """Where a campaign's line goes."""
    return request.config.stash.setdefault(LINES, [])
