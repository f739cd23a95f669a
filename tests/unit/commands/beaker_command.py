"""Runs `python -m beaker` as a process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple


class Ran(NamedTuple):
    """A command that has ended."""

    status: int
    output: str
    errors: str


def beaker(*arguments: object, **options: Any) -> Ran:
    """Runs `python -m beaker` with the arguments. Fails if it raises."""
    command = [sys.executable, "-W", "error", "-m", "beaker", *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    done = subprocess.run(command, **{**pipes, "umask": 0o022, **options}, text=True, check=False, timeout=60)
    assert "Traceback" not in done.stderr
    return Ran(done.returncode, done.stdout or "", done.stderr)


def beaker_on_a_full_disk(*arguments: object) -> str:
    """The error of a command whose output goes to a full disk."""
    with Path("/dev/full").open("w") as full:
        ran = beaker(*arguments, stdout=full)
    assert ran.status == 1
    return ran.errors
