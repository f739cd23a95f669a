"""Sessions in tables: of SQLite in a file, and of servers that run as long as the tests."""

from __future__ import annotations

import pickle
import tempfile
import uuid
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from beaker.ext.database import DatabaseNamespaceManager
from beaker.ext.sqla import SqlaNamespaceManager, make_cache_table
from tests.support.databases import QUICK, SERVERS
from tests.support.environment import skipped_where_impossible
from tests.support.sessions import Backend

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.databases import Server

TABLES = [
    *(pytest.param(name, marks=pytest.mark.slow) for name in ("database", "sqla")),
    *(pytest.param(name, marks=pytest.mark.servers) for name in SERVERS),
    pytest.param("mongodb", marks=pytest.mark.slow),
]
"""The names of backends in databases, as parameters of a fixture: in tables, and in documents."""
NAMES = ("database", "sqla", *SERVERS)


@dataclass
class TableBackend(Backend):
    """A place in a table."""

    engine: Any = None

    @property
    def table(self) -> str:
        """The name of the table."""
        return str(self.options.get("table_name", "beaker_cache"))

    def rows(self) -> dict[str, Any]:
        """The values in each row."""
        return {
            name: pickle.loads(data)
            for name, data in self.execute(f"SELECT namespace, data FROM {self.table}")
        }

    def texts(self) -> dict[str, str]:
        """The stored texts, by id."""
        return {name: values["session"] for name, values in self.rows().items() if "session" in values}

    def plant(self, session_id: str, text: str) -> None:
        """Stores a text behind the library's back, as another process would."""
        self.plant_data(session_id, pickle.dumps({"session": text}))

    def plant_data(self, session_id: str, data: bytes) -> None:
        """Stores anything in the row of an id."""
        values = {"name": session_id, "now": datetime.now(), "data": data}  # noqa: DTZ005 - as Beaker does
        self.execute(f"DELETE FROM {self.table} WHERE namespace = :name", values)
        columns = "namespace, accessed, created, data"
        self.execute(f"INSERT INTO {self.table} ({columns}) VALUES (:name, :now, :now, :data)", values)

    def execute(self, statement: str, values: dict[str, Any] | None = None) -> list[Any]:
        """The rows that a statement gives."""
        import sqlalchemy

        namespace_of(self)
        with self.engine.begin() as connection:
            result = connection.execute(sqlalchemy.text(statement), values or {})
            return list(result) if result.returns_rows else []


def namespace_of(
    backend: TableBackend, name: str = "a namespace of no session", **more: Any
) -> SqlaNamespaceManager:
    """A namespace of the backend. Its table is there then."""
    names = ("url", "table_name", "bind", "table")
    arguments = {name: backend.options[name] for name in names if name in backend.options}
    is_made = backend.options["type"] == "ext:database"
    kind: type[Any] = DatabaseNamespaceManager if is_made else SqlaNamespaceManager
    namespace: SqlaNamespaceManager = kind(name, **arguments, **more)
    return namespace


def in_sqlite(folder: Path) -> TableBackend:
    """Sessions in a table that is made."""
    import sqlalchemy

    url = f"sqlite:///{folder}/sessions.db"
    return TableBackend(
        "database", {"type": "ext:database", "url": url}, engine=sqlalchemy.create_engine(url)
    )


def in_table_of_program(folder: Path) -> TableBackend:
    """Sessions in a table of the program's, by an engine of the program's."""
    import sqlalchemy

    engine = sqlalchemy.create_engine(f"sqlite:///{folder}/sessions.db")
    table = make_cache_table(sqlalchemy.MetaData())
    table.create(engine)
    return TableBackend("sqla", {"type": "ext:sqla", "bind": engine, "table": table}, engine=engine)


def on_server(name: str, server: Server) -> TableBackend:
    """Sessions in a new table of a server."""
    import sqlalchemy

    options = {"type": "ext:database", "url": server.url, "table_name": f"t{uuid.uuid4().hex[:12]}"}
    engine = sqlalchemy.create_engine(server.url, poolclass=sqlalchemy.pool.NullPool)
    return TableBackend(name, options, engine=engine)


class Servers:
    """The servers of this process, each started when it is asked for."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._running: dict[str, Server] = {}

    def get(self, name: str) -> Server:
        """The server of that name. Ends the test if it is not installed."""
        if name not in self._running:
            with skipped_where_impossible():
                self._running[name] = self._stack.enter_context(SERVERS[name](*QUICK[name]))
        return self._running[name]


@pytest.fixture(scope="session")
def database_servers() -> Iterator[Servers]:
    """PostgreSQL and MariaDB."""
    with ExitStack() as stack:
        yield Servers(stack)


def table_backend(request: pytest.FixtureRequest, name: str) -> TableBackend:
    """The place of that name; after the test its connections are closed."""
    if name in SERVERS:
        made = on_server(name, request.getfixturevalue("database_servers").get(name))
        request.addfinalizer(lambda: made.execute(f"DROP TABLE {made.table}"))
    else:
        # Memory is fast.
        shared = Path("/dev/shm")
        folder = tempfile.TemporaryDirectory(prefix="beaker-rs-", dir=shared if shared.is_dir() else None)
        request.addfinalizer(folder.cleanup)
        made = (in_sqlite if name == "database" else in_table_of_program)(Path(folder.name))
    request.addfinalizer(lambda: close(made))
    return made


def close(backend: TableBackend) -> None:
    """Closes the connections to a file that will be removed."""
    backend.engine.dispose()
    url = str(backend.options.get("url", ""))
    if url.startswith("sqlite"):
        SqlaNamespaceManager.binds.dict.pop(url, backend.engine).dispose()
