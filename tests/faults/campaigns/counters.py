"""Processes with threads that use one session: counters with `concurrency = lock`, keys with `merge`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.faults.campaigns.load import SHARED, STORES, STORES_OF_BEAKER, Running, done, original, ours, place
from tests.faults.campaigns.report import Report, Size

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.faults.campaigns.load import Place

LOADS = {Size.SHORT: (2, 3, 8), Size.FULL: (8, 4, 1000)}
"""Processes, threads of each, and requests of each thread. In memory one process has all threads."""


def _run(python: Path, where: Place, task: str, size: Size, **more: Any) -> tuple[int, int, list[str]]:
    """The counter in the end, how many changes were lost, and what went wrong."""
    processes, threads, turns = LOADS[size]
    patience = 120.0 + processes * threads * turns / 5
    options = {**where.options, **more}
    arguments = {"task": task, "options": options, "threads": threads, "turns": turns, "begin": False}
    if where.store in SHARED:
        nothing = {**arguments, "name": "begin", "threads": 0}
        begun = done(python, "counting", patience, **{**nothing, "begin": True})
        running = [Running(python, "counting", {**arguments, "name": str(n)}) for n in range(processes)]
        results = [one.result(patience) for one in running]
        last = done(python, "counting", patience, **nothing)
    else:
        begun = {}
        alone = {**arguments, "name": "0", "threads": processes * threads, "begin": True}
        results = [last := done(python, "counting", patience, **alone)]
    failures = [failure for one in (begun, *results, last) for failure in one.get("failures", ())]
    return last.get("count") or 0, sum(one.get("lost", 0) for one in results), failures


def _campaign(python: Path, stores: Iterable[str], size: Size, report: Report, lock: dict[str, Any]) -> None:
    processes, threads, turns = LOADS[size]
    total = processes * threads * turns
    patience = {name: value for name, value in lock.items() if name == "lock_timeout"}
    report.count("increments", 0)
    report.count("of them lost", 0)
    report.count("changes of distinct keys", 0)
    report.count("of those lost", 0)
    for store in stores:
        with place(store) as where:
            count, _, failures = _run(python, where, "counting", size, **lock)
            report.count("increments", total)
            report.count("of them lost", total - count)
            if failures or count != total:
                report.breaks(f"{where.name}: {count} of {total} increments {failures[:1]}")
        with place(store) as where:
            _, lost, failures = _run(python, where, "setting", size, **patience)
            report.count("changes of distinct keys", total)
            report.count("of those lost", lost)
            if failures or lost:
                report.breaks(f"{where.name}: {lost} of {total} changes lost {failures[:1]}")


def campaign(size: Size) -> Report:
    """Tries ours, and the original as it is where it is installed."""
    report = Report("counters")
    _campaign(ours(), STORES, size, report, {"concurrency": "lock", "lock_timeout": 600})
    if (python := original()) is not None:
        theirs = Report("counters")
        _campaign(python, STORES_OF_BEAKER, size, theirs, {})
        lost = theirs.counts["of them lost"], theirs.counts["of those lost"]
        report.compare(theirs, f"{lost[0]:,} increments and {lost[1]:,} changes lost")
    return report
