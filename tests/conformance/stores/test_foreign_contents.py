"""Rows and documents that another program wrote: what is no session is corrupt, and never "no session"."""

from __future__ import annotations

import pickle
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest

from beaker._row_sweep import sweep
from beaker.container import Value
from beaker.exceptions import CorruptSessionError
from tests.support.documents import DocumentBackend, in_documents
from tests.support.sessions import ID, opened, stored
from tests.support.tables import TableBackend, namespace_of, table_backend

if TYPE_CHECKING:
    from tests.support.sessions import Backend

KINDS = ["database", "sqla", "mongodb"]
FOREIGN = {"a text": "text", "a whole number": 7, "a huge number": 4 * 10**15, "a float": 1.5}


@pytest.fixture(params=["database", "sqla"])
def table(request: pytest.FixtureRequest) -> TableBackend:
    """Sessions in a table whose columns take anything."""
    return table_backend(request, request.param)


@pytest.fixture(params=KINDS)
def backend(request: pytest.FixtureRequest) -> Backend:
    """Sessions in rows or documents."""
    return in_documents() if request.param == "mongodb" else table_backend(request, request.param)


@pytest.fixture
def documents() -> DocumentBackend:
    """Sessions in documents."""
    return in_documents()


def plant(backend: Any, value: Any) -> None:
    """Stores a value in the place of a session's pickle."""
    stored(backend, name="Ada")
    if isinstance(backend, DocumentBackend):
        backend.collection.update_one({}, {"$set": {"value": value}})
    else:
        backend.execute(f"UPDATE {backend.table} SET data = :value", {"value": value})


@pytest.mark.parametrize("value", FOREIGN.values(), ids=FOREIGN)
def test_what_is_no_pickle_is_corrupt_and_can_be_replaced(backend: Backend, value: Any) -> None:
    plant(backend, value)
    with pytest.raises(CorruptSessionError):
        opened(backend, ID)
    with pytest.warns(match="cannot be decoded"):
        session = opened(backend, ID, invalidate_corrupt=True)
    session["name"] = "Grace"
    session.save()
    assert opened(backend, session.id)["name"] == "Grace"


WRONG = {
    "no value": {"$unset": {"value": 1}},
    "a document": {"$set": {"value": {"a": 1}}},
    "a date": {"$set": {"expiration": datetime(2100, 1, 1, tzinfo=timezone.utc)}},
    "a text": {"$set": {"expiration": "soon"}},
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_a_document_with_a_wrong_field_is_corrupt(documents: DocumentBackend, change: dict[str, Any]) -> None:
    stored(documents, name="Ada")
    documents.collection.update_one({}, change)
    with pytest.raises(CorruptSessionError):
        opened(documents, ID)


def test_a_cache_replaces_a_row_without_bytes(table: TableBackend) -> None:
    Value("key", namespace_of(table), createfunc=lambda: 4).get_value()
    table.execute(f"UPDATE {table.table} SET data = 7")
    assert Value("key", namespace_of(table), createfunc=lambda: 5).get_value() == 5
    assert namespace_of(table)["key"][2] == 5


def test_a_sweep_passes_a_row_without_bytes(table: TableBackend) -> None:
    plant(table, 7)
    table.plant_data("old", pickle.dumps({"session": "text"}))
    assert sweep(namespace_of(table)._rows, 1e11) == 1
    assert table.execute(f"SELECT namespace, data FROM {table.table}") == [(ID, 7)]


def test_the_lock_of_a_row_that_is_no_lock_is_corrupt(table: TableBackend) -> None:
    lock = namespace_of(table).get_creation_lock("key")
    table.plant_data(lock._place._name, pickle.dumps({"other": 1}))  # type: ignore[attr-defined]
    with pytest.raises(CorruptSessionError, match="remove it"):
        lock.acquire()


def test_a_session_that_was_stored_as_bytes_is_saved_and_ends(backend: Any) -> None:
    stored(backend, name="Ada")
    text = backend.texts()[ID].encode()
    is_document = isinstance(backend, DocumentBackend)
    as_stored = text if is_document else {"session": text}
    backend.plant_data(ID, pickle.dumps(as_stored))
    session = opened(backend, ID)
    session["more"] = 1
    session.save()
    session = opened(backend, ID)
    assert (session["name"], session["more"]) == ("Ada", 1)
    backend.plant_data(ID, pickle.dumps(as_stored))
    opened(backend, ID).delete()
    assert opened(backend, ID).is_new
