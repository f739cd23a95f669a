"""The published laws on tables of SQLite, PostgreSQL and MariaDB."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy

from beaker.ext.sqla import SqlaNamespaceManager
from beaker.testing import Backend, StoreLaws
from tests.laws.served import Served, proxy_of
from tests.support.tables import close, in_sqlite, in_table_of_program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.proxy import Proxy
    from tests.support.tables import Servers, TableBackend

NUMBERS = itertools.count()


def names_in(engine: sqlalchemy.Engine, table: str) -> list[str]:
    """The names in a table, if it is there."""
    if not sqlalchemy.inspect(engine).has_table(table):
        return []
    with engine.connect() as connection:
        return [row[0] for row in connection.execute(sqlalchemy.text(f"SELECT namespace FROM {table}"))]


class InTable(Served):
    """Sessions in a table, and a look at its names by a connection of its own."""

    def __init__(self, options: dict[str, Any], engine: sqlalchemy.Engine, *proxies: Proxy) -> None:
        super().__init__(options, *proxies)
        self.engine = engine

    def names(self) -> list[str]:
        return names_in(self.engine, str(self.options.get("table_name", "beaker_cache")))


def table_of(made: TableBackend) -> Iterator[Backend]:
    yield InTable(made.options, made.engine)
    close(made)


class TestDatabaseOnSqlite(StoreLaws):
    lacks = frozenset({"ids", "down", "lifetime", "sweep"})

    @pytest.fixture
    def backend(self, tmp_path: Path) -> Iterator[Backend]:
        yield from table_of(in_sqlite(tmp_path))


class TestSqlaOnSqlite(StoreLaws):
    """With a table and an engine of the program's, which no pickle takes along."""

    lacks = frozenset({"ids", "pickle", "down", "lifetime", "sweep"})

    @pytest.fixture
    def backend(self, tmp_path: Path) -> Iterator[Backend]:
        yield from table_of(in_table_of_program(tmp_path))


@pytest.fixture(scope="module")
def proxies() -> Iterator[dict[str, Proxy]]:
    """A proxy before each server that was asked for."""
    proxies: dict[str, Proxy] = {}
    yield proxies
    for proxy in proxies.values():
        proxy.close()


class OnServer(StoreLaws):
    """A table of its own for each test, on a server behind a proxy."""

    lacks = frozenset({"ids", "lifetime", "sweep"})
    server: str

    @pytest.fixture
    def backend(self, database_servers: Servers, proxies: dict[str, Proxy]) -> Iterator[Backend]:
        server = database_servers.get(self.server)
        if self.server not in proxies:
            proxies[self.server] = proxy_of(server.port)
        proxy = proxies[self.server]
        engine = sqlalchemy.create_engine(server.url, poolclass=sqlalchemy.pool.NullPool)
        options: dict[str, Any] = {
            "type": "ext:database",
            "url": server.url.replace(f":{server.port}/", f":{proxy.port}/"),
            "table_name": f"laws{next(NUMBERS)}",
        }
        yield InTable(options, engine, proxy)
        # A pool that has seen a test's clock may keep dead connections.
        SqlaNamespaceManager.binds.dict.pop(options["url"]).dispose()
        with engine.begin() as connection:
            connection.execute(sqlalchemy.text(f"DROP TABLE IF EXISTS {options['table_name']}"))


class TestPostgresql(OnServer):
    server = "postgresql"


class TestMariadb(OnServer):
    server = "mariadb"
