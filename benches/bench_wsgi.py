"""Measures what a session costs a WSGI application: Beaker 1.14.1 and ours, in one run, in turn.

The two are called by the same name, so that each runs in processes of its own, by the same CPython. Rounds
are short and alternate; what is told are medians. The cost of a session is that of the application with the
middleware less that of the application alone. `./dev bench` installs what this needs and runs it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benches.cases import Case, Configuration, all_cases
from benches.report import CLOCKS, Result, environment, file_system, tables

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
ORIGINAL = "1.14.1"
# Less than this says nothing, however long it takes.
FEWEST_ROUNDS = 5
# The share of a round of ours that the bare system calls get.
CYCLES_SHARE = 0.5


class Process:
    """A process that answers a line by a line."""

    def __init__(self, *command: str | Path) -> None:
        environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0"}
        self.command = " ".join(map(str, command))
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True
        )

    def ask(self, line: str) -> str:
        """Sends a line and waits for the answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(line, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit(f"{self.command} failed with {self.process.wait()} when asked {line}")
        return answer

    def close(self) -> None:
        """Ends it."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


class Worker(Process):
    """A process that measures one package in one configuration."""

    def __init__(self, python: Path, configuration: Configuration, data_dir: Path) -> None:
        settings = {
            "backend": configuration.backend,
            "options": dict(configuration.options),
            "data_dir": str(data_dir),
        }
        super().__init__(python, "-m", "benches.worker", json.dumps(settings))

    def do(self, command: str, *arguments: object) -> Any:
        """Gives a command."""
        return json.loads(self.ask(json.dumps([command, arguments])))

    def round(self, case: Case) -> dict[str, tuple[float, float]]:
        """Measures a round."""
        return self.do("round", case.size, case.request)  # type: ignore[no-any-return]


@dataclass
class Replacing:
    """Measures what replacing a session's file costs, beside requests that do."""

    process: Process
    folder: str
    length: int
    cycles: int = 16

    def calibrate(self, seconds: float) -> None:
        """Finds how many cycles take so long."""
        self.cycles = max(8, int(self.cycles * seconds * 1e9 / self.costs("bare")[0] / self.cycles))

    def costs(self, what: str) -> tuple[float, float]:
        """Nanoseconds a cycle, by the clock and by the processor."""
        answer = self.process.ask(f"{what}\t{self.folder}\t{self.length}\t{self.cycles}").split()
        return int(answer[0]) / self.cycles, int(answer[1]) / self.cycles


@dataclass
class Bench:
    """A case with the processes that measure it."""

    result: Result
    original: Worker
    ours: Worker
    replacing: Replacing | None

    def calibrate(self, seconds: float) -> None:
        """Makes rounds as long as asked for."""
        for worker in (self.original, self.ours):
            worker.do("calibrate", self.result.case.size, self.result.case.request, seconds)
        if self.replacing:
            self.replacing.calibrate(seconds * CYCLES_SHARE)

    def round(self, number: int) -> None:
        """A round of each, in an order that changes."""
        result = self.result
        packages = [(self.original, result.original), (self.ours, result.ours)]
        for worker, package in packages if number % 2 else reversed(packages):
            measured = worker.round(result.case)
            package.wrapped.add(*measured["wrapped"])
            package.bare.add(*measured["bare"])
        if self.replacing:
            kinds = [("bare", result.bare), ("store", result.store)]
            for what, costs in kinds if number % 2 else reversed(kinds):
                costs.add(*self.replacing.costs(what))


def build_replace() -> Path:
    """Builds `benches/replace.rs` and says where it is."""
    command = ("cargo", "bench", "--locked", "--no-run", "--no-default-features", "--bench", "replace")
    built = subprocess.run(
        (*command, "--message-format=json", "--quiet"),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    messages = [json.loads(line) for line in built.stdout.splitlines()]
    return next(
        Path(message["executable"])
        for message in messages
        if message.get("executable") and message["target"]["name"] == "replace"
    )


def compare(original: Worker, ours: Worker) -> dict[str, int]:
    """Sees to it that the two are what they should be; gives the sizes of the sessions."""
    theirs, own = original.do("facts"), ours.do("facts")
    if theirs["native"] or theirs["beaker"] != ORIGINAL:
        sys.exit(f"the original has to be Beaker {ORIGINAL}, and is {theirs['beaker']}")
    if not own["native"]:
        sys.exit(f"{sys.executable} has no beaker-rs: run `./dev build`")
    if theirs["python"] != own["python"]:
        sys.exit(f"the interpreters differ: {theirs['python']} and {own['python']}")
    return own["sizes"]  # type: ignore[no-any-return]


@contextlib.contextmanager
def benches(cases: list[Case], oracle: Path, folder: Path) -> Iterator[list[Bench]]:
    """The cases with their processes, which end afterwards."""
    with contextlib.ExitStack() as stack:

        def begin(process: Process) -> None:
            stack.callback(process.close)

        replace = None
        if any(case.configuration.backend == "file" and case.request == "write" for case in cases):
            replace = Process(build_replace(), "serve")
            begin(replace)
        workers: dict[Configuration, tuple[Worker, Worker]] = {}
        for configuration in dict.fromkeys(case.configuration for case in cases):
            original = Worker(oracle, configuration, folder / f"original-{configuration.name}")
            begin(original)
            ours = Worker(Path(sys.executable), configuration, folder / f"ours-{configuration.name}")
            begin(ours)
            workers[configuration] = original, ours
        sizes = compare(*next(iter(workers.values())))
        print(", ".join(f"{name} session: {size} bytes as a pickle" for name, size in sizes.items()))
        made = []
        for case in cases:
            original, ours = workers[case.configuration]
            replacing = None
            if replace and case.configuration.backend == "file" and case.request == "write":
                replacing = Replacing(replace, **ours.do("where", case.size))
            made.append(Bench(Result(case), original, ours, replacing))
        yield made


def arguments() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=60, help="rounds of each case (default: %(default)s)")
    parser.add_argument(
        "--seconds", type=float, default=75, help="after which no round is begun (default: %(default)s)"
    )
    parser.add_argument(
        "--milliseconds",
        type=float,
        default=5,
        help="how long a round of a package lasts, about (default: %(default)s)",
    )
    parser.add_argument(
        "--only", default="", help="the cases whose name has this in it, such as memory-signed"
    )
    parser.add_argument(
        "--oracle",
        type=Path,
        default=ROOT / ".oracle" / "bin" / "python",
        help="the interpreter of the original's environment (default: that of ./dev oracle)",
    )
    parser.add_argument(
        "--data-dir",
        type=Path,
        default=ROOT / "target",
        help="a folder on a real disk (default: %(default)s)",
    )
    parser.add_argument("--check", action="store_true", help="fail if a target is missed")
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="by which --check judges")
    return parser.parse_args()


