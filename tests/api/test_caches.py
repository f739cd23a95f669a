"""Caches: their values, their functions, and what is mended of Beaker's."""

import json
import logging
import pickle
import time
import warnings
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from beaker import cache as caches
from beaker.cache import Cache, CacheManager, cache_managers, cache_regions
from beaker.container import MemoryNamespaceManager, NamespaceManager
from beaker.exceptions import (
    BeakerException,
    InvalidCacheBackendError,
    UnknownBackendError,
    UnknownCacheError,
    UnknownRegionError,
)
from beaker.middleware import CacheMiddleware
from beaker.util import parse_cache_config_options
from tests.api.namespaces import files

pytestmark = pytest.mark.usefixtures("no_caches")


class Counter:
    """Makes values that say how many were made."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self) -> str:
        self.made += 1
        return f"made {self.made}"


def test_a_cache_is_opened_once_for_its_name_and_options(manager: CacheManager) -> None:
    assert manager.get_cache("one") is manager.get_cache("one")
    assert manager.get_cache("one") is not manager.get_cache("one", expire=3)
    assert manager.get_cache("one") is not manager.get_cache("two")
    assert set(cache_managers.values()) >= {manager.get_cache("one")}


@pytest.mark.parametrize("name", ["secret", "url", "urls", "sa.url", "password", "ssl_password", "token"])
def test_a_password_does_not_show_in_the_registry_of_caches(
    name: str, memory: type[MemoryNamespaceManager]
) -> None:
    first, other = (
        CacheManager(type="memory", **{name: f"{text} of 32 characters and more"}) for text in "ab"
    )
    assert first.get_cache("n") is first.get_cache("n")
    assert first.get_cache("n") is not other.get_cache("n")
    assert not [key for key in cache_managers if "characters" in key]
    nested = CacheManager(type="memory", sa_opts={name: ["hunter2"]})
    assert nested.get_cache("n") is nested.get_cache("n")
    assert not [key for key in cache_managers if "hunter" in key]


def causes_of(error: BaseException | None) -> list[BaseException]:
    return [] if error is None else [error, *causes_of(error.__cause__), *causes_of(error.__context__)]


def test_an_error_of_a_backend_does_not_show_the_options() -> None:
    manager = CacheManager(type="ext:database", url="no+such://user:hunter2@host")
    with pytest.raises(BeakerException) as caught:
        manager.get_cache("n")
    assert not [one for one in causes_of(caught.value) if "hunter" in str(one)]


class Client:
    """Of a database. As with pymongo, clients of one server are equal."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Client)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "Client(host)"


