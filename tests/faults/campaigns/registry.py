"""The campaigns there are."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.faults.campaigns.report import Report, Size

CAMPAIGNS: tuple[str, ...] = (
    "faults",
    "kills",
    "power_cuts",
    "disks",
    "cuts",
    "restarts",
    "counters",
    "revivals",
    "forks",
    "forged",
    "growth",
)
"""Each names a module here with a function `campaign`, which takes a `Size` and returns a `Report`."""


def run(name: str, size: Size) -> Report:
    """Runs the campaign of that name."""
    report: Report = importlib.import_module(f"tests.faults.campaigns.{name}").campaign(size)
    return report