def main() -> None:
    """Measures and prints."""
    options = arguments()
    cases = [case for case in all_cases() if options.only in case.name]
    if not cases:
        sys.exit(f"no case has {options.only!r} in its name")
    if not options.oracle.exists():
        sys.exit(f"{options.oracle} is missing: run `./dev oracle`, or say where it is by --oracle")
    options.data_dir.mkdir(parents=True, exist_ok=True)
    if file_system(options.data_dir) in {"tmpfs", "ramfs"}:
        sys.exit(f"{options.data_dir} is in memory: name a folder on a disk by --data-dir")
    begun = time.monotonic()
    print(environment(options.data_dir))
    with (
        tempfile.TemporaryDirectory(prefix="bench-", dir=options.data_dir) as folder,
        benches(cases, options.oracle, Path(folder)) as made,
    ):
        for bench in made:
            bench.calibrate(options.milliseconds / 1000)
        rounds = 0
        while rounds < options.rounds and (
            rounds < FEWEST_ROUNDS or time.monotonic() - begun < options.seconds
        ):
            for bench in made:
                bench.round(rounds)
            rounds += 1
        results = [bench.result for bench in made]
    length = f"{rounds} rounds of about {options.milliseconds:g} ms"
    print(f"{len(cases)} cases, {length}, {time.monotonic() - begun:.0f} s\n\n{tables(results)}")
    missed = [words for result in results if (words := result.missed(options.clock))]
    for words in missed:
        print(f"MISSED: {words}", file=sys.stderr)
    if missed and options.check:
        sys.exit(1)


if __name__ == "__main__":
    main()
