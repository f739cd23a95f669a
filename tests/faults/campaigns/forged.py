"""Cookies and ids that somebody made up leave nothing behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.faults.campaigns import stored
from tests.faults.campaigns.load import SHARED, done, original, ours, place
from tests.faults.campaigns.report import Report, Size

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

STORES = ("file", "memory", "python", "sqlite", "redis", "postgresql")
STORES_OF_BEAKER = STORES[:3]
IDS = {Size.SHORT: 2_000, Size.FULL: 1_000_000}
SLOWER = {"redis": 5, "postgresql": 20}
"""Stores that get fewer ids, by this part, since each costs a request or two to a server."""
FEWER = {Size.SHORT: 500, Size.FULL: 20_000}
"""For the original, which makes files of them."""
MOST_GROWTH = 4096
"""In KiB, from the first quarter to the last: what an allocator may still take. An entry for each id would be
fifty times as much."""


def _campaign(python: Path, stores: Iterable[str], most: int, size: Size, report: Report) -> None:
    for what in ("forged ids", "known", "files", "folders", "entries"):
        report.count(what, 0)
    for store in stores:
        ids = most // SLOWER.get(store, 1)
        with place(store) as where:
            arguments = {"options": where.options, "folder": where.folder, "ids": ids}
            result = done(python, "forging", 300 + ids / 100, **arguments)
            if "entries" in result and store in SHARED:
                result["entries"] += len(stored.ids(where.options, where.folder))
        for failure in result.get("failures", ()):
            report.breaks(f"{where.name}: {failure}")
        if "memory" not in result:
            continue
        report.count("forged ids", ids)
        for what in ("known", "files", "folders", "entries"):
            report.count(what, result[what])
            if result[what]:
                report.breaks(f"{where.name}: {result[what]} {what}")
        first, *_, last = result["memory"]
        report.counts["KiB grown"] = max(report.counts["KiB grown"], last - first)
        if size is Size.FULL and last - first > MOST_GROWTH:
            report.breaks(f"{where.name}: memory at the quarters, in KiB: {result['memory']}")


def campaign(size: Size) -> Report:
    """Tries ours, and the original with fewer where it is installed."""
    report = Report("forged")
    _campaign(ours(), STORES, IDS[size], size, report)
    if (python := original()) is not None:
        theirs = Report("forged")
        _campaign(python, STORES_OF_BEAKER, FEWER[size], size, theirs)
        counts = theirs.counts
        tried = (
            f"{counts['forged ids']:,} forged ids, {counts['files']:,} files, {counts['entries']:,} entries"
        )
        report.compare(theirs, tried)
    return report
