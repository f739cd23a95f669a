"""`ext:database` and `ext:sqla` as programs and caches use them: options, a dictionary, locks."""

from __future__ import annotations

import re
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy

from beaker.cache import clsmap
from beaker.container import Value
from beaker.exceptions import (
    ConfigurationError,
    InvalidCacheBackendError,
    LockError,
    MissingCacheParameter,
    StoreUnavailableError,
)
from beaker.ext.database import DatabaseContainer, DatabaseNamespaceManager
from beaker.ext.sqla import SqlaContainer, SqlaNamespaceManager, make_cache_table
from beaker.middleware import SessionMiddleware
from beaker.synchronization import FileSynchronizer
from tests.api.namespaces import contents, put
from tests.support.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    Make = Any


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """A database in a file."""
    address = f"sqlite:///{tmp_path}/values.db"
    yield address
    engine = DatabaseNamespaceManager.binds.dict.pop(address, None)
    if engine is not None:
        engine.dispose()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Any]:
    """An engine of the program's."""
    made = sqlalchemy.create_engine(f"sqlite:///{tmp_path}/program.db")
    yield made
    made.dispose()


@pytest.fixture(params=["database", "sqla"])
def make(request: pytest.FixtureRequest, url: str, engine: Any) -> Make:
    """Makes namespaces of one table."""
    if request.param == "database":
        return lambda name="a namespace", **more: DatabaseNamespaceManager(name, url, **more)
    table = make_cache_table(sqlalchemy.MetaData())
    table.create(engine)
    return lambda name="a namespace", **more: SqlaNamespaceManager(name, engine, table, **more)


def test_the_backends_have_the_names_of_beaker() -> None:
    assert clsmap["ext:database"] is DatabaseNamespaceManager
    assert clsmap["ext:sqla"] is SqlaNamespaceManager
    assert DatabaseContainer.namespace_class is DatabaseNamespaceManager
    assert SqlaContainer.namespace_class is SqlaNamespaceManager


def test_values_are_stored_read_and_removed_by_key(make: Make) -> None:
    put(make(), a=1, b={"of": {"any", "kind"}}, c=None)
    assert contents(make()) == {"a": 1, "b": {"of": {"any", "kind"}}, "c": None}
    namespace = make()
    namespace.acquire_write_lock()
    del namespace["a"]
    assert "a" not in namespace
    with pytest.raises(KeyError):
        del namespace["a"]
    with pytest.raises(KeyError):
        _ = namespace["a"]
    namespace.release_write_lock()
    assert set(contents(make())) == {"b", "c"}
    assert contents(make("another")) == {}


def test_a_namespace_that_is_not_open_is_read_and_changed_at_once(make: Make) -> None:
    namespace = make()
    namespace["a"] = 1
    assert make()["a"] == 1
    assert "a" in make()
    make().set_value("a", 2, expiretime=60)
    assert namespace["a"] == 2
    del namespace["a"]
    assert "a" not in make()


def test_a_namespace_shows_what_others_stored_since(make: Make) -> None:
    reader = make()
    assert contents(reader) == {}
    put(make(), a=1)
    assert contents(reader) == {"a": 1}


def test_changes_of_different_keys_at_once_are_both_kept(make: Make) -> None:
    slow = make()
    slow.acquire_write_lock()
    slow["a"] = 1
    assert "b" not in slow
    put(make(), b=2)
    slow.release_write_lock()
    assert contents(make()) == {"a": 1, "b": 2}


def test_a_namespace_that_is_open_for_reading_cannot_be_changed(make: Make) -> None:
    namespace = make()
    namespace.acquire_read_lock()
    with pytest.raises(LockError, match="open for reading"):
        namespace["a"] = 1
    namespace.release_read_lock()


def test_removing_a_namespace_leaves_the_others(make: Make) -> None:
    put(make(), a=1)
    put(make("a namespace too"), a=2)
    make().remove()
    make().remove()
    assert contents(make()) == {}
    assert contents(make("a namespace too")) == {"a": 2}


def test_an_empty_namespace_has_no_row(make: Make) -> None:
    put(make(), a=1)
    namespace = make()
    namespace.acquire_write_lock()
    del namespace["a"]
    namespace.release_write_lock()
    assert make()._rows.read("a namespace") is None


def test_a_swap_compares_with_what_is_stored(make: Make) -> None:
    one, other = make(), make()
    assert one.swap("key", None, "first")
    assert not other.swap("key", None, "second")
    assert not other.swap("key", "second", "third")
    assert other.swap("key", "first", "second")
    assert not one.swap("key", "first", "third")
    assert one.swap("key", "second", "second")
    assert one.swap("key", "second", None)
    assert one.swap("key", None, None)
    assert make()._rows.read("a namespace") is None


def test_a_swap_keeps_the_other_keys(make: Make) -> None:
    namespace = make()
    assert namespace.swap("key", None, "text")
    put(make(), note=[1])
    assert namespace.swap("key", "text", "new")
    assert contents(make()) == {"key": "new", "note": [1]}


