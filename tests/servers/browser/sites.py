"""Sites for Chromium to visit, each with session options and names of its own."""

from __future__ import annotations

import json
import pickle
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tests.servers.browser.chromium import eventually

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.servers.browser.chromium import Chromium, Cookie

KEY = "beaker.session.id"


@dataclass(frozen=True)
class Received:
    """The server's note of a request."""

    path: str
    method: str
    host: str
    # The whole header, or nothing.
    cookie: str
    # What the session held when the page was done with it.
    session: dict[str, Any] | None = None
    id: str | None = None
    is_new: bool | None = None
    # What saving said, where it refused.
    refused: str | None = None


@dataclass(frozen=True)
class Ports:
    """The ports of the servers."""

    http: int
    https: int


@dataclass(frozen=True)
class Site:
    """Hosts that end in one name and share session options."""

    chromium: Chromium
    ports: Ports
    folder: Path
    name: str
    # The options that every configuration of this site has.
    options: Mapping[str, object]

    def configure(self, **more: object) -> None:
        """Sets the other options, for later requests."""
        settings = {f"session.{name}": value for name, value in {**self.options, **more}.items()}
        # Renamed, so that no request reads half of it.
        new = self.folder / f"{self.name}.new"
        new.write_bytes(pickle.dumps(settings))
        new.replace(self.folder / self.name)

    def close(self) -> None:
        """Ends the site, so that another may have its name."""
        for path in (self.folder / self.name, self.notes):
            path.unlink(missing_ok=True)

    @property
    def notes(self) -> Path:
        """The file of the server's notes."""
        return self.folder / f"{self.name}.received"

    @property
    def host(self) -> str:
        """The host that is visited unless another is named."""
        return self.name if self.name.count(".") in {0, 3} else f"www.{self.name}"

    def url(self, path: str, /, *, host: str | None = None, scheme: str = "http", **query: object) -> str:
        """The address of a page."""
        port = self.ports.https if scheme == "https" else self.ports.http
        return f"{scheme}://{host or self.host}:{port}/{path}" + (f"?{urlencode(query)}" if query else "")

    def visit(
        self, path: str, /, *, host: str | None = None, scheme: str = "http", **query: object
    ) -> Received:
        """Goes to a page, and tells what the server received."""
        before = len(self.received())
        self.chromium.open(self.url(path, host=host, scheme=scheme, **query))
        return self.next_received(before)

    def next_received(self, before: int) -> Received:
        """The only request after so many. It may still be on its way."""
        assert eventually(lambda: len(self.received()) > before), "no page was reached"
        (received,) = self.received()[before:]
        return received

    def received(self) -> list[Received]:
        """Every request that the site's pages answered."""
        if not self.notes.exists():
            return []
        return [Received(**json.loads(line)) for line in self.notes.read_text().splitlines()]

    def cookies(self) -> list[Cookie]:
        """The jar's cookies of this site."""
        return [cookie for cookie in self.chromium.jar() if f".{cookie.domain}".endswith(f".{self.name}")]

    def cookie(self) -> Cookie:
        """The jar's one cookie of this site."""
        (cookie,) = self.cookies()
        return cookie
