"""Cases played by a process that strace follows, and judged by one that nothing happens to."""

from __future__ import annotations

import itertools
import sys
import tempfile
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.compat.interop.original import Original, original
from tests.faults.campaigns import laws, tracing, worker
from tests.faults.campaigns.report import Report
from tests.support.environment import ORACLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.faults.campaigns.tracing import Call

DURABILITIES = ("beaker", "process", "full")
CONCURRENCIES = ("merge", "lock")
VISITS = ("read", "touch", "write", "login", "logout", "invalidate", "rotate")
OURS = Path(sys.executable)
THEIRS = ORACLE / "bin" / "python"

Case = dict[str, Any]
Point = tuple[str, int]
"""The name of a system call, and which one of its name, beginning with 1."""


def kinds_of_ours() -> list[Case]:
    """Every operation with every choice that changes its system calls."""
    kinds: list[Case] = []
    for durability, concurrency in itertools.product(DURABILITIES, CONCURRENCIES):
        chosen = {"durability": durability, "concurrency": concurrency}
        kinds += [{"operation": operation, "options": chosen} for operation in VISITS]
        # The first session of all, whose folders are missing.
        kinds.append({"operation": "login", "options": chosen, "empty": True})
        if concurrency == "merge":
            kinds.append({"operation": "merge", "options": chosen})
    kinds.append({"operation": "sweep"})
    return kinds


def kinds_of_the_original() -> list[Case]:
    """The operations that Beaker has."""
    return [*({"operation": operation} for operation in VISITS), {"operation": "login", "empty": True}]


def named(kind: Case) -> str:
    """The name of a kind in a report of a broken law."""
    words = [
        kind["operation"],
        *kind.get("options", {}).values(),
        *["in no folder"] * kind.get("empty", False),
    ]
    return " ".join(words)


@dataclass
class Played:
    """A case that was played, and what broke."""

    case: Case
    result: dict[str, Any]
    verdict: dict[str, Any]
    calls: list[Call]
    broken: list[str]


@dataclass
class Runner:
    """Runs cases in a process with our package or with the original."""

    process: Original
    folder: Path
    ours: bool
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def play(self, kinds: list[Case], *options: str, misled: bool = False) -> list[Played]:
        """Plays a case of each kind under strace with these options. `misled` is explained in the laws."""
        cases = self._prepared(kinds)
        launcher = self.process.call(worker.begin, cases)
        log = self.folder / "strace"
        tracer = tracing.Tracer(launcher, log, "-e", tracing.EVERYTHING_ON_FILES, *options)
        results = self.process.call(worker.finish)
        calls: dict[int, list[Call]] = {}
        for call in tracer.calls():
            calls.setdefault(call.process, []).append(call)
        return self._judged(cases, results, calls, misled)

    def play_alone(self, kinds: list[Case]) -> list[Played]:
        """Plays a case of each kind, without strace."""
        cases = self._prepared(kinds)
        self.process.call(worker.begin, cases)
        return self._judged(cases, self.process.call(worker.finish), {}, misled=False)

    def _prepared(self, kinds: list[Case]) -> list[Case]:
        cases = [{**kind, "folder": str(self.folder / f"case-{next(self.numbers)}")} for kind in kinds]
        prepared: list[Case] = self.process.call(worker.prepare, cases)
        return prepared

    def _judged(
        self, cases: list[Case], results: list[dict[str, Any]], calls: dict[int, list[Call]], misled: bool
    ) -> list[Played]:
        for case, result in zip(cases, results, strict=True):
            told = result["told"] or {}
            cookie = told.get("cookie")
            if cookie and told["error"] is None and cookie != case["cookie"] and len(cookie) > 32:
                case["new"] = cookie
        verdicts = self.process.call(worker.judge, cases)
        return [
            Played(
                case,
                result,
                verdict,
                calls.get(result["process"], []),
                list(laws.broken(case, result, verdict, self.ours, misled)),
            )
            for case, result, verdict in zip(cases, results, verdicts, strict=True)
        ]


def is_of_the_store(call: Call, folder: str) -> bool:
    """Whether a call is on the files of sessions, or on a folder above them."""
    return any(path.startswith(folder) or folder.startswith(f"{path.rstrip('/')}/") for path in call.paths)


def is_hit(played: Played) -> bool:
    """Whether strace did what it was to do, and to the store."""
    hits = [call for call in played.calls if call.was_made_to_fail]
    return bool(hits) and is_of_the_store(hits[0], played.case["folder"])


@dataclass
class Plan:
    """The calls of each kind, and the laws that break without a fault."""

    kinds: list[Case]
    points: dict[Point, list[int]]
    """The kinds that come by it, by their places."""
    calls: int
    given: list[set[str]]
    """The laws that Beaker breaks without a fault, for each kind."""


def learnt(runner: Runner, kinds: list[Case]) -> Plan:
    """Plays each kind in peace."""
    points: dict[Point, list[int]] = {}
    given = []
    number = 0
    for place, played in enumerate(runner.play(kinds)):
        told = played.result["told"]
        assert told is not None
        assert told.get("error", "") is None, (named(played.case), played.result)
        seen: Counter[str] = Counter()
        for call in played.calls:
            seen[call.name] += 1
            # The standard library takes it for given that a folder can be closed, and so it is on Linux.
            closes_folder = call.name == "close" and kinds[place]["operation"] == "sweep"
            if is_of_the_store(call, played.case["folder"]) and not closes_folder:
                points.setdefault((call.name, seen[call.name]), []).append(place)
                number += 1
        given.append(set(played.broken))
        assert not (runner.ours and played.broken), (named(played.case), played.broken)
    return Plan(kinds, points, number, given)


@contextmanager
def started(python: Path, preloaded: Path | None = None) -> Iterator[Runner]:
    """A runner with the package of an interpreter. It removes its files at the end."""
    environment = {} if preloaded is None else {"LD_PRELOAD": str(preloaded)}
    with (
        tempfile.TemporaryDirectory(prefix="beaker-", dir=quick_folder()) as folder,
        original(python, environment) as running,
    ):
        yield Runner(running, Path(folder), python == OURS)


def on_both(
    name: str,
    against: Callable[[Runner, list[Case], Report], None],
    tried: Callable[[Report], str],
    preloaded: Path | None = None,
) -> Report:
    """Runs a campaign on ours and, if it is installed, on the original. `tried` describes that."""
    report = Report(name)
    with started(OURS, preloaded) as runner:
        against(runner, kinds_of_ours(), report)
    if THEIRS.exists():
        theirs = Report(name)
        with started(THEIRS, preloaded) as runner:
            against(runner, kinds_of_the_original(), theirs)
        report.compare(theirs, tried(theirs))
    return report


def quick_folder() -> str | None:
    """A folder in memory, where there is one."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None
