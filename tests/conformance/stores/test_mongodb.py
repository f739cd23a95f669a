"""Sessions in MongoDB: what its documents have, and what its client raises."""

from __future__ import annotations

import os
import pickle
from typing import TYPE_CHECKING, Any

import pymongo.errors
import pytest

from beaker import _lease
from beaker._timed_sweep import TimedSweep
from beaker.cache import clsmap
from beaker.container import Value
from beaker.exceptions import (
    BeakerException,
    ConfigurationError,
    CorruptSessionError,
    InvalidCacheBackendError,
    MissingCacheParameter,
    OutcomeUnknownError,
    StoreUnavailableError,
)
from beaker.ext import mongodb
from beaker.ext.mongodb import MongoNamespaceManager
from beaker.middleware import SessionMiddleware
from tests.support.documents import in_documents
from tests.support.sessions import ID, START, opened, stored

if TYPE_CHECKING:
    from tests.support.documents import DocumentBackend
    from tests.support.sessions import Clock


@pytest.fixture
def documents() -> DocumentBackend:
    """Sessions in documents."""
    return in_documents()


def namespace(documents: DocumentBackend, name: str = "a namespace", **more: Any) -> MongoNamespaceManager:
    return MongoNamespaceManager(name, documents.options["url"], **more)


def test_a_document_has_the_shape_of_beaker(documents: DocumentBackend, clock: Clock) -> None:
    stored(documents, name="Ada")
    (document,) = documents.collection.find({})
    assert set(document) == {"_id", "value", "expiration"}
    assert document["_id"] == f"{ID}:session"
    assert isinstance(pickle.loads(document["value"]), str)
    assert document["expiration"] is None
    session = opened(documents, ID, timeout=600)
    session.save()
    (document,) = documents.collection.find({})
    assert document["expiration"] == START + 720


def test_a_session_that_has_expired_is_absent_and_may_begin_again(
    documents: DocumentBackend, clock: Clock
) -> None:
    session = opened(documents, ID, timeout=600)
    session["name"] = "Ada"
    session.save()
    clock.advance(721)
    session = opened(documents, ID, timeout=600)
    assert session.is_new
    session["name"] = "Grace"
    session.save()
    assert opened(documents, ID, timeout=600)["name"] == "Grace"


def test_a_session_that_looks_expired_after_the_clock_jumped_stays(
    documents: DocumentBackend, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mongodb, "clock_is_steady", lambda: False)
    session = opened(documents, ID, timeout=600)
    session["name"] = "Ada"
    session.save()
    clock.advance(3600)
    assert opened(documents, ID, timeout=600).is_new
    clock.advance(-3600)
    assert opened(documents, ID, timeout=600)["name"] == "Ada"


def test_a_session_that_ended_leaves_no_document(documents: DocumentBackend) -> None:
    stored(documents, name="Ada")
    session = opened(documents, ID)
    session.lock()
    session.delete()
    session.unlock()
    assert list(documents.collection.find({})) == []


def test_what_has_expired_is_removed_once_in_an_interval(documents: DocumentBackend, clock: Clock) -> None:
    for number in range(3):
        documents.plant(f"old {number}", "text")
    documents.collection.update_many({}, {"$set": {"expiration": START}})
    documents.plant("for ever", "text")
    clock.advance(300)
    sweep = namespace(documents, timeout=600)._new_sweep()
    assert sweep.start_if_due(600, 3600) is None, "it is due a minute after the start"
    sweep._due = 0.0
    thread = sweep.start_if_due(600, 3600)
    assert thread is not None
    thread.join()
    assert set(documents.texts()) == {"for ever"}


