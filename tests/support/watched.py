"""Processes that end with the tests, however those end."""

from __future__ import annotations

import socket
import subprocess
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

# Waits for the end of its standard input, and ends the process then.
_WATCH = '"$@" & process=$!; cat >/dev/null; kill -9 "$process"; wait "$process"'


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


class Watched:
    """A process that runs until it is killed, or until the process of the tests is gone."""

    def __init__(self, command: Sequence[str], **options: Any) -> None:
        self._shell = subprocess.Popen(["sh", "-c", _WATCH, "sh", *command], stdin=subprocess.PIPE, **options)

    def kill(self) -> None:
        """Kills the process. Killing it again does nothing."""
        assert self._shell.stdin is not None
        self._shell.stdin.close()
        self._shell.wait()
