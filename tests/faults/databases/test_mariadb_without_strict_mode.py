"""A server of MySQL that cuts what is too long, pads names and ignores their case, as MySQL may be set up."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy

from beaker.exceptions import StoreUnavailableError
from beaker.ext.database import DatabaseNamespaceManager
from beaker.ext.sqla import SqlaNamespaceManager, make_cache_table
from tests.support.databases import QUICK, mariadb
from tests.support.environment import skipped_where_impossible
from tests.support.sessions import ID, opened, stored
from tests.support.tables import TableBackend

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.databases import Server

    Make = Callable[[str], Any]

pytestmark = [pytest.mark.servers, pytest.mark.slow]

BEAKERS = """CREATE TABLE {} (namespace VARCHAR(255) NOT NULL, accessed DATETIME NOT NULL,
created DATETIME NOT NULL, data BLOB NOT NULL, UNIQUE (namespace))"""
OURS, OLD = "made by us", "made by Beaker"


@pytest.fixture(scope="module")
def lax() -> Iterator[Server]:
    """MariaDB without its strict mode."""
    options = (*QUICK["mariadb"], "--sql-mode=", "--character-set-server=utf8mb4")
    with skipped_where_impossible(), mariadb(*options) as server:
        yield server


@pytest.fixture
def engine(lax: Server) -> Iterator[Any]:
    """An engine of the program's."""
    made = sqlalchemy.create_engine(lax.url)
    yield made
    made.dispose()


@pytest.fixture(params=[OURS, OLD])
def table(request: pytest.FixtureRequest, engine: Any) -> Any:
    """A table of the program's, as the library or Beaker made it."""
    table = make_cache_table(sqlalchemy.MetaData(), f"t{uuid.uuid4().hex[:12]}")
    if request.param == OURS:
        table.create(engine)
    else:
        with engine.begin() as connection:
            connection.execute(sqlalchemy.text(BEAKERS.format(table.name)))
    table.info["made"] = request.param
    return table


@pytest.fixture(params=["ext:sqla", "ext:database"])
def backend(request: pytest.FixtureRequest, table: Any, engine: Any, lax: Server) -> Iterator[TableBackend]:
    """Sessions in it, by an engine of the program's or of the library's."""
    options: dict[str, Any] = {"bind": engine, "table": table}
    if request.param == "ext:database":
        options = {"url": lax.url, "table_name": table.name}
    yield TableBackend("mariadb", {"type": request.param, **options}, engine=engine)
    used = DatabaseNamespaceManager.binds.dict.pop(lax.url, None)
    if used is not None:
        used.dispose()


def test_a_large_session_is_stored_whole_or_is_an_error(backend: TableBackend, table: Any) -> None:
    stored(backend, name="Ada")
    session = opened(backend, ID)
    session["text"] = "x" * 100_000
    if table.info["made"] == OURS:
        session.save()
        assert opened(backend, ID)["text"] == "x" * 100_000
        return
    with pytest.raises(StoreUnavailableError) as caught:
        session.save()
    assert "column data" in str(caught.value.__cause__)
    assert opened(backend, ID)["name"] == "Ada"
    with backend.engine.begin() as connection:
        connection.execute(sqlalchemy.text(f"ALTER TABLE {table.name} MODIFY data LONGBLOB NOT NULL"))
    session.save()
    assert opened(backend, ID)["text"] == "x" * 100_000


def test_a_name_that_is_longer_than_its_column_is_refused(engine: Any, table: Any) -> None:
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text(f"ALTER TABLE {table.name} MODIFY namespace VARCHAR(20) NOT NULL"))
    with pytest.raises(StoreUnavailableError, match="column namespace"):
        SqlaNamespaceManager("a namespace of many letters", engine, table)["key"] = 1
    SqlaNamespaceManager("a short one", engine, table)["key"] = 1


@pytest.mark.parametrize("alike", ["USERS", "users ", "üsers"])
def test_emptying_a_cache_leaves_one_whose_name_the_database_takes_for_the_same(
    engine: Any, table: Any, alike: str
) -> None:
    users = SqlaNamespaceManager("users", engine, table)
    users["key"] = "value"
    SqlaNamespaceManager(alike, engine, table).remove()
    assert users["key"] == "value"
    users.remove()
    assert "key" not in users
