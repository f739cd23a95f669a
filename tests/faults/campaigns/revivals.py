"""Requests that loaded a session before it ended and save it afterwards: nothing of it comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.faults.campaigns.load import (
    OF_BEAKER,
    STORES,
    STORES_OF_BEAKER,
    VARIANTS,
    done,
    original,
    ours,
    place,
)
from tests.faults.campaigns.report import Report, Size

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

READS = {Size.SHORT: (48, 18), Size.FULL: (9_000, 1_000)}
"""Slow reads for each store and its options: in the order that does harm, and at once with the end."""
PATIENCE = {Size.SHORT: 300.0, Size.FULL: 3600.0}


def _campaign(
    python: Path, stores: Iterable[str], size: Size, report: Report, variants: Iterable[str]
) -> None:
    ordered, raced = READS[size]
    report.count("slow reads", 0)
    report.count("revivals", 0)
    for store in stores:
        for variant in variants:
            with place(store, variant) as where:
                arguments = {"options": where.options, "ordered": ordered, "raced": raced}
                result = done(python, "slow_reads", PATIENCE[size], **arguments)
            report.count("slow reads", result.get("tried", 0))
            report.count("revivals", sum(result.get("back", {}).values()))
            for what, number in result.get("back", {}).items():
                report.breaks(f"{where.name}: {what}: {number} revivals")
            if result.get("lost"):
                report.breaks(f"{where.name}: {result['lost']} sessions lost by their rotation")
            for failure in result.get("failures", ()):
                report.breaks(f"{where.name}: {failure}")


def campaign(size: Size) -> Report:
    """Tries ours, and the original where it is installed."""
    report = Report("revivals")
    _campaign(ours(), STORES, size, report, VARIANTS)
    if (python := original()) is not None:
        theirs = Report("revivals")
        _campaign(python, STORES_OF_BEAKER, size, theirs, sorted(OF_BEAKER))
        tried = f"{theirs.counts['revivals']:,} revivals of {theirs.counts['slow reads']:,}"
        report.compare(theirs, tried)
    return report
