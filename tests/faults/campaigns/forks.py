"""A process is forked while its threads use sessions, and its children use them too."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tests.faults.campaigns.load import done, original, ours, place
from tests.faults.campaigns.report import Report, Size
from tests.support.environment import LackingError

if TYPE_CHECKING:
    from pathlib import Path

FORKS = {Size.SHORT: 20, Size.FULL: 1000}
DEADLINE = {"ours": 60, "original": 10}
"""In seconds, after which a child hangs."""


def _campaign(python: Path, forks: int, deadline: int, report: Report) -> None:
    with place("file") as where:
        patience = 120 + forks * deadline / 5
        result = done(python, "forking", patience, folder=where.folder, forks=forks, deadline=deadline)
    for what in ("forks", "hangs"):
        report.count(what, result.get(what, 0))
    report.count("failed children", result.get("failed", 0))
    report.count("increments under the lock", result.get("increments", 0))
    lost = result.get("lost", [])
    report.count("of them lost", sum(lost))
    for what in ("hangs", "failed"):
        if result.get(what):
            report.breaks(f"{result[what]} of {result['forks']} children: {what}")
    if any(lost):
        report.breaks(f"{lost} increments lost in memory and in files")
    for broken in (*result.get("broken", ()), *result.get("failures", ())):
        report.breaks(broken)


def campaign(size: Size) -> Report:
    """Tries ours, and the original where it is installed."""
    if not hasattr(os, "fork"):
        raise LackingError("this system has no fork")
    report = Report("forks")
    _campaign(ours(), FORKS[size], DEADLINE["ours"], report)
    if (python := original()) is not None:
        theirs = Report("forks")
        _campaign(python, FORKS[size], DEADLINE["original"], theirs)
        counts = theirs.counts
        tried = ", ".join(f"{counts[what]:,} {what}" for what in ("forks", "hangs"))
        report.compare(theirs, f"{tried}, {counts['of them lost']:,} increments lost")
    return report
