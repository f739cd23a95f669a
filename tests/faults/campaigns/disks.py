"""Disks that are full, and disks that can only be read: writes cut short, and file systems mounted so.

A write may put in fewer bytes than it was asked to, and a full disk first does that and then refuses. Each
is tried at many lengths by a library that stands in for the kernel. Then a small file system is mounted,
filled or made read-only, and visited. Where nothing may be mounted that part is left out; the line shows it.
"""

from __future__ import annotations

import errno
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.faults.campaigns import mounts
from tests.faults.campaigns.report import Report, Size
from tests.faults.campaigns.runner import (
    Case,
    Runner,
    named,
    on_both,
)
from tests.support.environment import LackingError

if TYPE_CHECKING:
    from collections.abc import Iterator

ERRORS = ("ENOSPC", "EDQUOT", "EIO")
WRITING = ("write", "login", "rotate", "merge", "touch")
AT_ONCE = {Size.SHORT: (1, 100), Size.FULL: (1, 2, 7, 13, 100, 511, 512, 1000, 2000)}
STEP = {Size.SHORT: 700, Size.FULL: 90}
LONGEST = 3200
"""In bytes. Every record of these visits is shorter."""


def library(folder: Path) -> Path:
    """The library, built."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise LackingError("there is no C compiler")
    built = folder / "short_writes.so"
    source = Path(__file__).with_name("short_writes.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", built, source], check=True)
    return built


def limits(size: Size) -> Iterator[Case]:
    """The limits of writes."""
    for at_once in AT_ONCE[size]:
        yield {"at_once": at_once, "in_all": -1, "error": 0}
    for error in ERRORS:
        for in_all in range(0, LONGEST, STEP[size]):
            yield {"at_once": -1, "in_all": in_all, "error": getattr(errno, error)}


def shortened(runner: Runner, kinds: list[Case], size: Size, report: Report) -> None:
    """Plays each kind that writes with each limit."""
    given = [set(played.broken) for played in runner.play_alone(kinds)]
    for number, limit in enumerate(limits(size)):
        # In the short form the kinds take turns.
        places = range(number % 3, len(kinds), 3) if size is Size.SHORT else range(len(kinds))
        limited = [{**kinds[place], "limit": limit} for place in places]
        for place, played in zip(places, runner.play_alone(limited), strict=True):
            told = played.result["told"] or {}
            if not told.get("shortened"):
                continue
            report.count("short writes")
            report.count("of them refused in the end", bool(told.get("error")))
            for law in played.broken:
                if law not in given[place]:
                    report.breaks(f"{named(played.case)}: {limit}: {law} [{told.get('error')}]")


def on_mounted_disks(runner: Runner, kinds: list[Case], report: Report) -> None:
    """Visits on a disk that is full and on one that is read-only."""
    for state in ("full", "read-only"):
        for kind in kinds:
            case = {**kind, "folder": str(runner.folder / "mounted" / "case")}
            told = runner.process.call(mounts.visited, case, state)
            if told is None:
                report.count(f"visits on a disk that is {state}", 0)
                continue
            report.count(f"visits on a disk that is {state}")
            for law in mounts.broken(kind["operation"], told):
                report.breaks(f"{named(kind)}: on a disk that is {state}: {law} [{told}]"[:300])


def campaign_against(runner: Runner, kinds: list[Case], size: Size, report: Report) -> None:
    """Tries everything on one implementation."""
    for name in ("short writes", "of them refused in the end"):
        report.count(name, 0)
    shortened(runner, [kind for kind in kinds if kind["operation"] in WRITING], size, report)
    on_mounted_disks(runner, [kind for kind in kinds if kind["operation"] in mounts.OPERATIONS], report)


def campaign(size: Size) -> Report:
    """Tries ours, and the original where it is installed."""
    with tempfile.TemporaryDirectory() as folder:
        return on_both(
            "disks",
            lambda runner, kinds, report: campaign_against(runner, kinds, size, report),
            lambda theirs: f"{theirs.counts['short writes']:,} short writes",
            preloaded=library(Path(folder)),
        )
