"""Ours and the original read, change and end each other's sessions in tables."""

from __future__ import annotations

import tempfile
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from tests.compat.interop import table_sessions
from tests.support.databases import SERVERS
from tests.support.sessions import ID, VALIDATE_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.compat.interop.original import Original
    from tests.support.tables import Servers

VALUES = {"name": "Ada Lovelace", "cart": [1, 2.5, None, True, {"süß": "☕"}], "long": "x" * 20_000}
SECRETS = {"encrypt_key": "an encryption key of the tests, of some length", "validate_key": VALIDATE_KEY}
DATABASES = [
    pytest.param("sqlite", marks=pytest.mark.slow),
    *(pytest.param(name, marks=pytest.mark.servers) for name in SERVERS),
]


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of each kind of database."""
    if request.param in SERVERS:
        servers: Servers = request.getfixturevalue("database_servers")
        yield servers.get(request.param).url
        return
    with tempfile.TemporaryDirectory() as folder:
        yield f"sqlite:///{folder}/sessions.db"


@pytest.fixture(params=["ext:database", "ext:sqla"])
def place(request: pytest.FixtureRequest, url: str, tmp_path: Path) -> dict[str, Any]:
    """A new table, and the folder that the original needs beside one of the program's."""
    name = f"t{uuid.uuid4().hex[:12]}"
    return {"type": request.param, "url": url, "table_name": name, "data_dir": str(tmp_path)}


@pytest.fixture(params=["pickle", "json"])
def options(request: pytest.FixtureRequest, place: dict[str, Any], secrecy: dict[str, Any]) -> dict[str, Any]:
    """Each way to serialize, with encryption and without."""
    return {**place, **secrecy, "data_serializer": request.param}


def test_each_reads_and_changes_what_the_other_wrote(gcm: Original, options: dict[str, Any]) -> None:
    table_sessions.write(options, ID, VALUES)
    assert gcm.call(table_sessions.read, options, ID) == VALUES
    gcm.call(table_sessions.write, options, ID, {"name": "Grace"})
    assert table_sessions.read(options, ID) == {**VALUES, "name": "Grace"}
    table_sessions.write(options, ID, {"name": "Ada"})
    assert gcm.call(table_sessions.read, options, ID) == {**VALUES, "name": "Ada"}


def test_each_makes_the_table_for_the_other(gcm: Original, options: dict[str, Any]) -> None:
    gcm.call(table_sessions.write, options, ID, VALUES)
    assert table_sessions.read(options, ID) == VALUES
    table_sessions.write(options, "another", {"name": "Ada"})
    assert gcm.call(table_sessions.read, options, "another") == {"name": "Ada"}


def test_a_session_that_we_end_is_gone_for_the_original(gcm: Original, place: dict[str, Any]) -> None:
    gcm.call(table_sessions.write, place, ID, VALUES)
    table_sessions.end(place, ID)
    assert gcm.call(table_sessions.read, place, ID) == {}