def test_a_value_is_made_once_by_many_threads(make: Make) -> None:
    made: list[int] = []
    start = threading.Barrier(4)

    def create() -> str:
        made.append(1)
        return "value"

    def get() -> None:
        start.wait()
        results.append(Value("key", make(), createfunc=create, expiretime=60).get_value())

    results: list[str] = []
    threads = [threading.Thread(target=get) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (results, made) == (["value"] * 4, [1])


def test_threads_use_one_namespace_each_for_itself(make: Make) -> None:
    namespace = make()
    put(namespace, key=1)
    namespace.acquire_read_lock()
    assert namespace["key"] == 1

    def change() -> None:
        namespace.acquire_write_lock()
        namespace["key"] = 2
        namespace.release_write_lock()
        assert (namespace.openers, namespace.flags) == (0, None)

    in_thread(change)
    assert (namespace.openers, namespace.flags) == (1, "r")
    namespace.release_read_lock()
    assert contents(make()) == {"key": 2}


def test_a_thread_keeps_no_values_of_a_cache_that_it_has_used(make: Make) -> None:
    namespace = make()
    value = Value("key", namespace, createfunc=lambda: "made")
    assert (value.get_value(), value.get_value()) == ("made", "made")
    assert "key" in namespace
    value.clear_value()
    namespace["other"] = 1
    assert namespace._use.seen is None


def test_a_row_of_a_cache_that_cannot_be_read_is_replaced_or_removed(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    assert make()._rows.insert("a namespace", b"garbage", 1.0)
    value = Value("key", make(), createfunc=lambda: 5)
    assert value.get_value() == value.get_value() == 5
    assert caplog.text.count("cannot be read") == 2, "before and under the lock"
    assert make()._rows.update("a namespace", make()._rows.read("a namespace"), b"garbage", 1.0)
    value.clear_value()
    assert not value.has_value()


def test_the_lock_for_making_a_value_is_in_files_or_in_the_table(make: Make, tmp_path: Path) -> None:
    in_files = make(data_dir=str(tmp_path)).get_creation_lock("key")
    assert isinstance(in_files, FileSynchronizer)
    assert in_files.filename.startswith(str(tmp_path / "container_db_lock"))
    assert (
        make(lock_dir=str(tmp_path / "locks"))
        .get_creation_lock("key")
        .filename.startswith(str(tmp_path / "locks"))
    )
    assert in_files.acquire()
    others = [make(data_dir=str(tmp_path)).get_creation_lock(key) for key in ("key", "another key")]
    assert [in_thread(partial(other.acquire, wait=False)) for other in others] == [False, True]
    in_files.release()
    lock = make().get_creation_lock("key")
    assert lock.acquire()
    assert make().get_creation_lock("key").acquire(wait=False), "the thread has it"
    make().get_creation_lock("key").release()
    assert in_thread(lambda: make().get_creation_lock("another key").acquire(wait=False))
    assert not in_thread(lambda: make().get_creation_lock("key").acquire(wait=False))
    lock.release()
    assert in_thread(lambda: make().get_creation_lock("key").acquire(wait=False))


# Options.


def test_the_table_is_made_as_beaker_makes_it(url: str, tmp_path: Path) -> None:
    DatabaseNamespaceManager("a namespace", url, table_name="own_name")
    inspector = sqlalchemy.inspect(sqlalchemy.create_engine(url, poolclass=sqlalchemy.pool.NullPool))
    columns = {column["name"]: column["nullable"] for column in inspector.get_columns("own_name")}
    assert columns == dict.fromkeys(("id", "namespace", "accessed", "created", "data"), False)
    (unique,) = inspector.get_unique_constraints("own_name")
    assert unique["column_names"] == ["namespace"]


def test_options_of_the_engine_are_arguments_or_a_dictionary(url: str) -> None:
    options: dict[str, Any] = {"sa.pool_size": "3", "sa.echo": "false"}
    by_dictionary = DatabaseNamespaceManager("a", sa_opts={**options, "sa.url": url})
    assert by_dictionary.bind.pool.size() == 3
    assert DatabaseNamespaceManager("b", url).bind is by_dictionary.bind
    other = f"{url}2"
    options = {"optimistic": True, "sa.pool_size": "4"}
    by_argument = DatabaseNamespaceManager("a", other, **options)
    assert by_argument.bind.pool.size() == 4
    DatabaseNamespaceManager.binds.dict.pop(other).dispose()


def test_a_connection_stands_for_its_engine(engine: Any) -> None:
    table = make_cache_table(sqlalchemy.MetaData())
    table.create(engine)
    with engine.connect() as connection:
        assert SqlaNamespaceManager("a", connection, table).bind is engine


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({}, MissingCacheParameter, "url is missing"),
        ({"url": "no address, secret-word"}, ConfigurationError, "not the address of a database"),
        ({"url": "nothing://ada:secret-word@host/name"}, InvalidCacheBackendError, "nothing"),
        ({"url": "oracle+cx_oracle://ada:secret-word@host/name"}, InvalidCacheBackendError, "cx_Oracle"),
        ({"url": "sqlite://", "sa.no_such_option": "1"}, ConfigurationError, "no_such_option"),
        ({"url": "sqlite:////no/such/folder/secret.db"}, StoreUnavailableError, "the database raised"),
    ],
)
def test_wrong_options_are_told_without_the_password(
    arguments: dict[str, Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=re.escape(message)) as caught:
        DatabaseNamespaceManager("a", **arguments)
    assert "secret-word" not in str(caught.value)


def test_a_bind_that_is_no_engine_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="bind is a str"):
        SqlaNamespaceManager("a", "sqlite://", None)


def test_a_missing_sqlalchemy_is_told_when_the_middleware_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    for kind in ("ext:database", "ext:sqla"):
        del clsmap[kind]
        with pytest.raises(InvalidCacheBackendError, match=r"beaker-rs\[sqlalchemy\]"):
            SessionMiddleware(lambda _environ, _start: [b""], type=kind, url="sqlite://")
