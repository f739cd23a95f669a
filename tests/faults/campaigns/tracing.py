"""System calls as strace sees them, and as it makes them fail."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from tests.support.environment import ForbiddenError, LackingError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

CALL = re.compile(r"^(?P<process>\d+) +(?P<name>\w+)\((?P<rest>.*)$")
PATHS = re.compile(r'"([^"]*)"|\d<([^>]*)>')
EVERYTHING_ON_FILES = "trace=%file,%desc"


@dataclass(frozen=True)
class Call:
    """One system call of one process."""

    process: int
    name: str
    rest: str
    """Its arguments and what it answered, with the paths of file descriptors (`-y`)."""

    @property
    def paths(self) -> list[str]:
        """The paths that it names, also by their descriptors."""
        return [path for pair in PATHS.findall(self.rest) for path in pair if path.startswith("/")]

    @property
    def was_made_to_fail(self) -> bool:
        """Whether strace answered in the kernel's place."""
        return "(INJECTED)" in self.rest


@cache
def strace() -> str:
    """The path of a strace that may trace.

    Raises `LackingError` if there is none, and `ForbiddenError` if the system lets it trace nothing.
    """
    found = shutil.which("strace")
    if found is None:
        raise LackingError("strace is not installed (./dev strace)")
    tried = subprocess.run(
        [found, "-f", "-o", os.devnull, "true"], capture_output=True, text=True, check=False, timeout=60
    )
    if tried.returncode != 0:
        raise ForbiddenError(f"strace may not trace here: {tried.stderr.strip()}")
    return found


class Tracer:
    """A strace that follows a process, which waits meanwhile, and all that it forks."""

    def __init__(self, process: int, log: Path, *options: str) -> None:
        self._log = log
        command = [strace(), "-f", "-y", "-s", "0", *options, "-o", str(log), "-p", str(process)]
        self._running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert self._running.stderr is not None
        said = self._running.stderr.readline()
        if "attached" not in said:
            self._running.kill()
            self._running.communicate()
            raise ForbiddenError(f"strace may not follow a process here: {said.strip()}")

    def calls(self) -> list[Call]:
        """Everything that was called, when all that was followed has ended."""
        _, complaints = self._running.communicate(timeout=600)
        if self._running.returncode != 0:
            raise RuntimeError(f"strace failed: {complaints}")
        with self._log.open(errors="replace") as lines:
            return list(calls_of(lines))


def calls_of(lines: Iterator[str] | Sequence[str]) -> Iterator[Call]:
    """The calls in a log, in the order in which they began."""
    for line in lines:
        found = CALL.match(line.rstrip("\n"))
        if found is not None:
            yield Call(int(found["process"]), found["name"], found["rest"])
