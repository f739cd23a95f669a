"""A proxy before a server: it delays, cuts or swallows replies, and keeps requests back."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


PATIENCE = 60


@dataclass
class Trouble:
    """What becomes of the replies. A test changes it at any time."""

    delay: float = 0.0
    """The seconds that each reply is kept back."""
    cut: Callable[[bytes], int | None] = field(default=lambda _reply: None)
    """How many bytes of a reply come through before the connection is closed; `None`: all of them."""
    is_down: bool = False
    """Whether new connections are closed at once."""
    replies: int = 0
    """The number of replies so far, in pieces as the server sent them."""
    keep: Callable[[bytes], bool] = field(default=lambda _request: False)
    """Whether a request is kept back, and its connection closed as if it were on its way."""
    kept: list[tuple[socket.socket, bytes]] = field(default_factory=list)
    """The requests that are kept back, with the connections to the server."""

    def deliver(self) -> None:
        """Sends what was kept back, and waits until the server has answered it."""
        while self.kept:
            server, request = self.kept.pop(0)
            before, begin = self.replies, time.monotonic()
            server.sendall(request)
            while self.replies == before:
                assert time.monotonic() - begin < PATIENCE, "the server does not answer"
                time.sleep(0.001)


class Proxy:
    """A proxy on a port of its own. Its threads end with its connections."""

    def __init__(self, host: str, port: int, trouble: Trouble) -> None:
        self._server = (host, port)
        self.trouble = trouble
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: set[socket.socket] = {self._listener}
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self.trouble.is_down:
                    client.close()
                    continue
                try:
                    server = socket.create_connection(self._server)
                except OSError:
                    # The server is down.
                    client.close()
                    continue
                self._open |= {client, server}
                threading.Thread(target=self._pump, args=(client, server, False), daemon=True).start()
                threading.Thread(target=self._pump, args=(server, client, True), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, is_reply: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                length = None
                if is_reply:
                    self.trouble.replies += 1
                    time.sleep(self.trouble.delay)
                    length = self.trouble.cut(data)
                elif self.trouble.keep(data):
                    self.trouble.kept.append((target, data))
                    self._end(source)
                    return
                target.sendall(data[:length])
                if length is not None:
                    break
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)
        self._end(source)

    def _end(self, source: socket.socket) -> None:
        with contextlib.suppress(OSError):
            source.shutdown(socket.SHUT_RDWR)
        source.close()
        self._open.discard(source)

    def close(self) -> None:
        """Closes every connection, and makes no more."""
        with contextlib.suppress(OSError):
            # It ends the thread that waits for a connection.
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._cut()

    def _cut(self) -> None:
        for end in self._open - {self._listener}:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
            self._open.discard(end)

    @contextlib.contextmanager
    def down(self) -> Iterator[None]:
        """Cuts every connection, and closes new ones until the block ends."""
        self.trouble.is_down = True
        self._cut()
        yield
        self.trouble.is_down = False


@contextlib.contextmanager
def troubled(url: str) -> Iterator[tuple[str, Trouble]]:
    """The URL of a proxy before the server at a URL, and what becomes of the replies."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    proxy = Proxy(parts.hostname, parts.port, Trouble())
    try:
        user = "".join(parts.netloc.rpartition("@")[:2])
        yield parts._replace(netloc=f"{user}127.0.0.1:{proxy.port}").geturl(), proxy.trouble
    finally:
        proxy.close()


@contextlib.contextmanager
def slow_proxy(url: str, delay: float) -> Iterator[str]:
    """The URL of a proxy that keeps back each reply."""
    with troubled(url) as (slow, trouble):
        trouble.delay = delay
        yield slow