class Address(tuple[str, ...]):
    """As with SQLAlchemy, its text has no password."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "host"


@pytest.mark.parametrize(
    "values", [(Client(), Client()), (Address("a"), Address("b")), ([Client()], [Client()])]
)
def test_caches_of_options_that_look_the_same_are_kept_apart(
    values: tuple[Any, Any], memory: type[MemoryNamespaceManager]
) -> None:
    first, second = (CacheManager(type="memory", url=value) for value in values)
    assert first.get_cache("n") is first.get_cache("n")
    assert first.get_cache("n") is not second.get_cache("n")


@pytest.mark.parametrize(
    "make",
    [lambda: Path("/x"), lambda: timedelta(3), lambda: {"b": [1.5, None]}, lambda: {"x", "y"}, lambda: b"x"],
)
def test_plain_options_that_are_equal_name_one_cache(
    make: Callable[[], Any], memory: type[MemoryNamespaceManager]
) -> None:
    first, second = (CacheManager(type="memory", place=make()) for _ in range(2))
    assert first.get_cache("n") is second.get_cache("n")


def test_a_cache_is_a_mapping_of_fresh_values(manager: CacheManager, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "time", lambda: now[0])
    cache = manager.get_cache("n", expire=10)
    cache["k"] = "value"
    assert cache["k"] == cache.get("k") == cache.get_value("k") == "value"
    assert "k" in cache
    assert cache.has_key("k")
    now[0] += 10
    assert "k" not in cache
    with pytest.raises(KeyError):
        cache["k"]
    cache.set_value("k", "again", expiretime=100)
    now[0] += 50
    assert cache["k"] == "again"
    del cache["k"]
    cache.remove("k")
    assert "k" not in cache
    cache.put("one", 1)
    cache.clear()
    assert "one" not in cache


def test_the_type_of_a_cache_is_a_backend() -> None:
    for kind in (TypeError, KeyError, InvalidCacheBackendError, BeakerException, UnknownBackendError):
        with pytest.raises(kind, match=r"unknown backend 'nonsense'; use one of .*file.*memory"):
            Cache("n", type="nonsense")
    assert str(UnknownCacheError("text")) == "text"


def test_an_expiry_may_be_text_and_its_older_name_goes_first() -> None:
    assert Cache("n", expire="5").expiretime == 5
    assert Cache("n", expire="5", expiretime=7).expiretime == 7
    assert Cache("n", expire=0).expiretime == 0
    assert Cache("n").expiretime is None
    with pytest.raises(ValueError, match="soon"):
        Cache("n", expire="soon")


def test_a_backend_for_one_value_is_deprecated_and_works(tmp_path: Path) -> None:
    cache = Cache("n", type="memory", data_dir=str(tmp_path))
    with pytest.warns(DeprecationWarning, match="get_cache"):
        assert cache.get("k", type="file", createfunc=lambda: "filed", expiretime=60) == "filed"
    assert "k" not in cache
    assert Cache("n", type="file", data_dir=str(tmp_path))["k"] == "filed"
    with pytest.warns(DeprecationWarning, match="get_cache"):
        cache.put("k", "changed", type="file")
    assert Cache("n", type="file", data_dir=str(tmp_path))["k"] == "changed"


def test_a_region_of_a_manager_is_its_own() -> None:
    manager = CacheManager(cache_regions={"short": {"type": "memory"}})
    assert manager.get_cache_region("n", "short").namespace_name == "n"
    assert cache_regions["short"] == {"type": "memory"}
    with pytest.raises(UnknownRegionError, match="known: none"):
        CacheManager().get_cache_region("n", "short")
    assert str(UnknownRegionError("text")) == "text"


def test_a_key_may_have_any_character(manager: CacheManager) -> None:
    cache = manager.get_cache("n")
    for key in ("é", "日本", "\udc80", "\x00", "a b"):
        cache[key] = key
    assert [cache[key] for key in ("é", "日本", "\udc80", "\x00", "a b")] == [
        "é",
        "日本",
        "\udc80",
        "\x00",
        "a b",
    ]

    @manager.cache()
    def load(text: str) -> str:
        return text

    assert load("\udc80" * 300) == load("\udc80" * 300) == "\udc80" * 300


def test_a_failure_is_not_cached(manager: CacheManager) -> None:
    calls: list[int] = []

    @manager.cache()
    def load() -> str:
        calls.append(1)
        if len(calls) == 1:
            raise ZeroDivisionError
        return "made"

    with pytest.raises(ZeroDivisionError):
        load()
    assert load() == load() == "made"
    assert len(calls) == 2


def test_a_value_that_cannot_be_stored_is_an_error_and_harms_nothing(tmp_path: Path) -> None:
    cache = CacheManager(type="file", data_dir=str(tmp_path)).get_cache("n")
    cache["kept"] = 1
    with pytest.raises((pickle.PicklingError, AttributeError, TypeError)):
        cache["k"] = lambda: None
    assert "k" not in cache
    assert cache["kept"] == 1


@pytest.mark.parametrize("kind", ["file", "dbm"])
def test_making_values_leaves_no_lock_files(tmp_path: Path, kind: str) -> None:
    cache = CacheManager(type=kind, data_dir=str(tmp_path)).get_cache("n")
    for key in range(10):
        cache.get(str(key), createfunc=Counter())
    with pytest.raises(ZeroDivisionError):
        cache.get("failing", createfunc=lambda: 1 // 0)
    # The one that remains is the lock of the namespace.
    assert len([path for path in files(tmp_path) if path.suffix == ".lock"]) == 1


def damaged(_data: bytes) -> bytes:
    return b"no pickle"


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def other_shape(_data: bytes) -> bytes:
    return pickle.dumps(["a list"])


@pytest.mark.parametrize("damage", [damaged, cut, other_shape])
def test_a_damaged_file_is_a_miss_that_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: Callable[[bytes], bytes]
) -> None:
    cache = CacheManager(type="file", data_dir=str(tmp_path)).get_cache("some name")
    cache["k"] = "value"
    path = Path(cache.namespace.file)
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    with caplog.at_level(logging.WARNING, "beaker.cache"):
        assert "k" not in cache
        assert cache.get("k", createfunc=Counter()) == "made 1"
    assert cache["k"] == "made 1"
    assert {record.name for record in caplog.records} == {"beaker.cache"}
    assert "'some name'" in caplog.text
    path.write_bytes(damage(whole))
    cache.remove("k")
    assert "k" not in cache


@pytest.mark.parametrize(
    "record", [5, "text", (), ("no time", None, 1), (1.0, "no expiry", 1), (1, 2, 3, 4), [1]]
)
def test_a_record_of_another_shape_is_a_miss_that_is_logged(
    manager: CacheManager, caplog: pytest.LogCaptureFixture, record: Any
) -> None:
    cache = manager.get_cache("n")
    cache["k"] = "value"
    cache.namespace.acquire_write_lock()
    try:
        cache.namespace[b"k"] = record
    finally:
        cache.namespace.release_write_lock()
    with caplog.at_level(logging.WARNING, "beaker.cache"):
        assert "k" not in cache
    assert "counts as absent" in caplog.text
    assert cache.get("k", createfunc=Counter()) == "made 1"


def test_a_backend_of_a_program_has_the_calls_of_beaker() -> None:
    class Mine(NamespaceManager):
        calls: list[Any] = []  # noqa: RUF012
        values: dict[Any, Any] = {}  # noqa: RUF012

        def __init__(self, namespace: str, **options: Any) -> None:
            super().__init__(namespace)
            self.calls.append(("open", namespace, options))

        def get_creation_lock(self, key: str) -> Any:
            return MemoryNamespaceManager(self.namespace).get_creation_lock(key)

        def __contains__(self, key: object) -> bool:
            return key in self.values

        def __getitem__(self, key: str) -> Any:
            return self.values[key]

        def __delitem__(self, key: str) -> None:
            del self.values[key]

        def set_value(self, key: str, value: Any, expiretime: float | None = None) -> None:
            self.calls.append(("set", key, value[1:], expiretime))
            self.values[key] = value

    caches.clsmap["ext:mine"] = Mine
    try:
        cache = CacheManager(type="ext:mine", expire=9, colour="red").get_cache("n")
        assert cache.get("k", createfunc=Counter()) == "made 1"
        cache.put("k", "put", expiretime=3)
        assert cache["k"] == "put"
        del cache["k"]
        assert Mine.calls == [
            ("open", "n", {"colour": "red"}),
            ("set", b"k", (9, "made 1"), 9),
            ("set", b"k", (3, "put"), 3),
        ]
    finally:
        del caches.clsmap["ext:mine"]


def test_the_middleware_puts_a_manager_into_the_environ(tmp_path: Path) -> None:
    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        cache = environ["beaker.cache"].get_cache("n")
        start_response("200 OK", [])
        return [cache.get("k", createfunc=lambda: b"made")]

    config = {"cache.type": "file", "beaker.cache.data_dir": str(tmp_path), "session.type": "memory"}
    config |= {"cache.regions": "day", "cache.day.expire": "86400"}
    wrapped = CacheMiddleware(app, config)
    assert wrapped({}, lambda *_: None) == [b"made"]
    assert len(files(tmp_path / "container_file")) == 1
    assert wrapped.app is app
    assert wrapped.options["type"] == "file"
    assert cache_regions["day"]["expire"] == 86400
    by_keyword = CacheMiddleware(app, config, "other", type="memory", **{"cache.expire": "5"})
    environ: dict[str, Any] = {}
    with pytest.raises(KeyError):
        by_keyword(environ, lambda *_: None)
    assert environ["other"] is by_keyword.cache_manager
    assert (by_keyword.options["type"], by_keyword.options["expire"]) == ("memory", 5)
    assert CacheMiddleware(app).options["type"] == "memory"


def test_options_of_an_ini_file_make_a_manager(tmp_path: Path) -> None:
    config = {"cache.regions": "a, b", "cache.type": "memory", "cache.b.type": "file"}
    config |= {"cache.b.data_dir": str(tmp_path), "cache.a.expire": "1"}
    manager = CacheManager(**parse_cache_config_options(config))
    assert json.dumps(sorted(cache_regions)) == '["a", "b"]'
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        manager.get_cache_region("n", "b")["k"] = 1
    assert files(tmp_path)
