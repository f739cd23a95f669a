"""Values in an SQLite database, the sessions among them, as programs and caches use them."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from beaker import _core
from beaker._sqlite_namespace import SqliteNamespaceManager
from beaker.cache import CacheManager
from beaker.exceptions import (
    BeakerException,
    BeakerWarning,
    ConfigurationError,
    CorruptSessionError,
    MissingCacheParameter,
)
from tests.support.sessions import session_of

if TYPE_CHECKING:
    from tests.support.sessions import Clock


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "below" / "sessions.db"


@pytest.fixture
def options(path: Path) -> dict[str, Any]:
    return {"type": "sqlite", "url": f"sqlite:///{path}"}


def lock_of(namespace: SqliteNamespaceManager) -> Path:
    """The lock file of a namespace."""
    lock: Any = namespace.access_lock
    return Path(lock.filename)


def test_the_namespace_of_a_session_shows_its_record(options: dict[str, Any]) -> None:
    session = session_of(options, "chosen", timeout=600)
    session["name"] = "Ada"
    session.save()
    namespace = session.namespace
    assert list(namespace.keys()) == ["session"]
    assert namespace.has_key("session")
    text = namespace["session"]
    assert isinstance(text, str)
    session["name"] = "Grace"
    session.save()
    assert namespace["session"] != text
    namespace["session"] = text
    assert session_of(options, "chosen")["name"] == "Ada"
    namespace.do_remove()
    assert session_of(options, "chosen").is_new
    assert text not in repr(namespace)


def test_values_of_a_namespace_are_kept_by_key(path: Path, options: dict[str, Any]) -> None:
    one = SqliteNamespaceManager("one", url=options["url"])
    two = SqliteNamespaceManager("two", data_dir=str(path.parent), url=options["url"])
    assert list(one.keys()) == []
    one["a"] = [1, {"b": 2}]
    one["session"] = ("no", "text")
    one["lone"] = "\ud800"
    two["a"] = "text"
    assert (one["a"], one["session"], one["lone"], two["a"]) == (
        [1, {"b": 2}],
        ("no", "text"),
        "\ud800",
        "text",
    )
    assert ("a" in one, b"a" in one, "c" in one, 17 in one) == (True, True, False, False)
    as_bytes: Any = b"a"
    assert one[as_bytes] == one["a"]
    assert sorted(one.keys()) == ["a", "lone", "session"]
    del one["a"]
    for missing in (lambda: one["a"], lambda: one.__delitem__("a")):
        with pytest.raises(KeyError, match="a"):
            missing()
    one.remove()
    assert (list(one.keys()), list(two.keys())) == ([], ["a"])
    one.remove()
    assert not lock_of(one).exists()


def test_a_value_ends_when_its_time_is_over(options: dict[str, Any], clock: Clock) -> None:
    namespace = SqliteNamespaceManager("one", url=options["url"], timeout=100)
    namespace.set_value("short", 1, expiretime=10)
    namespace["session"] = "text"
    namespace["endless"] = 2
    clock.advance(10)
    assert sorted(namespace.keys()) == ["endless", "session"]
    assert "short" not in namespace
    with pytest.raises(KeyError):
        namespace["short"]
    clock.advance(90)
    assert list(namespace.keys()) == ["endless"]
    clock.advance(1e9)
    assert namespace["endless"] == 2


def test_without_allow_pickle_no_pickle_is_read_that_names_a_class(options: dict[str, Any]) -> None:
    namespace = SqliteNamespaceManager("one", url=options["url"])
    namespace["plain"], namespace["path"], namespace["session"] = [1, "a"], Path("x"), "text"
    namespace.allow_pickle = False
    assert (namespace["plain"], namespace["session"]) == ([1, "a"], "text")
    with pytest.raises(CorruptSessionError):
        namespace["path"]
    with pytest.raises(BeakerException, match="allow_pickle"):
        namespace["more"] = [1]
    namespace["session"] = "more"


def test_a_namespace_needs_a_place() -> None:
    with pytest.raises(MissingCacheParameter, match="url and data_dir are missing"):
        SqliteNamespaceManager("one")


def test_the_lock_of_a_namespace_and_the_lock_for_a_value_exclude_others(options: dict[str, Any]) -> None:
    one, two = (SqliteNamespaceManager("name", url=options["url"]) for _ in range(2))
    locks = Path(_core.SqliteDatabase(options["url"]).lock_dir)
    pairs: list[tuple[Any, Any]] = [
        (one, two),
        (one.get_creation_lock("key"), two.get_creation_lock("key")),
    ]
    for lock, other in pairs:
        acquire = getattr(lock, "acquire_write_lock", None) or lock.acquire
        acquire()
        outcome: list[bool] = []
        take = getattr(other, "acquire_write_lock", None) or other.acquire
        thread = threading.Thread(target=lambda take=take, outcome=outcome: outcome.append(take(wait=False)))
        thread.start()
        thread.join()
        assert outcome == [False]
        (getattr(lock, "release_write_lock", None) or lock.release)()
    assert one.acquire_write_lock()
    assert [path.suffix for path in locks.rglob("*") if path.is_file()].count(".lock") >= 1
    one.release_write_lock()
    one.acquire_read_lock()
    one.release_read_lock()
    assert not lock_of(one).exists()


def test_the_sessions_of_a_subclass_are_kept_by_its_methods(path: Path, options: dict[str, Any]) -> None:
    calls: list[str] = []

    class Own(SqliteNamespaceManager):
        def set_value(self, key: str, value: Any, expiretime: float | None = None) -> None:
            calls.append(key)
            super().set_value(key, value, expiretime)

    session = session_of({"namespace_class": Own, "url": options["url"]}, "chosen")
    session["name"] = "Ada"
    session.save()
    assert calls == ["session"]
    assert session_of(options, "chosen")["name"] == "Ada"
    assert not list(path.parent.glob("*-locks/*/*/*"))


def test_namespaces_and_their_names_are_listed(options: dict[str, Any], clock: Clock) -> None:
    database = _core.SqliteDatabase(options["url"])
    assert database.namespaces() == []
    for number in range(10):
        database.set(f"name {number}", "a", b"x")
        database.set(f"name {number}", "b", "y", 10)
    database.set("short", "a", "x", 10)
    database.set("name 3", "session", "x")
    assert sorted(database.names("name 3")) == ["a", "b", "session"]
    clock.advance(20)
    assert database.namespaces() == [f"name {number}" for number in range(10)]
    assert [database.names(name) for name in ("name 2", "short", "none")] == [["a"], [], []]
    assert database.expired() == 11
    database.clear("name 3")
    assert database.names("name 3") == []
    assert database.get("name 3", "session") is None
    assert database.get("name 4", "a") == b"x"


def test_what_is_no_value_and_no_time_is_refused(options: dict[str, Any]) -> None:
    database = _core.SqliteDatabase(options["url"])
    wrong: Any = 17
    with pytest.raises(TypeError, match="text or bytes"):
        database.set("a", "b", wrong)
    for lifetime in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match=r"\w"):
            database.set("a", "b", "c", lifetime)
    with pytest.raises(ConfigurationError, match="durability"):
        _core.SqliteDatabase(options["url"], durability="some")
    with pytest.raises(ConfigurationError, match="url and data_dir are missing"):
        _core.SqliteDatabase()


def test_a_value_of_another_kind_under_a_sessions_key_is_corrupt(options: dict[str, Any]) -> None:
    SqliteNamespaceManager("chosen", url=options["url"])["session"] = ["no", "text"]
    with pytest.raises(CorruptSessionError):
        session_of(options, "chosen")
    with pytest.warns(BeakerWarning):
        session = session_of(options, "chosen", invalidate_corrupt=True)
    assert session.is_new


def test_a_cache_keeps_its_values_in_a_database(options: dict[str, Any], clock: Clock) -> None:
    made: list[int] = []

    def make() -> dict[str, int]:
        made.append(1)
        return {"made": len(made)}

    for _ in range(2):
        cache = CacheManager(type="sqlite", url=options["url"]).get_cache("pages", expire=60)
        assert cache.get("front", createfunc=make) == {"made": 1}
    clock.advance(61)
    assert cache.get("front", createfunc=make) == {"made": 2}
    cache.clear()
    assert _core.SqliteDatabase(options["url"]).namespaces() == []