def test_a_value_of_a_cache_that_ends_is_swept_too(
    documents: DocumentBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []
    monkeypatch.setattr(TimedSweep, "start_if_due", lambda _self, _timeout, interval: asked.append(interval))
    namespace(documents, sweep_interval=7)["for ever"] = 1
    assert asked == []
    namespace(documents, sweep_interval=7).set_value("for a minute", 1, expiretime=60)
    assert asked == [7.0]


def test_each_database_of_a_server_is_swept(clock: Clock) -> None:
    both = [MongoNamespaceManager("a", f"mongodb://127.0.0.1:1/{name}") for name in ("one", "two")]
    places = [each._sweeper()._place._namespace for each in both]  # type: ignore[attr-defined]
    assert [place.db.name for place in places] == ["one", "two"]
    assert both[0]._sweeper() is both[0]._sweeper()
    for name in ("one", "two"):
        MongoNamespaceManager.clients.dict.pop(f"mongodb://127.0.0.1:1/{name}").close()


def test_a_forked_process_sweeps_by_its_own_client() -> None:
    url = "mongodb://127.0.0.1:1/forked"
    before = MongoNamespaceManager("a", url)
    before._sweeper()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            mine = MongoNamespaceManager("a", url)
            place: Any = mine._sweeper()._place
            status = 0 if place._namespace.client is mine.client is not before.client else 2
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    MongoNamespaceManager.clients.dict.pop(url).close()


def test_a_cache_keeps_no_values_that_it_has_read(documents: DocumentBackend) -> None:
    mine = namespace(documents)
    for number in range(3):
        Value(f"key {number}", mine, createfunc=lambda: "made").get_value()
    assert mine["key 1"][2] == "made"
    assert mine._seen == {}


def test_a_change_of_another_machine_is_not_overwritten(documents: DocumentBackend) -> None:
    one, other = namespace(documents), namespace(documents)
    assert one.swap("key", None, "first")
    assert not other.swap("key", None, "second")
    assert not other.swap("key", "second", "third")
    assert other.swap("key", "first", "second")
    assert not one.swap("key", "first", "third")
    assert one["key"] == "second"
    assert one.swap("key", "second", "second")
    assert one.swap("key", "second", None)
    assert not one.swap("key", "second", None)
    assert list(documents.collection.find({})) == []


def test_a_pickle_in_a_document_runs_no_code_where_sessions_are_json(documents: DocumentBackend) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return pytest.fail, ("it ran",)

    documents.plant_data(ID, pickle.dumps(Bomb()))
    for options in ({"data_serializer": "json"}, {"pickle": "allowlist"}):
        with pytest.raises(CorruptSessionError):
            opened(documents, ID, **options)


def test_values_are_stored_read_and_removed_by_key(documents: DocumentBackend, clock: Clock) -> None:
    mine = namespace(documents)
    mine["a"] = {"of": {"any", "kind"}}
    mine.set_value("b", 2, expiretime=60)
    namespace(documents, "a namespace too")["a"] = 3
    assert (mine["a"], mine["b"], "a" in mine, "c" in mine) == ({"of": {"any", "kind"}}, 2, True, False)
    assert sorted(mine.keys()) == ["a", "b"]
    clock.advance(61)
    assert "b" not in mine
    with pytest.raises(KeyError):
        _ = mine["b"]
    del mine["a"]
    assert "a" not in mine
    mine["x" * 2000] = 4
    assert mine["x" * 2000] == 4
    mine.remove()
    assert list(mine.keys()) == []
    assert namespace(documents, "a namespace too")["a"] == 3


def test_a_cached_value_is_made_under_a_lock_between_machines(documents: DocumentBackend) -> None:
    lock = namespace(documents).get_creation_lock("key")
    assert lock.acquire()
    assert not namespace(documents).get_creation_lock("key").acquire(wait=False)
    lock.release()
    assert Value("key", namespace(documents), createfunc=lambda: 5).get_value() == 5


def test_a_lock_excludes_other_machines_until_it_lapses(
    documents: DocumentBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(documents, name="Ada")
    session = opened(documents, ID)
    session.lock()
    other = namespace(documents, ID, digest_filenames=False)
    assert not other.acquire_write_lock(wait=False)
    monkeypatch.setattr(_lease, "LEASE", 0.0)
    assert other.acquire_write_lock(wait=False)
    other.release_write_lock()
    session.unlock()


FAILURES = {
    "no server": (pymongo.errors.ServerSelectionTimeoutError("gone"), StoreUnavailableError, False),
    "a broken connection": (pymongo.errors.AutoReconnect("gone"), StoreUnavailableError, True),
    "a time limit": (pymongo.errors.NetworkTimeout("gone"), StoreUnavailableError, True),
    "a full disk": (pymongo.errors.OperationFailure("full"), StoreUnavailableError, False),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_what_the_client_raises_is_an_error_and_no_logout(
    documents: DocumentBackend, monkeypatch: pytest.MonkeyPatch, failure: str
) -> None:
    stored(documents, name="Ada")
    error, kind, is_unknown = FAILURES[failure]

    def fail(*_arguments: Any, **_more: Any) -> Any:
        raise error

    collection = type(documents.collection)
    mine = namespace(documents)
    with monkeypatch.context() as patched:
        patched.setattr(collection, "update_one", fail)
        patched.setattr(collection, "find_one", fail)
        with pytest.raises(kind) as caught:
            opened(documents, ID)
        assert not isinstance(caught.value, OutcomeUnknownError)
        assert caught.value.__cause__ is error
        with pytest.raises(kind) as caught:
            mine.swap("key", None, "text")
        assert isinstance(caught.value, OutcomeUnknownError) == is_unknown
    assert opened(documents, ID)["name"] == "Ada"


def test_wrong_options_are_told_without_the_password() -> None:
    for url, kind in (
        (None, MissingCacheParameter),
        ("no address, secret-word", ConfigurationError),
        ("mongodb://ada:secret-word@localhost:1/", ConfigurationError),
    ):
        with pytest.raises(kind) as caught:
            MongoNamespaceManager("a", url)
        assert "secret-word" not in str(caught.value)


def test_a_server_that_is_down_is_told_in_time() -> None:
    mine = MongoNamespaceManager("a", "mongodb://127.0.0.1:1/shop", connect_timeout=0.05)
    with pytest.raises(StoreUnavailableError, match="no server of MongoDB answers"):
        _ = mine["key"]
    assert MongoNamespaceManager("b", "mongodb://127.0.0.1:1/shop").client is mine.client
    MongoNamespaceManager.clients.dict.pop("mongodb://127.0.0.1:1/shop").close()


def test_the_backend_has_the_name_of_beaker() -> None:
    assert clsmap["ext:mongodb"] is MongoNamespaceManager


def test_google_is_refused_and_the_reason_is_told() -> None:
    with pytest.raises(InvalidCacheBackendError, match="Python 2 only; use another store") as caught:
        SessionMiddleware(lambda _environ, _start: [b""], type="ext:google")
    assert isinstance(caught.value, (BeakerException, ImportError))
    with pytest.raises(ImportError, match="ext:google is gone"):
        from beaker.ext.google import GoogleNamespaceManager  # noqa: F401
