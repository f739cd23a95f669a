"""The power fails after every system call of a number of visits, and the disk holds what the model allows.

The visits are traced once for each durability. `disk_model.py` says what a file system may
have made of the calls; each such state is put into a folder and loaded.

* `full`: what was acknowledged is there, what had begun is there or not, and nothing is unreadable.
* `beaker` and `process` wait for no disk, so saves may be lost. A record may be unreadable, and is then
  reported to be: both are counted. What is read is always something that was saved under that very id.
"""

from __future__ import annotations

import hashlib
import random
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from beaker.exceptions import CorruptSessionError
from beaker.session import Session
from tests.faults.campaigns import tracing, worker, workload
from tests.faults.campaigns.disk_model import Cut, Tree, after_cut
from tests.faults.campaigns.disk_trace import Trace, traced
from tests.faults.campaigns.one_visit import content
from tests.faults.campaigns.report import Report, Size
from tests.faults.campaigns.runner import OURS, Runner, started

if TYPE_CHECKING:
    from collections.abc import Iterator

STATES = {Size.SHORT: 200, Size.FULL: 1_500}
"""For each durability, model and format."""
MODELS = (
    ("beaker", False, 1),
    ("beaker", True, 1),
    ("beaker", False, 2),
    ("process", False, 1),
    ("process", True, 1),
    ("full", False, 1),
    ("full", False, 2),
)
"""Each durability, whether the disk keeps what ext4 promises beyond the model, and the format of records."""
EXTREMES = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
UNREADABLE = "unreadable"

Contents = dict[str, dict[str, Any]]


@dataclass
class Recorded:
    """The system calls and the answers of the visits."""

    trace: Trace
    folder: str
    saved: list[Contents]
    """The stored session after each visit."""
    times: dict[str, list[float]]
    """Every access time that each session ever had."""


def recorded(runner: Runner, durability: str, record_format: int = 1) -> Recorded:
    """Plays the visits under strace."""
    folder = str(runner.folder / f"recorded-{next(runner.numbers)}")
    chosen = {"durability": durability, "record_format": record_format}
    case = {"operation": "workload", "folder": folder, "options": chosen, "empty": True}
    (case,) = runner.process.call(worker.prepare, [case])
    launcher = runner.process.call(worker.begin, [case])
    whole = ("-xx", "-s", "1000000")
    tracer = tracing.Tracer(launcher, runner.folder / "strace", "-e", tracing.EVERYTHING_ON_FILES, *whole)
    (result,) = runner.process.call(worker.finish)
    calls = [call for call in tracer.calls() if call.process == result["process"]]
    assert result["told"]["error"] is None, result
    told = result["told"]
    return Recorded(traced(calls, folder, workload.MARK), folder, told["states"], told["times"])


def states(trace: Trace, number: int, ext4: bool) -> Iterator[tuple[int, Tree]]:
    """Distinct trees, each with the moment of the cut: the extremes at every moment, then by chance."""
    chance = random.Random(3)
    seen: set[bytes] = set()
    moments = list(range(trace.length + 1))
    planned = ((moment, likely) for likely in EXTREMES for moment in moments)
    tried = 0
    while len(seen) < number and tried < number * 50:
        tried += 1
        moment, likely = next(planned, (chance.choice(moments), (chance.random(), chance.random())))
        tree = after_cut(trace, moment, Cut(*likely, ext4), chance)
        digest = hashlib.sha256(repr((moment, sorted(tree.items()))).encode()).digest()
        if digest not in seen:
            seen.add(digest)
            yield moment, tree


def loaded(folder: Path, session_id: str, times: list[float]) -> dict[str, Any] | str | None:
    """The session of that id, or that it cannot be read. Its access time has to be one of `times`."""
    try:
        session: Any = Session(
            {}, id=session_id, use_cookies=False, type="file", data_dir=str(folder), invalidate_corrupt=False
        )
    except CorruptSessionError:
        return UNREADABLE
    found = content(session)
    if found is None:
        return None
    return _short(found) if session.last_accessed in times else "an access time that never was"


def _short(found: dict[str, Any]) -> dict[str, Any]:
    """With the length of the padding, if it is what the step put there, as the workload told it."""
    name, number, padding = found["name"], found["step"], found["padding"]
    whole = padding == workload.padding(name, number, len(padding))
    return {**found, "padding": [len(padding)] if whole else "torn"}


class Judge:
    """Compares what is loaded with what was acknowledged."""

    def __init__(self, name: str, seen: Recorded, report: Report, *, promises_all: bool) -> None:
        self.name = name
        self.saved = saved = seen.saved
        self.trace = seen.trace
        self.times = seen.times
        self.report = report
        self.promises_all = promises_all
        self.ever: dict[str, list[dict[str, Any]]] = {}
        for state in saved:
            for session_id, stored in state.items():
                if stored not in self.ever.setdefault(session_id, []):
                    self.ever[session_id].append(stored)

    def look(self, moment: int, folder: Path) -> None:
        """Loads every session that ever was."""
        done = sum(mark <= moment for mark in self.trace.acknowledged)
        before: Contents = self.saved[done - 1] if done else {}
        after: Contents = self.saved[done] if done < len(self.saved) else before
        found = {session_id: loaded(folder, session_id, self.times[session_id]) for session_id in self.ever}
        wrong = []
        for session_id, stored in found.items():
            if stored == UNREADABLE:
                self.report.count(f"unreadable ({self.name})")
            elif stored is not None and stored not in self.ever[session_id]:
                wrong.append(f"what was never saved was read: {stored}")
            if stored not in (before.get(session_id), after.get(session_id)):
                if self.promises_all:
                    wrong.append(f"an acknowledged save is lost: {stored} for {before.get(session_id)}")
                elif stored != UNREADABLE:
                    self.report.count(f"saves lost ({self.name})")
        if self.promises_all and before and after:
            kept = {stored["name"] for stored in found.values() if isinstance(stored, dict)}
            due = {stored["name"] for stored in before.values()} & {one["name"] for one in after.values()}
            wrong += [f"the session {name} is lost" for name in sorted(due - kept)]
        for what in wrong:
            self.report.breaks(f"{self.name}: cut after {moment} changes: {what}")


def put(folder: Path, tree: Tree, root: str) -> None:
    """Makes the folder hold the tree."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for path, bytes_ in tree.items():
        if path.endswith(".lock"):
            continue
        target = folder / Path(path).relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(bytes_)


def campaign(size: Size) -> Report:
    """Cuts the power under each durability."""
    tracing.strace()
    report = Report("power cuts")
    report.count("states", 0)
    with started(OURS) as runner:
        for durability, ext4, record_format in MODELS:
            name = f"{durability}{' on ext4' * ext4}{' in format 2' * (record_format == 2)}"
            seen = recorded(runner, durability, record_format)
            judge = Judge(name, seen, report, promises_all=durability == "full")
            report.counts += Counter({f"unreadable ({name})": 0})
            for moment, tree in states(seen.trace, STATES[size], ext4):
                folder = runner.folder / "state"
                put(folder, tree, seen.folder)
                judge.look(moment, folder)
                report.count("states")
    return report
