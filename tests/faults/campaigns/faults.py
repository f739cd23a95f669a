"""Every system call on the files of sessions is made to fail in every way, once or from then on.

The calls of each operation are learnt from a run in which nothing fails. Each of them, by its number among
those of its name, is then answered by strace with an error in place of the kernel, in a process of its own;
a process that nothing happened to judges what is left. What strace hit is read from its log, and only hits
on the files of sessions count.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from tests.faults.campaigns import tracing
from tests.faults.campaigns.report import Report, Size
from tests.faults.campaigns.runner import (
    Case,
    Plan,
    Point,
    Runner,
    is_hit,
    learnt,
    named,
    on_both,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

ERRORS = ("EIO", "ENOSPC", "EACCES", "EMFILE", "EINTR", "ENOENT", "EROFS", "EDQUOT")
LASTING = ("EIO", "ENOSPC", "EACCES", "EMFILE", "EROFS", "EDQUOT")
"""The errors that a disk, a limit or an administrator may cause permanently. EINTR never lasts."""


EVERY = [*((error, False) for error in ERRORS), *((error, True) for error in LASTING)]
"""Each error, and whether it lasts."""


def trials(plan: Plan, size: Size) -> Iterator[tuple[Point, str, bool, list[int]]]:
    """The trials: a point, an error, whether it lasts, and the kinds.

    In full, every kind is hit at every point that it comes by, and every point by everything, in two kinds at
    least: the kinds take turns at the errors.
    """
    chance = random.Random(1)
    for point, places in plan.points.items():
        turns = chance.sample(places, len(places))
        if size is Size.SHORT:
            error, lasts = chance.choice(EVERY)
            yield point, error, lasts, sorted(turns[:3])
            continue
        together = min(max(2, -(-len(turns) // len(EVERY))), len(turns))
        for number, (error, lasts) in enumerate(EVERY):
            chosen = {turns[(number * together + more) % len(turns)] for more in range(together)}
            yield point, error, lasts, sorted(chosen)


def campaign_against(runner: Runner, kinds: list[Case], size: Size, report: Report) -> None:
    """Tries everything on one implementation."""
    plan = learnt(runner, kinds)
    report.count("calls learnt", plan.calls)
    for name in (
        "faults",
        "of them lasting",
        "answered by an exception",
        "not noticed by the visit",
        "misses",
    ):
        report.count(name, 0)
    for (name, number), error, lasts, places in trials(plan, size):
        inject = f"inject={name}:error={error}:when={number}{'+' if lasts else ''}"
        what = f"{error} at {name} {number}{' and after' if lasts else ''}"
        for place, played in zip(
            places,
            runner.play(
                [{**kinds[at], "lasts": lasts} for at in places], "-e", inject, misled=error == "ENOENT"
            ),
            strict=True,
        ):
            # A new id may lie in a folder that is there already, which takes fewer calls.
            if not is_hit(played):
                report.count("misses")
                continue
            report.count("faults")
            report.count("of them lasting", lasts)
            told = played.result["told"] or {}
            report.count("answered by an exception", bool(told.get("error")))
            report.count("not noticed by the visit", told.get("error", "") is None)
            for law in played.broken:
                if law not in plan.given[place]:
                    report.breaks(f"{named(played.case)}: {what}: {law} [{told.get('error')}]")


def campaign(size: Size) -> Report:
    """Tries ours, and the original where it is installed."""
    tracing.strace()
    return on_both(
        "faults",
        lambda runner, kinds, report: campaign_against(runner, kinds, size, report),
        lambda theirs: f"{theirs.counts['faults']:,} faults",
    )
