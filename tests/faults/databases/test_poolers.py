"""PostgreSQL behind a pooler that refuses what PgBouncer refuses by default."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from beaker.ext.database import DatabaseNamespaceManager
from tests.support.sessions import ID, opened, stored
from tests.support.tables import table_backend

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.servers

ENCRYPTION = {80877103, 80877104}
"""The numbers that ask for TLS and for GSSAPI in the place of a version."""
REFUSAL = b"SFATAL\0C08P01\0Munsupported startup parameter: options\0\0"


def startup_of(client: socket.socket) -> bytes:
    """The first message of a client, after what it asks of encryption was denied."""
    while head := client.recv(8, socket.MSG_WAITALL):
        length, number = struct.unpack("!II", head)
        if number not in ENCRYPTION:
            return head + client.recv(length - 8, socket.MSG_WAITALL)
        client.sendall(b"N")
    return b""


def relay(source: socket.socket, target: socket.socket) -> None:
    """Each of a pair of relays closes its source, so that none is left for the collector."""
    with source:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        for one in (source, target):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


@contextmanager
def pooler(port: int) -> Iterator[tuple[int, list[bool]]]:
    """A port that leads to the server, and of each connection whether it was refused."""
    refused: list[bool] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                startup = startup_of(client)
                refused.append(b"\0options\0" in startup)
                if refused[-1]:
                    client.sendall(b"E" + struct.pack("!I", len(REFUSAL) + 4) + REFUSAL)
                    client.close()
                    continue
                upstream = socket.create_connection(("127.0.0.1", port))
                upstream.sendall(startup)
                for pair in ((client, upstream), (upstream, client)):
                    threading.Thread(target=relay, args=pair, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()[1], refused
    finally:
        with suppress(OSError):
            # It ends the thread that waits for a connection.
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def test_sessions_are_kept_through_a_pooler_that_refuses_options(request: pytest.FixtureRequest) -> None:
    direct = table_backend(request, "postgresql")
    server = request.getfixturevalue("database_servers").get("postgresql")
    with pooler(server.port) as (port, refused):
        url = direct.options["url"].replace(f":{server.port}/", f":{port}/")
        table = direct.with_options(url=url)
        stored(table, name="Ada")
        assert refused == [True, False]
        DatabaseNamespaceManager.binds.dict.pop(url).dispose()
    assert opened(direct, ID)["name"] == "Ada"
