"""Saves of session after session: what there is of them is bounded, by `max_sessions`, by time, by sweeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.faults.campaigns import stored
from tests.faults.campaigns.load import done, original, ours, place
from tests.faults.campaigns.report import Report, Size

if TYPE_CHECKING:
    from pathlib import Path

SAVES = {Size.SHORT: (3_000, 4_000, 300), Size.FULL: (1_000_000, 100_000, 100_000)}
"""With `max_sessions`, in memory with a timeout, and in files with a timeout and sweeps."""
FEWER = {Size.SHORT: (2_000, 4_000, 100), Size.FULL: (20_000, 20_000, 5_000)}
CAP = 1000
LIFETIME = 60 + 120
"""In seconds, of a record with a minute of timeout."""
ALIVE = 1800
"""Sessions whose time is not over, at ten a second with a minute of timeout and two more of grace."""
MOST_GROWTH = 4096
"""In KiB, from the first quarter to the last."""
MOST_DATABASE = 8 * 1024
"""In KiB, with the sessions of one batch, a part of them free pages."""
MOST_FOLDERS = 2 + 2 * (16 + 256)
"""Of records and of locks, named by one and by two hexadecimal digits."""


def _bounded(report: Report, what: str, there: int, bound: int) -> None:
    report.count(f"{what} at most", there)
    if there > bound:
        report.breaks(f"{there} {what}, where {bound} are allowed")


def _campaign(
    python: Path, saves: tuple[int, int, int], size: Size, report: Report, *, is_ours: bool
) -> None:
    capped, timed, swept = saves
    cap = {"max_sessions": CAP} if is_ours else {}
    patience = 600.0 + sum(saves) / 50
    options = {"type": "memory"}
    result = done(python, "growing", patience, task="capped", options={**options, **cap}, saves=capped)
    failures = list(result.get("failures", ()))
    report.count("saves with a cap", capped)
    _bounded(report, "sessions", result.get("most", 0), CAP)
    first, *_, last = result.get("memory", [0, 0])
    report.count("KiB grown", last - first)
    if size is Size.FULL and last - first > MOST_GROWTH:
        report.breaks(f"with a cap, memory at the quarters, in KiB: {result['memory']}")

    result = done(python, "growing", patience, task="timed", options=options, saves=timed)
    failures += result.get("failures", ())
    report.count("saves with a timeout", timed)
    _bounded(report, "sessions in memory", result.get("most", 0), 2 * ALIVE)

    with place("file") as where:
        result = done(python, "growing", patience, task="swept", folder=where.folder, saves=swept)
    failures += result.get("failures", ())
    report.count("saves to files", swept)
    _bounded(report, "files after a sweep", result.get("left", 0), 0)
    _bounded(report, "folders", result.get("folders", 0), MOST_FOLDERS)
    if is_ours:
        with place("sqlite") as where:
            result = done(python, "growing", patience, task="swept_rows", folder=where.folder, saves=swept)
        failures += result.get("failures", ())
        report.count("saves to sqlite", swept)
        _bounded(report, "rows after a sweep", result.get("left", 0), 0)
        _bounded(report, "KiB of the database", result.get("size", 0), MOST_DATABASE)
        with place("redis") as where:
            result = done(python, "growing", patience, task="saved", options=where.options, saves=swept)
            there = stored.without_an_end(where.options["url"], LIFETIME)
        failures += result.get("failures", ())
        report.count("saves to redis", swept)
        _bounded(report, "keys without an end", there, 0)
        with place("postgresql") as where:
            arguments = {"options": where.options, "saves": swept}
            result = done(python, "growing", patience, task="swept_table", **arguments)
            there = len(stored.ids(where.options, where.folder))
        failures += result.get("failures", ())
        report.count("saves to postgresql", swept)
        _bounded(report, "rows in a table after a sweep", max(there, result.get("left", 0)), 0)
    for failure in failures:
        report.breaks(failure)


def campaign(size: Size) -> Report:
    """Tries ours, and the original with fewer where it is installed."""
    report = Report("growth")
    _campaign(ours(), SAVES[size], size, report, is_ours=True)
    if (python := original()) is not None:
        theirs = Report("growth")
        _campaign(python, FEWER[size], size, theirs, is_ours=False)
        counts = theirs.counts
        there = f"{counts['sessions at most']:,} sessions in memory"
        report.compare(theirs, f"{there}, {counts['files after a sweep at most']:,} files that stay")
    return report
