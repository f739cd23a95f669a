"""A client that shows a response as the server sent it."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass

SECONDS = 20.0
# What the server itself adds or decides, which is nothing of the application's.
OF_THE_SERVER = frozenset(
    {"connection", "content-length", "date", "server", "transfer-encoding", "via"},
)


@dataclass(frozen=True)
class Response:
    """A response. The names of its headers are in lower case, since servers spell them as they like."""

    status: str
    headers: list[tuple[str, str]]
    body: bytes

    def every(self, name: str) -> list[str]:
        """The values of all headers of a name."""
        return [value for key, value in self.headers if key == name]

    @property
    def of_the_application(self) -> list[tuple[str, str]]:
        """The headers that are not the server's own, sorted, with ids replaced by `ID`."""
        own = (header for header in self.headers if header[0] not in OF_THE_SERVER)
        return sorted((name, re.sub(r"\b[0-9a-f]{32}\b", "ID", value)) for name, value in own)


def get(port: int, path: str = "/", cookie: str | None = None) -> Response:
    """Asks by HTTP/1.0, so that the body comes in one piece and ends with the connection."""
    with connect(port, path, cookie) as connection, connection.makefile("rb") as stream:
        return parse(stream.read())


def connect(port: int, path: str = "/", cookie: str | None = None) -> socket.socket:
    """Sends a request, and leaves the answer to be read."""
    lines = [f"GET {path} HTTP/1.0", "Host: localhost"]
    if cookie is not None:
        lines.append(f"Cookie: {cookie}")
    connection = socket.create_connection(("127.0.0.1", port), timeout=SECONDS)
    connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
    return connection


def parse(message: bytes) -> Response:
    """Takes a whole response apart. White space around a header's value is not part of it (RFC 9110, 5.5)."""
    head, separator, body = message.partition(b"\r\n\r\n")
    assert separator, f"the server closed the connection after {message!r}"
    status_line, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return Response(
        status=status_line.split(" ", 1)[1],
        headers=[(name.lower(), value.strip(" \t")) for name, _, value in pairs],
        body=body,
    )


def cookie_of(response: Response) -> str:
    """The only cookie that a response sets, as a browser sends it back."""
    (header,) = response.every("set-cookie")
    return header.partition(";")[0]
