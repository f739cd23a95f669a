"""From the costs of rounds to the table that is printed, and to the targets that are missed."""

from __future__ import annotations

import math
import os
import platform
import statistics
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from benches.cases import Case

Clock = Literal["wall", "cpu"]
CLOCKS: tuple[Clock, ...] = ("wall", "cpu")

# How many times faster than the original, for the small session.
TARGETS = {
    ("memory-signed", "untouched"): 4.0,
    ("file-signed", "untouched"): 4.0,
    ("memory-signed", "read"): 15.0,
    ("memory-signed", "write"): 15.0,
    ("memory-signed", "new"): 15.0,
    ("file-signed", "read"): 8.0,
    ("cookie-plain", "read"): 20.0,
    ("cookie-plain", "write"): 20.0,
    ("cookie-plain", "new"): 15.0,
    ("cookie-encrypted", "read"): 25.0,
    ("cookie-encrypted", "write"): 25.0,
    ("cookie-encrypted", "new"): 15.0,
}
# How much longer than the bare system calls a request may take that changes a small session in a file.
BARE_TARGET = 1.3


@dataclass
class Costs:
    """Nanoseconds, one number a round."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def add(self, wall: float, cpu: float) -> None:
        """Takes in a round."""
        self.wall.append(wall)
        self.cpu.append(cpu)

    def less(self, bare: Costs) -> Costs:
        """The rest of each round without the median of the others."""
        wall, cpu = (bare.microseconds(clock) * 1000 for clock in CLOCKS)
        return Costs([cost - wall for cost in self.wall], [cost - cpu for cost in self.cpu])

    def of(self, clock: Clock) -> list[float]:
        """The rounds by one clock."""
        return self.wall if clock == "wall" else self.cpu

    def microseconds(self, clock: Clock) -> float:
        """The median."""
        return statistics.median(self.of(clock)) / 1000


def quotient(over: float, under: float) -> float:
    """The ratio of two differences of costs. It is NaN if one is not positive and so was lost in noise.

    NaN meets no target.
    """
    return over / under if over > 0 and under > 0 else math.nan


@dataclass(frozen=True)
class Ratio:
    """The ratio of two costs."""

    of_medians: float
    low: float
    high: float

    @classmethod
    def of(cls, over: Costs, under: Costs, clock: Clock) -> Ratio:
        """The ratio of the medians, and the quartiles of the ratios of the rounds."""
        every = (quotient(a, b) for a, b in zip(over.of(clock), under.of(clock), strict=True))
        rounds = [ratio for ratio in every if not math.isnan(ratio)] or [math.nan]
        quartiles = statistics.quantiles(rounds, n=4) if len(rounds) > 1 else rounds * 3
        medians = quotient(over.microseconds(clock), under.microseconds(clock))
        return cls(medians, quartiles[0], quartiles[2])

    def __str__(self) -> str:
        return f"{self.of_medians:.1f}x | {self.low:.1f}-{self.high:.1f}"


@dataclass
class Package:
    """The measured costs of a package."""

    wrapped: Costs = field(default_factory=Costs)
    bare: Costs = field(default_factory=Costs)

    @property
    def session(self) -> Costs:
        """The session alone."""
        return self.wrapped.less(self.bare)


@dataclass
class Result:
    """The measurements of a case."""

    case: Case
    original: Package = field(default_factory=Package)
    ours: Package = field(default_factory=Package)
    # What replacing a file of that length costs in that folder: by system calls alone, and by our store.
    bare: Costs = field(default_factory=Costs)
    store: Costs = field(default_factory=Costs)

    def ratio(self, clock: Clock) -> Ratio:
        """The factor by which ours is faster."""
        return Ratio.of(self.original.session, self.ours.session, clock)

    def missed(self, clock: Clock) -> str | None:
        """The target that it misses, if it has one and misses it."""
        if self.case.size != "small":
            return None
        name, request = self.case.configuration.name, self.case.request
        if (name, request) in TARGETS:
            target, ratio = TARGETS[name, request], self.ratio(clock).of_medians
            met, words = ratio >= target, f"{ratio:.2f}x, target at least {target}x"
        elif self.bare.wall and self.case.configuration.variant == "signed":
            ratio = Ratio.of(self.ours.session, self.bare, clock).of_medians
            met = ratio <= BARE_TARGET
            words = f"{ratio:.2f} times the bare system calls, target at most {BARE_TARGET}"
        else:
            return None
        return None if met else f"{name} {request}: {words}"


def tables(results: list[Result]) -> str:
    """Everything, as Markdown."""
    wall = "Beaker µs | ours µs | ratio | spread"
    lines = [
        "The session alone, in microseconds a request: the wrapped application less the bare one. Medians of",
        "the rounds; the ratio is Beaker's to ours, its spread the middle half of the rounds' ratios; the",
        "columns with `cpu` leave out the time in which the process did not run.",
        "",
        f"| backend | variant | session | request | {wall} | {wall.replace('µs', 'cpu µs')} |",
        "|---|---|---|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for result in results:
        case = result.case
        names = (case.configuration.backend, case.configuration.variant, case.size, case.request)
        cells = (
            *names,
            *(cell for clock in CLOCKS for cell in cells_of(result, clock)),
        )
        lines.append("| " + " | ".join(cells) + " |")
    replaced = [result for result in results if result.bare.wall]
    if replaced:
        lines += ["", *table_of_writes(replaced)]
    return "\n".join(lines)


def cells_of(result: Result, clock: Clock) -> tuple[str, ...]:
    """A case by one clock."""
    costs = (result.original.session, result.ours.session)
    return (*(f"{cost.microseconds(clock):.2f}" for cost in costs), str(result.ratio(clock)))


def table_of_writes(results: list[Result]) -> list[str]:
    """The cost of changing a session in a file, beside the system calls that it needs at least."""
    lines = [
        "Replacing a file of the session's length in the session's folder (temporary made with O_EXCL,",
        "written, closed, renamed): by system calls from Rust, by our file store, and in a request of ours:",
        "",
        "| variant | size | clock | bare µs | store µs | request µs | store/bare | request/bare | spread |",
        "|---|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    for result in results:
        for clock in CLOCKS:
            store = Ratio.of(result.store, result.bare, clock)
            request = Ratio.of(result.ours.session, result.bare, clock)
            three = (result.bare, result.store, result.ours.session)
            shown = [f"{costs.microseconds(clock):.1f}" for costs in three]
            cells = (
                result.case.configuration.variant,
                result.case.size,
                clock,
                *shown,
                f"{store.of_medians:.2f}",
                f"{request.of_medians:.2f}",
                f"{request.low:.2f}-{request.high:.2f}",
            )
            lines.append("| " + " | ".join(cells) + " |")
    return lines


def environment(folder: Path) -> str:
    """The machine, as far as numbers depend on it."""
    models = [
        line.split(":", 1)[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    processor = models[0] if models else platform.machine()
    load = " ".join(f"{number:.1f}" for number in os.getloadavg())
    python = f"{platform.python_implementation()} {platform.python_version()}"
    kernel = f"{platform.system()} {platform.release()}"
    return f"{processor}, {os.cpu_count()} cores, load {load}; {python}; {kernel}; {file_system(folder)}"


def file_system(folder: Path) -> str:
    """The type of the file system that holds a folder."""
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    above = [(Path(point), kind) for point, kind in mounts if folder.resolve().is_relative_to(point)]
    # Of several mounts at one point the last is the one that is seen.
    return max(enumerate(above), key=lambda numbered: (len(numbered[1][0].parts), numbered[0]))[1][1]
