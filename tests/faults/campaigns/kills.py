"""Processes are killed: before every system call on the files of sessions, and at moments of chance.

The calls are learnt as for `faults`. strace sends SIGKILL when a call begins, and the kernel then does not
do it.
"""

from __future__ import annotations

import random
import signal
from typing import TYPE_CHECKING

from tests.faults.campaigns import hammer, load, tracing
from tests.faults.campaigns.report import Report, Size
from tests.faults.campaigns.runner import (
    DURABILITIES,
    Case,
    Runner,
    is_of_the_store,
    learnt,
    named,
    on_both,
)

if TYPE_CHECKING:
    from tests.faults.campaigns.runner import Plan, Played

RANDOM_KILLS = {Size.SHORT: 60, Size.FULL: 5_100}


def everywhere(runner: Runner, kinds: list[Case], size: Size, report: Report) -> None:
    """Kills before every call."""
    plan = learnt(runner, kinds)
    chance = random.Random(2)
    for (name, number), places in plan.points.items():
        chosen = places if size is Size.FULL else chance.sample(places, min(len(places), 2))
        inject = f"inject={name}:signal=SIGKILL:when={number}"
        for place, played in zip(
            chosen, runner.play([kinds[at] for at in chosen], "-e", inject), strict=True
        ):
            if not is_killed_in_the_store(played):
                report.count("misses")
                continue
            report.count("kills before a call")
            note(played, plan, place, f"killed before {name} {number}", report)


def is_killed_in_the_store(played: Played) -> bool:
    """Whether the last call of all was on the store and the process was killed in it."""
    return (
        played.result["signal"] == signal.SIGKILL
        and bool(played.calls)
        and is_of_the_store(played.calls[-1], played.case["folder"])
    )


def note(played: Played, plan: Plan, place: int, what: str, report: Report) -> None:
    """Notes what broke, but for what breaks in peace."""
    for law in played.broken:
        if law not in plan.given[place]:
            report.breaks(f"{named(played.case)}: {what}: {law}")


def at_random(runner: Runner, size: Size, report: Report) -> None:
    """Kills at moments of chance."""
    choices: list[tuple[str, dict[str, str]]] = [("file", {})]
    if runner.ours:
        choices = [("file", {"durability": word}) for word in DURABILITIES]
        choices += [(store, {}) for store in ("sqlite", "redis", "postgresql")]
    for seed, (store, chosen) in enumerate(choices):
        kills = RANDOM_KILLS[size] // (len(choices) if runner.ours else 3)
        folder = str(runner.folder / f"hammered-{seed}")
        with load.place(store) as where:
            there = {name: value for name, value in where.options.items() if name != "data_dir"}
            options = {**there, **chosen, "sweep_interval": 0} if runner.ours else {}
            told = runner.process.call(hammer.run, folder, options, runner.ours, kills, seed)
        report.count("random kills", kills)
        report.count("saves acknowledged", told["acknowledged"])
        for broken in told["broken"]:
            report.breaks(f"{' '.join((store, *chosen.values()))}: killed at random: {broken}")


def campaign_against(runner: Runner, kinds: list[Case], size: Size, report: Report) -> None:
    """Tries everything on one implementation."""
    for name in ("kills before a call", "misses"):
        report.count(name, 0)
    everywhere(runner, kinds, size, report)
    at_random(runner, size, report)


def campaign(size: Size) -> Report:
    """Tries ours, and the original where it is installed."""
    tracing.strace()

    def tried(theirs: Report) -> str:
        calls, chance = (theirs.counts[name] for name in ("kills before a call", "random kills"))
        return f"{calls:,} kills before a call, {chance:,} random kills of lone sessions"

    return on_both(
        "kills", lambda runner, kinds, report: campaign_against(runner, kinds, size, report), tried
    )
