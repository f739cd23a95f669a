"""Memcached servers that the tests start themselves, and the sessions in them."""

from __future__ import annotations

import atexit
import contextlib
import shutil
import socket
import subprocess
import time
from functools import cache
from typing import TYPE_CHECKING

from tests.support.environment import LackingError, skipped_where_impossible
from tests.support.sessions import Backend
from tests.support.watched import Watched, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

START_LIMIT = 60
SUFFIX = "_session"
TEXT = 16

LISTING = ("-o", "no_modern")
"""The options of a server that tells all of its keys, those that it would be moving at that moment too."""


class MemcachedServer:
    """A server on a free port. It has nothing when it is started again."""

    def __init__(self, arguments: Sequence[str] = ()) -> None:
        program = shutil.which("memcached")
        if program is None:
            raise LackingError("memcached is not installed (./dev servers)")
        self.port = free_port()
        # Only root drops its rights, and to itself.
        place = ("-l", "127.0.0.1", "-p", str(self.port), "-U", "0", "-u", "root")
        self._command = [program, *place, *arguments]
        self._process: Watched | None = None
        self.start()

    @property
    def address(self) -> str:
        """Its name in a `url`."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Starts the server, and waits until it answers."""
        self._process = Watched(self._command, stderr=subprocess.DEVNULL)
        begin = time.monotonic()
        while not self._answers():
            assert time.monotonic() - begin < START_LIMIT, "memcached does not start"
            time.sleep(0.01)

    def _answers(self) -> bool:
        # One that wants a password answers nothing else.
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
            return True
        return False

    def kill(self) -> None:
        """Kills the server."""
        if self._process is not None:
            self._process.kill()

    def ask(self, command: str) -> list[str]:
        """The lines of the answer to a command, without the last word."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=START_LIMIT) as connection:
            connection.sendall(f"{command}\r\nmn\r\n".encode())
            with connection.makefile("r", newline="\r\n") as answer:
                lines = [line.rstrip("\r\n") for line in iter(answer.readline, "MN\r\n")]
        return [line for line in lines if line != "END"]

    def listed(self) -> list[str]:
        """All keys, of a server with the options `LISTING`."""
        classes = {line.split(":")[1] for line in self.ask("stats items")}
        listed = [line.split()[1] for number in classes for line in self.ask(f"stats cachedump {number} 0")]
        return [key for key in listed if self.get(key) is not None]

    def get(self, key: str) -> str | None:
        """The value of a key."""
        answer = self.ask(f"mg {key} v")
        return answer[1] if answer[0].startswith("VA") else None

    def set(self, key: str, value: str, flags: int = TEXT) -> None:
        """Stores a value, with the flag of a text."""
        assert self.ask(f"ms {key} {len(value.encode())} F{flags}\r\n{value}") == ["HD"]


@cache
def shared() -> MemcachedServer:
    """The server that the tests of a process share."""
    server = MemcachedServer(LISTING)
    atexit.register(server.kill)
    return server


@contextlib.contextmanager
def servers(count: int = 1, *arguments: str) -> Iterator[list[MemcachedServer]]:
    """So many servers. Ends the test if there is no memcached."""
    with skipped_where_impossible():
        started = [MemcachedServer(arguments) for _ in range(count)]
    try:
        yield started
    finally:
        for server in started:
            server.kill()


class MemcachedBackend(Backend):
    """Sessions in memcached, and a look behind them."""

    def texts(self) -> dict[str, str]:
        """The stored texts, by id."""
        found = {key: shared().get(key) for key in shared().listed() if key.endswith(SUFFIX)}
        return {key.removesuffix(SUFFIX): text for key, text in found.items() if text is not None}

    def plant(self, session_id: str, text: str) -> None:
        """Stores a text as another process would."""
        shared().set(f"{session_id}{SUFFIX}", text)


def make_memcached_backend() -> MemcachedBackend:
    """Sessions in the shared server, which is empty. Ends the test if there is no memcached."""
    with skipped_where_impossible():
        assert shared().ask("flush_all") == ["OK"]
    return MemcachedBackend("memcached", {"type": "ext:memcached", "url": shared().address})
