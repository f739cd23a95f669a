"""A row that another transaction holds, a signal meanwhile, and a server that takes only reads."""

from __future__ import annotations

import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy

from beaker.exceptions import LockError, StoreUnavailableError
from tests.support.databases import SERVERS
from tests.support.sessions import ID, opened, stored
from tests.support.tables import namespace_of, table_backend

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.tables import TableBackend

pytestmark = pytest.mark.servers
LONG = 60.0
"""Seconds. No wait of these tests lasts so long unless it has no limit."""


class TimeLimitError(Exception):
    """A handler's exception, as those of task queues are."""


@pytest.fixture(params=SERVERS)
def table(request: pytest.FixtureRequest) -> TableBackend:
    """Sessions on each server, by an engine of the test's own limits."""
    backend = table_backend(request, request.param)
    stored(backend, name="Ada")
    url = f"{backend.options['url']}?application_name=waits"
    if request.param == "mariadb":
        url = f"{backend.options['url']}?program_name=waits"
    return backend.with_options(url=url, operation_timeout=2)


@contextmanager
def held(table: TableBackend) -> Iterator[None]:
    """Another transaction has the row."""
    with table.engine.begin() as connection:
        connection.execute(sqlalchemy.text(f"SELECT * FROM {table.table} FOR UPDATE"))
        yield


def rename(table: TableBackend, name: str) -> Any:
    session = opened(table, ID)
    session["name"] = name
    session.save()
    return session


def test_a_save_that_waits_for_a_row_is_busy_in_time_and_never_made(table: TableBackend) -> None:
    rename(table, "Grace")
    with held(table):
        begun = time.monotonic()
        with pytest.raises(LockError, match="another transaction has the row"):
            rename(table, "Eve")
        assert time.monotonic() - begun < LONG
    assert opened(table, ID)["name"] == "Grace"
    assert rename(table, "Joan")["name"] == "Joan"


def test_a_change_of_a_table_that_is_locked_is_busy_in_time(table: TableBackend) -> None:
    statement = {
        "postgresql": f"LOCK TABLE {table.table} IN EXCLUSIVE MODE",
        "mariadb": f"LOCK TABLES {table.table} WRITE",
    }
    session = opened(table, ID)
    session["name"] = "Eve"
    with table.engine.begin() as connection:
        connection.execute(sqlalchemy.text(statement[table.name]))
        with pytest.raises(LockError):
            session.save()
        if table.name == "mariadb":
            connection.execute(sqlalchemy.text("UNLOCK TABLES"))
    assert opened(table, ID)["name"] == "Ada"


@pytest.mark.parametrize("kind", [TimeLimitError, KeyError, TypeError, MemoryError])
def test_what_a_handler_raises_in_a_statement_reaches_the_program(
    table: TableBackend, kind: type[Exception]
) -> None:
    def ring(*_signal: Any) -> None:
        raise kind("soft time limit")

    rename(table, "Grace")
    before = signal.signal(signal.SIGALRM, ring)
    try:
        with held(table):
            signal.setitimer(signal.ITIMER_REAL, 0.3)
            with pytest.raises(kind, match="soft time limit") as caught:
                rename(table, "Eve")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert type(caught.value) is kind
    # The connection's next reply would be that of the statement that was interrupted.
    for number in range(3):
        assert rename(table, str(number))["name"] == str(number)
        assert opened(table, ID)["name"] == str(number)


def test_a_connection_to_a_server_that_takes_only_reads_is_not_used_again(table: TableBackend) -> None:
    engine = namespace_of(table)._rows._engine
    statement = {
        "postgresql": "SET default_transaction_read_only = on",
        "mariadb": "SET SESSION TRANSACTION READ ONLY",
    }
    rename(table, "Grace")
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text(statement[table.name]))
    with pytest.raises(StoreUnavailableError):
        rename(table, "Eve")
    assert rename(table, "Joan")["name"] == "Joan"
