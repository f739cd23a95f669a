"""Servers for the tests: each test gets its own, on a port of its own, and they are gone when it ends."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Protocol

import pytest

from tests.support.servers import each_server
from tools.serving import KINDS, Kind, Serving, serving

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

APPLICATION = "tests.support.application:wsgi_app"


class Serve(Protocol):
    """Starts servers."""

    def __call__(
        self, kind: Kind, options: Mapping[str, object] | None = None, application: str = APPLICATION
    ) -> Serving:
        """Serves the application, its sessions set up by the options (named without `session.`)."""


kind = each_server(KINDS)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts servers that know no temporary directory but the test's own."""
    with contextlib.ExitStack() as running:

        def start(
            kind: Kind, options: Mapping[str, object] | None = None, application: str = APPLICATION
        ) -> Serving:
            settings = {f"session.{name}": value for name, value in (options or {}).items()}
            environment = {"OPTIONS": json.dumps(settings), "TMPDIR": str(tmp_path)}
            return running.enter_context(serving(kind, application, tmp_path, environment))

        yield start
