"""The original in a process of its own, which calls functions of these tests by name.

A function runs where the original is what `import beaker` finds. What goes in and comes out is JSON, one
value a line; the process lives as long as the tests need it.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from tests.support.environment import ROOT, environ_of_another_python

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path


class Original:
    """A process of the original."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Calls the function of that name there."""
        self.start(function, *arguments)
        return self.finish()

    def start(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Begins a call; `finish` waits for it."""
        assert self._process.stdin is not None
        name = f"{function.__module__}:{function.__qualname__}"
        self._process.stdin.write(json.dumps([name, list(arguments)]) + "\n")
        self._process.stdin.flush()

    def finish(self) -> Any:
        """The result of the call that was begun."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the original's process ended with {self._process.wait()}"
        answer = json.loads(line)
        if "trouble" in answer:
            raise AssertionError("in the original's process:\n" + answer["trouble"])
        return answer["result"]


@contextlib.contextmanager
def original(python: Path, more: Mapping[str, str] = MappingProxyType({})) -> Iterator[Original]:
    """Runs a process of the original, with more in its environment; it is gone afterwards."""
    environment = environ_of_another_python()
    environment.update(TZ="UTC", PYTHONPATH=str(ROOT), PYTHONDONTWRITEBYTECODE="1", **more)
    process = subprocess.Popen(
        [python, "-m", "tests.compat.interop.answering"],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield Original(process)
        finally:
            process.kill()
